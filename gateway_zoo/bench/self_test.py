"""`zoo bench --self-test`: what this method finds on this machine, and what it only seems to find.

A zoo of its own runs one exhibit, whose program burns as much CPU as the query says (program/zoo_app.py). Each run
measures three targets there, as any benchmark would:

    same          the exhibit
    same again    the exhibit once more, at the same address: a difference is a false alarm
    slower        the exhibit, with so much more CPU per request as is asked for (15 %)

So everything but the burnt CPU is the same: machine, front, processes, code. How much 15 % is, is measured before.

The smallest effect is computed from the false pairs. An effect moves their intervals by its logarithm, and it is found
where an interval then lies above 1. The smallest that is found in FOUND of RUNS runs is stated, whether it is more or
less than 15 %.
"""

import math
import statistics
from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from gateway_zoo.bench import cells, run, tools
from gateway_zoo.bench.document import Document, Table, day
from gateway_zoo.bench.plan import Plan
from gateway_zoo.bench.records import Comparison, Machine, Method, Report, Row, Target
from gateway_zoo.bench.rounds import Progress, silent
from gateway_zoo.bench.words import interval, number, ratio
from gateway_zoo.errors import fail
from gateway_zoo.keeper import own_zoo, state
from gateway_zoo.settings import Settings
from gateway_zoo.terminal.columns import Column

RUNS = 20
FALSE_ALARMS = 3  # at most, in RUNS runs, for each figure
FOUND = 19  # at least, in RUNS runs
MORE = 0.15  # CPU per request
EXHIBIT, FRONT = "uwsgi", "nginx"  # fast: 15 % of little are hard to find
PROGRAM = "gateway_zoo/bench/program"
SAME, AGAIN, SLOWER = "same", "same again", "slower"


class Pair(msgspec.Struct, frozen=True):
    """One comparison of one run. `run` counts from 1; `moved`: rounds of it whose control moved."""

    run: int
    moved: int
    comparison: Comparison


class SelfTest(msgspec.Struct, frozen=True):
    """What the runs showed. `more`: the part of CPU per request that `slower` burns; `burnt_us`: that part, in
    microseconds, of a request that took `cpu_ms`.

    `false_alarms`: figure -> runs in which two names of one exhibit differ. `found`: runs in which `slower` takes more
    CPU. `smallest`: the ratio of CPU that would be found in FOUND of RUNS runs (in as many of fewer); None: unknown.
    `holds`: all is as it should be. `complete`: all runs are there.
    """

    machine: Machine
    method: Method
    exhibit: str
    runs: int
    more: float
    burnt_us: int
    cpu_ms: float
    pairs: list[Pair]
    false_alarms: dict[str, int]
    found: int
    smallest: float | None
    holds: bool
    complete: bool = True


def plan_of(seed: int) -> Plan:
    """The plan of each run: ten short rounds, and no latency. More rounds make intervals narrower than longer ones do:
    what disturbs a machine for seconds hits all of a short round."""
    return Plan(
        mode="self-test",
        seed=seed,
        rounds=10,
        seconds=0.3,
        latency_s=0.0,
        warm_up_s=0.3,
        most_s=3.0,
        control_s=0.15,
        connections=4,
        budget_s=120.0,
    )


def run_all(
    settings: Settings,
    plan: Plan,
    runs: int = RUNS,
    more: float = MORE,
    *,
    busy: bool = False,
    progress: Progress = silent,
) -> SelfTest:
    """Do all runs; `busy`: on a busy machine, too. Raises Stop if nothing can be measured. Ctrl-C ends it early; whole
    runs are kept."""
    load_tools = tools.find(settings.compose)
    busy_share = tools.busy()
    tools.refuse_busy(busy_share, busy)
    with own_zoo.OwnZoo(settings, [EXHIBIT], more={"ZOO_PROGRAM": PROGRAM}, in_a_container=True) as zoo:
        target = cells.choose(
            zoo.plan.registry, zoo.plan.open_cells, [EXHIBIT], FRONT, None, state.read(zoo.settings)
        ).targets[0]

        def measure(targets: list[Target], number: int, text: str) -> Report:
            def show(words: str, share: float, left_s: float | None) -> None:
                each_s = None if left_s is None or share < 0.1 else left_s / (1 - share) if share < 1 else None
                progress(
                    f"{text}, {words}", (number + share) / (runs + 1), each_s and each_s * (runs + 1 - number - share)
                )

            numbered = replace(plan, seed=plan.seed + number)
            return run.run(zoo.settings, targets, numbered, cells.ENDPOINT, load_tools, busy_share, show)

        same = replace(target, name=SAME, url=f"{target.url}?busy=0")
        before = measure([same], 0, "before")
        cpu_ms = _cpu_ms(before.rows[0])
        burnt_us = round(1000 * cpu_ms * more)
        targets = [
            same,
            replace(same, name=AGAIN, base=SAME),
            replace(same, name=SLOWER, url=f"{target.url}?busy={burnt_us}", base=SAME),
        ]
        reports: list[Report] = []
        for number in range(1, runs + 1):
            report = measure(targets, number, f"run {number} of {runs}")
            if not report.complete:
                break
            reports.append(report)
    return _result(before, reports, runs, more, burnt_us, cpu_ms)


def _cpu_ms(row: Row) -> float:
    if row.failed or not row.gateway_cpu_ms or not row.front_cpu_ms:
        fail(f"the CPU of a request cannot be measured here: {row.failed or row.gateway.why or row.front.why}", 3)
    return row.gateway_cpu_ms.value + row.front_cpu_ms.value


