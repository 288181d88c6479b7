"""A report as a document: a title, facts, warnings, tables, notes. All texts of a report are made here, once.

The terminal (text.py), Markdown and HTML (markdown.py, html.py) and the visitor centre draw the same document, each in
its own way. charts.py makes the pictures beside it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator

import msgspec

from gateway_zoo.bench import intervals
from gateway_zoo.bench.records import Cost, Report, Row
from gateway_zoo.bench.words import FIGURES, interval, listed, memory, number, ratio, share, verdict
from gateway_zoo.measure.figures import count
from gateway_zoo.terminal.columns import Column

NOTES = (
    "Interval: 95 %, from the rounds (Student's t on logarithms). It misses in 1 of 20 cases, so a table with 20 "
    "comparisons shows a difference by chance.",
    "Rank: rows whose intervals overlap share one. A difference smaller than the intervals is not shown to exist.",
    "Mean ms: Little's law, connections / requests per second.",
    "Gateway's share: of the CPU of gateway and front. By Amdahl's law a gateway that took none would save this part, "
    "and no more.",
    "Memory: PSS; a page that several processes share counts once, divided among them.",
)

LATENCY = (
    "Latency: from the intended send to the last byte, at a constant rate; all rounds together. It has no interval. In "
    "flight: Little's law, rate x mean latency.",
)


class Table(msgspec.Struct, frozen=True):
    """A table of texts."""

    title: str
    columns: list[Column]
    rows: list[list[str]]


class Document(msgspec.Struct, frozen=True):
    """A whole report in words. `warnings` belong beside the figures, `notes` below them."""

    title: str
    facts: list[str]
    warnings: list[str]
    tables: list[Table]
    notes: list[str]


def of(report: Report) -> Document:
    """The document of a report. A table without rows is left out."""
    tables = (
        _steps(report),
        _closed_loop(report),
        _comparisons(report),
        _latency(report),
        _use(report),
        _failed(report),
    )
    return Document(title(report), facts(report), report.warnings, [t for t in tables if t.rows], notes(report))


def title(report: Report) -> str:
    """A sentence: what was measured, and how."""
    method = report.method
    what = f"the ladder {report.ladder}" if report.ladder else count(len(report.targets), "target")
    indicative = " (quick: indicative)" if method.mode == "quick" else ""
    return f"Benchmark of {what}, {count(len(report.rounds), 'round')}{indicative}"


def facts(report: Report) -> list[str]:
    """Machine, method, versions."""
    machine, method = report.machine, report.method
    own = any(target.connections for target in report.targets)
    count = "the connections of its step" if own else f"{method.connections} connections"
    loops = f"a closed loop of {number(method.seconds)} s with {count}"
    constant = f", then {number(method.latency_s)} s at a constant rate" if method.latency_s else ""
    tools = [f"{tool.name} {tool.version}" for tool in method.tools]
    versions = [f"{name} {version}" for name, version in machine.versions.items()]
    return [
        f"Machine: {machine.cpu}, {machine.cores} cores, {machine.memory / 1e9:.1f} GB; {machine.system}, "
        f"{machine.kernel}; load {machine.load:.2f}, {machine.busy:.0%} busy before the start; {day(machine.date)}",
        f"Method: GET {method.path}; each round has each target once, in random order (seed {method.seed}): "
        f"{loops}{constant}; measured by {listed(tools)}",
        *([f"Versions: {', '.join(versions)}"] if versions else []),
    ]


def day(date: str) -> str:
    """A date of ISO 8601 in UTC, for people."""
    return f"{date[:16].replace('T', ' ')} UTC"


def notes(report: Report) -> list[str]:
    """What the columns mean, and why a figure is unknown."""
    return [*NOTES, *(LATENCY if report.method.latency_s else ()), *_knee(report), *_reasons(report)]


def _knee(report: Report) -> Iterator[str]:
    """The last step up to which each one is shown to give more requests per second, on a ladder of connections."""
    if len({each.connections for each in report.targets}) < 2:
        return
    verdicts = {each.target: each.verdict for each in report.comparisons if each.figure == "rps"}
    reached = report.targets[0].name
    for target in report.targets[1:]:
        if verdicts.get(target.name) != "faster":
            break
        reached = target.name
    yield f"Knee: {reached}. The next step is not shown to give more requests per second; a request only waits longer."


def _reasons(report: Report) -> Iterator[str]:
    """Each reason once, with the targets that it is about."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for row in report.rows:
        if row.failed:
            continue
        for side, cost in (("gateway", row.gateway), ("front", row.front)):
            if cost.why:
                reasons[f"{side}: {cost.why}"].append(row.target)
        if row.latency and row.latency.why:
            reasons[row.latency.why].append(row.target)
    for why, targets in reasons.items():
        yield f"Unknown for {listed(targets)}: {why}."


