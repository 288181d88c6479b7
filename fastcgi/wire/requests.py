"""The records that a web server sends: each request id is in a state, and a record moves it on.

    IDLE --BEGIN_REQUEST--> PARAMS --empty PARAMS--> STDIN --empty STDIN--> IDLE       a Responder
                            PARAMS --empty PARAMS--> IDLE                              an Authorizer
                                                     STDIN --empty STDIN--> DATA --empty DATA--> IDLE   a Filter
    any state --ABORT_REQUEST--> IDLE

A record that its request does not wait for is surplus: a Fault, and it is skipped. But the first record of the next
stream ends the one before: only the empty record is missing.

What trips people up: no record says that a request is complete. It is complete when the last stream of its role has
ended. CONTENT_LENGTH ends nothing; it is compared with STDIN when that has ended. nginx sends an empty one for GET and
for a body in chunks: it says nothing.
"""

from typing import ClassVar

from gateway_zoo.wire.decoder import breach, fault
from gateway_zoo.wire.events import Abort, Begin, End, Event, Pairs, Variables
from gateway_zoo.wire.faults import Limits, TooLong, TooMany, Truncated, WireError, short_body

from . import layout
from .faults import AlreadyActive, BadContentLength, BadPairs, BehindTheBody, NotActive, OutOfOrder
from .layout import ABORT_REQUEST, BEGIN, BEGIN_REQUEST, DATA, GET_VALUES, HEADER, KEEP_CONN, PARAMS, STDIN, TYPES
from .pairs import pairs, value_at
from .records import Record, Records, Rule, in_pairs, moved, surplus

IDLE = 0  # The other states have the number of the stream that is to come: PARAMS, STDIN, DATA.
#: role -> state -> the state after the end of its stream (6.2, 6.3, 6.4). An application refuses a role that it does
#: not know; until it does, such a request is read as a Responder's.
NEXT = {
    layout.RESPONDER: {PARAMS: STDIN, STDIN: IDLE},
    layout.AUTHORIZER: {PARAMS: IDLE},
    layout.FILTER: {PARAMS: STDIN, STDIN: DATA, DATA: IDLE},
}
#: The variables that tell how long a stream is (6.2, 6.4).
LENGTHS = {b"CONTENT_LENGTH": STDIN, b"FCGI_DATA_LENGTH": DATA}
LONGEST_DECIMAL = 20  # digits


class _Request:
    """A request that is not IDLE: its state, its PARAMS so far, and the bytes of its stream so far."""

    __slots__ = ("got", "head_at", "lengths", "next", "params", "size", "state")

    def __init__(self, role: int) -> None:
        self.state = PARAMS
        self.next = NEXT.get(role, NEXT[layout.RESPONDER])
        self.params: list[tuple[int, bytes]] = []  # offset, content
        self.size = 0
        self.head_at: int | None = None  # where the first PARAMS record stands, until they are complete
        self.lengths: dict[int, int | None] = {}  # stream -> the length that a variable tells; None: in doubt
        self.got = 0


