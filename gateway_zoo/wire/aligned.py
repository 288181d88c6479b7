"""Two exchanges side by side: what each protocol makes of the same variable, where it puts it, what it costs in bytes.

FastCGI, SCGI and uwsgi carry CGI's meta-variables; HTTP and AJP carry headers. To lay them side by side, a header goes
by the name that RFC 3875 (4.1.18) gives it: Host is HTTP_HOST; and an HTTP request's first line by REQUEST_METHOD,
REQUEST_URI and SERVER_PROTOCOL. The names that stand in the bytes are shown too.
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway_zoo.wire import talk
from gateway_zoo.wire.events import Head, Pairs, Variables
from gateway_zoo.wire.exchanges import Exchange
from gateway_zoo.wire.fields import Field, Span, text
from gateway_zoo.wire.talk import Talk
from gateway_zoo.wire.wires import Direction, Wires

UNPREFIXED = ("CONTENT_TYPE", "CONTENT_LENGTH")  # headers that are meta-variables without HTTP_
FIRST_LINE = ("REQUEST_METHOD", "REQUEST_URI", "SERVER_PROTOCOL")


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A variable, or a header, of one exchange. `spans`: where it lies, lengths and separators with it; empty: it
    could not be found again among the fields."""

    variable: str  # the name to compare by
    name: str  # the name in the bytes
    value: str
    spans: tuple[Span, ...]

    @property
    def bytes(self) -> int:
        return sum(length for _, length in self.spans)


class Row(msgspec.Struct, frozen=True):
    """One variable in both. `is_`: "same", "differs", "only A" or "only B"."""

    variable: str
    is_: str = msgspec.field(name="is")
    a: Named | None
    b: Named | None


def aligned(a: list[Named], b: list[Named]) -> list[Row]:
    """In the order of `a`; what only `b` has stands behind. A name that is there twice meets its like in turn."""
    others = defaultdict[str, deque[Named]](deque)
    for named in b:
        others[named.variable].append(named)
    rows = [_row(named, others[named.variable].popleft() if others[named.variable] else None) for named in a]
    left = {id(named) for queue in others.values() for named in queue}
    return rows + [Row(named.variable, "only B", None, named) for named in b if id(named) in left]


def _row(a: Named, b: Named | None) -> Row:
    return Row(a.variable, "only A" if b is None else "same" if a.value == b.value else "differs", a, b)


def side_by_side(a: Exchange, b: Exchange, wires: Wires) -> dict[str, Any]:
    """As JSON: the rows of requests and responses, and all bytes of each."""
    named = {exchange.number: names(exchange, wires) for exchange in (a, b)}
    return {
        side: {
            "a": len(getattr(a, side)),
            "b": len(getattr(b, side)),
            "rows": [_builtins(row) for row in aligned(named[a.number][side], named[b.number][side])],
        }
        for side in ("request", "response")
    }


def _builtins(row: Row) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.to_builtins(row)
    return made | {side: made[side] | {"bytes": named.bytes} for side, named in (("a", row.a), ("b", row.b)) if named}


def names(exchange: Exchange, wires: Wires) -> dict[Direction, list[Named]]:
    """The variables and headers of both directions, in their order."""
    sides: dict[Direction, bytes] = {"request": bytes(exchange.request), "response": bytes(exchange.response)}
    if exchange.protocol not in wires:
        return {side: [] for side in sides}
    heard = Talk(wires, exchange.protocol)
    fields = talk.annotate(wires, exchange.protocol, *sides.values())
    return {
        side: list(_named([said.event for said in heard.feed(side, data)], side, found))
        for (side, data), found in zip(sides.items(), fields, strict=True)
    }


def _named(events: list[Any], side: Direction, fields: list[Field]) -> Iterator[Named]:
    places = defaultdict[tuple[str, str], deque[Field]](deque)
    for field in fields:
        places[field.name.lower(), field.value].append(field)
    for event in events:
        if isinstance(event, Variables):
            yield from (_placed(name, name, value, places) for name, value in _texts(event.pairs))
        elif isinstance(event, Head):
            yield from _first_line(event.start, fields) if side == "request" else ()
            yield from (_placed(_meta(name, side), name, value, places) for name, value in _texts(event.headers))


def _texts(pairs: Pairs) -> Iterator[tuple[str, str]]:
    return ((text(name), text(value)) for name, value in pairs)


def _meta(header: str, side: Direction) -> str:
    """A response's headers have no other name than their own, but for upper and lower case."""
    if side == "response":
        return header.title()
    name = header.upper().replace("-", "_")
    return name if name in UNPREFIXED else f"HTTP_{name}"


def _placed(variable: str, name: str, value: str, places: dict[tuple[str, str], deque[Field]]) -> Named:
    """Find the field again that the decoder, which knows no fields, has read this from."""
    found = places[name.lower(), value]
    return Named(variable=variable, name=name, value=value, spans=found.popleft().spans if found else ())


def _first_line(start: bytes, fields: list[Field]) -> Iterator[Named]:
    """The three words of a request's first line: the first field that says just this."""
    for variable, word in zip(FIRST_LINE, text(start).split(" "), strict=False):
        place = next((field for field in fields if field.value == word), None)
        yield Named(
            variable=variable, name=place.name if place else variable, value=word, spans=place.spans if place else ()
        )
