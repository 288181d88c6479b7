"""What both decoders share: records, one behind the other. Requests and Responses say what they mean for a request.

What trips people up: pieces of data are passed on before their record is whole.
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
    """What a type of record needs: who takes it, the bytes of its content if they are fixed, and is its id 0?"""

    take: Callable[..., None]  # (decoder, type, id, content, offset, offset behind it, events)
    length: int | None
    management: bool | None


NO_RULE = Rule(lambda *_: None, None, None)


class Records(Decoder):
    """Records, one behind the other. Pieces of data are passed on as they come, all else when it is whole."""

    WAITS_FOR = "the rest of a record"
    RULES: ClassVar[dict[int, Rule]]

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
            rule: Rule = rules.get(type, NO_RULE)
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
            return Records._other
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
            raise moved(error, offset + HEADER.size + error.offset, error.seen) from None
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


def moved(error: WireError, offset: int, seen: bytes) -> WireError:
    return type(error)(offset, seen, error.expected)
