"""The uwsgi protocol: a packet of variables, then the body; back comes an HTTP response.

Source: uwsgi-docs, "The uwsgi Protocol". A packet is modifier1 (one byte: what kind), datasize (two, little-endian),
modifier2 (one) and datasize bytes. Of most kinds these are variables: a length in two bytes and the name, a length and
the value. How long the body is, only the variable CONTENT_LENGTH says; nothing marks its end, nor that of the answer.

What trips people up: uwsgi (small) is the protocol, uWSGI the server. 65,535 bytes of variables are all that fits.
"""

import struct
from collections.abc import Mapping, Sequence

from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Event, Other, Pairs, Variables
from gateway_zoo.wire.faults import LIMITS, CannotEncode, Limits, Malformed, TooLong, TooMany, Truncated
from gateway_zoo.wire.fields import Annotated, Field, Stream
from gateway_zoo.wire.shape import Number, Raw, Repeat, Shape, fields
from gateway_zoo.wire.wires import Direction

INNER: Mapping[str, str] = {"RESPONSE": "HTTP"}
LARGEST = 65_535  # datasize has two bytes

#: modifier1 of requests that carry variables; the number says which of uWSGI's plug-ins answers.
WITH_VARIABLES = {
    0: "WSGI",
    5: "PSGI",
    6: "Lua WSAPI",
    7: "Rack",
    8: "JVM",
    9: "CGI",
    10: "cache",
    14: "PHP",
    15: "Mono",
    18: "symcall",
}

VARIABLE = Shape(
    name="variable",
    means="a name and its value",
    pair=("key", "val"),
    parts=(
        Number(name="key_size", bytes=2, little=True, means="bytes of the name", section="struct uwsgi_var"),
        Raw(name="key", size="key_size", means="the name", section="struct uwsgi_var"),
        Number(name="val_size", bytes=2, little=True, means="bytes of the value", section="struct uwsgi_var"),
        Raw(name="val", size="val_size", means="the value", section="struct uwsgi_var"),
    ),
)
PACKET = Shape(
    name="uwsgi",
    means="a request's packet",
    parts=(
        Number(
            name="modifier1",
            bytes=1,
            values=WITH_VARIABLES,
            means="the kind of packet: who shall answer",
            section="uwsgi packet header",
        ),
        Number(
            name="datasize", bytes=2, little=True, means="bytes that follow the header", section="uwsgi packet header"
        ),
        Number(name="modifier2", bytes=1, means="more about the kind; nearly always 0", section="uwsgi packet header"),
        Repeat(name="vars", size="datasize", shape=VARIABLE, means="the variables", section="uwsgi vars"),
    ),
)
HEADER = struct.Struct("<BHB")
LENGTH = struct.Struct("<H")


class BadVariables(Malformed):
    """Lengths inside the packet that do not add up to datasize."""


class BadContentLength(Malformed):
    """CONTENT_LENGTH is no number, so nobody knows where the body ends."""


def variables(block: bytes, offset: int, limits: Limits) -> Pairs:
    """Split the packet's data into (name, value). `offset` is where the block stands, for errors."""
    pairs: Pairs = []
    at, end = 0, len(block)
    unpack, longest_name, longest_value = LENGTH.unpack_from, limits.name, limits.value
    try:
        while at < end:
            (length,) = unpack(block, at)
            value_at = at + 2 + length
            (size,) = unpack(block, value_at)
            after = value_at + 2 + size
            if length > longest_name or size > longest_value or after > end:
                raise _bad_variable(block, at, offset, limits)
            pairs.append((block[at + 2 : value_at], block[value_at + 2 : after]))
            at = after
    except struct.error:
        raise _bad_variable(block, at, offset, limits) from None
    if len(pairs) > limits.variables:
        raise TooMany(offset, block, f"at most {limits.variables} variables, not {len(pairs)}")
    return pairs


def _bad_variable(block: bytes, at: int, offset: int, limits: Limits) -> Malformed | TooLong:
    """Which of the limits the variable at `at` breaks."""
    for kind, limit in (("name", limits.name), ("value", limits.value)):
        length = int.from_bytes(block[at : at + 2], "little")
        if at + 2 + length > len(block) or at + 2 > len(block):
            return BadVariables(offset + at, block[at:], f"a {kind} that ends within the packet")
        if length > limit:
            return TooLong(offset + at, block[at:], f"a {kind} of at most {limit} bytes, not {length}")
        at += 2 + length
    return BadVariables(offset + at, block[at:], "variables that fill the packet")


def body_length(pairs: Pairs, offset: int) -> int:
    """CONTENT_LENGTH; absent and empty both mean 0 (RFC 3875 4.1.2). `offset`: where the variables stand."""
    given = dict(pairs).get(b"CONTENT_LENGTH", b"")
    if given and not is_length(given):
        raise BadContentLength(_value_at(pairs, offset), given, "CONTENT_LENGTH as a decimal number")
    return int(given or 0)


def is_length(given: bytes) -> bool:
    return given.isdigit() and len(given) < 19


