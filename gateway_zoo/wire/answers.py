"""Hold the answers of a connection against its requests: find the answer that was not asked for.

Every request waits for one answer, by its id (FastCGI's; 0 in other protocols). An event of an answer without a waiting
request is the beginning of one that was not asked for, unless bytes of a request are not read yet: a server may answer
early.
"""

from collections import Counter

from gateway_zoo.wire.events import Begin, End, Event, Fault, Head, Other, Values, Variables


class Answers:
    """Which requests wait for an answer, by their ids."""

    def __init__(self) -> None:
        self._begun: set[int] = set()  # requests that have not ended
        self._waiting = Counter[int]()
        self._answered: set[int] = set()
        self._unasked: set[int] = set()  # ids of answers that were not asked for, and have not ended

    def note_request(self, event: Event) -> None:
        if isinstance(event, End):
            self._begun.discard(event.id)
        elif event.id not in self._begun and opens(event):
            self._begun.add(event.id)
            self._waiting[event.id] += 1

    def unasked(self, event: Event, *, unread: bool) -> Fault | bool | None:
        """Judge an event of the answers: a Fault at the beginning of one that was not asked for, True for its other
        events, else None. `unread`: bytes of a request are not decoded yet."""
        id, ends = event.id, isinstance(event, End)
        begins = id not in self._unasked and not self._waiting[id] and not unread and bool(event.offset or not ends)
        if begins or id in self._unasked:
            (self._unasked.discard if ends else self._unasked.add)(id)
            return self._fault(event) if begins else True
        if ends:
            self._waiting[id] = max(0, self._waiting[id] - 1)
            self._answered.add(id)
        return None

    def _fault(self, event: Event) -> Fault:
        text = f"request {event.id} was not asked" if event.id else "an answer that was not asked for"
        if event.id in self._answered:
            text += " again: it is answered" if event.id else ": each request is answered"
        at = event.offset - isinstance(event, End)  # its last byte
        return Fault(at, event.id, f"{text} (at offset {at})", text, 0)


def opens(event: Event) -> bool:
    """Tell whether this event begins a request, or a message of its own."""
    return isinstance(event, Begin | Variables | Values | Other) or (isinstance(event, Head) and bool(event.start))
