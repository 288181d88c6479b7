"""The variables and headers of an exchange: where they lie, and how many bytes they take.

FastCGI, SCGI, uwsgi and CGI carry meta-variables. HTTP and AJP carry headers; the rest has a place without a name, such
as HTTP's first line. For a comparison a header has the name of its variable (RFC 3875 4.1.18: Host is HTTP_HOST), and a
place has the variable that a gateway makes of it. Names and values are read from the fields, and so their sizes are
those on the wire: AJP has codes for some of them.
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.exchanges import Exchange, Fields, fields_of
from gateway_zoo.wire.fields import Field, Span
from gateway_zoo.wire.view.rows import below, parts_of_pair

#: Protocols that carry headers -> the places in a request's head -> what a gateway makes of them.
PLACES = {
    "HTTP": {"method": "REQUEST_METHOD", "target": "REQUEST_URI", "version": "SERVER_PROTOCOL"},
    "AJP": {
        "method": "REQUEST_METHOD",
        "protocol": "SERVER_PROTOCOL",
        "req_uri": "REQUEST_URI",
        "remote_addr": "REMOTE_ADDR",
        "remote_host": "REMOTE_HOST",
        "server_name": "SERVER_NAME",
        "server_port": "SERVER_PORT",
        "is_ssl": "HTTPS",
    },
}
#: Places whose value means: nothing, or see elsewhere.
NOTHING = {("is_ssl", "0"), ("method", "255 (stored_method)")}
#: AJP's attributes are no headers. Those for which a gateway has another name:
ATTRIBUTES = {
    "stored_method": "REQUEST_METHOD",
    "query_string": "QUERY_STRING",
    "remote_user": "REMOTE_USER",
    "auth_type": "AUTH_TYPE",
    "AJP_REMOTE_PORT": "REMOTE_PORT",
    "AJP_LOCAL_ADDR": "SERVER_ADDR",
}
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
    in_a, in_b = (variables_of(exchange.protocol, fields_of(exchange, codecs)) for exchange in (a, b))
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


def variables_of(protocol: str, fields: Fields) -> dict[Direction, list[Variable]]:
    """The variables of both directions, in their order."""
    return {
        "request": list(_find_variables(fields[0], "request", protocol)),
        "response": list(_find_variables(fields[1], "response", protocol)),
    }


def _find_variables(fields: list[Field], side: Direction, protocol: str) -> Iterator[Variable]:
    places = PLACES.get(protocol, {}) if side == "request" else {}
    for index, (field, inside) in enumerate(zip(fields, below(fields), strict=True)):
        if pair := parts_of_pair(fields, index, inside):
            name, value = map(_size, pair)
            yield Variable(_variable(field, side, protocol), field.name, field.value, name, value, *_all(field))
        elif field.name in places and (said := _value_part(field, [fields[i] for i in inside])):
            yield Variable(places[field.name], field.name, _plain(said.value), 0, _size(said), *_all(field))


def _variable(field: Field, side: Direction, protocol: str) -> str:
    """The name to compare by. A response's header keeps its name, in title case."""
    name = field.name
    if side == "response":
        return name.title()
    if protocol not in PLACES:
        return name
    if field.section == "AJPv13, Attributes":
        return ATTRIBUTES.get(name, name)
    name = name.upper().replace("-", "_")
    return name if name in UNPREFIXED else f"HTTP_{name}"


def _value_part(place: Field, parts: list[Field]) -> Field | None:
    """The part of a place that is its value. AJP's strings have a length, too; its null string has nothing else."""
    if place.fault or (place.name, place.value) in NOTHING:
        return None
    return next((part for part in parts if part.value == place.value), None) if parts else place


def _plain(value: str) -> str:
    """`GET` from `2 (GET)`."""
    number, _, said = value.partition(" (")
    return said.removesuffix(")") if said and number.isdigit() else value


def _all(field: Field) -> tuple[int, tuple[Span, ...]]:
    return _size(field), field.spans


def _size(field: Field) -> int:
    return sum(length for _, length in field.spans)
