"""WebSocket's frames as events."""

import codecs

from gateway_zoo.wire.decoder import Decoder, breach, fault
from gateway_zoo.wire.events import Data, End, Event, Other
from gateway_zoo.wire.faults import LIMITS, Limits, Truncated

from .faults import AfterClose, BadClose, BadControl, BadLength, BadMask, BadOpcode, BadReserved, BadSequence, BadText
from .frame import BEYOND, BINARY, CLOSE, CODES, CONTINUATION, OPCODES, TEXT, Header, header, name_of, unmasked

UTF8 = codecs.getincrementaldecoder("utf-8")
MOST = 100  # frames whose headers are judged bad; a peer may break a rule in each
FRAME = 2  # the length of a problem of a frame: no part at its offset has two bytes


class Frames(Decoder):
    """The decoder of one direction. Each frame is an Other by the name of its opcode, with the payload unmasked.

    A payload longer than Limits.value follows as Data. End comes with the first CLOSE; its status is the code. Frames
    behind it are surplus: one Fault, and they are read.
    """

    def __init__(self, limits: Limits, *, masked: bool) -> None:
        super().__init__(limits)
        self._masked = masked
        self._bad = 0  # frames whose header breaks a rule
        self._frame: Header | None = None  # its payload is not complete
        self._passed = 0  # bytes of the payload that were decoded
        self._wrong = False  # the payload must be UTF-8, and is not
        self._code = b""  # of CLOSE
        self._within = False  # a message has begun and not ended
        self._text: codecs.IncrementalDecoder | None = None  # of this message, if it is text, and sound so far
        self._reason = UTF8()  # of CLOSE
        self._closed = self._surplus = False  # CLOSE came; bytes came behind it

    def _decode(self, data: bytes, events: list[Event]) -> int:
        at, end = 0, len(data)
        while self._frame or at < end:
            frame = self._frame
            if not frame:
                start = self.offset + at
                if self._closed and not self._surplus:
                    self._surplus = True
                    events.append(fault(AfterClose(start, b"", "nothing more behind CLOSE"), 0))
                if not (frame := header(data, at, start)):
                    return at
                self._begin(frame, events)
                at += len(frame.raw)
            size = min(frame.length - self._passed, end - at)
            if size < frame.length <= self.limits.value:
                return at  # it is passed on whole
            self._pass_on(frame, data[at : at + size], events)
            at += size
            if self._passed < frame.length:
                return at
            self._end(frame, events)
        return at

    def _begin(self, frame: Header, events: list[Event]) -> None:
        """Judge a header, and note which message its frame is a part of."""
        opcode, in_message = frame.opcode, self._within
        if self._bad < MOST:
            before = len(events)
            _judge(frame, self._masked, in_message, events)
            self._bad += len(events) > before
        if frame.length >= BEYOND:
            raise BadLength(frame.start + 2, frame.raw[2:10], "a length below 2^63")
        if opcode < CLOSE:
            self._within = not frame.fin
            if opcode != CONTINUATION or not in_message:
                self._text = UTF8() if opcode == TEXT and not frame.rsv & 4 else None
        self._frame, self._passed, self._wrong = frame, 0, False
        if opcode == CLOSE:
            self._code, self._reason = b"", UTF8()
        if frame.length > self.limits.value:
            events.append(Other(frame.start, 0, name_of(opcode), b""))

    def _pass_on(self, frame: Header, data: bytes, events: list[Event]) -> None:
        """Make an event of a piece of payload, and look for UTF-8 in it."""
        turn = self._passed % 4
        payload = unmasked(data, frame.key[turn:] + frame.key[:turn])
        if frame.length <= self.limits.value:
            events.append(Other(frame.start, 0, name_of(frame.opcode), payload))
        elif payload:
            events.append(Data(frame.payload + self._passed, 0, name_of(frame.opcode), payload))
        self._passed += len(payload)
        last = self._passed == frame.length
        if frame.opcode == CLOSE:
            rest = 2 - len(self._code)
            self._code += payload[:rest]
            self._wrong = self._wrong or not _fits(self._reason, payload[rest:], last)
        elif frame.opcode < CLOSE and self._text and not _fits(self._text, payload, last and frame.fin):
            self._wrong, self._text = True, None

    def _end(self, frame: Header, events: list[Event]) -> None:
        """Say what the payload breaks."""
        self._frame = None
        after = frame.payload + frame.length
        if frame.opcode == CLOSE:
            code = int.from_bytes(self._code, "big")
            if frame.length == 1:
                events.append(breach(BadClose(frame.payload, self._code, "a code of two bytes, or nothing")))
            elif frame.length and code not in CODES and not 3000 <= code < 5000:
                events.append(breach(BadClose(frame.payload, self._code, "a code that may be sent"), 2))
            if self._wrong:
                events.append(breach(BadClose(frame.payload + 2, b"", "a reason in UTF-8"), frame.length - 2))
            if not self._closed:
                self._closed = True
                events.append(End(after, 0, (code,) if frame.length > 1 else ()))
        elif self._wrong and frame.length:
            events.append(breach(BadText(frame.payload, b"", "UTF-8"), frame.length))
        elif self._wrong:  # the message ends within a character
            events.append(breach(BadText(frame.start, b"", "UTF-8"), FRAME))

    def _close(self, events: list[Event]) -> None:
        if self._closed:
            return
        end = self.offset + len(self._rest)
        if self._frame:
            came = f"{end - self._frame.payload} of {self._frame.length} bytes of the payload came"
            raise Truncated(end, b"", f"the rest of a frame: {came}")
        if self._rest:
            raise Truncated(end, b"", "the rest of a frame")
        if self._within:
            raise Truncated(end, b"", "the rest of a message, in CONTINUATION frames")
        events.append(End(end, 0))