def _result(before: Report, reports: list[Report], planned: int, more: float, burnt_us: int, cpu_ms: float) -> SelfTest:
    if not reports:
        fail("no run is whole, so nothing is known", 3)
    pairs = [
        Pair(number, sum(each.control_moved for each in report.rounds), comparison)
        for number, report in enumerate(reports, 1)
        for comparison in report.comparisons
    ]
    same = [pair.comparison for pair in pairs if pair.comparison.target == AGAIN]
    alarms = dict.fromkeys([each.figure for each in same], 0)
    for each in same:
        alarms[each.figure] += each.verdict != "no difference shown"
    slower = [pair.comparison for pair in pairs if _is_cpu(pair, SLOWER)]
    found = sum(each.verdict == "slower" for each in slower)
    count = len(reports)
    holds = max(alarms.values()) <= allowed(count) and found >= needed(count)
    complete = count == planned
    smallest = smallest_effect([each for each in same if each.figure == "cpu_ms"])
    return SelfTest(
        *(before.machine, reports[0].method, EXHIBIT, count, more, burnt_us, cpu_ms, pairs, alarms, found, smallest),
        *(holds and complete, complete),
    )


def allowed(runs: int) -> int:
    """False alarms that so many runs may have: FALSE_ALARMS of RUNS, rounded up."""
    return math.ceil(FALSE_ALARMS * runs / RUNS)


def needed(runs: int) -> int:
    """Runs that must find the effect: FOUND of RUNS, rounded."""
    return round(FOUND * runs / RUNS)


def smallest_effect(same: list[Comparison]) -> float | None:
    """The ratio that these intervals of pairs without a difference would find, in FOUND of RUNS runs; None without
    an interval."""
    effects = sorted(1 / each.low for each in same if each.low)
    return effects[max(0, needed(len(effects)) - 1)] if effects else None


# --- in words ---------------------------------------------------------------------------------------------------------


def sentences(result: SelfTest) -> Iterator[str]:
    """The results, the worst that was seen included."""
    for figure, alarms in result.false_alarms.items():
        words = "in none" if not alarms else f"in {alarms}"
        yield (
            f"The same exhibit under two names showed a difference in {_NAMES[figure]} {words} of {result.runs} runs; "
            f"at most {allowed(result.runs)} are expected of 95 % intervals."
        )
    yield (
        f"{result.more:.0%} more CPU per request ({result.burnt_us} us burnt in addition to {number(result.cpu_ms)} "
        f"ms) were found in {result.found} of {result.runs} runs; {needed(result.runs)} are needed."
    )
    if seen := [pair.comparison.ratio for pair in result.pairs if _is_cpu(pair, SLOWER) and pair.comparison.ratio]:
        yield f"The median of these runs measured {statistics.median(seen) - 1:.1%} more."
    if result.smallest is not None:
        yield (
            f"The smallest effect that this machine finds in {needed(result.runs)} of {result.runs} runs: "
            f"{result.smallest - 1:.1%} more CPU per request."
        )
    if not result.complete:
        yield "It was stopped, so fewer runs than planned are there."


def _is_cpu(pair: Pair, target: str) -> bool:
    return (pair.comparison.target, pair.comparison.figure) == (target, "cpu_ms")


_NAMES = {"rps": "requests/s", "cpu_ms": "CPU per request", "p99_ms": "p99"}


def document(result: SelfTest) -> Document:
    """The results as a document."""
    machine, method = result.machine, result.method
    columns = [
        *(Column("run", right=True), Column("same again: CPU", right=True), Column("interval")),
        *(Column("slower: CPU", right=True), Column("interval"), Column("control moved", right=True, rank=1)),
    ]
    rows = [
        [
            *(str(number), *_cells(result, number, AGAIN), *_cells(result, number, SLOWER)),
            f"{next(pair.moved for pair in result.pairs if pair.run == number)} of {method.rounds}",
        ]
        for number in range(1, result.runs + 1)
    ]
    return Document(
        "Self-test of the benchmark: " + ("it holds" if result.holds else "it does not hold on this machine now"),
        [
            *sentences(result),
            f"Machine: {machine.cpu}, {machine.cores} cores; {machine.system}, {machine.kernel}; {machine.busy:.0%} "
            f"busy before the start; {day(machine.date)}",
            f"Method: {result.exhibit} behind {FRONT}; {method.rounds} rounds of {number(method.seconds)} s for each "
            f"of three targets, {method.connections} connections, seeds from {method.seed} on",
        ],
        list(_warnings(result)),
        [Table("Ratio of CPU per request to that of `same`", columns, rows)],
        ["Interval: 95 %, Student's t on logarithms of the rounds' ratios (intervals.py)."],
    )


def _warnings(result: SelfTest) -> Iterator[str]:
    """What disturbed the runs. A machine without it finds smaller effects."""
    if result.machine.busy > tools.BUSY_LIMIT:
        yield f"{result.machine.busy:.0%} of the processors were busy with other work before the start."
    moved = sum({pair.run: pair.moved for pair in result.pairs}.values())
    if moved:
        rounds = result.runs * result.method.rounds
        yield f"The control moved in {moved} of {rounds} rounds: a steadier machine finds smaller effects."


def _cells(result: SelfTest, run_number: int, target: str) -> tuple[str, str]:
    for pair in result.pairs:
        each = pair.comparison
        if pair.run == run_number and _is_cpu(pair, target):
            return (ratio(each.ratio), interval(each.low, each.high)) if each.ratio else ("-", f"failed: {each.why}")
    return ("-", "not measured")
