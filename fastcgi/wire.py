"""FastCGI 1.0: records of requests and of their answers, many requests on one connection, each with its own id.

Source: M. Brown, "FastCGI Specification", 29 April 1996; section numbers are its own. A connection is nothing but
records, in both directions: a header of eight bytes, the content, padding. Some records say one thing (BEGIN_REQUEST);
the others are pieces of streams (PARAMS, STDIN, STDOUT, …), which a record without content ends.

What trips people up: content has 65,535 bytes at most, and where a stream is cut means nothing (3.3), so a variable may
begin in one PARAMS record and end in another. The variables are known when the empty PARAMS record has come.
Each direction is decoded by itself. So an id counts as active until its inputs have ended or are aborted: that the
application may end a request earlier (END_REQUEST) stands in the other direction.
"""

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, ClassVar, NamedTuple

from msgspec.structs import replace

from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Abort, Begin, Data, End, Event, Other, Pairs, Values, Variables
from gateway_zoo.wire.faults import LIMITS, CannotEncode, Limits, Malformed, TooLong, TooMany, Truncated, WireError
from gateway_zoo.wire.fields import Annotated, Field, Span, Stream, cut, in_order, placed
from gateway_zoo.wire.heads import cgi_head
from gateway_zoo.wire.shape import Choice, Number, Raw, Repeat, Shape, ShortOrLong, fields
from gateway_zoo.wire.wires import Direction

INNER: Mapping[str, str] = {"STDOUT": "CGI"}
LARGEST = 65_535  # contentLength has two bytes
LONGEST = 0x7FFFFFFF  # a name or a value: four bytes, the highest bit says that there are four (3.4)
KEEP_CONN = 1

BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR, DATA = range(1, 9)
GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE = 9, 10, 11

TYPES = {
    BEGIN_REQUEST: "BEGIN_REQUEST",
    ABORT_REQUEST: "ABORT_REQUEST",
    END_REQUEST: "END_REQUEST",
    PARAMS: "PARAMS",
    STDIN: "STDIN",
    STDOUT: "STDOUT",
    STDERR: "STDERR",
    DATA: "DATA",
    GET_VALUES: "GET_VALUES",
    GET_VALUES_RESULT: "GET_VALUES_RESULT",
    UNKNOWN_TYPE: "UNKNOWN_TYPE",
}
#: What each type is for, and where the specification says it.
KINDS = {
    BEGIN_REQUEST: ("a request begins", "5.1"),
    ABORT_REQUEST: ("the web server gives the request up", "5.4"),
    END_REQUEST: ("the answer is complete", "5.5"),
    PARAMS: ("a piece of the variables; empty: that was all", "5.2"),
    STDIN: ("a piece of the body; empty: that was all", "5.3"),
    STDOUT: ("a piece of the answer; empty: that was all", "5.3"),
    STDERR: ("a piece of what is for the log; empty: that was all", "5.3"),
    DATA: ("a piece of the file that a Filter shall change; empty: that was all", "5.3"),
    GET_VALUES: ("the web server asks what the application can do", "4.1"),
    GET_VALUES_RESULT: ("what the application can do", "4.1"),
    UNKNOWN_TYPE: ("the application does not know a record's type", "4.2"),
}
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
ROLES = {RESPONDER: "RESPONDER", AUTHORIZER: "AUTHORIZER", FILTER: "FILTER"}
STATUSES = {0: "REQUEST_COMPLETE", 1: "CANT_MPX_CONN", 2: "OVERLOADED", 3: "UNKNOWN_ROLE"}

