"""Figures in words: three digits that count, units, intervals, and a comparison as a sentence. Pure functions.

None is "unknown"; the reason stands elsewhere in the record, and document.py collects it.
"""

from gateway_zoo.bench.records import Comparison, Figure

UNKNOWN = "unknown"
#: figure -> (its name in a table, "less" of it, "more" of it)
FIGURES = {
    "rps": ("requests/s", "fewer requests/s", "more requests/s"),
    "cpu_ms": ("CPU/request", "less CPU/request", "more CPU/request"),
    "p99_ms": ("p99", "shorter p99", "longer p99"),
}


def number(value: float | None) -> str:
    """Three digits that count, whole numbers in full: 12,345; 123; 12.3; 0.0123."""
    if value is None:
        return UNKNOWN
    if abs(value) >= 100:
        return f"{value:,.0f}"
    for least, digits in ((10, 1), (1, 2), (0.1, 3), (0.01, 4), (0.001, 5)):
        if abs(value) >= least:
            return f"{value:.{digits}f}"
    return f"{value:.1g}" if value else "0"


def interval(low: float | None, high: float | None) -> str:
    """Both bounds, or why there are none."""
    return "too few rounds" if low is None or high is None else f"{number(low)} to {number(high)}"


def figure(value: Figure | None) -> str:
    """A figure with its interval."""
    if value is None:
        return UNKNOWN
    return number(value.value) if value.low is None else f"{number(value.value)} ({interval(value.low, value.high)})"


def ratio(value: float | None) -> str:
    """A ratio: 1.08, 0.0412, 23.4."""
    return number(value) if value is None or value < 1 else f"{value:.2f}" if value < 10 else number(value)


def share(value: float | None) -> str:
    """A part of a whole."""
    return UNKNOWN if value is None else f"{value:.0%}"


def memory(size: int | None) -> str:
    """Bytes in MB."""
    return UNKNOWN if size is None else f"{size / 1e6:,.1f} MB"


def difference(each: Comparison) -> str:
    """How far a target is from its base: "12.0% more requests/s", "2.40 x the CPU/request", "1/112 of the p99"."""
    if each.ratio is None:
        return f"failed: {each.why}"
    name, less, more = FIGURES[each.figure]
    if each.ratio >= 2:
        return f"{ratio(each.ratio)} x the {name}"
    if each.ratio <= 0.5:
        return f"1/{number(1 / each.ratio)} of the {name}"
    return f"{abs(each.ratio - 1):.1%} {more if each.ratio > 1 else less}"


def verdict(each: Comparison) -> str:
    """The verdict, and how far it goes where a difference is shown."""
    if each.verdict in ("no difference shown", "failed"):
        return each.verdict if each.verdict != "failed" else f"failed: {each.why}"
    return f"{each.verdict}: {difference(each)}"


def listed(words: list[str]) -> str:
    """`a`; `a and b`; `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
