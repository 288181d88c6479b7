"""The charts of a report: lanes on a logarithmic axis, each with marks, intervals, and the rounds behind them.

A chart is data. html.py and the script of the visitor centre draw it; places on the axis are shares of its width, 0 to
1, so that neither of them computes. Each lane has a sentence that says the same.
"""

import math
from collections.abc import Iterable, Iterator

import msgspec

from gateway_zoo.bench import document, intervals
from gateway_zoo.bench.records import Figure, Report, Round, Row, Sample
from gateway_zoo.bench.words import FIGURES, UNKNOWN, figure, number, ratio, verdict

MOST_TICKS = 7
MARGIN = 0.04  # of the axis, left of the least and right of the most
STEPS = (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)  # of a decade, where little more than one is shown
COARSE = ((1, 2, 5), (1, 3), (1,))  # tried in turn until few ticks are left


class Tick(msgspec.Struct, frozen=True):
    """A place on the axis with its number."""

    at: float
    text: str


class Mark(msgspec.Struct, frozen=True):
    """A value, drawn in the colour of the chart's series `series`. `low`, `high`: its interval, or None.

    `rounds`: the values of the rounds behind it; `moved`: those of rounds whose control moved.
    """

    series: int
    at: float
    low: float | None = None
    high: float | None = None
    rounds: list[float] = []
    moved: list[float] = []


class Lane(msgspec.Struct, frozen=True):
    """A line of the chart. `sentence`: the figures in words, for readers that see no picture."""

    name: str
    sentence: str
    marks: list[Mark]


class Chart(msgspec.Struct, frozen=True):
    """`series`: names of the colours, in the order of their numbers. `line`: a value to compare with (1), or None.

    `joined`: the marks of a lane belong together (percentiles), and a line joins them.
    """

    title: str
    axis: str
    series: list[str]
    ticks: list[Tick]
    lanes: list[Lane]
    line: float | None = None
    joined: bool = False


def of(report: Report) -> list[Chart]:
    """All charts that have a lane."""
    charts = (_rate(report), _cpu(report), _latency(report), *_ratios(report))
    return [chart for chart in charts if any(lane.marks for lane in chart.lanes)]


class _Value(msgspec.Struct, frozen=True):
    """A mark before it has a place on the axis."""

    series: int
    figure: Figure
    rounds: list[tuple[float, bool]] = []


