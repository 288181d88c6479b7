"""The uwsgi protocol: a packet of variables, then the body; back comes an HTTP response.

Source: uwsgi-docs, "The uwsgi Protocol", and the plug-ins of uWSGI 2.0, which have some other numbers. A packet is
modifier1 (one byte: what kind), datasize (two, little-endian), modifier2 (one) and datasize bytes. Of most kinds these
are variables: a length in two bytes and the name, a length and the value. How long the body is, only the variable
CONTENT_LENGTH says; nothing marks its end, nor that of the answer.

What trips people up: uwsgi (small) is the protocol, uWSGI the server. 65,535 bytes of variables are all that fits. An
HTTP answer counts as a packet: its first letter, H, is modifier1 72. gunicorn reads a CONTENT_LENGTH that is no number
as 0, and of two it and uWSGI take the last. Here both are errors: the body's end is in doubt.
"""

import struct
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from gateway_zoo.wire.codecs import Direction, Dissector
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Event, Other, Pairs, Variables
from gateway_zoo.wire.faults import LIMITS, CannotEncode, Limits, Malformed, TooLong, TooMany, Truncated
from gateway_zoo.wire.fields import Annotated, Field, Stream
from gateway_zoo.wire.heads import http_head
from gateway_zoo.wire.shape import LONGEST_DECIMAL, Choice, Number, Raw, Repeat, Shape, fields

INNER: Mapping[str, str] = {"RESPONSE": "HTTP"}
PORT = 3031
LARGEST = 65_535  # datasize has two bytes

#: modifier1 -> what it asks for. Those of a request that carries variables, as the ordinary 0 does:
WITH_VARIABLES = (
    {0: "WSGI", 5: "PSGI", 6: "Lua WSAPI", 7: "Rack", 8: "JVM", 9: "CGI", 10: "management"}
    | {11: "Go", 14: "PHP", 15: "Mono", 17: "spooler", 18: "symcall", 19: "SSI"}  # 11 and 19: uWSGI's source only
    | {23: "XSLT", 24: "V8", 25: "GridFS"}
    | {26: "GlusterFS", 27: "FastFuncs"}  # so the documentation; the source has them the other way round
    | {28: "Rados", 30: "WSGI, PATH_INFO without SCRIPT_NAME", 35: "WebDAV"}  # 35: source only
)
#: All others that have a name; what they carry is their own affair.
OTHERS = (
    {22: "eval", 31: "message", 32: "array", 33: "marshal", 48: "SNMP", 72: "HTTP", 73: "announce", 74: "multicast"}
    | {95: "cluster", 96: "log", 97: "brutal reload", 98: "graceful reload", 99: "configuration", 100: "PING"}
    | {101: "ECHO", 109: "legion", 110: "signal", 111: "cache", 123: "corerouter", 173: "RPC", 200: "close"}
    | {224: "subscription", 255: "response"}
)
#: Answers that are packets and no HTTP: to a ping; to a signal or a job for the spooler.
ANSWERS = {100, 255}
DISSECTOR = Dissector(
    answers="http",
    note="The answer is an HTTP response and given to Wireshark's own dissector; a pong is a packet.",
    again=True,
    packets=tuple(sorted(ANSWERS)),
)
KINDS = WITH_VARIABLES | OTHERS
HEAD, VAR = "uwsgi packet header", "struct uwsgi_var"  # sections

VARIABLE = Shape(
    name="variable",
    means="a name and its value",
    pair=("key", "val"),
    parts=(
        Number(name="key_size", bytes=2, little=True, means="bytes of the name", section=VAR),
        Raw(name="key", size="key_size", means="the name", section=VAR),
        Number(name="val_size", bytes=2, little=True, means="bytes of the value", section=VAR),
        Raw(name="val", size="val_size", means="the value", section=VAR),
    ),
)
VARIABLES = Shape(
    name="variables",
    means="names and values, one behind the other",
    parts=(Repeat(name="vars", size="", shape=VARIABLE, means="the variables", section="The uwsgi vars"),),
)
PACKET = Shape(
    name="uwsgi",
    means="a packet: a request up to its body, or a message without variables",
    parts=(
        Number(
            name="modifier1", bytes=1, values=KINDS, means="the kind of packet: the plug-in that answers", section=HEAD
        ),
        Number(name="datasize", bytes=2, little=True, means="bytes that follow the header", section=HEAD),
        Number(name="modifier2", bytes=1, means="more about the kind; nearly always 0", section=HEAD),
        Choice(
            name="data",
            size="datasize",
            on="modifier1",
            shapes=dict.fromkeys(WITH_VARIABLES, VARIABLES),
            means="what the kind says: mostly variables",
            section="Packet descriptions",
        ),
    ),
)
LAYOUT = PACKET
HEADER = struct.Struct("<BHB")
LENGTH = struct.Struct("<H")


