"""What both decoders share: records, one behind the other. Requests and Responses say what a record means.

A header that breaks a rule says all the same where its record ends. So nearly every broken rule is a Breach, and a
record that belongs to no request is a Fault, and is skipped. Two things end the decoding: a limit, and a wrong version
where more of the header is wrong, or its type is not one of this side: these bytes are no header.

What trips people up: a stream of data flows, piece by piece: it does not wait for the end of its record. All other
records wait until they are whole.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import msgspec

from gateway_zoo.wire.decoder import Decoder, breach, fault
from gateway_zoo.wire.events import Breach, Data, End, Event, Other, Values
from gateway_zoo.wire.faults import Limits, Truncated, WireError

from .faults import BadLength, BadPairs, BadRequestId, BadVersion, UnknownType, WrongDirection
from .layout import GET_VALUES, HEADER, TYPES
from .pairs import pairs, value_at


class Record(msgspec.Struct, gc=False):
    """A record. `after`: offset behind it. A record that flows has its `length`, but no `content` yet. Content of fixed
    layout has the right length: it is cut, or padded with zeros."""

    type: int
    id: int
    length: int
    content: bytes
    offset: int
    after: int

    @property
    def header(self) -> bytes:
        return HEADER.pack(1, self.type, self.id, self.length, 0)[:6]


class Rule(NamedTuple):
    """What a type of record needs."""

    take: Callable[..., None]  # (decoder, record, events)
    length: int | None = None  # bytes of its content; None: any
    management: bool = False  # it is of the connection, and its id is 0
    flows: bool = False


class Records(Decoder):
    """A decoder of records."""

    WAITS_FOR = "the rest of a record"
    RULES: ClassVar[dict[int, Rule]]

    #: Of a record that flows: bytes of content and of padding that are to come, its id, and its stream (empty: the
    #: record is skipped). `_active`: requests by their ids.
    __slots__ = ("_active", "_content", "_id", "_padding", "_stream")

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._content = self._padding = 0
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
            rule: Rule = rules.get(type, UNKNOWN)
            take, fixed, management, flows = rule
            breaches = None
            # One comparison for all that is right in nearly every header.
            if version != 1 or (id == 0) is not management or (fixed != length and fixed is not None):
                breaches = self._judge(data[at:start], base + at)
            if flows and length:
                events += breaches or []
                self._stream = self._flow(Record(type, id, length, b"", base + at, base + after), events)
                self._content, self._padding, self._id = length, padding, id
                at = self._go_on(data, start, events)
            elif after <= end:
                content = data[start : start + length]
                if breaches:
                    events += breaches
                    content = content if fixed is None else content[:fixed].ljust(fixed, b"\0")
                take(self, Record(type, id, length, content, base + at, base + after), events)
                at = after
            else:
                break
        return at

    def _judge(self, header: bytes, offset: int) -> list[Event]:
        """Make a Breach of each broken rule in this header. Raises BadVersion."""
        version, type, id, length, _ = HEADER.unpack(header)
        name, rule = TYPES.get(type, ""), self.RULES.get(type)
        breaches: list[Event] = []
        if rule and (id == 0) is not rule.management:
            wanted = "requestId 0" if rule.management else "a requestId other than 0"
            breaches.append(breach(BadRequestId(offset + 2, header[2:4], f"{wanted} for {name}, not {id}"), 2, id))
        if rule and rule.length not in (None, length):
            expected = f"{rule.length} bytes of content for {name}, not {length}"
            breaches.append(breach(BadLength(offset + 4, header[4:6], expected), 2, id))
        if version != 1:
            error = BadVersion(offset, header, f"version 1, not {version}")
            if rule is None or breaches:
                raise error
            breaches.append(breach(error, 1, id))
        return breaches

    def _go_on(self, data: bytes, at: int, events: list[Event]) -> int:
        """Read more of a record that flows: content, then padding. Return the offset behind it."""
        if piece := data[at : at + self._content]:
            if self._stream:
                events.append(Data(self.offset + at, self._id, self._stream, piece))
            self._content -= len(piece)
            at += len(piece)
        skipped = min(self._padding, len(data) - at)
        self._padding -= skipped
        return at + skipped

    @abstractmethod
    def _flow(self, record: Record, events: list[Event]) -> str:
        """Begin a record of data. Return its stream; empty if it is surplus."""

    def _values(self, record: Record, events: list[Event]) -> None:
        """Note GET_VALUES or its answer: a message of its own, so an End follows."""
        start, asked = record.offset + HEADER.size, record.type == GET_VALUES
        values, error = pairs(record.content, self.limits)
        error = error and moved(error, start + error.offset, error.seen)
        if isinstance(error, BadPairs):
            events.append(in_pairs(error, 0))
        events.append(Values(record.offset, 0, asked, values))
        if error and not isinstance(error, BadPairs):
            raise error
        if asked and (index := next((i for i, (_, value) in enumerate(values) if value), None)) is not None:
            at = value_at(record.content, index, self.limits)
            wrong = BadPairs(start + at, record.content[at:], "names with empty values in GET_VALUES (4.1)")
            events.append(breach(wrong))
        events.append(End(record.after, 0))

    def _other(self, record: Record, events: list[Event]) -> None:
        """Note a management record without a meaning here. An application answers an unknown type (4.2)."""
        events.append(Other(record.offset, 0, TYPES.get(record.type, f"type {record.type}"), record.content))
        events.append(End(record.after, 0))

    def _unknown(self, record: Record, events: list[Event]) -> None:
        if name := TYPES.get(record.type):
            surplus(record, WrongDirection, f"no {name}: only the other side sends it", events)
        elif record.id:
            surplus(record, UnknownType, f"requestId 0 for type {record.type}, not {record.id}", events)
        else:
            self._other(record, events)

    def _close(self, events: list[Event]) -> None:
        super()._close(events)
        if self._content or self._padding:
            raise Truncated(self.offset, b"", self.WAITS_FOR)


UNKNOWN: Rule = Rule(Records._unknown, management=True)


def surplus(record: Record, kind: type[WireError], expected: str, events: list[Event]) -> None:
    """Note a record that is to be ignored. Only such a fault is as long as a header."""
    events.append(fault(kind(record.offset, record.header, expected), HEADER.size, record.id))


def in_pairs(error: BadPairs, id: int) -> Breach:
    """Make the event of names and values that do not add up."""
    return breach(error, min(2, len(error.seen)), id)


def moved(error: WireError, offset: int, seen: bytes) -> WireError:
    """Make the same error at another offset."""
    return type(error)(offset, seen, error.expected)
