"""What a web server sends: the requests that are active, and which of their streams are still to end.

What trips people up: no record says that a request is complete. That is so when the last stream of its role has ended,
and of a role the streams come one behind the other (6.1).
"""

from typing import ClassVar

from gateway_zoo.wire.events import Abort, Begin, Data, End, Event, Other, Variables
from gateway_zoo.wire.faults import TooLong, TooMany, Truncated, WireError

from .faults import AlreadyActive, OutOfOrder
from .layout import (
    ABORT_REQUEST,
    BEGIN,
    BEGIN_REQUEST,
    DATA,
    GET_VALUES,
    HEADER,
    INPUTS,
    KEEP_CONN,
    PARAMS,
    RESPONDER,
    STDIN,
    TYPES,
)
from .pairs import pairs
from .records import Records, Rule, moved


class _Request:
    """A request whose inputs are not complete: the streams that are still to end, and the PARAMS so far."""

    __slots__ = ("head_at", "params", "size", "streams")

    def __init__(self, role: int) -> None:
        self.streams = INPUTS.get(role, INPUTS[RESPONDER])
        self.params: list[tuple[int, bytes]] = []  # offset, content
        self.size = 0
        self.head_at: int | None = None  # where the first PARAMS record stands, until they are complete


class Requests(Records):
    """What a web server sends."""

    __slots__ = ()
    _active: dict[int, _Request]

    @property
    def settled(self) -> int:
        return min([self.offset, *(r.head_at for r in self._active.values() if r.head_at is not None)])

    def _begin(self, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]) -> None:
        if id in self._active:
            raise AlreadyActive(offset + 2, id.to_bytes(2), f"the rest of request {id} before another one of this id")
        if len(self._active) >= self.limits.requests:
            raise TooMany(offset + 2, id.to_bytes(2), f"at most {self.limits.requests} requests at once")
        role, flags = BEGIN.unpack(content)
        self._active[id] = _Request(role)
        events.append(Begin(offset, id, role, bool(flags & KEEP_CONN)))

    def _abort(self, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]) -> None:
        """Also of an id whose inputs have all come: the application may still be working on it (5.4)."""
        events.append(Abort(offset, id))
        if self._active.pop(id, None):
            events.append(End(after, id))

    def _unexpected(
        self, request: _Request | None, type: int, id: int, content: bytes, offset: int, events: list[Event]
    ) -> None:
        if request:
            seen = HEADER.pack(1, type, id, len(content), 0)[:6]
            raise OutOfOrder(offset, seen, f"{TYPES[request.streams[0]]} of request {id}, not {TYPES[type]}")
        events.append(Other(offset, id, TYPES[type], content))  # of no active request, to be ignored (3.3)

    def _passes_on(self, type: int, id: int, offset: int) -> bool:
        request = self._active.get(id)
        return type in (STDIN, DATA) and request is not None and request.streams[0] == type

    def _data(self, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]) -> None:
        request = self._active.get(id)
        if not request or request.streams[0] != type:
            self._unexpected(request, type, id, content, offset, events)
        elif content:
            events.append(Data(offset + HEADER.size, id, TYPES[type], content))
        else:
            self._ended(request, id, after, events)

    def _params(self, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]) -> None:
        request = self._active.get(id)
        if not request or request.streams[0] != PARAMS:
            self._unexpected(request, type, id, content, offset, events)
            return
        if request.head_at is None:
            request.head_at = offset
        if content:
            request.params.append((offset + HEADER.size, content))
            request.size += len(content)
            if request.size > self.limits.head:
                raise TooLong(
                    offset + HEADER.size, content, f"PARAMS of at most {self.limits.head} bytes, not {request.size}"
                )
            if len(request.params) > self.limits.pieces:
                raise TooMany(offset + HEADER.size, content, f"PARAMS in at most {self.limits.pieces} records")
            return
        parts = request.params
        try:
            found = pairs(parts[0][1] if len(parts) == 1 else b"".join([part for _, part in parts]), self.limits)
        except WireError as error:
            raise moved(error, *_place(error.offset, parts)) from None
        events.append(Variables(request.head_at, id, found))
        request.head_at, request.params = None, []
        self._ended(request, id, after, events)

    def _ended(self, request: _Request, id: int, after: int, events: list[Event]) -> None:
        """One of the streams has. With the last one this direction is complete."""
        if len(request.streams) > 1:
            request.streams = request.streams[1:]
        else:
            del self._active[id]
            events.append(End(after, id))

    def _close(self, events: list[Event]) -> None:
        super()._close(events)
        for id, request in self._active.items():
            raise Truncated(self.offset, b"", f"the end of {TYPES[request.streams[0]]} of request {id}")

    RULES: ClassVar[dict[int, Rule]] = {
        BEGIN_REQUEST: Rule(_begin, BEGIN.size, management=False),
        ABORT_REQUEST: Rule(_abort, 0, management=False),
        PARAMS: Rule(_params, None, management=False),
        STDIN: Rule(_data, None, management=False),
        DATA: Rule(_data, None, management=False),
        GET_VALUES: Rule(Records._values, None, management=True),
    }


def _place(offset: int, parts: list[tuple[int, bytes]]) -> tuple[int, bytes]:
    """Where the byte at `offset` of the joined parts lies, and what stands there."""
    index = 0
    while offset >= len(parts[index][1]):
        offset -= len(parts[index][1])
        index += 1
    start, part = parts[index]
    return start + offset, part[offset:]