class _Axis:
    """A logarithmic axis that has room for all values above 0."""

    def __init__(self, values: Iterable[float], more: float | None = None) -> None:
        known = [value for value in (*values, *([more] if more else [])) if value > 0] or [1.0]
        low, high = math.log10(min(known)), math.log10(max(known))
        margin = max((high - low) * MARGIN, 0.01)
        self.low, self.high = low - margin, high + margin

    def at(self, value: float) -> float:
        """The place of a value, 0 to 1."""
        share = (math.log10(value) - self.low) / (self.high - self.low) if value > 0 else 0.0
        return round(min(1.0, max(0.0, share)), 4)

    def ticks(self) -> list[Tick]:
        """Round numbers: few of a long axis, and of a short one those of a linear scale."""
        low, high = 10**self.low, 10**self.high
        decades = range(math.floor(self.low), math.ceil(self.high) + 1)
        for steps in (STEPS, *COARSE):
            values = [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]
            if len(values) <= MOST_TICKS:
                break
        if len(values) < 3:
            values = _linear(low, high)
        return [Tick(self.at(value), f"{value:,.10g}") for value in values[:: -(-len(values) // MOST_TICKS)]]


def _linear(low: float, high: float) -> list[float]:
    """Between three and seven round numbers in a short range."""
    power = 10.0 ** math.floor(math.log10(high - low))
    for step in (power, power / 2, power / 5, power / 10):
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first >= 2:
            break
    return [round(number * step, 12) for number in range(first, last + 1)]


def _chart(
    title: str,
    axis: str,
    series: list[str],
    lanes: list[tuple[str, str, list[_Value]]],
    line: float | None = None,
    joined: bool = False,
) -> Chart:
    """Give every value its place."""
    scale = _Axis(_all(value for _, _, values in lanes for value in values), line)
    placed = [Lane(name, sentence, [_mark(scale, value) for value in values]) for name, sentence, values in lanes]
    return Chart(title, axis, series, scale.ticks(), placed, None if line is None else scale.at(line), joined)


def _all(values: Iterable[_Value]) -> Iterator[float]:
    for value in values:
        yield from (each for each in (value.figure.value, value.figure.low, value.figure.high) if each)
        yield from (each for each, _ in value.rounds)


def _mark(scale: _Axis, value: _Value) -> Mark:
    low, high = value.figure.low, value.figure.high
    rounds = [[scale.at(each) for each, moved in value.rounds if moved is flag] for flag in (False, True)]
    bounds = (None, None) if low is None or high is None else (scale.at(low), scale.at(high))
    return Mark(value.series, scale.at(value.figure.value), *bounds, *rounds)


# --- the charts -------------------------------------------------------------------------------------------------------


def _samples(report: Report, target: str) -> list[tuple[Sample, Round]]:
    return [(sample, each) for each in report.rounds for sample in each.samples if sample.target == target]


def _rate(report: Report) -> Chart:
    lanes = []
    for row in _rows(report):
        rounds = [(s.rps, r.control_moved) for s, r in _samples(report, row.target) if s.rps and not s.failed]
        values = [_Value(0, row.rps, rounds)] if row.rps and not row.failed else []
        lanes.append((row.target, _sentence(row, f"{figure(row.rps)} requests/s"), values))
    return _chart("Capacity", "requests/s (more is better)", ["requests/s"], lanes)


def _cpu(report: Report) -> Chart:
    lanes = []
    for row in _rows(report):
        values = []
        for series, (side, value) in enumerate((("gateway", row.gateway_cpu_ms), ("front", row.front_cpu_ms))):
            costs = [(getattr(s, side).cpu_ms, r.control_moved) for s, r in _samples(report, row.target)]
            if value and value.value > 0 and not row.failed:
                values.append(_Value(series, value, [(cost, moved) for cost, moved in costs if cost]))
        words = f"gateway {figure(row.gateway_cpu_ms)}, front {figure(row.front_cpu_ms)} ms"
        lanes.append((row.target, _sentence(row, words), values))
    return _chart("CPU per request", "ms of CPU per request (less is better)", ["gateway", "front"], lanes)


def _latency(report: Report) -> Chart:
    lanes = []
    for row in _rows(report):
        seen = row.latency
        percentiles = (seen.p50_ms, seen.p99_ms, seen.p999_ms) if seen and not row.failed else ()
        values = [_Value(series, Figure(value)) for series, value in enumerate(percentiles) if value]
        words = UNKNOWN
        if seen:
            ms = ", ".join(
                f"{name} {number(value)} ms"
                for name, value in (("p50", seen.p50_ms), ("p99", seen.p99_ms), ("p99.9", seen.p999_ms))
                if value is not None
            )
            words = f"at {number(seen.rate)} requests/s: {ms or UNKNOWN}"
        lanes.append((row.target, _sentence(row, words), values))
    axis = "ms at a constant rate (less is better)"
    return _chart("Latency", axis, ["p50", "p99", "p99.9"], lanes, joined=True)


def _ratios(report: Report) -> Iterator[Chart]:
    """For each figure the ratios of all targets to their bases."""
    bases = {each.base for each in report.comparisons}
    beside = bases.pop() if len(bases) == 1 else ""
    for name in dict.fromkeys(each.figure for each in report.comparisons):
        lanes = []
        for each in report.comparisons:
            if each.figure == name:
                words = f"{ratio(each.ratio)}: {verdict(each)}" if each.ratio else verdict(each)
                values = [_Value(0, Figure(each.ratio, each.low, each.high))] if each.ratio else []
                lanes.append((each.target if beside else f"{each.target} / {each.base}", words, values))
        better = "more" if name in intervals.MORE_IS_BETTER else "less"
        label = FIGURES[name][0]
        axis = f"ratio of {label}; 1: no difference ({better} is better)"
        yield _chart(f"Beside {beside or 'the base'}: {label}", axis, ["ratio"], lanes, line=1.0)


def _rows(report: Report) -> list[Row]:
    """In the order of the tables; those that failed are the last."""
    return [row for _, row in document.ranked(report)] + [row for row in report.rows if row.failed]


def _sentence(row: Row, words: str) -> str:
    return f"failed: {row.failed}" if row.failed else words