def _value_at(pairs: Pairs, offset: int) -> int:
    """Where the value of the last CONTENT_LENGTH stands."""
    found = offset
    for name, value in pairs:
        offset += 2 * LENGTH.size + len(name) + len(value)
        if name == b"CONTENT_LENGTH":
            found = offset - len(value)
    return found


class Requests(Decoder):
    """Packets and their bodies, one behind the other."""

    WAITS_FOR = "the rest of a packet"

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._body = 0  # bytes of the body that are still to come

    def _decode(self, data: bytes, events: list[Event]) -> int:
        at, end = 0, len(data)
        while at < end:
            if self._body:
                piece = data[at : at + self._body]
                events.append(Data(self.offset + at, 0, "body", piece))
                at += len(piece)
                self._body -= len(piece)
                if not self._body:
                    events.append(End(self.offset + at, 0))
                continue
            if end - at < HEADER.size:
                break
            modifier1, size, _ = HEADER.unpack_from(data, at)
            if size > self.limits.head:
                raise TooLong(self.offset + at, data[at:], f"variables of at most {self.limits.head} bytes, not {size}")
            after = at + HEADER.size + size
            if after > end:
                break
            self._packet(modifier1, data[at + HEADER.size : after], self.offset + at, events)
            at = after
        return at

    def _packet(self, modifier1: int, block: bytes, offset: int, events: list[Event]) -> None:
        if modifier1 not in WITH_VARIABLES:
            events.append(Other(offset, 0, f"modifier1 {modifier1}", block))
            return
        pairs = variables(block, offset + HEADER.size, self.limits)
        self._body = body_length(pairs, offset + HEADER.size)
        events.append(Variables(offset, 0, pairs))
        if not self._body:
            events.append(End(offset + HEADER.size + len(block), 0))

    def _close(self, events: list[Event]) -> None:
        super()._close(events)
        if self._body:
            raise Truncated(self.offset, b"", f"{self._body} more bytes of the body")


class Responses(Decoder):
    """An HTTP response, ended by closing: HTTP's own decoder reads it."""

    def _decode(self, data: bytes, events: list[Event]) -> int:
        if data:
            events.append(Data(self.offset, 0, "RESPONSE", data))
        return len(data)

    def _close(self, events: list[Event]) -> None:
        events.append(End(self.offset, 0))


def pair(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
    """Decoders of requests and of responses."""
    return Requests(limits), Responses(limits)


def annotate(direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated:
    """Name every byte. Never raises: what is wrong is a field with `fault`."""
    if direction == "response":
        return Annotated([], [Stream("HTTP", ((0, len(data)),), 0)] if data else [])
    found: list[Field] = []
    at = 0
    while at < len(data):
        shape = PACKET if data[at] in WITH_VARIABLES else OPAQUE
        packet, after = fields(shape, data, at)
        found += packet
        given = [field.value.encode() for field in packet if field.depth == 1 and field.name == "CONTENT_LENGTH"]
        at = _body(data, after, given[-1] if given else b"", found)
    return Annotated(found, [])


def _body(data: bytes, at: int, given: bytes, found: list[Field]) -> int:
    """Name what follows the packet, whose CONTENT_LENGTH is `given`; returns the offset behind it."""
    if given and not is_length(given):
        found.append(Field(at, len(data) - at, "body", "of unknown length", "CONTENT_LENGTH is no number", fault=True))
        return len(data)
    length = int(given or 0)
    body = data[at : at + length]
    if length:
        cut = len(body) < length
        found.append(
            Field(at, len(body), "body", f"{len(body)} of {length} bytes", "what CONTENT_LENGTH counts", fault=cut)
        )
    return at + len(body)


OPAQUE = Shape(name="uwsgi", parts=(*PACKET.parts[:3], Raw(name="data", size="datasize", means="no variables")))


def packet(block: bytes, modifier1: int = 0, modifier2: int = 0) -> bytes:
    """A packet with this data. Raises CannotEncode."""
    if len(block) > LARGEST:
        raise CannotEncode(f"{len(block)} bytes of variables; a uwsgi packet holds {LARGEST}")
    return HEADER.pack(modifier1, len(block), modifier2) + block


def request(variables: Pairs, body: bytes = b"") -> bytes:
    """A request of the ordinary kind (modifier1 0) with its body. Raises CannotEncode."""
    for text in (text for pair in variables for text in pair):
        if len(text) > LARGEST:
            raise CannotEncode(f"{text[:24]!r}… has {len(text)} bytes; a name or value in uwsgi has at most {LARGEST}")
    strings = (LENGTH.pack(len(text)) + text for pair in variables for text in pair)
    return packet(b"".join(strings)) + body


def response(status: int, headers: Pairs, body: bytes = b"") -> bytes:
    """The answer of a uwsgi server: HTTP, ended by closing. Raises CannotEncode."""
    lines = [b"HTTP/1.1 %d " % status, *(name + b": " + value for name, value in headers)]
    if any(b"\r" in line or b"\n" in line for line in lines):
        raise CannotEncode("a header with a line break")
    return b"\r\n".join([*lines, b"", b""]) + body