class BadVariables(Malformed):
    """Lengths inside a packet that do not add up to datasize."""


class BadContentLength(Malformed):
    """A CONTENT_LENGTH that is no number, or there twice: the body's end is in doubt."""


def variables(block: bytes, offset: int, limits: Limits) -> Pairs:
    """Split the data of a packet, which stands at `offset`, into names and values. Raises what `check` does.

    A length is two bytes, the low one first, and hardly ever above 255. So the low byte is read by its index, and the
    high byte is only asked whether it is 0: with struct the loop takes a fifth more time. Limits are asked only where a
    length is above 255. The pair in which the block ends too early is noticed by an IndexError, or by an end beyond it.
    `check` then reads the block once more, slowly, and says what is wrong.
    """
    pairs: Pairs = []
    at, end = 0, len(block)
    suspect = limits.name < 255 or limits.value < 255
    try:
        while at < end:
            value_at = at + 2 + block[at]
            if block[at + 1]:
                value_at += block[at + 1] << 8
                suspect |= value_at - at - 2 > limits.name
            after = value_at + 2 + block[value_at]
            if block[value_at + 1]:
                after += block[value_at + 1] << 8
                suspect |= after - value_at - 2 > limits.value
            pairs.append((block[at + 2 : value_at], block[value_at + 2 : after]))
            at = after
    except IndexError:
        at = -1
    if suspect or at != end or len(pairs) > limits.variables:
        check(block, offset, limits)
    return pairs


def check(block: bytes, offset: int, limits: Limits) -> None:
    """Raise what is wrong with these variables, if anything is: BadVariables, TooLong or TooMany."""
    at = count = 0
    while at < len(block):
        for kind, limit in (("name", limits.name), ("value", limits.value)):
            length = int.from_bytes(block[at : at + 2], "little")
            if at + 2 + length > len(block):
                raise BadVariables(offset + at, block[at:], f"a {kind} that ends within the packet")
            if length > limit:
                raise TooLong(offset + at, block[at:], f"a {kind} of at most {limit} bytes, not {length}")
            at += 2 + length
        count += 1
    if count > limits.variables:
        raise TooMany(offset, block, f"at most {limits.variables} variables, not {count}")


def body_length(pairs: Pairs, offset: int) -> int:
    """Read CONTENT_LENGTH; absent and empty both mean 0 (RFC 3875 4.1.2). `offset` is the place of the variables.

    Raises BadContentLength.
    """
    given = [value for name, value in pairs if name == b"CONTENT_LENGTH"]
    if len(given) > 1:
        raise BadContentLength(_last_length_at(pairs, offset), given[-1], "CONTENT_LENGTH only once")
    if not given or not given[0]:
        return 0
    if not (given[0].isdigit() and len(given[0]) < LONGEST_DECIMAL):
        raise BadContentLength(_last_length_at(pairs, offset), given[0], "CONTENT_LENGTH as a decimal number")
    return int(given[0])


def _last_length_at(pairs: Pairs, offset: int) -> int:
    last = offset
    for name, value in pairs:
        offset += 2 * LENGTH.size + len(name) + len(value)
        if name == b"CONTENT_LENGTH":
            last = offset - len(value)
    return last


def kind(modifier1: int, modifier2: int) -> str:
    """Name a packet without variables."""
    if modifier1 == 100 and modifier2:
        return "PONG"
    return OTHERS.get(modifier1, f"modifier1 {modifier1}")


