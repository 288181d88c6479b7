"""The records that a web server sends, read by a table: each request id is in a state, and a record moves it on.

Requests.STATES is the machine: state -> record -> the method that takes it. A record that its state does not list is an
error. An empty record ends the stream that the state is named after; NEXT says which state follows.

    IDLE --BEGIN_REQUEST--> PARAMS --empty PARAMS--> STDIN --empty STDIN--> IDLE       a Responder
                            PARAMS --empty PARAMS--> IDLE                              an Authorizer
                                                     STDIN --empty STDIN--> DATA --empty DATA--> IDLE   a Filter
    any state --ABORT_REQUEST--> IDLE

What trips people up: no record says that a request is complete. It is complete when the last stream of its role has
ended. And records of an id that is IDLE are no error: they are to be ignored (3.3).
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

from gateway_zoo.wire.events import Abort, Begin, Data, End, Event, Other, Variables
from gateway_zoo.wire.faults import TooLong, TooMany, Truncated, WireError

from . import layout
from .faults import AlreadyActive, OutOfOrder
from .layout import ABORT_REQUEST, BEGIN, BEGIN_REQUEST, DATA, GET_VALUES, HEADER, KEEP_CONN, PARAMS, STDIN, TYPES
from .pairs import pairs
from .records import Records, Rule, moved

IDLE = 0  # The other states have the number of the stream that is to come: PARAMS, STDIN, DATA.
#: role -> state -> the state after the end of its stream (6.2, 6.3, 6.4). An application refuses a role that it does
#: not know; until it does, such a request is read as a Responder's.
NEXT = {
    layout.RESPONDER: {PARAMS: STDIN, STDIN: IDLE},
    layout.AUTHORIZER: {PARAMS: IDLE},
    layout.FILTER: {PARAMS: STDIN, STDIN: DATA, DATA: IDLE},
}
Step = Callable[..., None]  # (decoder, request or None, type, id, content, offset, offset behind the record, events)


class _Request:
    """A request that is not IDLE: its state, and its PARAMS so far."""

    __slots__ = ("head_at", "next", "params", "size", "state")

    def __init__(self, role: int) -> None:
        self.state = PARAMS
        self.next = NEXT.get(role, NEXT[layout.RESPONDER])
        self.params: list[tuple[int, bytes]] = []  # offset, content
        self.size = 0
        self.head_at: int | None = None  # where the first PARAMS record stands, until they are complete


class Requests(Records):
    """The decoder of what a web server sends."""

    __slots__ = ()
    _active: dict[int, _Request]

    @property
    def settled(self) -> int:
        return min([self.offset, *(r.head_at for r in self._active.values() if r.head_at is not None)])

    def _take(self, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]) -> None:
        """Do what the table says for this record in the state of its request."""
        request = self._active.get(id)
        step = self.STATES[request.state if request else IDLE].get(type)
        if step is None:
            raise _unexpected(request, type, id, content, offset)
        step(self, request, type, id, content, offset, after, events)

    def _begin(self, _: None, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]) -> None:
        if len(self._active) >= self.limits.requests:
            raise TooMany(offset + 2, id.to_bytes(2), f"at most {self.limits.requests} requests at once")
        role, flags = BEGIN.unpack(content)
        self._active[id] = _Request(role)
        events.append(Begin(offset, id, role, bool(flags & KEEP_CONN)))

    def _abort(
        self, request: _Request | None, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]
    ) -> None:
        """In IDLE, too: the application may still be working on a request whose streams have ended (5.4)."""
        events.append(Abort(offset, id))
        if request:
            del self._active[id]
            events.append(End(after, id))

    def _ignore(
        self, _: None, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]
    ) -> None:
        events.append(Other(offset, id, TYPES[type], content))

    def _data(
        self, request: _Request, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]
    ) -> None:
        if content:
            events.append(Data(offset + HEADER.size, id, TYPES[type], content))
        else:
            self._end_stream(request, id, after, events)

    def _params(
        self, request: _Request, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]
    ) -> None:
        if request.head_at is None:
            request.head_at = offset
        if content:
            self._keep_params(request, content, offset + HEADER.size)
            return
        parts = request.params
        try:
            variables = pairs(parts[0][1] if len(parts) == 1 else b"".join([part for _, part in parts]), self.limits)
        except WireError as error:
            raise moved(error, *_place(error.offset, parts)) from None
        events.append(Variables(request.head_at, id, variables))
        request.head_at, request.params = None, []
        self._end_stream(request, id, after, events)

    def _keep_params(self, request: _Request, content: bytes, offset: int) -> None:
        request.params.append((offset, content))
        request.size += len(content)
        if request.size > self.limits.head:
            raise TooLong(offset, content, f"PARAMS of at most {self.limits.head} bytes, not {request.size}")
        if len(request.params) > self.limits.pieces:
            raise TooMany(offset, content, f"PARAMS in at most {self.limits.pieces} records")

    def _end_stream(self, request: _Request, id: int, after: int, events: list[Event]) -> None:
        request.state = request.next[request.state]
        if request.state == IDLE:
            del self._active[id]
            events.append(End(after, id))

    STATES: ClassVar[Mapping[int, Mapping[int, Step]]] = {
        IDLE: {BEGIN_REQUEST: _begin, ABORT_REQUEST: _abort, PARAMS: _ignore, STDIN: _ignore, DATA: _ignore},
        PARAMS: {PARAMS: _params, ABORT_REQUEST: _abort},
        STDIN: {STDIN: _data, ABORT_REQUEST: _abort},
        DATA: {DATA: _data, ABORT_REQUEST: _abort},
    }

    def _passes_on(self, type: int, id: int, offset: int) -> bool:
        request = self._active.get(id)
        return request is not None and self.STATES[request.state].get(type) is Requests._data

    def _close(self, events: list[Event]) -> None:
        super()._close(events)
        for id, request in self._active.items():
            raise Truncated(self.offset, b"", f"the end of {TYPES[request.state]} of request {id}")

    RULES: ClassVar[dict[int, Rule]] = {
        BEGIN_REQUEST: Rule(_take, BEGIN.size, management=False),
        ABORT_REQUEST: Rule(_take, 0, management=False),
        PARAMS: Rule(_take, None, management=False),
        STDIN: Rule(_take, None, management=False),
        DATA: Rule(_take, None, management=False),
        GET_VALUES: Rule(Records._values, None, management=True),
    }


def _unexpected(request: _Request | None, type: int, id: int, content: bytes, offset: int) -> WireError:
    """Make the error for a record that the state of its request does not list. In IDLE every record is listed."""
    assert request
    state = TYPES[request.state]
    if type == BEGIN_REQUEST:
        expected = f"the rest of request {id} before another one of this id: its state is {state}"
        return AlreadyActive(offset + 2, id.to_bytes(2), expected)
    seen = HEADER.pack(1, type, id, len(content), 0)[:6]
    return OutOfOrder(offset, seen, f"{state} of request {id}, not {TYPES[type]}: its state is {state}")


def _place(offset: int, parts: list[tuple[int, bytes]]) -> tuple[int, bytes]:
    """Find the byte at `offset` of the joined parts: its place, and what stands there."""
    index = 0
    while offset >= len(parts[index][1]):
        offset -= len(parts[index][1])
        index += 1
    start, part = parts[index]
    return start + offset, part[offset:]
