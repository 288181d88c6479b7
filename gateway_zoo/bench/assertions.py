"""`--assert 'wsgi.p99 < 50ms'`: a limit for a figure of a report, and the exit status that follows.

    assertion = target "." figure comparison number [unit]
    target    = ID | ID "." FRONT | FRONT ":" ID       as in the table of the report
    figure    = one of FIGURES

The figure's value decides. Where the limit lies within the figure's interval, the sentence says so: another run may
decide otherwise. A figure that is unknown, or a target that failed, does not hold.
"""

import operator
import re
from collections.abc import Callable
from typing import Any, cast

import msgspec

from gateway_zoo.bench.records import Figure, Report, Row, Target
from gateway_zoo.bench.words import interval, number
from gateway_zoo.errors import fail, nearest

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TIMES = {"us": 0.001, "ms": 1.0, "s": 1000.0}
RATES = {"/s": 1.0}
SIZES = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
COUNTS = {"": 1.0}
#: figure -> (its units, each with its factor; the path to its value in a row)
FIGURES: dict[str, tuple[dict[str, float], str]] = {
    "rps": (RATES, "rps"),
    "mean": (TIMES, "little_ms"),
    "p50": (TIMES, "latency.p50_ms"),
    "p99": (TIMES, "latency.p99_ms"),
    "p99.9": (TIMES, "latency.p999_ms"),
    "max": (TIMES, "latency.max_ms"),
    "gateway-cpu": (TIMES, "gateway_cpu_ms"),
    "front-cpu": (TIMES, "front_cpu_ms"),
    "gateway-pss": (SIZES, "gateway.pss_peak"),
    "front-pss": (SIZES, "front.pss_peak"),
    "forks": (COUNTS, "forks"),
}
ALL = f"figures are {', '.join(FIGURES)}"
PATTERN = re.compile(
    r"\s*(?P<left>[^<>=!\s]+)\s*(?P<sign>[<>=!]+)\s*(?P<number>(?:[-+.\d]+(?:[eE][-+]?\d+)?)?)\s*(?P<unit>\S*)\s*"
)
EXAMPLE = "such as 'wsgi.p99 < 50ms'"


class Assertion(msgspec.Struct, frozen=True):
    """`target` and `front` as given; `front` may be empty. `limit` in the unit `unit`."""

    text: str
    target: str
    front: str
    figure: str
    sign: str
    limit: float
    unit: str


class Outcome(msgspec.Struct, frozen=True):
    """Whether an assertion holds, and a sentence that says why."""

    assertion: str
    holds: bool
    sentence: str


def parse(text: str) -> Assertion:
    """Read an assertion. Raises Stop with what would be right."""
    parts = PATTERN.fullmatch(text)
    if not parts:
        fail(f"'{text}' is no assertion; expected TARGET.FIGURE < NUMBER UNIT, {EXAMPLE}", 2)
    left, sign, unit = parts["left"], parts["sign"], parts["unit"]
    # The longest name counts: p99.9 has a dot of its own.
    known = sorted((name for name in FIGURES if left.endswith(f".{name}")), key=len)
    if not known:
        name = left.rpartition(".")[2]
        fail(f"'{text}' names no figure; {nearest(name, list(FIGURES), ALL)}", 2)
    name = known[-1]
    target, _, front = left.removesuffix(f".{name}").partition(".")
    if sign not in OPERATORS:
        fail(f"'{text}' compares by '{sign}'; expected one of {' '.join(OPERATORS)}", 2)
    try:
        limit = float(parts["number"])
    except ValueError:
        fail(f"'{text}' has no number after {sign}; expected {EXAMPLE}", 2)
    units = FIGURES[name][0]
    if unit not in units:
        right = " or ".join(units) if "" not in units else "no unit"
        fail(f"'{text}': the unit '{unit}' does not fit {name}; expected {right}", 2)
    return Assertion(text, target, front, name, sign, limit, unit)


def check(report: Report, assertion: Assertion) -> Outcome:
    """Hold an assertion against a report. Raises Stop if the report has no such target."""
    row = _row(report, assertion)
    units, path = FIGURES[assertion.figure]
    value = _value(row, path)
    if row.failed:
        return _outcome(assertion, False, f"{row.target} failed: {row.failed}")
    if value is None:
        return _outcome(assertion, False, f"{assertion.figure} of {row.target} is unknown{_why(row, assertion.figure)}")
    factor = units[assertion.unit]
    spread = value if isinstance(value, Figure) else Figure(value)
    holds = OPERATORS[assertion.sign](spread.value / factor, assertion.limit)
    words = f"{assertion.figure} of {row.target} is {number(spread.value / factor)}{_spaced(assertion.unit)}"
    if spread.low is not None and spread.high is not None:
        low, high = spread.low / factor, spread.high / factor
        words += f" ({interval(low, high)})"
        if low <= assertion.limit <= high:
            words += "; the limit lies within the interval, so another run may decide otherwise"
    return _outcome(assertion, holds, words)


def _value(row: Row, path: str) -> Figure | float | None:
    """Follow the names of a path, as far as there is a record."""
    value: Any = row
    for name in path.split("."):
        value = getattr(value, name) if value is not None else None
    return cast("Figure | float | None", value)


def _outcome(assertion: Assertion, holds: bool, why: str) -> Outcome:
    return Outcome(assertion.text, holds, f"{assertion.text}: {'holds' if holds else 'does not hold'}; {why}")


def _spaced(unit: str) -> str:
    return f" {unit}" if unit.isalpha() else unit


def _why(row: Row, figure: str) -> str:
    """The reason that the row gives for an unknown figure."""
    side = row.gateway if figure.startswith("gateway") else row.front if figure.startswith("front") else None
    why = side.why if side else row.latency.why if row.latency and figure in ("p50", "p99", "p99.9") else ""
    return f": {why}" if why else ""


def _row(report: Report, assertion: Assertion) -> Row:
    names = [target.name for target in report.targets if _is_named(target, assertion)]
    if not names:
        given = ".".join(filter(None, (assertion.target, assertion.front)))
        known = [target.name for target in report.targets]
        fail(
            f"'{assertion.text}': '{given}' is not measured; {nearest(given, known, 'there is ' + ', '.join(known))}", 2
        )
    if len(names) > 1:
        fail(f"'{assertion.text}': '{assertion.target}' may be {' or '.join(names)}; write one of them", 2)
    return next(row for row in report.rows if row.target == names[0])


def _is_named(target: Target, assertion: Assertion) -> bool:
    """Its whole name, its exhibit, or its exhibit and its front."""
    exhibit = target.name.rpartition(":")[2]
    if not assertion.front:
        return assertion.target in (target.name, exhibit)
    return (exhibit, target.behind) == (assertion.target, assertion.front)