class Requests(Records):
    """The decoder of what a web server sends."""

    __slots__ = ("_begun",)
    _active: dict[int, _Request]

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._begun: set[int] = set()  # the ids of all requests so far

    @property
    def settled(self) -> int:
        return min([self.offset, *(r.head_at for r in self._active.values() if r.head_at is not None)])

    def _begin(self, record: Record, events: list[Event]) -> None:
        if request := self._active.get(record.id):
            state = TYPES[request.state]
            expected = f"the rest of request {record.id} before another one of this id: its state is {state}"
            surplus(record, AlreadyActive, expected, events)
            return
        if len(self._active) >= self.limits.requests:
            expected = f"at most {self.limits.requests} requests at once"
            raise TooMany(record.offset + 2, record.id.to_bytes(2), expected)
        role, flags = BEGIN.unpack(record.content)
        self._begun.add(record.id)
        self._active[record.id] = _Request(role)
        events.append(Begin(record.offset, record.id, role, bool(flags & KEEP_CONN)))

    def _abort(self, record: Record, events: list[Event]) -> None:
        """Also when the streams have ended: the application may still be working on the request (5.4)."""
        if record.id not in self._begun:
            surplus(record, NotActive, _not_active(record), events)
            return
        events.append(Abort(record.offset, record.id))
        if self._active.pop(record.id, None):
            events.append(End(record.after, record.id))

    def _waiting(self, record: Record, events: list[Event]) -> _Request | None:
        """Return the request that waits for this record of a stream; None if it is surplus."""
        request = self._active.get(record.id)
        if request is None:
            surplus(record, NotActive, _not_active(record), events)
        elif request.state != record.type:
            return self._unexpected(request, record, events)
        return request

    def _unexpected(self, request: _Request, record: Record, events: list[Event]) -> _Request | None:
        """Take the record if it is of the next stream: the end of the one before is missing."""
        type, id, state = record.type, record.id, TYPES[request.state]
        if request.next[request.state] == type:
            expected = f"the end of {state} of request {id} before its {TYPES[type]}"
            events.append(fault(OutOfOrder(record.offset, record.header, expected), 0, id))
            self._end_stream(request, record, events)
            return request
        expected = f"{state} of request {id}, not {TYPES[type]}: its state is {state}"
        surplus(record, OutOfOrder, expected, events)
        return None

    def _params(self, record: Record, events: list[Event]) -> None:
        request = self._waiting(record, events)
        if request is None:
            return
        if request.head_at is None:
            request.head_at = record.offset
        if not record.content:
            self._end_stream(request, record, events)
            return
        offset = record.offset + HEADER.size
        request.params.append((offset, record.content))
        request.size += len(record.content)
        error: WireError | None = None
        if request.size > self.limits.head:
            error = TooLong(offset, record.content, f"PARAMS of at most {self.limits.head} bytes, not {request.size}")
        elif len(request.params) > self.limits.pieces:
            error = TooMany(offset, record.content, f"PARAMS in at most {self.limits.pieces} records")
        if error:
            events.append(Variables(request.head_at, record.id, pairs(_joined(request.params), self.limits)[0]))
            raise error

    def _flow(self, record: Record, events: list[Event]) -> str:
        request = self._waiting(record, events)
        if request is None:
            return ""
        request.got += record.length
        return TYPES[record.type]

    def _end_data(self, record: Record, events: list[Event]) -> None:
        request = self._waiting(record, events)
        if request:
            self._end_stream(request, record, events)

    def _end_stream(self, request: _Request, record: Record, events: list[Event]) -> None:
        length = request.lengths.get(request.state)
        if request.state == PARAMS:
            self._end_params(request, record, events)
        elif length is not None and length != request.got:
            events.append(fault(_wrong_length(request, record, length), 0, record.id))
        request.got, request.state = 0, request.next[request.state]
        if request.state == IDLE:
            del self._active[record.id]
            events.append(End(record.after, record.id))

    def _end_params(self, request: _Request, record: Record, events: list[Event]) -> None:
        head_at = record.offset if request.head_at is None else request.head_at
        block = _joined(request.params)
        variables, error = pairs(block, self.limits)
        # The breach comes first: a secret may stand behind the variables that are told.
        error = error and moved(error, *_place(error.offset, request.params))
        if isinstance(error, BadPairs):
            events.append(in_pairs(error, record.id))
        events.append(Variables(head_at, record.id, variables))
        if error and not isinstance(error, BadPairs):
            raise error
        self._note_lengths(request, record.id, block, variables, events)
        request.head_at, request.params = None, []

    def _note_lengths(self, request: _Request, id: int, block: bytes, variables: Pairs, events: list[Event]) -> None:
        for index, (name, value) in enumerate(variables):
            if name in LENGTHS and value:
                length = int(value) if value.isdigit() and len(value) <= LONGEST_DECIMAL else None
                if length is None or request.lengths.setdefault(LENGTHS[name], length) != length:
                    request.lengths[LENGTHS[name]] = None
                    at, seen = _place(value_at(block, index, self.limits), request.params)
                    expected = f"{name.decode()} in digits, and only one"
                    events.append(breach(BadContentLength(at, seen[: len(value)], expected), 1, id))

    def _close(self, events: list[Event]) -> None:
        super()._close(events)
        for id, request in self._active.items():
            length = request.lengths.get(request.state)
            if length is not None and request.got < length:
                raise short_body(self.offset, request.got, length)
            raise Truncated(self.offset, b"", f"the end of {TYPES[request.state]} of request {id}")

    RULES: ClassVar[dict[int, Rule]] = {
        BEGIN_REQUEST: Rule(_begin, BEGIN.size),
        ABORT_REQUEST: Rule(_abort, 0),
        PARAMS: Rule(_params),
        STDIN: Rule(_end_data, flows=True),
        DATA: Rule(_end_data, flows=True),
        GET_VALUES: Rule(Records._values, management=True),
    }


def _not_active(record: Record) -> str:
    return f"no {TYPES[record.type]} of request {record.id}: it is not active, and the record is to be ignored"


def _wrong_length(request: _Request, record: Record, length: int) -> WireError:
    if request.got < length:
        return short_body(record.offset, request.got, length)
    expected = f"the end of {TYPES[request.state]} behind {length} bytes, not {request.got}"
    return BehindTheBody(record.offset, b"", expected)


def _joined(parts: list[tuple[int, bytes]]) -> bytes:
    return parts[0][1] if len(parts) == 1 else b"".join([part for _, part in parts])


def _place(offset: int, parts: list[tuple[int, bytes]]) -> tuple[int, bytes]:
    """Find the byte at `offset` of the joined parts: its place, and what stands there."""
    index = 0
    while offset >= len(parts[index][1]):
        offset -= len(parts[index][1])
        index += 1
    start, part = parts[index]
    return start + offset, part[offset:]
