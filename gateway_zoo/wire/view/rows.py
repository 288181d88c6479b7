"""Choose the fields that a view shows, and their indents.

A variable or a header is one row: its parts (lengths, name, value) only repeat it. Lengths and paddings are left out,
too: the columns have their numbers. With `every`, all fields are rows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway_zoo.wire.fields import Field, Span, text

#: Parts that serve to find other parts. The names are the specifications'.
DETAIL = re.compile(
    r"(?i)(?!bad|content-length).*(length|size)|reserved|padding.*|version|type|requestid|crlf|nul|rsv\d|mask|"
    r"payload len.*"
)
WRAPPERS = {"contentData", "data"}  # a row only where no other field names their bytes


@dataclass(frozen=True)
class FieldRow:
    """`indent`: shown ancestors. `holds`: rows below it show its bytes. `pair`: it is a variable or a header. `number`:
    which of the colours."""

    field: Field
    indent: int
    holds: bool
    pair: bool
    number: int


def rows(fields: list[Field], data: bytes, every: bool) -> list[FieldRow]:
    """The rows to show, in order. `every`: all fields."""
    children = below(fields)
    shown = set(range(len(fields)) if every else _shown(fields, children))
    indented = list(_indented(fields, shown))
    shown_rows: list[FieldRow] = []
    for number, (index, indent) in enumerate(indented):
        after = indented[number + 1][1] if number + 1 < len(indented) else 0
        pair = parts_of_pair(fields, index, children[index]) is not None
        shown_rows.append(FieldRow(fields[index], indent, after > indent, pair, number))
    nameless = [FieldRow(field, 0, False, False, len(shown_rows) + n) for n, field in enumerate(unnamed(fields, data))]
    return sorted(shown_rows + nameless, key=lambda row: row.field.offset) if nameless else shown_rows


def _indented(fields: list[Field], shown: set[int]) -> Iterator[tuple[int, int]]:
    """The index of each shown field, and the number of its shown ancestors."""
    ancestors: list[tuple[int, bool]] = []  # depth, shown
    for index, field in enumerate(fields):
        while ancestors and ancestors[-1][0] >= field.depth:
            ancestors.pop()
        if index in shown:
            yield index, sum(seen for _, seen in ancestors)
        ancestors.append((field.depth, index in shown))


def below(fields: list[Field]) -> list[list[int]]:
    """For each field, the indexes of the fields inside it, in all of its pieces."""
    children: list[list[int]] = []
    for index, field in enumerate(fields):
        inside, end = [], max(map(sum, field.spans))
        for other in range(index + 1, len(fields)):
            if fields[other].offset > end:
                break
            if fields[other].depth > field.depth and (not field.rest or _within(fields[other], field)):
                inside.append(other)
            elif not field.rest:
                break
        children.append(inside)
    return children


def _within(inner: Field, outer: Field) -> bool:
    """Tell whether a field lies in a piece of another. An empty one lies in the piece that ends there."""
    return any(start <= inner.offset < start + length + (not inner.length) for start, length in outer.spans)


def _shown(fields: list[Field], children: list[list[int]]) -> Iterator[int]:
    repeated: set[int] = set()
    for index, field in enumerate(fields):
        if index in repeated:
            continue
        inside = children[index]
        pair = parts_of_pair(fields, index, inside)
        wraps = field.name in WRAPPERS and (inside or not field.length)
        if field.fault or pair or not (wraps or DETAIL.fullmatch(field.name)):
            yield index
        if pair or _sums_up(fields, index, inside):
            repeated.update(inside)


def _sums_up(fields: list[Field], index: int, inside: list[int]) -> bool:
    """Tell whether the value says all that the parts say, as in HTTP's first line and AJP's strings."""
    value, parts = fields[index].value, [fields[i] for i in inside]
    if not value or len(parts) < 2 or any(part.fault or part.depth != fields[index].depth + 1 for part in parts):
        return False
    details = [part for part in parts if DETAIL.fullmatch(part.name)]
    return all(p.value in value for p in parts) or all(p.value == value for p in parts if p not in details)


def parts_of_pair(fields: list[Field], index: int, inside: list[int]) -> tuple[Field, Field] | None:
    """(name, value) if the field is a variable or a header: a part has its name, a later part its value."""
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
    """A name, and the name behind a code: `0xA00B (Host)`."""
    text = part.value.lower()
    return text, text.partition("(")[2].rstrip(")") if text.startswith("0x") else text


def unnamed(fields: list[Field], data: bytes) -> Iterator[Field]:
    """Fields for bytes without a name, as those of an unknown protocol."""
    at = 0
    for offset, size in sorted(span for field in fields for span in field.spans):
        if offset > at:
            yield _raw(data, (at, offset - at))
        at = max(at, offset + size)
    if at < len(data):
        yield _raw(data, (at, len(data) - at))


def _raw(data: bytes, span: Span) -> Field:
    offset, length = span
    return Field(offset, length, "(raw)", text(data[offset : offset + length]), "no decoder names these bytes")