def ranked(report: Report) -> list[tuple[int | None, Row]]:
    """The rows that have not failed, with their rank by requests/s; the best first, the steps of a ladder in order."""
    rows = [row for row in report.rows if not row.failed]
    places = intervals.ranks("rps", {row.target: row.rps for row in rows})
    if not report.ladder:
        rows.sort(key=lambda row: (places.get(row.target, len(rows) + 1), -(row.rps.value if row.rps else 0)))
    return [(places.get(row.target), row) for row in rows]


def _steps(report: Report) -> Table:
    columns = [Column("step", least=14, gives="lines"), Column("what it changes", least=30, gives="lines")]
    return Table("Steps", columns, [[each.name, each.change] for each in report.targets if each.change])


def _closed_loop(report: Report) -> Table:
    columns = [
        *(Column("rank", right=True), Column("target", least=14, gives="lines"), Column("requests/s", right=True)),
        *(Column("interval"), Column("mean ms", right=True, rank=4)),
        *(Column("gateway CPU ms", right=True), Column("interval", rank=2)),
        *(
            Column("front CPU ms", right=True),
            Column("interval", rank=3),
            Column("gateway's share", right=True, rank=1),
        ),
    ]
    rows = [
        [
            *(str(place or "-"), row.target, *_figure(row, "rps"), number(row.little_ms)),
            *(*_figure(row, "gateway_cpu_ms"), *_figure(row, "front_cpu_ms"), share(row.gateway_share)),
        ]
        for place, row in ranked(report)
    ]
    return Table("Capacity, and CPU per request (closed loop)", columns, rows)


def _figure(row: Row, name: str) -> tuple[str, str]:
    """The value and the interval."""
    value = getattr(row, name)
    return ("unknown", "") if value is None else (number(value.value), interval(value.low, value.high))


def _comparisons(report: Report) -> Table:
    columns = [
        *(Column("target", least=14, gives="lines"), Column("figure"), Column("ratio", right=True), Column("interval")),
        Column("verdict", least=20, gives="lines"),
    ]
    rows = [
        [
            *(each.target, FIGURES[each.figure][0], ratio(each.ratio) if each.ratio else "-"),
            *(interval(each.low, each.high) if each.ratio else "-", verdict(each)),
        ]
        for each in report.comparisons
    ]
    bases = list(dict.fromkeys(each.base for each in report.comparisons))
    if len(bases) > 1:
        columns.insert(1, Column("beside", least=10, gives="lines"))
        rows = [[row[0], each.base, *row[1:]] for row, each in zip(rows, report.comparisons, strict=True)]
    beside = bases[0] if len(bases) == 1 else "its base"
    return Table(f"Beside {beside}, paired within rounds", columns, rows)


def _latency(report: Report) -> Table:
    columns = [
        *(Column("target", least=14, gives="lines"), Column("rate", right=True), Column("answers", right=True, rank=1)),
        *(Column(name, right=True) for name in ("p50 ms", "p99 ms", "p99.9 ms")),
        *(Column("longest ms", right=True, rank=2), Column("in flight", right=True, rank=3)),
    ]
    rows = [
        [
            *(row.target, number(seen.rate), f"{seen.requests:,}"),
            *map(number, (seen.p50_ms, seen.p99_ms, seen.p999_ms, seen.max_ms, seen.in_flight)),
        ]
        for _, row in ranked(report)
        if (seen := row.latency)
    ]
    return Table("Latency at a constant rate", columns, rows)


def _use(report: Report) -> Table:
    columns = [
        *(Column("target", least=14, gives="lines"), Column("gateway idle", right=True), Column("at most", right=True)),
        *(Column("front idle", right=True, rank=1), Column("at most", right=True, rank=2)),
        *(Column("forks", right=True), Column("gateway switches", right=True)),
        *(Column("front switches", right=True, rank=3), Column("wrk CPU ms", right=True, rank=4)),
    ]
    rows = [
        [
            *(row.target, *map(memory, (row.gateway.pss_idle, row.gateway.pss_peak))),
            *map(memory, (row.front.pss_idle, row.front.pss_peak)),
            *(number(row.forks), _switches(row.gateway), _switches(row.front), number(row.client_cpu_ms)),
        ]
        for _, row in ranked(report)
    ]
    return Table("Memory (PSS); processes started and context switches per request", columns, rows)


def _switches(cost: Cost) -> str:
    """Voluntary + involuntary, per request."""
    if cost.voluntary is None or cost.involuntary is None:
        return "unknown"
    return f"{number(cost.voluntary)} + {number(cost.involuntary)}"


def _failed(report: Report) -> Table:
    columns = [
        *(
            Column("target", least=14, gives="lines"),
            Column("requests", right=True, rank=1),
            Column("errors", right=True),
        ),
        *(Column("not 2xx", right=True), Column("why", least=24, gives="lines")),
    ]
    number_of: Callable[[int], str] = "{:,}".format
    rows = [
        [row.target, *map(number_of, (row.requests, row.errors, row.non_2xx)), row.failed]
        for row in report.rows
        if row.failed
    ]
    return Table("Failed, so not ranked", columns, rows)