class _Packets(Decoder):
    """A decoder of packets."""

    WAITS_FOR = "the rest of a packet"

    def _packet(self, data: bytes, at: int, events: list[Event]) -> int:
        """Decode the packet at `at`. Return the offset behind it, or `at` if it is not complete."""
        if len(data) - at < HEADER.size:
            return at
        size = data[at + 1] | data[at + 2] << 8
        if size > self.limits.head:
            raise TooLong(self.offset + at, data[at:], f"variables of at most {self.limits.head} bytes, not {size}")
        after = at + HEADER.size + size
        if after > len(data):
            return at
        self._block(data[at], data[at + 3], data[at + HEADER.size : after], self.offset + at, events)
        return after

    def _block(self, modifier1: int, modifier2: int, block: bytes, offset: int, events: list[Event]) -> None:
        events.append(Other(offset, 0, kind(modifier1, modifier2), block))


class Requests(_Packets):
    """Packets and their bodies, one behind the other."""

    _body = 0  # bytes of the body that are to come

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
            elif (after := self._packet(data, at, events)) > at:
                at = after
            else:
                break
        return at

    def _block(self, modifier1: int, modifier2: int, block: bytes, offset: int, events: list[Event]) -> None:
        if modifier1 not in WITH_VARIABLES:
            super()._block(modifier1, modifier2, block, offset, events)
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


class Responses(_Packets):
    """An HTTP response, ended by closing, which HTTP's own decoder reads; or packets, where ANSWERS says so."""

    _answer = -1  # modifier1 of the answer, its first byte; -1: it has not come

    def _decode(self, data: bytes, events: list[Event]) -> int:
        if self._answer < 0 and data:
            self._answer = data[0]
        if self._answer not in ANSWERS:
            if data:
                events.append(Data(self.offset, 0, "RESPONSE", data))
            return len(data)
        at = 0
        while (after := self._packet(data, at, events)) > at:
            at = after
        return at

    def _close(self, events: list[Event]) -> None:
        super()._close(events)
        events.append(End(self.offset, 0))


def decoders(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
    """Make the decoders of requests and of responses."""
    return Requests(limits), Responses(limits)


def annotate(direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated:
    """Name every byte. Never raises: what is wrong is a field with `fault`."""
    if direction == "response" and data and data[0] not in ANSWERS:
        return Annotated([], [Stream("HTTP", ((0, len(data)),), 0)])
    named: list[Field] = []
    at = 0
    while at < len(data):
        packet, after = fields(PACKET, data, at)
        length = _length_in(packet)
        named += packet
        if length < 0:
            if rest := len(data) - after:
                named.append(Field(after, rest, "rest", f"{rest} bytes", "the body's end is in doubt", fault=True))
            break
        if body := data[after : after + length]:
            size = f"{len(body)} of {length} bytes"
            named.append(Field(after, len(body), "body", size, "what CONTENT_LENGTH counts"))
        at = after + len(body)
    return Annotated(named, [])


def _length_in(packet: list[Field]) -> int:
    """Read CONTENT_LENGTH; -1, and a fault, if it is no number or stands there twice."""
    # Variables stand two levels deeper than the packet.
    given = [i for i, field in enumerate(packet) if field.depth == 2 and field.name == "CONTENT_LENGTH"]
    value = packet[given[-1]].value if given else ""
    if len(given) < 2 and (not value or (value.isdigit() and len(value) < LONGEST_DECIMAL)):
        return int(value or 0)
    packet[given[-1]] = replace(packet[given[-1]], fault=True)
    return -1


def packet(block: bytes, modifier1: int = 0, modifier2: int = 0) -> bytes:
    """Write a packet with this data. Raises CannotEncode."""
    if len(block) > LARGEST:
        raise CannotEncode(f"{len(block)} bytes of variables; a uwsgi packet holds {LARGEST}")
    return HEADER.pack(modifier1, len(block), modifier2) + block


def request(variables: Pairs, body: bytes = b"") -> bytes:
    """Write a request of the ordinary kind (modifier1 0) with its body. Raises CannotEncode."""
    for text in (text for pair in variables for text in pair):
        if len(text) > LARGEST:
            raise CannotEncode(f"{text[:24]!r}… has {len(text)} bytes; a name or value in uwsgi has at most {LARGEST}")
    strings = (LENGTH.pack(len(text)) + text for pair in variables for text in pair)
    return packet(b"".join(strings)) + body


def response(status: int, headers: Pairs, body: bytes = b"") -> bytes:
    """Write the answer of a uwsgi server: HTTP, ended by closing. Raises CannotEncode."""
    return http_head(status, headers) + body
