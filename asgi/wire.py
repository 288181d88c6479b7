"""WebSocket (RFC 6455): frames. The handshake was HTTP; what follows its 101 is here.

wsproto reads the frames, checks them (5.2-5.5), their order in messages (5.4) and the closing codes (7.4). It does not
say where a frame stood, but shows an extension its header and every piece of its payload, unmasked: _Observer is one.
From the sizes the offsets follow, because a length must be written in the shortest way. Ours: the bytes of a frame as
fields, what comes after CLOSE, that text is UTF-8 (8.1), whose faults wsproto finds sooner or later, as the bytes are
cut, and that compressed payloads (RFC 7692) are passed on as they are.

What trips people up: a message may be several frames, and control frames may stand between them. Only the client
masks, with a fresh key for each frame: that is no encryption, but keeps scripts from forging HTTP for old proxies.
"""

import codecs
import struct
from collections.abc import Mapping, Sequence

from wsproto.extensions import Extension
from wsproto.frame_protocol import FrameDecoder, FrameProtocol, Opcode, ParseFailed, RsvBits

from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Event, Other, Pairs
from gateway_zoo.wire.faults import LIMITS, SHOWN, CannotEncode, Limits, Malformed, Truncated, WireError
from gateway_zoo.wire.fields import Annotated, Field, text
from gateway_zoo.wire.wires import Direction

INNER: Mapping[str, str] = {}

UTF8 = codecs.getincrementaldecoder("utf-8")

OPCODES = {one.value: one.name for one in Opcode}
#: Status codes of CLOSE (7.4.1, and IANA's registry).
CODES = {
    1000: "normal",
    1001: "going away",
    1002: "protocol error",
    1003: "a type of data that it cannot take",
    1007: "data that is not what its type says",
    1008: "against its rules",
    1009: "too big",
    1010: "an extension is missing",
    1011: "the server failed",
    1012: "the server restarts",
    1013: "try again later",
    1014: "a gateway got no good answer",
}


class BadOpcode(Malformed):
    """An opcode that has no meaning (5.2)."""


class BadControl(Malformed):
    """A control frame that is fragmented, or longer than 125 bytes (5.5)."""


class BadLength(Malformed):
    """A length that is not written in the shortest way, or beyond 63 bits (5.2)."""


class BadMask(Malformed):
    """A client's frame without a mask, or a server's with one (5.1)."""


class BadReserved(Malformed):
    """RSV2 or RSV3, or RSV1 where permessage-deflate has no use for it (5.2, RFC 7692 6)."""


class BadSequence(Malformed):
    """A CONTINUATION of nothing, or a new message within another (5.4)."""


class BadText(Malformed):
    """Text that is not UTF-8 (8.1)."""


class BadClose(Malformed):
    """CLOSE with half a code, with one that nobody may send, or with a reason that is not UTF-8 (5.5.1, 7.4)."""


class AfterClose(Malformed):
    """Bytes behind CLOSE (5.5.1)."""


class BadFrame(Malformed):
    """Whatever else wsproto refuses; its words are in the message."""


#: wsproto's words -> the error, and what was expected
WRONG: tuple[tuple[str, type[WireError], str], ...] = (
    ("Invalid opcode", BadOpcode, "one of the opcodes 0-2 and 8-10"),
    ("Invalid attempt to fragment", BadControl, "a control frame in one piece"),
    ("Control frame with payload", BadControl, "a control frame of at most 125 bytes"),
    ("Payload length used", BadLength, "the length in as few bytes as possible"),
    ("8-byte payload length", BadLength, "a length below 2^63"),
    ("client received unexpected masked", BadMask, "no mask from a server"),
    ("server received unexpected unmasked", BadMask, "a mask from a client"),
    ("Reserved bit", BadReserved, "RSV2 and RSV3 unset, RSV1 only where a message begins"),
    ("unexpected CONTINUATION", BadSequence, "TEXT or BINARY, for no message has begun"),
    ("expected CONTINUATION", BadSequence, "CONTINUATION, for the message has not ended"),
    ("CLOSE with 1 byte", BadClose, "a code of two bytes, or nothing"),
    ("CLOSE with", BadClose, "a code that may be sent"),
    ("remote CLOSE", BadClose, "a code that may be sent"),
    ("Error decoding CLOSE", BadClose, "a reason in UTF-8"),
)


