"""Fields of records, and of the names and values that they carry.

The decoder reads each record, too. Its events tell what belongs together: which contents are PARAMS of a request, how
many of their pairs can be read, which records are to be ignored.

What trips people up: a variable may lie in several records: it has several pieces. What is ignored may hold a secret.
"""

from bisect import bisect_left, bisect_right
from itertools import accumulate

from msgspec.structs import replace

from gateway_zoo.wire import secrets
from gateway_zoo.wire.decoder import Decoder, note
from gateway_zoo.wire.events import Abort, Data, End, Event, Fault, Values, Variables
from gateway_zoo.wire.faults import WireError
from gateway_zoo.wire.fields import Field, Span, Stream, cut, placed, text
from gateway_zoo.wire.shape import fields as fields_of

from .faults import BadVersion, NotActive
from .layout import (
    BODIES,
    DATA,
    FIXED,
    GET_VALUES,
    GET_VALUES_RESULT,
    HEADER,
    KINDS,
    PAIR,
    PARAMS,
    RECORD,
    STDIN,
    STDOUT,
)

PAIRS = {PARAMS, GET_VALUES, GET_VALUES_RESULT}
#: Contents that have fields of their own, or are only data.
UNSHOWN = PAIRS | {STDIN, STDOUT, DATA}
CONNECTION = -1  # for an id: names and values that are of no request


