"""WebSocket's frames as events, read by wsproto."""

import codecs
import struct

from wsproto.extensions import Extension
from wsproto.frame_protocol import FrameDecoder, FrameProtocol, Opcode, ParseFailed, RsvBits

from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Event, Other
from gateway_zoo.wire.faults import LIMITS, SHOWN, Limits, Truncated, WireError

from .faults import WRONG, AfterClose, BadFrame, BadText
from .frame import OPCODES, header_size

BAD_GATEWAY = b"\x03\xf6"  # 1014
UTF8 = codecs.getincrementaldecoder("utf-8")


class _Observer(Extension):
    """An extension that sees each frame's header and payload.

    It passes only the payloads of control frames on to wsproto, which would look for UTF-8 in others.
    """

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
        """Note the header. wsproto calls it again if the masking key had not come."""
        self.opcode, self.length, self.pieces = opcode, payload_length, []
        if opcode in {Opcode.TEXT, Opcode.BINARY}:
            self.text = UTF8() if opcode is Opcode.TEXT and not rsv.rsv1 else None
        return RsvBits(opcode in {Opcode.TEXT, Opcode.BINARY}, False, False)

    def frame_inbound_payload_data(self, proto: FrameDecoder | FrameProtocol, data: bytes) -> bytes:
        self.pieces.append(data)
        self._new = data
        return self._known(data) if self.opcode.iscontrol() else b""

    def _known(self, data: bytes) -> bytes:
        """Replace 1014 by 1013: IANA has registered it since RFC 6455 (7.4.2), and wsproto does not know it."""
        if self.opcode is Opcode.CLOSE and (whole := b"".join(self.pieces))[:2] == BAD_GATEWAY:
            at = 1 - (len(whole) - len(data))  # of its second byte
            return data if at < 0 else data[:at] + b"\xf5" + data[at + 1 :]
        return data

    def checked(self, last: bool) -> tuple[int, bool]:
        """Check new bytes of text. Return how many at the end are no whole character, and whether they are wrong."""
        new, self._new = self._new, b""
        if self.text is None or self.opcode.iscontrol():
            return 0, False
        try:
            self.text.decode(new, last)
        except UnicodeDecodeError as error:
            return len(error.object) - error.start, True
        return len(self.text.getstate()[0]), False


class Frames(Decoder):
    """The decoder of one direction. Each frame is an Other by the name of its opcode, with the payload unmasked.

    A payload longer than Limits.value follows as Data; of text only whole characters. End comes with CLOSE; its status
    is the code.
    """

    def __init__(self, limits: Limits, *, masked: bool) -> None:
        super().__init__(limits)
        self._masks = 4 if masked else 0
        self._observer = _Observer()
        self._frames = FrameProtocol(not masked, [self._observer])
        self._start = 0  # offset of the current frame
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
        """Return the first bytes of the current frame."""
        if self._start >= self.offset:
            return data[self._start - self.offset :][:SHOWN]
        return (self._begins + data[: SHOWN - len(self._begins)])[:SHOWN]

    def _piece(self, finished: bool, last: bool, data: bytes, events: list[Event]) -> None:
        """Make events of a piece of payload. `finished`: it ends the frame; `last`: it ends the message."""
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


def decoders(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
    """Make the decoders of what the client sends (masked) and of what the server sends."""
    return Frames(limits, masked=True), Frames(limits, masked=False)