class _Observer(Extension):
    """An extension that sees all: the header of the frame that wsproto is in, and its payload. Only those of control
    frames it shows to wsproto, which would look for UTF-8 in others."""

    name = "observer"

    def __init__(self) -> None:
        self.opcode = Opcode.CONTINUATION
        self.length = 0
        self.pieces: list[bytes] = []
        self._new = b""  # of the pieces, not checked yet
        self.text: codecs.IncrementalDecoder | None = None  # of the message that we are in, if it is text

    def enabled(self) -> bool:
        return True

    def offer(self) -> bool | str:
        return False

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> RsvBits:
        """Called again if the masking key was not there yet."""
        self.opcode, self.length, self.pieces = opcode, payload_length, []
        if opcode in {Opcode.TEXT, Opcode.BINARY}:
            self.text = UTF8() if opcode is Opcode.TEXT and not rsv.rsv1 else None
        return RsvBits(opcode in {Opcode.TEXT, Opcode.BINARY}, False, False)

    def frame_inbound_payload_data(self, proto: FrameDecoder | FrameProtocol, data: bytes) -> bytes:
        self.pieces.append(data)
        self._new = data
        return data if self.opcode.iscontrol() else b""

    def checked(self, last: bool) -> tuple[int, bool]:
        """Of text: how many bytes at the end of what has come are no whole character, and whether they are wrong."""
        new, self._new = self._new, b""
        if self.text is None or self.opcode.iscontrol():
            return 0, False
        try:
            self.text.decode(new, last)
        except UnicodeDecodeError as error:
            return len(error.object) - error.start, True
        return len(self.text.getstate()[0]), False


class Frames(Decoder):
    """One event for each frame: Other, under the opcode's name, with the payload unmasked. That of a frame which is
    longer than Limits.value follows instead, as Data; of text only whole characters. End comes with CLOSE; its status
    is the code."""

    def __init__(self, limits: Limits, *, masked: bool) -> None:
        super().__init__(limits)
        self._masks = 4 if masked else 0
        self._observer = _Observer()
        self._frames = FrameProtocol(not masked, [self._observer])
        self._start = 0  # of the frame that we are in
        self._begins = b""  # its first bytes, for errors
        self._passed = 0  # bytes of the payload that were passed on
        self._named_it = False  # and its Other came before
        self._within = False  # a message has begun and not ended
        self._closed = False

    def _decode(self, data: bytes, events: list[Event]) -> int:
        if self._closed and data:
            raise AfterClose(self.offset, data, "nothing more behind CLOSE")
        self._frames.receive_bytes(data)
        try:
            for frame in self._frames.received_frames():
                self._piece(frame.frame_finished, frame.message_finished, data, events)
                if not self._observer.opcode.iscontrol():
                    self._within = not frame.message_finished
        except ParseFailed as error:
            raise self._named(str(error), data) from None
        end = self.offset + len(data)
        if self._closed and self._start < end:
            raise AfterClose(self._start, data[self._start - self.offset :], "nothing more behind CLOSE")
        self._begins = self._seen(data)
        return len(data)

    def _seen(self, data: bytes) -> bytes:
        """The first bytes of the frame that we are in."""
        if self._start >= self.offset:
            return data[self._start - self.offset :][:SHOWN]
        return (self._begins + data[: SHOWN - len(self._begins)])[:SHOWN]

    def _piece(self, finished: bool, last: bool, data: bytes, events: list[Event]) -> None:
        """A piece of the frame's payload has passed wsproto; `last`: it ends the message."""
        seen = self._observer
        name, header = OPCODES[seen.opcode], header_size(seen.length, self._masks)
        unfinished, wrong = seen.checked(last)
        if seen.length > self.limits.value:
            if not self._named_it:
                events.append(Other(self._start, 0, name, b""))
                self._named_it = True
            content = b"".join(seen.pieces)
            ready = len(content) if finished and not wrong else max(0, len(content) - unfinished)
            seen.pieces = [content[ready:]] if ready < len(content) else []
            if ready:
                events.append(Data(self._start + header + self._passed, 0, name, content[:ready]))
                self._passed += ready
        elif finished and not wrong:
            events.append(Other(self._start, 0, name, b"".join(seen.pieces)))
        if wrong:
            raise BadText(self._start, self._seen(data), "UTF-8")
        if finished:
            self._start += header + seen.length
            self._passed, self._named_it = 0, False
            if seen.opcode is Opcode.CLOSE:
                self._closed = True
                code = b"".join(seen.pieces)[:2]
                events.append(End(self._start, 0, struct.unpack("!H", code) if code else ()))

    def _named(self, words: str, data: bytes) -> WireError:
        seen = self._seen(data)
        for start, kind, expected in WRONG:
            if words.startswith(start):
                return kind(self._start, seen, expected)
        return BadFrame(self._start, seen, f"a frame that wsproto takes: {words}")

    def _close(self, events: list[Event]) -> None:
        if self._closed:
            return
        if self._start < self.offset:
            raise Truncated(self._start, self._begins, "the rest of a frame")
        if self._within:
            raise Truncated(self._start, b"", "the rest of a message, in CONTINUATION frames")
        events.append(End(self.offset, 0))


