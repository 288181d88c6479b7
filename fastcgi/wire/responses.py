"""The records that an application sends: streams of the requests that it answers, up to END_REQUEST.

Which requests there are, the other direction tells: Conversation compares the two.
"""

from typing import ClassVar

from gateway_zoo.wire.decoder import breach
from gateway_zoo.wire.events import End, Event
from gateway_zoo.wire.faults import TooMany, Truncated

from .faults import BadStatus, OutOfOrder
from .layout import END, END_REQUEST, GET_VALUES_RESULT, STATUSES, STDERR, STDOUT, TYPES, UNKNOWN_TYPE
from .records import Record, Records, Rule, surplus


class Responses(Records):
    """The decoder of what an application sends. An id is active from its first record to END_REQUEST."""

    __slots__ = ()
    _active: dict[int, set[int]]  # id -> its streams that have ended

    def _flow(self, record: Record, events: list[Event]) -> str:
        return "" if self._ended(record, events) is None else TYPES[record.type]

    def _end_stream(self, record: Record, events: list[Event]) -> None:
        ended = self._ended(record, events)
        if ended is not None:
            ended.add(record.type)

    def _ended(self, record: Record, events: list[Event]) -> set[int] | None:
        """Return the streams of this request that have ended; None if this one has: the record is surplus."""
        id = record.id
        if id not in self._active:
            if len(self._active) >= self.limits.requests:
                expected = f"answers to at most {self.limits.requests} requests at once"
                raise TooMany(record.offset + 2, id.to_bytes(2), expected)
            self._active[id] = set()
        if record.type in self._active[id]:
            expected = f"END_REQUEST of request {id}, its {TYPES[record.type]} has ended"
            surplus(record, OutOfOrder, expected, events)
            return None
        return self._active[id]

    def _end(self, record: Record, events: list[Event]) -> None:
        """End a request. 6.1 wants the end of STDOUT before; some applications leave it out."""
        app_status, protocol_status = END.unpack(record.content)
        if protocol_status not in STATUSES:
            expected = f"a protocolStatus from 0 to 3, not {protocol_status}"
            events.append(breach(BadStatus(record.offset + 12, record.content[4:5], expected), 1, record.id))
        self._active.pop(record.id, None)
        events.append(End(record.after, record.id, (app_status, protocol_status)))

    def _close(self, events: list[Event]) -> None:
        super()._close(events)
        for id in self._active:
            raise Truncated(self.offset, b"", f"END_REQUEST of request {id}")

    RULES: ClassVar[dict[int, Rule]] = {
        END_REQUEST: Rule(_end, END.size),
        STDOUT: Rule(_end_stream, flows=True),
        STDERR: Rule(_end_stream, flows=True),
        GET_VALUES_RESULT: Rule(Records._values, management=True),
        UNKNOWN_TYPE: Rule(Records._other, 8, management=True),
    }
