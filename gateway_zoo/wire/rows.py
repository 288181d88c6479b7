"""Fields as the rows of a view: which of them to show, how deep, and which bytes have no name.

A field that is a variable or a header is one row: its parts (lengths, name, value) only repeat what it says. So do
lengths and paddings, whose numbers stand in the columns anyway. Whoever asks for all gets all.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway_zoo.wire.fields import Field, Span, text

#: Parts that serve to find other parts. The names are the specifications'.
DETAIL = re.compile(r"(?i).*(length|size)|reserved|padding.*|version|type|requestid|crlf|nul|rsv\d|mask|payload len.*")
WRAPPERS = {"contentData", "data"}  # worth a row only where no other field tells what is in them


@dataclass(frozen=True)
class Row:
    """`indent`: shown ancestors. `holds`: rows below it show its bytes. `pair`: it is a variable or a header. `number`:
    which of the colours."""

    field: Field
    indent: int
    holds: bool
    pair: bool
    number: int


def rows(fields: list[Field], data: bytes, every: bool) -> list[Row]:
    """The fields to be shown, in order; `every`: all of them."""
    children = below(fields)
    shown = range(len(fields)) if every else sorted(_shown(fields, children))
    depths = _Depths()
    made = [(index, depths.of(fields[index].depth)) for index in shown]
    found: list[Row] = []
    for number, (index, indent) in enumerate(made):
        after = made[number + 1][1] if number + 1 < len(made) else 0
        pair = parts_of_pair(fields, index, children[index]) is not None
        found.append(Row(fields[index], indent, after > indent, pair, number))
    nameless = [Row(field, 0, False, False, len(found) + n) for n, field in enumerate(unnamed(fields, len(data), data))]
    return sorted(found + nameless, key=lambda row: row.field.offset) if nameless else found


class _Depths:
    """How many of the ancestors of a field are shown, from the depths of the fields before."""

    def __init__(self) -> None:
        self.open: list[int] = []

    def of(self, depth: int) -> int:
        while self.open and self.open[-1] >= depth:
            self.open.pop()
        self.open.append(depth)
        return len(self.open) - 1


def below(fields: list[Field]) -> list[range]:
    """For each field, the indexes of all that belong to it."""
    made: list[range] = []
    for index, field in enumerate(fields):
        end = index + 1
        while end < len(fields) and fields[end].depth > field.depth:
            end += 1
        made.append(range(index + 1, end))
    return made


def _shown(fields: list[Field], children: list[range]) -> Iterator[int]:
    index = 0
    while index < len(fields):
        field, pair = fields[index], parts_of_pair(fields, index, children[index])
        wraps = field.name in WRAPPERS and (len(children[index]) or not field.length)
        if field.fault or pair or not (wraps or DETAIL.fullmatch(field.name)):
            yield index
        index = children[index].stop if pair or _sums_up(fields, index, children[index]) else index + 1


def _sums_up(fields: list[Field], index: int, inside: range) -> bool:
    """Does a field's value say all that its parts do, as that of an HTTP request's first line, or of AJP's strings?"""
    said, parts = fields[index].value, [fields[i] for i in inside]
    if not said or len(parts) < 2 or any(part.fault or part.depth != fields[index].depth + 1 for part in parts):
        return False
    details = [part for part in parts if DETAIL.fullmatch(part.name)]
    return all(part.value in said for part in parts) or all(part.value == said for part in parts if part not in details)


def parts_of_pair(fields: list[Field], index: int, inside: range) -> tuple[Field, Field] | None:
    """(name, value) of a field that is a variable or a header: one part of it says its name, a later one its value."""
    whole = fields[index]
    parts = [fields[i] for i in inside if fields[i].depth == whole.depth + 1]
    if any(fields[i].fault for i in inside):
        return None
    name = next((n for n, part in enumerate(parts) if whole.name.lower() in _says(part)), None)
    value = next((part for part in reversed(parts) if part.value == whole.value), None)
    if name is None or value is None or value is parts[name]:
        return None
    return parts[name], value


def _says(part: Field) -> tuple[str, ...]:
    """A name as it stands, or behind its code: `0xA00B (Host)`."""
    said = part.value.lower()
    return said, said.partition("(")[2].rstrip(")") if said.startswith("0x") else said


def unnamed(fields: list[Field], length: int, data: bytes) -> Iterator[Field]:
    """The bytes that no field names: of a protocol that nobody here decodes."""
    at = 0
    for offset, size in sorted(span for field in fields for span in field.spans):
        if offset > at:
            yield _raw(data, (at, offset - at))
        at = max(at, offset + size)
    if at < length:
        yield _raw(data, (at, length - at))


def _raw(data: bytes, span: Span) -> Field:
    offset, length = span
    return Field(offset, length, "(raw)", text(data[offset : offset + length]), "no decoder names these bytes")