def pair(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
    """Decoders of what the client sends (masked) and of what the server sends."""
    return Frames(limits, masked=True), Frames(limits, masked=False)


def annotate(direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated:
    """Name every byte. Never raises: what is wrong is a field with `fault`."""
    decoder = pair()[direction == "response"]
    error: WireError | None = None
    try:
        decoder.feed(data)
        decoder.close()
    except WireError as found:
        error = found
    found_fields: list[Field] = []
    at, end = 0, len(data)
    wrong = error.offset if error and not isinstance(error, Truncated) else end
    while at < wrong:
        at = _Frame(data, at, found_fields).name_it()
    if error and at < end:
        name, expected = type(error).__name__, f"expected {error.expected}"
        found_fields.append(Field(at, end - at, name, expected, "", "RFC 6455 7.1.7", fault=True))
    return Annotated(found_fields, [])


class _Frame:
    """The fields of one frame; several stand on the same byte, because its bits are the fields."""

    def __init__(self, data: bytes, at: int, found: list[Field]) -> None:
        self.data, self.start, self.at, self.found = data, at, at, found

    def name_it(self) -> int:
        """Returns the offset behind the frame, or the end of the data."""
        first, end = len(self.found), len(self.data)
        parts = (self._bits, self._length, self._key, self._payload)
        whole = all(part() for part in parts)
        opcode = OPCODES.get(self.data[self.start] & 15, "?")
        after = self.at if whole else end
        size = f"{after - self.start} bytes" if whole else "cut off"
        frame = Field(self.start, after - self.start, opcode, size, "a frame", "RFC 6455 5.2", fault=not whole)
        self.found.insert(first, frame)
        return after

    def _add(self, length: int, name: str, value: str, means: str, section: str = "5.2", depth: int = 1) -> None:
        self.found.append(Field(self.at, length, name, value, means, f"RFC 6455 {section}", depth))

    def _bits(self) -> bool:
        byte = self.data[self.at]
        opcode = byte & 15
        self._add(1, "FIN", str(byte >> 7), "1: the message ends with this frame", "5.4")
        self._add(
            1, "RSV1", str(byte >> 6 & 1), "1: the message is compressed (RFC 7692 6), its payload shown as it is"
        )
        self._add(1, "RSV2", str(byte >> 5 & 1), "reserved: 0")
        self._add(1, "RSV3", str(byte >> 4 & 1), "reserved: 0")
        self._add(1, "opcode", f"{opcode} {OPCODES.get(opcode, '')}".rstrip(), "what the frame is", "5.2, 11.8")
        self.at += 1
        return self.at < len(self.data)

    def _length(self) -> bool:
        byte = self.data[self.at]
        self.masked, self.length = byte >> 7, byte & 127
        self._add(1, "MASK", str(self.masked), "1: the payload is masked, as every client must", "5.3")
        bits = {126: 16, 127: 64}.get(self.length, 7)
        means = "bytes of the payload" if bits == 7 else f"its length follows in {bits} bits"
        self._add(1, "Payload len", str(self.length), means)
        self.at += 1
        if bits == 7:
            return True
        raw = self.data[self.at : self.at + bits // 8]
        if len(raw) < bits // 8:
            return self._cut(f"Payload len ({bits})")
        self.length = int.from_bytes(raw, "big")
        self._add(len(raw), f"Payload len ({bits})", str(self.length), "bytes of the payload")
        self.at += len(raw)
        return True

    def _key(self) -> bool:
        self.key = self.data[self.at : self.at + 4] if self.masked else b""
        if not self.masked:
            return True
        if len(self.key) < 4:
            return self._cut("Masking-key")
        self._add(4, "Masking-key", self.key.hex(" "), "the payload's bytes are XORed with these four, in turn", "5.3")
        self.at += 4
        return True

    def _cut(self, name: str) -> bool:
        if rest := len(self.data) - self.at:
            self.found.append(Field(self.at, rest, name, "cut off", depth=1, fault=True))
        return False

    def _payload(self) -> bool:
        raw = self.data[self.at : self.at + self.length]
        payload = unmasked(raw, self.key)
        if self.data[self.start] & 15 == Opcode.CLOSE and len(payload) >= 2:
            code = int.from_bytes(payload[:2], "big")
            self._add(2, "Status code", str(code), CODES.get(code, "why the connection is closed"), "7.4")
            self.at += 2
            raw, payload = raw[2:], payload[2:]
            if raw:
                self._add(len(raw), "Reason", text(payload), "the same for people", "7.1.6")
        elif raw:
            self._add(len(raw), "Payload data", text(payload), "unmasked" if self.masked else "", "5.2")
        self.at += len(raw)
        return self.at == self.start + header_size(self.length, len(self.key)) + self.length


def header_size(length: int, key: int) -> int:
    """Bytes before the payload (5.2). `key`: bytes of the masking key."""
    return 2 + (0 if length < 126 else 2 if length < 65_536 else 8) + key


def unmasked(data: bytes, key: bytes) -> bytes:
    """XOR with the key, again and again (5.3); with no key the data itself."""
    if not key:
        return data
    size = len(data)
    keys = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(keys, "big")).to_bytes(size, "big")


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv1: bool = False, key: bytes = b"") -> bytes:
    """One frame as asked, masked if there is a key. Raises CannotEncode."""
    if opcode not in OPCODES:
        raise CannotEncode(f"no frame has the opcode {opcode}")
    if opcode >= Opcode.CLOSE and (len(payload) > 125 or not fin):
        raise CannotEncode(f"{OPCODES[opcode]} is a control frame: in one piece, at most 125 bytes")
    if len(key) not in {0, 4}:
        raise CannotEncode(f"a masking key has four bytes, not {len(key)}")
    size, mask = len(payload), 128 if key else 0
    first = fin << 7 | rsv1 << 6 | opcode
    if size < 126:
        header = struct.pack("!BB", first, mask | size)
    else:
        header = struct.pack("!BBH" if size < 65_536 else "!BBQ", first, mask | (126 if size < 65_536 else 127), size)
    return header + key + unmasked(payload, key)


def request(variables: Pairs, body: bytes = b"") -> bytes:
    """A client's frame with the body: TEXT, or BINARY if it is not UTF-8. Variables were HTTP's, in the handshake:
    raises CannotEncode."""
    if variables:
        raise CannotEncode("a frame carries no variables: those were in the handshake, which is HTTP")
    return _sent(FrameProtocol(client=True, extensions=[]), body)


def response(status: int, headers: Pairs, body: bytes = b"") -> bytes:
    """A server's frame. The status is always HTTP's 101, from the handshake. Raises CannotEncode."""
    if status != 101 or headers:
        raise CannotEncode("a frame carries no status and no headers: those were in the handshake, which is HTTP")
    return _sent(FrameProtocol(client=False, extensions=[]), body)


def _sent(frames: FrameProtocol, body: bytes) -> bytes:
    try:
        return bytes(frames.send_data(body.decode()))
    except UnicodeDecodeError:
        return bytes(frames.send_data(body))
