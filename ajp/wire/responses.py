"""Messages from the container."""

from gateway_zoo.wire.decoder import breach, fault
from gateway_zoo.wire.events import Data, End, Event, Head, Other, Variables, method_of
from gateway_zoo.wire.faults import Limits, Truncated, short_body

from . import codes
from .codes import HEADER, INTEGER, KINDS, MAGIC
from .faults import BadBody, BadLength, BadString, OutOfPlace
from .packet import Packet
from .packets import Packets
from .read import WRONG, is_length, send_headers
from .requests import Requests

NO_BODY = (204, 304)


class Responses(Packets):
    """What is answered, and to which request: `requests` is the other decoder of the pair."""

    DIRECTION = "response"

    def __init__(self, limits: Limits, requests: Requests) -> None:
        super().__init__(limits)
        self._requests = requests
        self._headers = False  # they have come
        self._length: int | None = None  # of the body, if the headers say it
        self._got = 0  # bytes of the body's packets
        self._piece = self._behind_piece = 0  # bytes of a chunk that are to come, and those behind it
        self._nul = False  # what comes behind the chunk is its NUL
        self._stray = False  # the chunk belongs to no answer

    def asked(self, request: Head | Variables) -> None:
        if isinstance(request, Head):
            self._requests.waiting.append(request)

    def _decode(self, data: bytes, events: list[Event]) -> int:
        at, end = 0, len(data)
        while at < end:
            if self._piece or self._behind_piece:
                at = self._chunk(data, at, events)
                continue
            if end - at < HEADER.size:
                break
            length = self._length_at(data, at)
            if length and end - at == HEADER.size:
                break
            if length >= 3 and data[at + HEADER.size] == codes.SEND_BODY_CHUNK:
                if end - at < HEADER.size + 3:
                    break
                self._begin(data[at : at + 7], length, self.offset + at, events)
                at += HEADER.size + 3
                self._end_stray(self.offset + at, events)
                continue
            after = self._behind(length, data, at)
            if after > end:
                break
            self._message(data[at:after], self.offset + at, events)
            at = after
        return at

    # --- chunks ---

    def _begin(self, packet: bytes, length: int, offset: int, events: list[Event]) -> None:
        """Begin a chunk. The NUL behind it is not in the specification, but all containers send it."""
        (size,) = INTEGER.unpack_from(packet, 5)
        there = min(size, length - 3)
        self._stray = self._nobody_asked()
        if not self._headers and not self._got and not self._stray:
            events.append(fault(OutOfPlace(offset, MAGIC["response"], "Send Headers before a Send Body Chunk"), 0))
        if size not in (length - 3, length - 4):
            error = BadLength(offset + 5, packet[5:], f"chunk_length to fit a packet of {length} bytes")
            events.append(breach(error, 2))
        if self._length is not None and self._got <= self._length < self._got + there:
            more = f"at most {left} more bytes" if (left := self._length - self._got) else "no more bytes"
            events.append(fault(BadBody(offset + 5, packet[5:], f"{more} of the body"), 2))
        self._got += there
        self._piece, self._behind_piece = there, length - 3 - there
        self._nul = self._behind_piece == 1

    def _chunk(self, data: bytes, at: int, events: list[Event]) -> int:
        if self._piece:
            piece = data[at : at + self._piece]
            events.append(Data(self.offset + at, 0, "body", piece))
            self._piece -= len(piece)
            at += len(piece)
        else:
            if self._nul and data[at]:
                events.append(breach(BadString(self.offset + at, data[at : at + 1], "a NUL behind the chunk")))
            size = min(self._behind_piece, len(data) - at)
            self._behind_piece -= size
            at += size
        self._end_stray(self.offset + at, events)
        return at

    def _end_stray(self, offset: int, events: list[Event]) -> None:
        """End a chunk of no answer: what follows may be an answer."""
        if self._stray and not self._piece and not self._behind_piece:
            self._stray = False
            self._got = 0
            events.append(End(offset, 0))

    # --- messages ---

    def _nobody_asked(self) -> bool:
        """Tell whether requests are known, and all are answered."""
        asked = self._requests
        return bool(asked.offset) and not asked.waiting and not asked.unread and not self._headers

    def _message(self, packet: bytes, offset: int, events: list[Event]) -> None:
        if packet[4:5] == b"\4":
            self._head(packet, offset, events)
            return
        read = Packet(packet, 0, len(packet), self.limits, offset).read("response")
        if read.code == codes.END_RESPONSE:
            self._end(read, offset, events)
        elif read.code == codes.CPONG:
            self._pong(read, offset, events)
        else:
            alone = self._nobody_asked()
            if read.code is not None:
                name = KINDS["response"].get(read.code, (f"message {read.code}",))[0]
                events.append(Other(offset, 0, name, packet[5:]))
            self._requests.wanted += read.code == codes.GET_BODY_CHUNK
            events += read.problems
            if alone:
                events.append(End(offset + len(packet), 0))

    def _head(self, packet: bytes, offset: int, events: list[Event]) -> None:
        self._skip(offset, events, Head)
        if self._headers:
            events.append(
                fault(OutOfPlace(offset, MAGIC["response"], "an End Response before the next Send Headers"), 0)
            )
        read = None
        try:
            start, headers = send_headers(packet, self.limits)
        except WRONG:
            read = Packet(packet, 0, len(packet), self.limits, offset).read("response")
            start, headers = b"HTTP/1.1 %d %b" % (read.number, read.message_of_status), read.headers
        events.append(Head(offset, 0, start, headers))
        if read:
            events += read.problems
            if read.doubt:
                raise read.doubt
        if not self._headers:
            self._headers, self._got = True, 0
            self._length = self._body_length(int(start[9:].split(b" ")[0]), headers)

    def _body_length(self, status: int, headers: list[tuple[bytes, bytes]]) -> int | None:
        """The length that the body must have; None if nothing says it."""
        waiting, lengths = self._requests.waiting, {v for name, v in headers if name.lower() == b"content-length"}
        head = bool(waiting) and isinstance(waiting[0], Head) and method_of(waiting[0]) == b"HEAD"
        if (self._requests.unread and not waiting) or not (head or status in NO_BODY or len(lengths) == 1):
            return None
        if head or status in NO_BODY:
            return 0
        (length,) = lengths
        return int(length) if is_length(length) else None

    def _end(self, read: Packet, offset: int, events: list[Event]) -> None:
        self._skip(offset, events, Head)
        events += read.problems
        if not self._headers and not self._nobody_asked():
            events.append(fault(OutOfPlace(offset, MAGIC["response"], "Send Headers before End Response"), 0))
        elif self._length is not None and self._got < self._length:
            events.append(fault(short_body(offset, self._got, self._length), 0))
        self._answer()
        self._headers, self._length, self._got = False, None, 0
        events.append(End(offset + len(read.data), 0, (read.number,)))

    def _pong(self, read: Packet, offset: int, events: list[Event]) -> None:
        self._skip(offset, events, Other)
        waiting = self._requests.waiting
        if self._headers or (waiting and isinstance(waiting[0], Head)):
            events.append(fault(OutOfPlace(offset, MAGIC["response"], "CPong Reply only behind a CPing"), 0))
            return
        self._answer()
        name = KINDS["response"][codes.CPONG][0]
        events += [Other(offset, 0, name, read.data[5:]), *read.problems, End(offset + len(read.data), 0)]

    def _answer(self) -> None:
        """Note that the first message that waits is answered."""
        if self._requests.waiting:
            self._requests.answered = isinstance(self._requests.waiting.pop(0), Head)
        elif self._requests.unread:
            self._requests.early += 1

    def _skip(self, offset: int, events: list[Event], kind: type[Event]) -> None:
        """End the messages that stay without an answer: containers answer in turn, and this is one to a later message.
        `kind` of that message: Head, or Other for CPing."""
        waiting = self._requests.waiting
        answers = [isinstance(w, Head) if kind is Head else isinstance(w, Other) and w.name == "CPing" for w in waiting]
        behind = answers.index(True) if True in answers else 0
        if not any(isinstance(message, Head) for message in waiting[:behind]):
            del waiting[:behind]
            events += [End(offset, 0) for _ in range(behind)]

    # --- the end of the stream ---

    def _close(self, events: list[Event]) -> None:
        super()._close(events)
        if self._length is not None and self._got - self._piece < self._length:
            raise short_body(self.offset, self._got - self._piece, self._length)
        if self._piece or self._behind_piece:
            raise Truncated(self.offset, b"", f"{self._piece + self._behind_piece} more bytes of a chunk")
        if self._headers:
            raise Truncated(self.offset, b"", "End Response")
