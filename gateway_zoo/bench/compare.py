"""`--compare OLD.json`: what moved between two reports, and whether it may be said at all.

Two reports are not paired: the machine had another hour. So each figure gets Welch's t interval on the logarithms of
its rounds, and the control is compared in the same way. Where the control itself moved, the machine did, and the
reader is told before anything else. Reports of different machines, or measured in different ways, are refused: their
difference would say nothing about the gateways. Different versions are no reason to refuse, for they are what a reader
wants to compare; they are listed. Latencies are compared where both were asked at the same rate.
"""

import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from gateway_zoo.bench import intervals
from gateway_zoo.bench.assertions import Outcome
from gateway_zoo.bench.document import Document, Table, day
from gateway_zoo.bench.records import FORMAT, Comparison, Machine, Report, Sample
from gateway_zoo.bench.rows import cpu_ms
from gateway_zoo.bench.words import FIGURES, interval, ratio, verdict
from gateway_zoo.errors import fail
from gateway_zoo.terminal.columns import Column

CONTROL = "control"
MOST_BYTES = 64_000_000
#: What has to be the same, with a word for it.
MACHINE = {"cpu": "processor", "cores": "number of cores"}
METHOD = {
    "mode": "mode",
    "connections": "connections",
    "threads": "threads of wrk",
    "path": "path",
}


#: What may differ: it makes intervals wider or narrower, and a quick run chooses it by itself.
LENGTHS = {"rounds": "rounds", "seconds": "seconds of a closed loop", "latency_s": "seconds at a constant rate"}


class Moved(msgspec.Struct, frozen=True):
    """Two reports beside each other. `changes`: what else differs (versions, kernel), in words. `comparisons`: the new
    report / the old one, first the control. `warnings`: sentences to read before the figures."""

    old: str
    new: str
    changes: list[str]
    comparisons: list[Comparison]
    warnings: list[str]


class Judged(msgspec.Struct, frozen=True):
    """A report, what moved since an old one, and whether the assertions hold: the JSON where these are asked for."""

    report: Report
    moved: Moved | None
    assertions: list[Outcome]


