"""A decoder: bytes of one direction in, events out. It does no I/O, and keeps no more in memory than Limits allows.

    decoder.feed(data)     events that are complete now; raises WireError, whose `events` came before the fault
    decoder.close()        the stream has ended; raises Truncated if that was in the middle of a message
    decoder.offset         number of bytes that are decoded; the bytes behind wait for more
    decoder.settled        no head before this offset is half read: its secrets can be masked
    decoder.asked(request) tells a decoder of responses the request's Head or Variables: the answer may depend on it

Three ways to treat a broken rule. A rule that moves no byte of the framing (a bad header line) makes a Breach: all is
decoded. Bytes that belong to no message, or the end of a message too early, make a Fault, if the place of the next
message is known. Only where it is not known, the decoder raises. After an error nothing more is decoded: the same error
is raised again. Events before the error are passed on: so a head comes first, then the error in it.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from gateway_zoo.wire.events import Breach, Event, Fault, Head, Variables
from gateway_zoo.wire.faults import Limits, Truncated, WireError


class Decoder(ABC):
    """The frame of every decoder. Subclasses write `_decode`, and `_close` where the end of the stream means something.

    Bytes that `_decode` does not use are given to it again, with more bytes behind them.
    """

    #: For the message of Truncated: the part that is not complete.
    WAITS_FOR: ClassVar[str] = "more bytes"

    __slots__ = ("_error", "_rest", "limits", "offset")  # for speed: most decoders live for one message
    _error: WireError | None

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.offset = 0
        self._rest = b""
        self._error = None

    def feed(self, data: bytes) -> list[Event]:
        """Decode what is complete. Raises WireError. Empty `data` is not the end of the stream."""
        if self._error:
            self._error.events = []
            raise self._error
        if self._rest:
            data = self._rest + data
        events: list[Event] = []
        try:
            used = self._decode(data, events)
        except WireError as error:
            error.events = events
            self._error = error
            self._rest = b""
            raise
        if used < len(data):
            self._rest = data[used:]
        elif self._rest:
            self._rest = b""
        self.offset += used
        return events

    def close(self) -> list[Event]:
        """End the stream. Raises WireError: mostly Truncated."""
        if self._error:
            self._error.events = []
            raise self._error
        events: list[Event] = []
        try:
            self._close(events)
        except WireError as error:
            error.events = events
            self._error = error
            raise
        return events

    def whole(self, data: bytes) -> tuple[list[Event], WireError | None]:
        """Decode a stream from its first byte to its last. Returns the events, and the error that ended them."""
        events: list[Event] = []
        try:
            events += self.feed(data)
            events += self.close()
        except WireError as error:
            return events + error.events, error
        return events, None

    @property
    def settled(self) -> int:
        return self.offset

    def asked(self, request: Head | Variables) -> None:  # noqa: B027 - right for most, and no gap
        """Note the head of a request. Most protocols say themselves where an answer ends."""

    @abstractmethod
    def _decode(self, data: bytes, events: list[Event]) -> int:
        """Append events; return the number of bytes that are used. `data` begins at self.offset."""

    def _close(self, events: list[Event]) -> None:
        if self._rest:
            raise Truncated(self.offset, self._rest, self.WAITS_FOR)


def breach(error: WireError, length: int = 1, id: int = 0) -> Breach:
    """Make the event of a rule that moves nothing. `length`: bytes of the field that breaks it."""
    return Breach(error.offset, id, str(error), note(error), length)


def fault(error: WireError, length: int = 1, id: int = 0) -> Fault:
    """Make the event of bytes that are missing, surplus or unreadable."""
    return Fault(error.offset, id, str(error), note(error), length)


def note(error: WireError) -> str:
    """The error without the bytes that it quotes."""
    return f"{type(error).__name__}: expected {error.expected}"
