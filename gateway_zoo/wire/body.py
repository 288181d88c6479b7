"""A body and the length that its head announces: bytes that are missing, and bytes that are surplus."""

from abc import abstractmethod

from gateway_zoo.wire.decoder import Decoder, fault
from gateway_zoo.wire.events import Data, End, Event
from gateway_zoo.wire.faults import Limits, Malformed, short_body
from gateway_zoo.wire.shape import LONGEST_DECIMAL


class Surplus(Malformed):
    """Bytes behind the last byte of a body, or a body where none may be."""


def announced(values: list[bytes]) -> int | None:
    """Read all values of CONTENT_LENGTH, which mostly is one. None: it is no number, or two differ; then the end of the
    body is in doubt. Absent and empty both mean 0 (RFC 3875 4.1.2)."""
    numbers = {int(value) if value.isdigit() and len(value) < LONGEST_DECIMAL else None for value in values if value}
    if b"" in values or not values:
        numbers.add(0)
    return numbers.pop() if len(numbers) == 1 else None


class Body:
    """Counts the bytes of one body. `length` None: it ends with the stream. `left`: bytes that are to come."""

    __slots__ = ("_surplus", "left", "length")

    def __init__(self, length: int | None) -> None:
        self.length = self.left = length
        self._surplus = False

    def take(self, data: bytes, at: int, offset: int, events: list[Event]) -> int:
        """Append the Data of the bytes at `at` that are the body's. Return the place behind them. `offset` is the place
        of data's first byte on the connection."""
        end = len(data) if self.left is None else min(at + self.left, len(data))
        if at < end:
            events.append(Data(offset + at, 0, "body", data[at:end]))
            if self.left is not None:
                self.left -= end - at
        return end

    def refuse(self, offset: int, expected: str, events: list[Event]) -> None:
        """Append the Fault of the bytes behind the body, once. `offset`: the first of them."""
        if not self._surplus:
            self._surplus = True
            events.append(fault(Surplus(offset, b"", expected)))

    def check(self, offset: int) -> None:
        """Raise Truncated if the stream ends here too early."""
        if self.left:
            raise short_body(offset, (self.length or 0) - self.left, self.length or 0)


class OneRequest(Decoder):
    """The decoder of one request: a head, then as many bytes of body as it announces, and nothing more."""

    __slots__ = ("_body",)

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._body: Body | None = None  # until the head is complete

    @abstractmethod
    def _head(self, data: bytes, events: list[Event]) -> tuple[int, int] | None:
        """Read the head, if it is complete. Return the place behind it, and the length of the body."""

    def _decode(self, data: bytes, events: list[Event]) -> int:
        at, body = 0, self._body
        if body is None:
            head = self._head(data, events)
            if head is None:
                return 0
            at, length = head
            body = self._body = Body(length)
            if not length:
                events.append(End(self.offset + at, 0))
        if at < len(data):
            if body.left:
                at = body.take(data, at, self.offset, events)
                if not body.left:
                    events.append(End(self.offset + at, 0))
            if at < len(data):
                body.refuse(self.offset + at, "nothing behind the body: one request a connection", events)
        return len(data)

    def _close(self, events: list[Event]) -> None:
        if self._body is None:
            super()._close(events)
        else:
            self._body.check(self.offset)