PAIR = Shape(
    name="pair",
    means="a name and its value",
    pair=("nameData", "valueData"),
    parts=(
        ShortOrLong(
            name="nameLength", means="bytes of the name: one byte, or four with the highest bit set", section="3.4"
        ),
        ShortOrLong(name="valueLength", means="bytes of the value: one byte, or four likewise", section="3.4"),
        Raw(name="nameData", size="nameLength", means="the name", section="3.4"),
        Raw(name="valueData", size="valueLength", means="the value", section="3.4"),
    ),
)
PAIRS = Shape(
    name="pairs",
    means="names and values, one behind the other",
    parts=(Repeat(name="pairs", size="", shape=PAIR, means="the names and values", section="3.4"),),
)
BEGIN_BODY = Shape(
    name="BeginRequestBody",
    means="a request begins",
    parts=(
        Number(name="role", bytes=2, values=ROLES, means="what the application shall be", section="5.1"),
        Number(
            name="flags",
            bytes=1,
            values={0: "close", 1: "KEEP_CONN"},
            means="lowest bit: the connection stays open after the answer",
            section="5.1",
        ),
        Raw(name="reserved", size=5, section="5.1"),
    ),
)
END_BODY = Shape(
    name="EndRequestBody",
    means="the answer is complete",
    parts=(
        Number(name="appStatus", bytes=4, means="what a CGI program would give to exit()", section="5.5"),
        Number(name="protocolStatus", bytes=1, values=STATUSES, means="did FastCGI itself succeed?", section="5.5"),
        Raw(name="reserved", size=3, section="5.5"),
    ),
)
UNKNOWN_TYPE_BODY = Shape(
    name="UnknownTypeBody",
    means="the application does not know a management record",
    parts=(
        Number(name="type", bytes=1, means="the type that it does not know", section="4.2"),
        Raw(name="reserved", size=7, section="4.2"),
    ),
)
#: The pairs of PARAMS are not here: they lie in the joined contents of its records, and any byte may be the cut (5.2).
RECORD = Shape(
    name="FastCGI",
    means="a record; a connection is nothing else, in both directions",
    parts=(
        Number(name="version", bytes=1, values={1: "FCGI_VERSION_1"}, means="always 1", section="3.3"),
        Number(name="type", bytes=1, values=TYPES, means="the kind of record", section="3.3"),
        Number(name="requestId", bytes=2, means="which request; 0: the connection itself", section="3.3"),
        Number(name="contentLength", bytes=2, means="bytes of content", section="3.3"),
        Number(name="paddingLength", bytes=1, means="bytes to skip behind the content", section="3.3"),
        Raw(name="reserved", size=1, section="3.3"),
        Choice(
            name="contentData",
            size="contentLength",
            on="type",
            means="what the type says",
            section="3.3",
            shapes={
                BEGIN_REQUEST: BEGIN_BODY,
                END_REQUEST: END_BODY,
                GET_VALUES: PAIRS,
                GET_VALUES_RESULT: PAIRS,
                UNKNOWN_TYPE: UNKNOWN_TYPE_BODY,
            },
        ),
        Raw(name="paddingData", size="paddingLength", means="ignored; aligns the next record", section="3.3"),
    ),
)
LAYOUT = RECORD  # what repeats, in both directions

HEADER = struct.Struct(">BBHHBx")
LENGTH = struct.Struct(">I")
BEGIN = struct.Struct(">HB5x")
END = struct.Struct(">IB3x")

UNKNOWN_TYPE_SIZE = 8
MANAGEMENT = {GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE}  # their request id is 0 (3.3, appendix A)
#: What each role is sent, in this order: 6.1 "inputs are not interleaved"; 6.2, 6.3, 6.4. An application refuses a
#: role that it does not know; until then this one is a Responder to us.
INPUTS = {RESPONDER: (PARAMS, STDIN), AUTHORIZER: (PARAMS,), FILTER: (PARAMS, STDIN, DATA)}


class BadVersion(Malformed):
    """A version other than 1 (3.3)."""


class BadRequestId(Malformed):
    """A record of a request with id 0, or one of the connection with another (3.3)."""


class BadLength(Malformed):
    """A content of fixed layout that is longer or shorter than it."""


class WrongDirection(Malformed):
    """A record that only the other side may send (appendix A)."""


class AlreadyActive(Malformed):
    """BEGIN_REQUEST for an id whose request has not ended (3.3)."""


class OutOfOrder(Malformed):
    """A stream that is not this role's, or not yet, or no longer (3.3, 6.1)."""


class BadPairs(Malformed):
    """Lengths of names and values that do not fit into what carries them, or a value where none may be."""


class BadStatus(Malformed):
    """A protocolStatus that is not defined (5.5)."""


def pairs(block: bytes, limits: Limits) -> Pairs:
    """Split names and values (3.4). Offsets of errors count from the block's first byte."""
    found: Pairs = []
    at, end = 0, len(block)
    short = min(limits.name, limits.value, 127)
    try:
        while at < end:
            length, size, name_at = block[at], block[at + 1], at + 2
            if length | size > short:  # four bytes, or too long; rarely neither
                length, size, name_at = _lengths(block, at, limits)
            value_at = name_at + length
            after = value_at + size
            if after > end:
                expected = f"a name of {length} and a value of {size} bytes in the {end - name_at} that are left"
                raise BadPairs(at, block[at:], expected)
            found.append((block[name_at:value_at], block[value_at:after]))
            at = after
    except (IndexError, struct.error):
        raise BadPairs(at, block[at:], "the length of a name and of a value") from None
    if len(found) > limits.variables:
        raise TooMany(0, block, f"at most {limits.variables} variables, not {len(found)}")
    return found


