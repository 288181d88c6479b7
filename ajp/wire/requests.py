"""Messages to the container, and bodies."""

from gateway_zoo.wire.decoder import breach, fault
from gateway_zoo.wire.events import Data, End, Event, Head, Other, Values
from gateway_zoo.wire.faults import Limits, Truncated, WireError, short_body

from .codes import CHUNKED, FORWARD_REQUEST, HEADER, INTEGER, KINDS
from .faults import BadBody, BadLength, OutOfPlace
from .packet import Packet
from .packets import Packets
from .read import WRONG, forward_request


class Requests(Packets):
    """What is asked. The decoder of the answers also uses the attributes without an underscore.

    A container need not ask for all of a body (Get Body Chunk): then the next message comes early, or none.
    """

    DIRECTION = "request"

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.waiting: list[Head | Other] = []  # messages without an answer
        self.early = 0  # answers to requests that are not read yet
        self.wanted = 0  # pieces of the body that the container has asked for, and that have not come
        self.answered = False
        self._length = self._due = 0  # bytes of the body: of all, and of what is to come; or CHUNKED
        self._got = 0  # bytes of the body's packets
        self._piece = self._surplus = 0  # bytes of the packet that is being read: of the body, behind it

    @property
    def unread(self) -> bool:
        return bool(self._rest)

    def _decode(self, data: bytes, events: list[Event]) -> int:
        at, end = 0, len(data)
        while at < end:
            if self._piece or self._surplus:
                at = self._data(data, at, events)
                continue
            if end - at < HEADER.size:
                break
            length = self._length_at(data, at)
            if self._due:
                if end - at < HEADER.size + min(length, 2):
                    break
                size = INTEGER.unpack_from(data, at + HEADER.size)[0] if length >= 2 else 0
                if length in (0, size + 2) or (length > 1 and data[at + HEADER.size] not in KINDS["request"]):
                    self._begin(data[at : at + 6], length, size, events, self.offset + at)
                    at += HEADER.size + min(length, 2)
                    continue
            after = self._behind(length, data, at)
            if after > end:
                break
            self._message(data[at:after], self.offset + at, events)
            at = after
        return at

    def _begin(self, packet: bytes, length: int, size: int, events: list[Event], offset: int) -> None:
        """Begin a packet of the body. An empty one ends the body."""
        there = min(size, max(length - 2, 0))
        if length > 0 and size != length - 2:
            events.append(
                breach(BadLength(offset + 4, packet[4:], f"data_length to fit a packet of {length} bytes"), 2)
            )
        if self._got:
            self.wanted = max(0, self.wanted - 1)
        if not there:
            if self._due != CHUNKED:
                events.append(fault(short_body(offset, self._got, self._length), 0))
            self._due = 0
            self._surplus = max(length - 2, 0)
            if not self._surplus:
                events.append(End(offset + HEADER.size + min(length, 2), 0))
            return
        if self._due != CHUNKED:
            if there > self._due:
                events.append(fault(BadBody(offset + 4, packet[4:], f"at most {self._due} more bytes of the body"), 2))
            self._due = max(0, self._due - there)
        self._got += there
        self._piece, self._surplus = there, length - 2 - there

    def _data(self, data: bytes, at: int, events: list[Event]) -> int:
        if self._piece:
            piece = data[at : at + self._piece]
            events.append(Data(self.offset + at, 0, "body", piece))
            self._piece -= len(piece)
            at += len(piece)
        else:
            size = min(self._surplus, len(data) - at)
            self._surplus -= size
            at += size
        if not self._due and not self._piece and not self._surplus:
            events.append(End(self.offset + at, 0))
        return at

    def _message(self, packet: bytes, offset: int, events: list[Event]) -> None:
        after = offset + len(packet)
        if self._due:
            if error := self._cut_short(offset - 1):
                events.append(fault(error, 0))
            self._due = 0
            events.append(End(offset, 0))
        kind = packet[4:5]
        if kind == b"\2":
            self._forward(packet, offset, events)
        elif is_body(packet):
            if len(packet) > 6:
                events.append(fault(BadBody(offset, packet[:2], "no more bytes of a body"), 0))
            elif not self._got and not self.wanted:
                events.append(fault(OutOfPlace(offset, packet[:2], "a request before a piece of its body"), 0))
            self.wanted = max(0, self.wanted - 1)  # the container asked behind the end of the body
        else:
            name = KINDS["request"].get(kind[0], (f"message {kind[0]}",))[0]
            other = Other(offset, 0, name, packet[5:])
            self._wait(other)
            problems = Packet(packet, 0, len(packet), self.limits, offset).read("request").problems
            events += [other, *problems, End(after, 0)]

    def _wait(self, event: Head | Other) -> None:
        if self.early:
            self.early -= 1
        else:
            self.waiting.append(event)

    def _forward(self, packet: bytes, offset: int, events: list[Event]) -> None:
        read = None
        try:
            forward = forward_request(packet, self.limits)
        except WRONG:
            read = Packet(packet, 0, len(packet), self.limits, offset).read("request")
            forward = read.forward()
        head = Head(offset, 0, forward.start, forward.headers)
        events.append(Values(offset, 0, False, forward.places))
        events.append(head)
        events.append(Values(offset, 0, False, forward.attributes))
        if read:
            events += read.problems
            if read.doubt:
                raise read.doubt
        self._wait(head)
        self._length = self._due = forward.due
        self._got = self.wanted = 0
        self.answered = False
        if not self._due:
            events.append(End(offset + len(packet), 0))

    def _cut_short(self, offset: int) -> WireError | None:
        """The error of a body that ends here, if it is too early."""
        if self._due == CHUNKED:
            return Truncated(offset, b"", "more of the body, or an empty packet at its end") if self.wanted else None
        return short_body(offset, self._got, self._length) if self.wanted or not self._got else None

    def _close(self, events: list[Event]) -> None:
        super()._close(events)
        if self._piece or self._surplus:
            if self._length > 0 and self._got <= self._length:
                raise short_body(self.offset, self._got - self._piece, self._length)
            raise Truncated(self.offset, b"", f"{self._piece + self._surplus} more bytes of a packet")
        if self._due:
            if error := self._cut_short(self.offset):
                raise error
            if self._due != CHUNKED and not self.answered:
                raise short_body(self.offset, self._got, self._length)
            events.append(End(self.offset, 0))


def is_body(packet: bytes) -> bool:
    """Tell whether a packet is a piece of a body, or an empty one, where none is expected."""
    size = len(packet) - HEADER.size - 2
    return size == -2 or (size >= 0 and packet[4] != FORWARD_REQUEST and packet[4:6] == INTEGER.pack(size & 0xFFFF))
