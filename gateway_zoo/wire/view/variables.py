"""Find the variables and headers of an exchange, and their sizes.

FastCGI, SCGI, uwsgi and CGI carry meta-variables. HTTP and AJP carry headers; the rest has a place without a name, such
as HTTP's first line. For a comparison a header has the name of its variable (RFC 3875 4.1.18: Host is HTTP_HOST), and a
place has the variable that a gateway makes of it. Names and values are read from the fields, and so their sizes are
those on the wire: AJP has codes for some of them.
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway_zoo.wire.codecs import Codecs, Direction, Places
from gateway_zoo.wire.exchange import Exchange, Fields, fields_of
from gateway_zoo.wire.fields import Field, Span
from gateway_zoo.wire.view.rows import below, parts_of_pair

UNPREFIXED = ("CONTENT_TYPE", "CONTENT_LENGTH")  # headers that are meta-variables without HTTP_


class Variable(msgspec.Struct, frozen=True):
    """A variable, a header, or a place. `name_bytes` is 0 for a place: only the specification has its name. `bytes` and
    `spans` include lengths and separators."""

    variable: str  # the name to compare by
    name: str
    value: str
    name_bytes: int
    value_bytes: int
    bytes: int
    spans: tuple[Span, ...]


class VariableRow(msgspec.Struct, frozen=True):
    """A variable in two exchanges. `is_`: "same", "differs", "only A" or "only B"."""

    variable: str
    is_: str = msgspec.field(name="is")
    a: Variable | None
    b: Variable | None


def side_by_side(a: Exchange, b: Exchange, codecs: Codecs) -> dict[Direction, dict[str, Any]]:
    """Compare two exchanges, for the page: rows of the requests and of the responses, and their sizes in bytes."""
    in_a, in_b = (variables_of(exchange.protocol, fields_of(exchange, codecs), codecs) for exchange in (a, b))
    return {side: {"a": a.size(side), "b": b.size(side), "rows": aligned(in_a[side], in_b[side])} for side in in_a}


def aligned(a: list[Variable], b: list[Variable]) -> list[VariableRow]:
    """Pair the variables, in the order of `a`. Repeated names are matched in order. What only `b` has is last."""
    unmatched = defaultdict[str, deque[Variable]](deque)
    for variable in b:
        unmatched[variable.variable].append(variable)
    rows = [_row(each, unmatched[each.variable].popleft() if unmatched[each.variable] else None) for each in a]
    only_b = {id(variable) for queue in unmatched.values() for variable in queue}
    return rows + [VariableRow(each.variable, "only B", None, each) for each in b if id(each) in only_b]


def _row(a: Variable, b: Variable | None) -> VariableRow:
    return VariableRow(a.variable, "only A" if b is None else "same" if a.value == b.value else "differs", a, b)


def variables_of(protocol: str, fields: Fields, codecs: Codecs) -> dict[Direction, list[Variable]]:
    """The variables of both directions, in their order."""
    places = codecs[protocol].PLACES if protocol in codecs else None
    return {
        "request": list(_find_variables(fields[0], "request", places)),
        "response": list(_find_variables(fields[1], "response", places)),
    }


def _find_variables(fields: list[Field], side: Direction, places: Places | None) -> Iterator[Variable]:
    named = places.variables if places and side == "request" else {}
    for index, (field, inside) in enumerate(zip(fields, below(fields), strict=True)):
        if pair := parts_of_pair(fields, index, inside):
            name, value = map(_size, pair)
            yield Variable(_variable(field, side, places), field.name, field.value, name, value, *_all(field))
        elif field.name in named and (value_part := _value_part(field, [fields[i] for i in inside], places)):
            yield Variable(named[field.name], field.name, _plain(value_part.value), 0, _size(value_part), *_all(field))


def _variable(field: Field, side: Direction, places: Places | None) -> str:
    """The name to compare by. A response's header keeps its name, in title case."""
    name = field.name
    if side == "response":
        return name.title()
    if places is None:
        return name
    if places.attributes and field.section == places.attributes:
        return places.variables.get(name, name)
    name = name.upper().replace("-", "_")
    return name if name in UNPREFIXED else f"HTTP_{name}"


def _value_part(place: Field, parts: list[Field], places: Places | None) -> Field | None:
    """The part of a place that is its value. AJP's strings have a length, too; its null string has nothing else."""
    if place.fault or (places and (place.name, place.value) in places.empty):
        return None
    return next((part for part in parts if part.value == place.value), None) if parts else place


def _plain(value: str) -> str:
    """`GET` from `2 (GET)`."""
    number, _, name = value.partition(" (")
    return name.removesuffix(")") if name and number.isdigit() else value


def _all(field: Field) -> tuple[int, tuple[Span, ...]]:
    return _size(field), field.spans


def _size(field: Field) -> int:
    return sum(length for _, length in field.spans)
