"""The records that an application sends: streams of the requests that it answers, up to END_REQUEST."""

from typing import ClassVar

from gateway_zoo.wire.events import Data, End, Event
from gateway_zoo.wire.faults import TooMany, Truncated

from .faults import BadStatus, OutOfOrder
from .layout import END, END_REQUEST, GET_VALUES_RESULT, HEADER, STATUSES, STDERR, STDOUT, TYPES, UNKNOWN_TYPE
from .records import Records, Rule


class Responses(Records):
    """The decoder of what an application sends. An id is active from its first record to END_REQUEST."""

    __slots__ = ()
    _active: dict[int, set[int]]  # id -> its streams that have ended

    def _data(self, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]) -> None:
        ended = self._expected(type, id, offset)
        if content:
            events.append(Data(offset + HEADER.size, id, TYPES[type], content))
        else:
            ended.add(type)

    def _end(self, type: int, id: int, content: bytes, offset: int, after: int, events: list[Event]) -> None:
        """End a request. 6.1 wants the end of STDOUT before; some applications leave it out."""
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

    RULES: ClassVar[dict[int, Rule]] = {
        END_REQUEST: Rule(_end, END.size, management=False),
        STDOUT: Rule(_data, None, management=False),
        STDERR: Rule(_data, None, management=False),
        GET_VALUES_RESULT: Rule(Records._values, None, management=True),
        UNKNOWN_TYPE: Rule(Records._other, 8, management=True),
    }