def _lengths(block: bytes, at: int, limits: Limits) -> tuple[int, int, int]:
    """Of the name and the value of the pair at `at`, and where the name begins."""
    found = []
    start = at
    for kind, limit in (("name", limits.name), ("value", limits.value)):
        length = block[at]
        at += 1
        if length > 127:
            length = LENGTH.unpack_from(block, at - 1)[0] & LONGEST
            at += 3
        if length > limit:
            raise TooLong(start, block[start:], f"a {kind} of at most {limit} bytes, not {length}")
        found.append(length)
    return found[0], found[1], at


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
            if version != 1 or (not id) is not management or (fixed is not None and fixed != length):
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

    def _passes_on(self, type: int, id: int, offset: int) -> bool:
        """Is this a record of data whose first bytes may go out before the last have come?"""
        raise NotImplementedError

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
        request.streams = request.streams[1:]
        if not request.streams:
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


def pair(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
    """Decoders of requests and of responses."""
    return Requests(limits), Responses(limits)


def annotate(direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated:
    """Name every byte. Never raises: what is wrong is a field with `fault`, and so is all that follows."""
    naming = _Naming(data, *_told(direction, data))
    at = 0
    while at < len(data):
        at = naming.record(at)
    for spans in naming.params.values():
        naming.variables(spans)
    naming.streams += [Stream("CGI", tuple(spans), 2) for spans in naming.stdout.values()]
    return Annotated(in_order(naming.found), naming.streams)


def _told(direction: Direction, data: bytes) -> tuple[WireError | None, set[int]]:
    """What the decoder has against these bytes, and the offsets of the records that are of no request."""
    error: WireError | None = None
    try:
        events = pair()[direction == "response"].feed(data)
    except WireError as wrong:
        error, events = wrong, wrong.events
    return error, {event.offset for event in events if isinstance(event, Other)}


class _Naming:
    """Fields of records; PARAMS and STDOUT of each id are collected until they end."""

    def __init__(self, data: bytes, fault: WireError | None, ignored: set[int]) -> None:
        self.data, self.fault, self.ignored = data, fault, ignored
        self.found: list[Field] = []
        self.streams: list[Stream] = []
        self.params: dict[int, list[Span]] = {}
        self.stdout: dict[int, list[Span]] = {}

    def record(self, at: int) -> int:
        """Name the record at `at`; returns the offset behind it."""
        inside, after = fields(RECORD, self.data, at, 1)
        if self.fault and at <= self.fault.offset < after:
            after = len(self.data)
            inside = _spoilt(inside, at, self.fault, after)
        wrong = any(field.fault for field in inside)
        if len(self.data) - at < HEADER.size:
            self.found.append(Field(at, after - at, "record", "", RECORD.means, "3.3", fault=wrong))
            self.found += inside
            return after
        _, type, id, length, _ = HEADER.unpack_from(self.data, at)
        name, (means, section) = TYPES.get(type, f"type {type}"), KINDS.get(type, ("in no specification", "4.2"))
        whose = f"request {id}" if id else "the connection"
        if id and at in self.ignored:
            whose, section = f"{whose}: not active, to be ignored", "3.3"
        self.found.append(Field(at, after - at, name, whose, means, section, fault=wrong))
        start = at + HEADER.size
        if at not in self.ignored:
            self._collect(type, id, (start, min(length, len(self.data) - start)))
        shown = f"{length} bytes"
        inside = [field for field in inside if field.length or field.fault]  # no content, no padding: nothing to show
        self.found += [
            replace(f, value=shown) if f.name == "contentData" and type in UNSHOWN and not f.fault else f
            for f in inside
        ]
        return after

    def _collect(self, type: int, id: int, span: Span) -> None:
        if type == PARAMS and span[1]:
            self.params.setdefault(id, []).append(span)
        elif type in (PARAMS, BEGIN_REQUEST):  # a new request: the one before was aborted
            self.variables(self.params.pop(id, []))
        elif type == STDOUT and span[1]:
            self.stdout.setdefault(id, []).append(span)
        elif type == END_REQUEST and id in self.stdout:
            self.streams.append(Stream("CGI", tuple(self.stdout.pop(id)), 2))

    def variables(self, spans: list[Span]) -> None:
        """The pairs in the joined contents of PARAMS records, where their pieces lie."""
        block, at = cut(self.data, spans), 0
        starts = list(accumulate((length for _, length in spans), initial=0))
        while at < len(block):
            # Only the pieces that this pair touches: there may be as many as there are bytes.
            first = bisect_right(starts, at) - 1
            low = starts[first]
            found, after = fields(PAIR, block[low:], at - low)
            at = low + after
            self.found += placed(found, tuple(spans[first : bisect_left(starts, at)]), 2)


#: Streams whose contents are named elsewhere, or are only data.
UNSHOWN = {PARAMS, STDIN, STDOUT, DATA}


def _spoilt(inside: list[Field], at: int, fault: WireError, end: int) -> list[Field]:
    """The header of a record with a fault, and the fault up to the end of the data."""
    start = min(at + HEADER.size, end)
    header = [field for field in inside if field.offset < start]
    if fault.offset == at and isinstance(fault, BadVersion):
        return [Field(at, end - at, "version", str(fault), "always 1", "3.3", 1, fault=True)]
    return [*header, Field(start, end - start, "contentData", str(fault), section="3.3", depth=1, fault=True)]


def record(type: int, id: int, content: bytes = b"", padding: int | None = None) -> bytes:
    """A record, padded to a multiple of eight bytes (3.3 recommends it) unless told otherwise. Raises CannotEncode."""
    if padding is None:
        padding = -len(content) % 8
    for name, number, highest in (
        ("type", type, 255),
        ("requestId", id, LARGEST),
        ("contentLength", len(content), LARGEST),
        ("paddingLength", padding, 255),
    ):
        if not 0 <= number <= highest:
            raise CannotEncode(f"{name} {number}: a FastCGI record has room for 0 to {highest}")
    if type in TYPES and (type in MANAGEMENT) == bool(id):
        raise CannotEncode(f"requestId {id}: {TYPES[type]} has {'0' if id else 'another'}")
    return HEADER.pack(1, type, id, len(content), padding) + content + bytes(padding)


def begin(id: int = 1, role: int = RESPONDER, keep: bool = False) -> bytes:
    """BEGIN_REQUEST. `keep`: the connection is to stay open after the answer."""
    if not 0 <= role <= LARGEST:
        raise CannotEncode(f"role {role}: it has two bytes")
    return record(BEGIN_REQUEST, id, BEGIN.pack(role, KEEP_CONN * keep))


def abort(id: int = 1) -> bytes:
    """ABORT_REQUEST."""
    return record(ABORT_REQUEST, id)


def stream(type: int, id: int, data: bytes) -> bytes:
    """A whole stream: as many records as it needs, and the empty one that ends it."""
    pieces = [record(type, id, data[at : at + LARGEST]) for at in range(0, len(data), LARGEST)]
    return b"".join([*pieces, record(type, id)])


def params(id: int, variables: Pairs) -> bytes:
    """The stream PARAMS with these variables."""
    return stream(PARAMS, id, encoded(variables))


def encoded(variables: Pairs) -> bytes:
    """Names and values with their lengths (3.4)."""
    return b"".join(
        part for name, value in variables for part in (_length(len(name)), _length(len(value)), name, value)
    )


def _length(length: int) -> bytes:
    if length > LONGEST:
        raise CannotEncode(f"a name or value of {length} bytes; FastCGI has room for {LONGEST}")
    return bytes((length,)) if length < 128 else LENGTH.pack(length | 0x80000000)


def end(id: int = 1, app_status: int = 0, protocol_status: int = 0) -> bytes:
    """END_REQUEST."""
    if protocol_status not in STATUSES:
        raise CannotEncode(f"protocolStatus {protocol_status}: 0 to 3 are defined (5.5)")
    if not 0 <= app_status <= 0xFFFFFFFF:
        raise CannotEncode(f"appStatus {app_status}: it has four bytes")
    return record(END_REQUEST, id, END.pack(app_status, protocol_status))


def get_values(names: Sequence[bytes]) -> bytes:
    """GET_VALUES: what does the application say of these?"""
    return record(GET_VALUES, 0, encoded([(name, b"") for name in names]))


def values_result(values: Pairs) -> bytes:
    """GET_VALUES_RESULT: only the names that the application knows (4.1)."""
    return record(GET_VALUES_RESULT, 0, encoded(values))


def unknown_type(type: int) -> bytes:
    """UNKNOWN_TYPE: the answer to a management record of this type."""
    if not 0 <= type <= 255:
        raise CannotEncode(f"type {type}: it has one byte")
    return record(UNKNOWN_TYPE, 0, bytes((type, *bytes(7))))


def request(variables: Pairs, body: bytes = b"") -> bytes:
    """A request to a Responder, id 1, on a connection of its own. Raises CannotEncode."""
    return begin() + params(1, variables) + stream(STDIN, 1, body)


def response(status: int, headers: Pairs, body: bytes = b"") -> bytes:
    """The answer of a Responder to request 1: CGI's in STDOUT. Raises CannotEncode."""
    return stream(STDOUT, 1, cgi_head(status, headers) + body) + end()
