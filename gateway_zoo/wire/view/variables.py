"""What an exchange carries: which variables and headers, where they lie, what they cost; and two of them side by side.

FastCGI, SCGI, uwsgi and CGI carry meta-variables; HTTP and AJP carry headers, and say the rest in places that have no
name on the wire, such as HTTP's first line. To compare them, a header goes by the name that RFC 3875 (4.1.18) gives it,
Host by HTTP_HOST, and such a place by the variable that a gateway makes of it. All is read from the fields, so that it
costs the bytes that stand for it: AJP has codes for some names and values.
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway_zoo.wire.codecs import Codecs, Direction, Places
from gateway_zoo.wire.exchanges import Exchange, fields_of
from gateway_zoo.wire.fields import Field, Span
from gateway_zoo.wire.view.rows import below, parts_of_pair

UNPREFIXED = ("CONTENT_TYPE", "CONTENT_LENGTH")  # headers that are meta-variables without HTTP_


class Variable(msgspec.Struct, frozen=True):
    """A variable, a header, or a place in a head. `name_bytes`: 0 for a place, whose name is only the specification's.
    `bytes` and `spans`: all of it, with lengths and separators."""

    variable: str  # the name to compare by
    name: str
    value: str
    name_bytes: int
    value_bytes: int
    bytes: int
    spans: tuple[Span, ...]


class Row(msgspec.Struct, frozen=True):
    """One variable in both. `is_`: "same", "differs", "only A" or "only B"."""

    variable: str
    is_: str = msgspec.field(name="is")
    a: Variable | None
    b: Variable | None


def side_by_side(a: Exchange, b: Exchange, codecs: Codecs) -> dict[Direction, dict[str, Any]]:
    """For the page: the rows of requests and responses, and all bytes of each."""
    in_a, in_b = variables_of(a, codecs), variables_of(b, codecs)
    return {side: {"a": a.size(side), "b": b.size(side), "rows": aligned(in_a[side], in_b[side])} for side in in_a}


def aligned(a: list[Variable], b: list[Variable]) -> list[Row]:
    """In the order of `a`; what only `b` has stands behind. A name that is there twice meets its like in turn."""
    others = defaultdict[str, deque[Variable]](deque)
    for one in b:
        others[one.variable].append(one)
    rows = [_row(one, others[one.variable].popleft() if others[one.variable] else None) for one in a]
    left = {id(one) for queue in others.values() for one in queue}
    return rows + [Row(one.variable, "only B", None, one) for one in b if id(one) in left]


def _row(a: Variable, b: Variable | None) -> Row:
    return Row(a.variable, "only A" if b is None else "same" if a.value == b.value else "differs", a, b)


def variables_of(exchange: Exchange, codecs: Codecs) -> dict[Direction, list[Variable]]:
    """Of both directions, in their order."""
    request, response = fields_of(exchange, codecs)
    places = codecs[exchange.protocol].PLACES if exchange.protocol in codecs else None
    return {
        "request": list(_carried(request, "request", places)),
        "response": list(_carried(response, "response", places)),
    }


def _carried(fields: list[Field], side: Direction, places: Places | None) -> Iterator[Variable]:
    named = places.variables if places and side == "request" else {}
    for index, (field, inside) in enumerate(zip(fields, below(fields), strict=True)):
        if pair := parts_of_pair(fields, index, inside):
            name, value = map(_size, pair)
            yield Variable(_variable(field, side, places), field.name, field.value, name, value, *_all(field))
        elif field.name in named and (said := _said(field, [fields[i] for i in inside], places)):
            yield Variable(named[field.name], field.name, _plain(said.value), 0, _size(said), *_all(field))


def _variable(field: Field, side: Direction, places: Places | None) -> str:
    """A response's headers have no other name than their own, but for upper and lower case."""
    name = field.name
    if side == "response":
        return name.title()
    if places is None:
        return name
    if places.attributes and field.section == places.attributes:
        return places.variables.get(name, name)
    name = name.upper().replace("-", "_")
    return name if name in UNPREFIXED else f"HTTP_{name}"


def _said(place: Field, parts: list[Field], places: Places | None) -> Field | None:
    """The part of a place that is its value: AJP's strings have lengths, its null string has nothing else."""
    if place.fault or (places and (place.name, place.value) in places.empty):
        return None
    return next((part for part in parts if part.value == place.value), None) if parts else place


def _plain(value: str) -> str:
    """`2 (GET)` says GET."""
    number, _, said = value.partition(" (")
    return said.removesuffix(")") if said and number.isdigit() else value


def _all(field: Field) -> tuple[int, tuple[Span, ...]]:
    return _size(field), field.spans


def _size(field: Field) -> int:
    return sum(length for _, length in field.spans)
