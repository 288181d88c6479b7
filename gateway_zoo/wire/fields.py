"""Names for bytes: the annotated fields. They are computed for a reader; decoders do without them.

A list of fields is a tree written flat: a field belongs to the nearest one before it with a smaller depth. Offsets
count from 0 in the bytes of one direction. A field that lies in several pieces (a FastCGI variable that is split over
two records) lists the other pieces.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec

from gateway_zoo.wire.events import Problem
from gateway_zoo.wire.secrets import SECRET_VARIABLE
from gateway_zoo.wire.secrets import secret as secret  # noqa: PLC0414 - each wire.py imports it from here

Span = tuple[int, int]  # offset, length


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """Bytes with their name, their value here, and the specification's meaning of them."""

    offset: int
    length: int  # of the first piece
    name: str
    value: str = ""
    means: str = ""
    section: str = ""  # of the specification
    depth: int = 0
    rest: tuple[Span, ...] = ()  # further pieces
    fault: bool = False  # wrong, or cut off
    secret: bool = False  # the value is a password or the like: to be masked

    @property
    def spans(self) -> tuple[Span, ...]:
        return ((self.offset, self.length), *self.rest)


class Stream(NamedTuple):
    """Bytes of this direction that are another protocol: FastCGI's STDOUT holds a CGI response."""

    protocol: str  # as in cage.toml
    spans: tuple[Span, ...]
    depth: int  # of its fields


class Annotated(NamedTuple):
    """The fields of one direction, in the order of their offsets, and the streams inside."""

    fields: list[Field]
    streams: list[Stream]


_TEXT = [chr(b) if 32 <= b < 127 and b != 92 else f"\\x{b:02x}" for b in range(256)]


def text(data: bytes) -> str:
    """Write bytes for a reader: printable ASCII as it is, the rest escaped."""
    return "".join([_TEXT[b] for b in data])


def cut(data: bytes, spans: Iterable[Span]) -> bytes:
    """Join the bytes of these pieces."""
    return b"".join(data[offset : offset + length] for offset, length in spans)


def displaced(fields: Sequence[Field], data: bytes) -> list[Span]:
    """The places that may be secrets in variables that break a rule: what is joined with a secret variable's name, and
    the string behind such a name that stands as a value, because a string before it is missing."""
    spans: list[Span] = []
    before = False
    for field, after in zip(fields, [*fields[1:], None], strict=False):
        if after and after.depth > field.depth:  # a pair; its name is its first field
            if before and after.offset == field.offset and after.value == field.name:
                spans += after.spans
            before = bool(SECRET_VARIABLE.fullmatch(field.value.encode("latin-1", "replace")))
        elif not field.secret and (name := SECRET_VARIABLE.search(cut(data, field.spans))):
            joined = field.length - name.end()
            if joined > 1:  # more than a NUL
                spans += field.spans if field.rest else [(field.offset + name.end(), joined)]
    return spans


def placed(fields: Iterable[Field], spans: tuple[Span, ...], depth: int) -> list[Field]:
    """Move fields of joined pieces to the places of the pieces, `depth` levels deeper."""
    starts = [0]
    for _, length in spans:
        starts.append(starts[-1] + length)
    return [_moved(field, spans, starts, depth) for field in fields]


def _moved(field: Field, spans: tuple[Span, ...], starts: list[int], depth: int) -> Field:
    pieces: list[Span] = []
    for offset, length in field.spans:
        for (there, _), (low, high) in zip(spans, pairwise(starts), strict=True):
            first, last = max(offset, low), min(offset + length, high)
            if first < last or (length == 0 and low <= offset <= high and not pieces):
                pieces.append((there + first - low, last - first))
    (offset, length), *rest = pieces or [(field.offset, 0)]
    return msgspec.structs.replace(field, offset=offset, length=length, rest=tuple(rest), depth=field.depth + depth)


def lay(fields: list[Field], problems: Iterable[Problem]) -> list[Field]:
    """Mark the field of each problem: the smallest at its offset that has its length, else the innermost that holds the
    offset. A problem of length 0 is one of the outermost field. A field that is marked already stays as it is."""
    marked = list(fields)
    for problem in problems:
        at = problem.offset
        holders = [i for i, field in enumerate(marked) if any(low <= at <= low + size for low, size in field.spans)]
        exact = [i for i in holders if marked[i].offset == at and 0 < problem.length <= marked[i].length]
        if exact:
            index = min(exact, key=lambda i: marked[i].length)
        elif holders:
            if any(marked[i].fault and marked[i].means == problem.note for i in holders):
                continue
            index = holders[-1] if problem.length else min(holders, key=lambda i: (marked[i].depth, -i))
        else:
            continue
        if not marked[index].fault:
            marked[index] = msgspec.structs.replace(marked[index], means=problem.note, fault=True)
    return marked


def in_order(fields: list[Field]) -> list[Field]:
    """Sort fields by offset, so that each still stands behind the field that it is a part of.

    At the same offset the outer field comes first. An empty field (a variable without a value, say) ends at the offset
    where the next field begins, and comes before it. Two variables, A=1 and B (empty), then C:

        offset  0 1 2 3 4 5        A 0-3, A's value 2-3, B 3-5, B's value 5-5 (empty), C 5-…
                A-----B---C-…      Sorted by (offset, depth) alone, C would come before B's value, which would
                    1     ^        then be a part of C.
    """
    # `ending`: depth of the outermost empty field at this offset, while its parts (also empty) follow; else -1. Its
    # key is smaller than that of a field that begins here (False < True). Of nested empty fields the inner come first.
    ending, keys = -1, list[tuple[int, int, int]]()
    for before, field in zip([None, *fields], fields, strict=False):
        if field.length or before is None or before.offset > field.offset:
            ending = -1  # it has bytes, or is the first of a row that goes back: it begins here
        elif before.offset < field.offset or field.depth <= ending:
            ending = field.depth  # empty, behind a field that began earlier: it ends here
        keys.append((field.offset, ending < 0, field.depth if ending < 0 else -ending))
    order = sorted(range(len(fields)), key=keys.__getitem__)
    return [fields[index] for index in order]