def read(path: Path) -> Report:
    """Read a report, alone or within Judged. Raises Stop with a sentence if it is none."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES)
        form = msgspec.json.decode(data, type=_Format)
        if form.report is not msgspec.UNSET:
            return msgspec.json.decode(data, type=Judged).report
        if form.format is None:
            fail(f"{path} is no report of zoo bench --json: it has no format", 2)
        if form.format != FORMAT:
            fail(f"{path} has the format {form.format}, this zoo reads {FORMAT}; measure again", 2)
        return msgspec.json.decode(data, type=Report)
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}", 2)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        fail(f"{path} is no report of zoo bench --json: {error}", 2)


class _Format(msgspec.Struct):
    """The keys that tell what a file is."""

    format: int | None = None
    report: Any = msgspec.UNSET


def moved(old: Report, new: Report) -> Moved:
    """Compare two reports. Raises Stop if that would say nothing."""
    refuse_machine(old, new.machine)
    _refuse_different("methods", METHOD, old.method, new.method)
    comparisons = list(_all(old, new))
    if not comparisons[1:]:
        fail(f"the reports have no target in common: {_names(old)} then, {_names(new)} now", 2)
    return Moved(
        old.machine.date, new.machine.date, list(_changes(old, new)), comparisons, list(_warnings(comparisons[0]))
    )


def _names(report: Report) -> str:
    return ", ".join(target.name for target in report.targets)


def refuse_machine(old: Report, machine: Machine) -> None:
    """Raise Stop if the old report is of another machine: better said before anything is measured."""
    _refuse_different("machines", MACHINE, old.machine, machine)


def _refuse_different(kind: str, names: dict[str, str], before: Any, now: Any) -> None:
    different = [
        f"{word} {getattr(before, name)} then, {getattr(now, name)} now"
        for name, word in names.items()
        if getattr(before, name) != getattr(now, name)
    ]
    if different:
        fail(f"these reports have different {kind}, so they are not compared: {'; '.join(different)}", 2)


def _changes(old: Report, new: Report) -> Iterator[str]:
    for name in ("kernel", "system"):
        before, now = getattr(old.machine, name), getattr(new.machine, name)
        if before != now:
            yield f"{before} -> {now}"
    versions = [
        (old.machine.versions, new.machine.versions),
        (
            {tool.name: tool.version for tool in old.method.tools},
            {tool.name: tool.version for tool in new.method.tools},
        ),
    ]
    for before, now in versions:
        for name in dict.fromkeys((*before, *now)):
            if before.get(name) != now.get(name):
                yield f"{name} {before.get(name, 'absent')} -> {now.get(name, 'absent')}"
    for name, word in LENGTHS.items():
        before, now = getattr(old.method, name), getattr(new.method, name)
        if before != now:
            yield f"{word}: {before:g} -> {now:g}"
    for kind, (first, second) in (("gone", (old, new)), ("new", (new, old))):
        names = {target.name for target in second.targets}
        yield from (f"{target.name}: {kind}" for target in first.targets if target.name not in names)


def _warnings(control: Comparison) -> Iterator[str]:
    if control.verdict != "no difference shown":
        yield (
            f"the machine itself has changed: the control is {verdict(control)} than then; a difference of this size "
            "says nothing about a gateway"
        )


def _all(old: Report, new: Report) -> Iterator[Comparison]:
    """The control, then each figure of each target that both have."""
    now, then = ([statistics.median(each.controls) for each in report.rounds if each.controls] for report in (new, old))
    yield intervals.between(CONTROL, "rps", now, then)
    for target in new.targets:
        rows = [next((row for row in report.rows if row.target == target.name), None) for report in (new, old)]
        if None in rows:
            continue
        failed = "; ".join(
            f"{word}: {row.failed}" for word, row in zip(("now", "then"), rows, strict=True) if row and row.failed
        )
        same_rate = len(_rates(old, target.name) | _rates(new, target.name)) == 1
        for name, value in _VALUES.items():
            if name == "p99_ms" and not same_rate:
                continue
            now, then = (_values(report, target.name, value) for report in (new, old))
            if (now and then) or (failed and name == "rps"):
                yield intervals.between(target.name, name, now, then, failed)


def _rates(report: Report, name: str) -> set[float]:
    samples = [sample for each in report.rounds for sample in each.samples if sample.target == name]
    return {sample.latency.rate for sample in samples if sample.latency and not sample.failed}


def _values(report: Report, name: str, value: Callable[[Report, Sample], float | None]) -> list[float]:
    samples = [sample for each in report.rounds for sample in each.samples if sample.target == name]
    values = [value(report, sample) for sample in samples if not sample.failed]
    return [each for each in values if each]


def _cpu_ms(report: Report, sample: Sample) -> float | None:
    return cpu_ms(next(target for target in report.targets if target.name == sample.target), sample)


_VALUES: dict[str, Callable[[Report, Sample], float | None]] = {
    "rps": lambda _, sample: sample.rps,
    "cpu_ms": _cpu_ms,
    "p99_ms": lambda _, sample: sample.latency.p99_ms if sample.latency else None,
}


def document(both: Moved) -> Document:
    """The comparison in words."""
    columns = [
        *(Column("target", least=14, gives="lines"), Column("figure"), Column("now / then", right=True)),
        *(Column("interval"), Column("verdict", least=20, gives="lines")),
    ]
    rows = [
        [
            *(each.target, FIGURES[each.figure][0], ratio(each.ratio) if each.ratio else "-"),
            *(interval(each.low, each.high) if each.ratio else "-", verdict(each)),
        ]
        for each in both.comparisons
    ]
    facts = [f"Changed besides: {', '.join(both.changes)}" if both.changes else "Versions and machine are the same."]
    notes = ["Interval: 95 %, from the rounds of both (Welch's t on logarithms). It misses in 1 of 20 cases."]
    return Document(
        f"What moved between {day(both.old)} and {day(both.new)}",
        facts,
        both.warnings,
        [Table("Now, beside then", columns, rows)],
        notes,
    )
