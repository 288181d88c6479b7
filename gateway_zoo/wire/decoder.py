"""What every decoder is: bytes of one direction in, events out. No I/O, and no more in memory than Limits allows.

    decoder.feed(data)     events that are complete now; raises WireError, whose `events` came before the fault
    decoder.close()        the stream has ended; raises Truncated if that was in the middle of something
    decoder.offset         how many bytes are decoded; what follows waits for more
    decoder.settled        up to here no head is half read: whoever hides secrets may show the bytes before
    decoder.asked(method)  tells a decoder of responses what was asked, where the length of an answer depends on it

After an error nothing more is decoded: the same error is raised again.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from gateway_zoo.wire.events import Event
from gateway_zoo.wire.faults import Limits, Truncated, WireError


class Decoder(ABC):
    """Subclasses write `_decode` (and `_close`). What `_decode` does not use is given to it again, with more."""

    #: For the message of Truncated: what the end of the stream would have to wait for.
    WAITS_FOR: ClassVar[str] = "more bytes"

    __slots__ = ("_error", "_rest", "limits", "offset")  # for speed: most decoders live for one message
    _error: WireError | None

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.offset = 0
        self._rest = b""
        self._error = None

    def feed(self, data: bytes) -> list[Event]:
        """Decode what is complete. An empty `data` is no end of the stream; `close` is."""
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

    @property
    def settled(self) -> int:
        return self.offset

    def asked(self, method: bytes) -> None:  # noqa: B027 - right for most, and no gap
        """Most protocols say themselves where an answer ends."""

    @abstractmethod
    def _decode(self, data: bytes, events: list[Event]) -> int:
        """Append events; return how many bytes of `data` (which begins at self.offset) are done with."""

    def _close(self, events: list[Event]) -> None:
        if self._rest:
            raise Truncated(self.offset, self._rest, self.WAITS_FOR)
