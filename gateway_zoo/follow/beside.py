"""Two ways side by side: the same facts of both, and which of them differ.

Numbers that differ each time (ids, ports, times) are facts, too; they differ, and say so.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from gateway_zoo.follow.lines import Line, Origin
from gateway_zoo.follow.stations import Way

STATIONS = ("browser → front", "the front decides", "front → gateway", "gateway → program", "the way back")
TIMES = "times"
UNKNOWN = "unknown: {}"
Is = Literal["same", "differs", "only A", "only B"]


class Fact(msgspec.Struct, frozen=True):
    """A fact of one way. `origin`: why it is so, in a few words."""

    name: str
    value: str
    origin: str = ""


class Row(msgspec.Struct, frozen=True):
    """A fact in two ways; None in the one that lacks it. `same`: the same value, also where it has another origin."""

    name: str
    is_: Is = msgspec.field(name="is")
    a: Fact | None
    b: Fact | None


class Station(msgspec.Struct, frozen=True):
    """The facts of a station, or the times."""

    name: str
    rows: list[Row]


def beside(a: Way, b: Way) -> list[Station]:
    """Compare two ways, station by station. The times come last."""
    ours, theirs = facts(a), facts(b)
    return [Station(name, _rows(ours[name], theirs[name])) for name in ours]


def facts(way: Way) -> dict[str, list[Fact]]:
    """The facts of a way, by station."""
    parts = (_browser(way), _decision(way), _wire(way), _program(way), _back(way))
    found = {name: list(part) for name, part in zip(STATIONS, parts, strict=True)}
    return found | {TIMES: [Fact(leg.means, f"{leg.ms:.2f} ms") for leg in way.legs]}


def _rows(ours: list[Fact], theirs: list[Fact]) -> list[Row]:
    """Pair the facts by name, repeated names in their order; what only the second way has is last."""
    left = list(theirs)
    rows = []
    for fact in ours:
        other = next((each for each in left if each.name == fact.name), None)
        if other:
            left.remove(other)
        is_: Is = "only A" if other is None else "same" if fact.value == other.value else "differs"
        rows.append(Row(fact.name, is_, fact, other))
    return rows + [Row(fact.name, "only B", None, fact) for fact in left]


def origin_text(origin: Origin | None) -> str:
    """Where a variable comes from, in a few words."""
    if origin is None:
        return ""
    by = {"line": place(origin.line) if origin.line else "", "client": f"the client's header {origin.header}"}
    return ", ".join([by.get(origin.kind, origin.why), *map(place, origin.shaped_by)])


def place(line: Line) -> str:
    """File and line number."""
    return f"{line.file}:{line.number}"


def _browser(way: Way) -> Iterator[Fact]:
    talk = way.browser
    yield Fact("request", f"{way.method} {way.path}")
    yield Fact("status", str(talk.status or "none"))
    yield Fact("bytes to the front", f"{talk.request.size:,}")
    yield Fact("bytes from the front", f"{talk.response.size:,}")
    yield from (Fact("error", error) for error in talk.errors)


def _decision(way: Way) -> Iterator[Fact]:
    if way.decision.why:
        yield Fact("lines", UNKNOWN.format(way.decision.why))
    yield from (Fact(place(line), line.text) for line in way.decision.lines)


def _wire(way: Way) -> Iterator[Fact]:
    talk = way.wire.talk
    if talk is None:
        yield Fact("bytes", UNKNOWN.format(way.wire.why))
        return
    yield Fact("protocol", talk.protocol)
    yield Fact("bytes to the gateway", f"{talk.request.size:,}")
    yield Fact("bytes from the gateway", f"{talk.response.size:,}")
    yield from (Fact(each.variable, each.value, origin_text(each.origin)) for each in way.wire.variables)
    yield from (Fact("error", error) for error in talk.errors)


def _program(way: Way) -> Iterator[Fact]:
    report = way.program.report
    if report is None:
        yield Fact("program", UNKNOWN.format(way.program.why))
        return
    yield Fact("process", str(report.pid))
    yield Fact("thread", str(report.thread))
    yield Fact("given as", report.kind)
    yield from (Fact(name, value) for name, value in report.given.items())


def _back(way: Way) -> Iterator[Fact]:
    if way.back.why:
        yield Fact("answer", UNKNOWN.format(way.back.why))
    for change in way.back.changes:
        value = change.client if change.client is not None else change.gateway
        origin = change.why or (place(change.line) if change.line else "")
        yield Fact(change.header, f"{change.is_}: {value}", origin)
    if way.back.body:
        yield Fact("body", way.back.body)
