"""What both decoders share: records, one behind the other. Requests and Responses say what a record means.

What trips people up: a piece of data is passed on before its record is whole. All other records wait until they are.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, Event, Other, Values
from gateway_zoo.wire.faults import Limits, Truncated, WireError

from .faults import BadLength, BadPairs, BadRequestId, BadVersion, WrongDirection
from .layout import GET_VALUES, HEADER, TYPES
from .pairs import pairs


class Rule(NamedTuple):
    """What a type of record needs: the method that takes it, the length of its content, and whether its id is 0."""

    take: Callable[..., None]  # (decoder, type, id, content, offset, offset behind it, events)
    length: int | None  # bytes; None: any
    management: bool | None  # True: it is of the connection, and its id is 0


NO_RULE = Rule(lambda *_: None, None, None)


class Records(Decoder):
    """A decoder of records."""

    WAITS_FOR = "the rest of a record"
    RULES: ClassVar[dict[int, Rule]]

    #: Of a record of data that is not whole: bytes of content and of padding that are to come, its id and its stream.
    #: `_active`: requests by their ids.
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
            rule: Rule = rules.get(type, NO_RULE)
            take, fixed, management = rule
            # One comparison for all that is right in nearly every header; `_checked` then finds which part is wrong.
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
        """Raise what is wrong with this header. A type that is not defined is not wrong."""
        version, type, id, length, _ = HEADER.unpack(header)
        if version != 1:
            raise BadVersion(offset, header, f"version 1, not {version}")
        if type not in TYPES:
            return Records._other
        name, rule = TYPES[type], self.RULES.get(type, NO_RULE)
        if rule is NO_RULE:
            raise WrongDirection(offset, header, f"no {name}: only the other side sends it")
        if (not id) != rule.management:
            wanted = "requestId 0" if rule.management else "a requestId other than 0"
            raise BadRequestId(offset, header, f"{wanted} for {name}, not {id}")
        raise BadLength(offset, header, f"{rule.length} bytes of content for {name}, not {length}")

    def _go_on(self, data: bytes, at: int, events: list[Event]) -> int:
        """Read more of a record of data: content, then padding. Return the offset behind it."""
        if piece := data[at : at + self._content]:
            events.append(Data(self.offset + at, self._id, self._stream, piece))
            self._content -= len(piece)
            at += len(piece)
        skipped = min(self._padding, len(data) - at)
        self._padding -= skipped
        return at + skipped

    @abstractmethod
    def _passes_on(self, type: int, id: int, offset: int) -> bool:
        """Tell whether the first bytes of this record may go out before its last have come."""

    def _values(self, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]) -> None:
        try:
            values = pairs(content, self.limits)
        except WireError as error:
            raise moved(error, offset + HEADER.size + error.offset, error.seen) from None
        if type == GET_VALUES and any(value for _, value in values):
            raise BadPairs(offset + HEADER.size, content, "names with empty values in GET_VALUES")  # 4.1
        events.append(Values(offset, 0, type == GET_VALUES, values))

    def _other(self, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]) -> None:
        """Note a record that is no part of a request. An application answers an unknown type of management (4.2)."""
        events.append(Other(offset, id, TYPES.get(type, f"type {type}"), content))

    def _close(self, events: list[Event]) -> None:
        super()._close(events)
        if self._content or self._padding:
            raise Truncated(self.offset, b"", self.WAITS_FOR)


def moved(error: WireError, offset: int, seen: bytes) -> WireError:
    """Make the same error at another offset."""
    return type(error)(offset, seen, error.expected)
