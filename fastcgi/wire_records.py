"""The decoders: records of either direction, and what they mean for the requests that are active.

What trips people up: no record says that a request is complete. That is so when the last stream of its role has ended,
and of a role the streams come one behind the other (6.1). Pieces of data are passed on before their record is whole.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Abort, Begin, Data, End, Event, Other, Values, Variables
from gateway_zoo.wire.faults import Limits, TooLong, TooMany, Truncated, WireError

from .wire_faults import (
    AlreadyActive,
    BadLength,
    BadPairs,
    BadRequestId,
    BadStatus,
    BadVersion,
    OutOfOrder,
    WrongDirection,
)
from .wire_layout import (
    ABORT_REQUEST,
    BEGIN,
    BEGIN_REQUEST,
    DATA,
    END,
    END_REQUEST,
    GET_VALUES,
    GET_VALUES_RESULT,
    HEADER,
    INPUTS,
    KEEP_CONN,
    PARAMS,
    RESPONDER,
    STATUSES,
    STDERR,
    STDIN,
    STDOUT,
    TYPES,
    UNKNOWN_TYPE,
    UNKNOWN_TYPE_SIZE,
)
from .wire_pairs import pairs


class _Rule(NamedTuple):
    """What a type of record needs: who takes it, the bytes of its content if they are fixed, and is its id 0?"""

    take: Callable[..., None]  # (decoder, type, id, content, offset, offset behind it, events)
    length: int | None
    management: bool | None


NO_RULE = _Rule(lambda *_: None, None, None)


class _Records(Decoder):
    """Records, one behind the other. Pieces of data are passed on as they come, all else when it is whole."""

    WAITS_FOR = "the rest of a record"
    RULES: ClassVar[dict[int, _Rule]]

    #: Of a record of data whose bytes are still to come: how many, and whose. `_active`: requests by their ids.
    __slots__ = ("_active", "_content", "_id", "_padding", "_stream")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits  # all that Decoder sets, too: its own __init__ called from here is a third of the cost
        self.offset = self._content = self._padding = 0
        self._rest = b""
        self._error = None
        self._active: dict[int, Any] = {}

    def _decode(self, data: bytes, events: list[Event]) -> int:
        at, end, base = 0, len(data), self.offset
        rules, unpack = self.RULES, HEADER.unpack_from
        if self._content or self._padding:
            at = self._go_on(data, at, events)
        while end - at >= 8:
            version, type, id, length, padding = unpack(data, at)
            start = at + 8
            after = start + length + padding
            rule: _Rule = rules.get(type, NO_RULE)
            take, fixed, management = rule
            if version != 1 or (id == 0) is not management or (fixed != length and fixed is not None):
                take = self._checked(data[at:start], base + at)
            if after <= end:
                take(self, type, id, data[start : start + length], base + at, base + after, events)
                at = after
            elif length and self._passes_on(type, id, base + at):
                self._content, self._padding, self._stream, self._id = length, padding, TYPES[type], id
                return self._go_on(data, start, events)
            else:
                break
        return at

    def _checked(self, header: bytes, offset: int) -> Callable[..., None]:
        """Raises what is wrong with this header; a type that nobody has defined is not wrong."""
        version, type, id, length, _ = HEADER.unpack(header)
        if version != 1:
            raise BadVersion(offset, header, f"version 1, not {version}")
        if type not in TYPES:
            return _Records._other
        name, rule = TYPES[type], self.RULES.get(type, NO_RULE)
        if rule is NO_RULE:
            raise WrongDirection(offset, header, f"no {name}: only the other side sends it")
        if (not id) != rule.management:
            wanted = "requestId 0" if rule.management else "a requestId other than 0"
            raise BadRequestId(offset, header, f"{wanted} for {name}, not {id}")
        raise BadLength(offset, header, f"{rule.length} bytes of content for {name}, not {length}")

    def _go_on(self, data: bytes, at: int, events: list[Event]) -> int:
        """More of a record of data: content, then padding."""
        if piece := data[at : at + self._content]:
            events.append(Data(self.offset + at, self._id, self._stream, piece))
            self._content -= len(piece)
            at += len(piece)
        skipped = min(self._padding, len(data) - at)
        self._padding -= skipped
        return at + skipped

    @abstractmethod
    def _passes_on(self, type: int, id: int, offset: int) -> bool:
        """Is this a record of data whose first bytes may go out before the last have come?"""

    def _values(self, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]) -> None:
        asked = type == GET_VALUES
        try:
            found = pairs(content, self.limits)
        except WireError as error:
            raise _moved(error, offset + HEADER.size + error.offset, error.seen) from None
        if asked and any(value for _, value in found):
            raise BadPairs(offset + HEADER.size, content, "names with empty values in GET_VALUES")  # 4.1
        events.append(Values(offset, 0, asked, found))

    def _other(self, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]) -> None:
        """No part of a request. An application answers a type of management that it does not know (4.2)."""
        events.append(Other(offset, id, TYPES.get(type, f"type {type}"), content))

    def _close(self, events: list[Event]) -> None:
        super()._close(events)
        if self._content or self._padding:
            raise Truncated(self.offset, b"", self.WAITS_FOR)


def _moved(error: WireError, offset: int, seen: bytes) -> WireError:
    return type(error)(offset, seen, error.expected)


class _Request:
    """A request whose inputs are not complete: the streams that are still to end, and the PARAMS so far."""

    __slots__ = ("head_at", "params", "size", "streams")

    def __init__(self, role: int) -> None:
        self.streams = INPUTS.get(role, INPUTS[RESPONDER])
        self.params: list[tuple[int, bytes]] = []  # offset, content
        self.size = 0
        self.head_at: int | None = None  # where the first PARAMS record stands, until they are complete


class Requests(_Records):
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
            raise _moved(error, *_place(error.offset, parts)) from None
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

    RULES: ClassVar[dict[int, _Rule]] = {
        BEGIN_REQUEST: _Rule(_begin, BEGIN.size, management=False),
        ABORT_REQUEST: _Rule(_abort, 0, management=False),
        PARAMS: _Rule(_params, None, management=False),
        STDIN: _Rule(_data, None, management=False),
        DATA: _Rule(_data, None, management=False),
        GET_VALUES: _Rule(_Records._values, None, management=True),
    }


def _place(offset: int, parts: list[tuple[int, bytes]]) -> tuple[int, bytes]:
    """Where the byte at `offset` of the joined parts lies, and what stands there."""
    index = 0
    while offset >= len(parts[index][1]):
        offset -= len(parts[index][1])
        index += 1
    start, part = parts[index]
    return start + offset, part[offset:]


class Responses(_Records):
    """What an application sends. It is active from the first record of an id to END_REQUEST."""

    __slots__ = ()
    _active: dict[int, set[int]]  # id -> its streams that have ended

    def _data(self, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]) -> None:
        ended = self._expected(type, id, offset)
        if content:
            events.append(Data(offset + HEADER.size, id, TYPES[type], content))
        else:
            ended.add(type)

    def _end(self, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]) -> None:
        """6.1 wants STDOUT to have ended before. Not everybody says so, and END_REQUEST ends it all the same."""
        status = END.unpack(content)
        if status[1] not in STATUSES:
            raise BadStatus(offset + 12, content[4:5], f"a protocolStatus from 0 to 3, not {status[1]}")
        self._active.pop(id, None)
        events.append(End(after, id, status))

    def _expected(self, type: int, id: int, offset: int) -> set[int]:
        if id not in self._active:
            if len(self._active) >= self.limits.requests:
                expected = f"answers to at most {self.limits.requests} requests at once"
                raise TooMany(offset + 2, id.to_bytes(2), expected)
            self._active[id] = set()
        if type in self._active[id]:
            raise OutOfOrder(
                offset, HEADER.pack(1, type, id, 0, 0)[:4], f"END_REQUEST of request {id}, its {TYPES[type]} has ended"
            )
        return self._active[id]

    def _passes_on(self, type: int, id: int, offset: int) -> bool:
        return type in (STDOUT, STDERR) and self._expected(type, id, offset) is not None

    def _close(self, events: list[Event]) -> None:
        super()._close(events)
        for id in self._active:
            raise Truncated(self.offset, b"", f"END_REQUEST of request {id}")

    RULES: ClassVar[dict[int, _Rule]] = {
        END_REQUEST: _Rule(_end, END.size, management=False),
        STDOUT: _Rule(_data, None, management=False),
        STDERR: _Rule(_data, None, management=False),
        GET_VALUES_RESULT: _Rule(_Records._values, None, management=True),
        UNKNOWN_TYPE: _Rule(_Records._other, UNKNOWN_TYPE_SIZE, management=True),
    }