class Naming:
    """Fields of records. Names and values of each request are collected until they end, STDOUT until END_REQUEST."""

    def __init__(self, data: bytes, decoder: Decoder) -> None:
        self.data, self.decoder = data, decoder
        self.fields: list[Field] = []
        self.streams: list[Stream] = []
        self.pairs: dict[int, list[Span]] = {}
        self.stdout: dict[int, list[Span]] = {}
        self.ignored = b""  # the end of what was ignored so far
        self.hidden = False  # what was ignored so far has a secret's name

    def all(self) -> None:
        """Name all records."""
        at = 0
        while at < len(self.data):
            at = self._record(at)
        for spans in self.pairs.values():  # they have not ended
            self._name_pairs(spans)
        self.streams += [Stream("CGI", tuple(spans), 2) for spans in self.stdout.values()]

    def _record(self, at: int) -> int:
        """Name the record at `at`. Return the offset behind it, or behind all bytes if the decoding ends here."""
        if len(self.data) - at < HEADER.size:
            self.fields.append(Field(at, len(self.data) - at, RECORD.name, "", RECORD.means, "3.3", fault=True))
            self.fields += fields_of(RECORD, self.data, at, 1)[0]
            return len(self.data)
        _, type, id, length, padding = HEADER.unpack_from(self.data, at)
        start = at + HEADER.size
        after = start + length + padding
        events, error = self._decode(self.data[at:after])
        if isinstance(error, BadVersion):
            return self._rest(at, note(error))
        faults = [event for event in events if isinstance(event, Fault)]
        surplus = next((fault for fault in faults if fault.length == HEADER.size), None)
        self._name_header(at, min(after, len(self.data)) - at, surplus)
        self._name_content(type, start, length, ignored=surplus is not None)
        if padding:
            shown = text(cut(self.data, [self._there(after - padding, padding)]))
            self._name_part(after - padding, padding, "paddingData", "ignored; aligns the next record", shown)
        if type in PAIRS and length and not surplus:
            self.pairs.setdefault(id if type == PARAMS else CONNECTION, []).append(self._there(start, length))
        for event in events:
            self._note(event)
        return self._rest(after, "not read after a fault") if error else after

    def _decode(self, record: bytes) -> tuple[list[Event], WireError | None]:
        try:
            return self.decoder.feed(record), None
        except WireError as error:
            return error.events, error

    def _rest(self, at: int, why: str) -> int:
        """Name the bytes that are not decoded any more."""
        if (rest := len(self.data) - at) > 0:
            self.fields.append(Field(at, rest, "rest", f"{rest} bytes", why, fault=True))
        return len(self.data)

    def _there(self, at: int, length: int) -> Span:
        """Return the bytes of this part that have come."""
        return at, max(0, min(length, len(self.data) - at))

    def _name_header(self, at: int, size: int, surplus: Fault | None) -> None:
        _, type, id, _, _ = HEADER.unpack_from(self.data, at)
        name, means, section = KINDS.get(type, (f"type {type}", "in no specification", "4.2"))
        owner = f"request {id}" if id else "the connection"
        if surplus:
            owner += ": not active, to be ignored" if surplus.note.startswith(NotActive.__name__) else ": to be ignored"
            section = "3.3"
        self.fields.append(Field(at, size, name, owner, means, section))
        self.fields += fields_of(RECORD, self.data[: at + HEADER.size], at, 1)[0]

    def _name_content(self, type: int, start: int, length: int, *, ignored: bool) -> None:
        content = cut(self.data, [self._there(start, length)])
        body = None if ignored else BODIES.get(type)
        shown = body.name if body else f"{length} bytes" if type in UNSHOWN else text(content)
        secret = ignored and self._hides(content)
        if length:
            self._name_part(start, length, "contentData", "what the type says", shown, secret=secret)
        if body:
            # As the decoder reads it: zeros for what a whole record lacks. What is too long has no name in the layout.
            named = fields_of(body, content if len(content) < length else content[:FIXED].ljust(FIXED, b"\0"))[0]
            there = [field for field in named if field.offset < len(content)]
            self.fields += placed(there, ((start, min(len(content), FIXED)),), 2)
            if len(content) > FIXED:
                self.fields.append(Field(start + FIXED, len(content) - FIXED, "surplus", depth=2))

    def _name_part(self, at: int, length: int, name: str, means: str, value: str, *, secret: bool = False) -> None:
        """Name the content or the padding of a record, as far as it has come."""
        at, there = self._there(at, length)
        if there < length:
            value = f"cut off: {there} of {length} bytes"
        if at <= len(self.data):
            self.fields.append(Field(at, there, name, value, means, "3.3", 1, fault=there < length, secret=secret))

    def _hides(self, content: bytes) -> bool:
        """Tell whether what is ignored may be a secret: its name stands here, or in an ignored record before."""
        self.ignored += content
        self.hidden = self.hidden or bool(secrets.NAME.search(self.ignored))
        self.ignored = self.ignored[-secrets.LONGEST :]
        return self.hidden

    def _note(self, event: Event) -> None:
        """Name what has ended with this event of the decoder."""
        if isinstance(event, Variables | Values):
            id = event.id if isinstance(event, Variables) else CONNECTION
            self._name_pairs(self.pairs.pop(id, []), len(event.pairs))
        elif isinstance(event, Abort):
            self._name_pairs(self.pairs.pop(event.id, []))
        elif isinstance(event, Data) and event.stream == "STDOUT":
            self.stdout.setdefault(event.id, []).append((event.offset, len(event.data)))
        elif isinstance(event, End) and event.id in self.stdout:
            self.streams.append(Stream("CGI", tuple(self.stdout.pop(event.id)), 2))

    def _name_pairs(self, spans: list[Span], count: int | None = None) -> None:
        """Name pairs in the joined contents of records, at the places of their pieces. `count`: of those that the
        decoder has read; None: they have not ended."""
        block, at = cut(self.data, spans), 0
        starts = list(accumulate((length for _, length in spans), initial=0))
        while at < len(block) and count != 0:
            # Only the pieces that this pair touches: there may be as many as there are bytes.
            first = bisect_right(starts, at) - 1
            low = starts[first]
            pair, after = fields_of(PAIR, block[low:], at - low)
            at = low + after
            self.fields += placed(pair, tuple(spans[first : bisect_left(starts, at)]), 2)
            count = None if count is None else count - 1
        if at < len(block):
            doubt = Field(at, len(block) - at, "pairs", f"{len(block) - at} bytes", "their lengths are in doubt")
            doubt = replace(doubt, secret=bool(secrets.NAME.search(block)))
            self.fields += placed([doubt], tuple(spans), 2)