def _fits(utf8: codecs.IncrementalDecoder, data: bytes, last: bool) -> bool:
    try:
        utf8.decode(data, last)
    except UnicodeDecodeError:
        return False
    return True


def _judge(frame: Header, masked: bool, in_message: bool, events: list[Event]) -> None:
    """Append the breaches of a header."""
    start, raw, opcode = frame.start, frame.raw, frame.opcode
    first, length = raw[:1], raw[2 : 2 + frame.wide]
    if opcode not in OPCODES:
        events.append(breach(BadOpcode(start, first, "one of the opcodes 0-2 and 8-10"), FRAME))
    if frame.rsv & 3 or (frame.rsv and opcode not in {TEXT, BINARY}):
        expected = "RSV2 and RSV3 unset, RSV1 only where a message begins"
        events.append(breach(BadReserved(start, first, expected), FRAME))
    if opcode >= CLOSE:
        if not frame.fin:
            events.append(breach(BadControl(start, first, "a control frame in one piece")))
        if frame.length > 125:
            events.append(breach(BadControl(start + 2, length, "a control frame of at most 125 bytes"), frame.wide))
    elif in_message and opcode != CONTINUATION:
        events.append(breach(BadSequence(start, first, "CONTINUATION, for the message has not ended"), FRAME))
    elif not in_message and opcode == CONTINUATION:
        events.append(breach(BadSequence(start, first, "TEXT or BINARY, for no message has begun"), FRAME))
    if frame.masked != masked:
        expected = "a mask from a client" if masked else "no mask from a server"
        events.append(breach(BadMask(start + 1, raw[1:2], expected)))
    if frame.length < {0: 0, 2: 126, 8: 65_536}[frame.wide]:
        events.append(breach(BadLength(start + 2, length, "the length in as few bytes as possible"), frame.wide))


def decoders(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
    """Make the decoders of what the client sends (masked) and of what the server sends."""
    return Frames(limits, masked=True), Frames(limits, masked=False)
