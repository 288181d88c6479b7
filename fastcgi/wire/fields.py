"""Fields of records, and of the variables in the joined contents of PARAMS records.

What trips people up: a variable may lie in several records: it has several pieces. A record of no active request is to
be ignored (3.3): its content belongs to nothing. A fault in PARAMS is known when they end: the records between, perhaps
of other requests, were read, and have names.
"""

from bisect import bisect_left, bisect_right
from itertools import accumulate

from msgspec.structs import replace

from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Event, Other
from gateway_zoo.wire.faults import WireError
from gateway_zoo.wire.fields import Field, Span, Stream, cut, placed
from gateway_zoo.wire.shape import fields as fields_of

from .faults import BadVersion
from .layout import BEGIN_REQUEST, DATA, END_REQUEST, HEADER, KINDS, PAIR, PARAMS, RECORD, STDIN, STDOUT


class Naming:
    """Fields of records; PARAMS and STDOUT of each id are collected until they end."""

    def __init__(self, data: bytes, decoder: Decoder) -> None:
        self.data, self.decoder = data, decoder
        self.fields: list[Field] = []
        self.streams: list[Stream] = []
        self.params: dict[int, list[Span]] = {}
        self.stdout: dict[int, list[Span]] = {}

    def record(self, at: int) -> int:
        """Name the record at `at`. Return the offset behind it, or behind all bytes after a fault."""
        inside, after = fields_of(RECORD, self.data, at, 1)
        events, fault = self._decode(self.data[at:after])
        if fault and fault.offset >= at:
            after = len(self.data)
            inside = _spoilt(inside, at, fault, after)
        self._name(at, after, inside, ignored=any(isinstance(event, Other) for event in events))
        if fault and not any(field.fault for field in self.fields):
            self._blame(fault)
        if fault and (rest := len(self.data) - after):
            self.fields.append(Field(after, rest, "rest", f"{rest} bytes", "not read after a fault", fault=True))
            return len(self.data)
        return after

    def _name(self, at: int, after: int, inside: list[Field], *, ignored: bool) -> None:
        wrong = any(field.fault for field in inside)
        if len(self.data) - at < HEADER.size:
            self.fields.append(Field(at, after - at, "record", "", RECORD.means, "3.3", fault=wrong))
            self.fields += inside
            return
        _, type, id, length, _ = HEADER.unpack_from(self.data, at)
        name, means, section = KINDS.get(type, (f"type {type}", "in no specification", "4.2"))
        owner = f"request {id}" if id else "the connection"
        if id and ignored:
            owner, section = f"{owner}: not active, to be ignored", "3.3"
        self.fields.append(Field(at, after - at, name, owner, means, section, fault=wrong))
        start = at + HEADER.size
        if not ignored:
            self._collect(type, id, (start, min(length, len(self.data) - start)))
        shown = f"{length} bytes"
        inside = [field for field in inside if field.length or field.fault]  # no content, no padding: nothing to show
        self.fields += [
            replace(f, value=shown) if f.name == "contentData" and type in UNSHOWN and not f.fault else f
            for f in inside
        ]

    def _decode(self, record: bytes) -> tuple[list[Event], WireError | None]:
        try:
            return self.decoder.feed(record), None
        except WireError as error:
            return error.events, error

    def _blame(self, fault: WireError) -> None:
        """Mark the variable at the decoder's offset: PARAMS that can be read may still be too long or too many."""
        self.fields = [
            replace(field, means=str(fault), fault=True) if (field.offset, field.depth) == (fault.offset, 2) else field
            for field in self.fields
        ]

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
        """Name the pairs in the joined contents of PARAMS records, at the places of their pieces."""
        block, at = cut(self.data, spans), 0
        starts = list(accumulate((length for _, length in spans), initial=0))
        while at < len(block):
            # Only the pieces that this pair touches: there may be as many as there are bytes.
            first = bisect_right(starts, at) - 1
            low = starts[first]
            pair, after = fields_of(PAIR, block[low:], at - low)
            at = low + after
            self.fields += placed(pair, tuple(spans[first : bisect_left(starts, at)]), 2)


#: Streams whose contents have fields of their own, or are only data.
UNSHOWN = {PARAMS, STDIN, STDOUT, DATA}


def _spoilt(inside: list[Field], at: int, fault: WireError, end: int) -> list[Field]:
    """Return the header of a record with a fault, and the fault up to the end of the data."""
    start = min(at + HEADER.size, end)
    header = [field for field in inside if field.offset < start]
    if fault.offset == at and isinstance(fault, BadVersion):
        return [Field(at, end - at, "version", str(fault), "always 1", "3.3", 1, fault=True)]
    return [*header, Field(start, end - start, "contentData", str(fault), section="3.3", depth=1, fault=True)]
