"""Show what `compare` measured.

A table whose columns fit the terminal, or two exhibits in lines. Nothing is measured here.

Each column has a rank: a narrow terminal loses whole columns, the highest rank first, and no number is ever cut. The
columns that show how an exhibit works (processes, threads, requests in parallel) stay longest; --json has everything.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from gateway_zoo.measure import figures, observe
from gateway_zoo.measure.comparison import Axes
from gateway_zoo.measure.figures import Interval, count, megabytes, milliseconds, ratio
from gateway_zoo.measure.memory import Memory
from gateway_zoo.measure.observe import Observation
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.columns import Column

SMALLEST = 50_000  # bytes: pages that one request touches differ by more from reading to reading


def table(seen: list[Observation], axes: dict[str, Axes]) -> None:
    """Print a row per cell, below a legend."""
    out = tables.console()
    out.print(
        f"Of {observe.CROWD} requests sent at once, so many ran in parallel ({observe.CROWD}+: perhaps more). "
        "MB: memory (PSS) of the processes that run the program: at rest, and with four requests in flight.",
        style="dim",
    )
    tables.rows(out, *columns(seen, axes))
    for line in remarks(seen):
        out.print(line, style="dim", markup=False)


def remarks(seen: list[Observation]) -> list[str]:
    """Explain figures that look wrong."""
    lines = []
    if few := [o.exhibit for o in seen if o.memory.requests < observe.IN_FLIGHT]:
        lines.append(f"{_names(few)}: four requests could not be caught in flight at once; again on a quieter machine.")
    if less := [o.exhibit for o in seen if (_at_four(o.memory) or math.inf) < (o.memory.rest or 0) * 0.95]:
        lines.append(
            f"{_names(less)}: less at four than at rest, because PSS divides a page among all that use it, and another "
            "family had more processes of the same program by then."
        )
    return lines


def _names(exhibits: list[str]) -> str:
    return ", ".join(dict.fromkeys(exhibits))


def columns(seen: list[Observation], axes: dict[str, Axes]) -> tuple[list[Column], list[list[str]]]:
    """Return every column in order, and a row of cells for each observation."""

    def of(
        head: str, rank: int, cell: Callable[[Observation], str], left: bool = False
    ) -> tuple[Column, Callable[[Observation], str]]:
        return Column(head, not left, rank), cell

    table = [
        of("exhibit", 0, lambda o: o.exhibit, left=True),
        of("front", 1, lambda o: o.front, left=True),
        of("protocol", 9, lambda o: axes[o.exhibit]["wire protocol"], left=True),
        of("process model", 10, lambda o: o.model, left=True),
        of("processes", 3, lambda o: str(o.processes)),
        of("threads", 4, lambda o: str(o.threads)),
        of("parallel", 2, parallel),
        of("first ms", 11, lambda o: milliseconds(o.first_ms)),
        of("median ms", 5, lambda o: milliseconds(o.median_ms)),
        of("MB at rest", 6, lambda o: megabytes(o.memory.rest)),
        of("at four", 7, lambda o: megabytes(_at_four(o.memory))),
        of("MB a request", 12, lambda o: added(o.memory.per_request, unit=False)),
        of("user", 13, lambda o: _few(o.users, "users"), left=True),
        of("requests each", 14, lambda o: _range(list(o.served.values()))),
        of("parent", 15, lambda o: _few(o.parents, "parents"), left=True),
        of("flags", 15, flags, left=True),
    ]
    return [column for column, _ in table], [[cell(o) for _, cell in table] for o in seen]


def _at_four(m: Memory) -> float | None:
    """Return None if fewer than four were in flight; --json and the lines have the number."""
    return m.parallel if m.requests == observe.IN_FLIGHT else None


def parallel(o: Observation) -> str:
    """Return the most requests that ran at the same time, with a plus if no limit was seen."""
    return f"{o.parallel}+" if o.parallel == o.crowd else str(o.parallel)


def flags(o: Observation) -> str:
    """Name the flags that the server sets for the program (PEP 3333)."""
    names = {"threads": o.multithread, "processes": o.multiprocess, "one request": o.run_once}
    return ", ".join(word for word, is_set in names.items() if is_set) or "-"


def _range(values: list[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low}-{high}"


def _few(values: Sequence[Any], noun: str) -> str:
    return str(values[0]) if len(values) == 1 else f"{len(values)} {noun}"


def added(per_request: Interval | None, unit: bool = True) -> str:
    """Return the interval of memory that a request in flight adds, if the readings show it."""
    if per_request is None:
        return "unknown" if unit else "-"
    if per_request.low < SMALLEST:
        return "too little to measure" if unit else "~0"
    low, high = megabytes(per_request.low), megabytes(per_request.high)
    both = low if low == high else f"{low} to {high}" if unit else f"{low}-{high}"
    return f"{both} MB" if unit else both


# --- two exhibits in lines ----------------------------------------------------------------------------------------


def explain(seen: list[Observation], axes: dict[str, Axes], ids: list[str]) -> None:
    """Print two exhibits as prose: each for itself, then the differences, axis by axis."""
    out = tables.console()
    for id in ids:
        for o in [o for o in seen if o.exhibit == id]:
            out.print(f"{sentence(o)} {memory_sentence(o.memory)}", markup=False)
    first, second = ids
    for axis, value in axes[first].items():
        other = axes[second][axis]
        same = (
            f"Both: {axis} {value}." if value == other else f"{axis.capitalize()}: {first} {value}, {second} {other}."
        )
        out.print(same, markup=False)
    pairs = [(a, b) for a in seen for b in seen if (a.exhibit, b.exhibit) == (first, second) and a.front == b.front]
    for a, b in pairs:
        out.print(difference(a, b), markup=False)


def sentence(o: Observation) -> str:
    """Describe one cell in a sentence."""
    requests = sum(o.served.values())
    how = f"from {count(o.processes, 'process')}"
    if o.model == "fork per request":
        how = "each from a new process"
    elif o.threads > 1:
        how += f" with up to {count(o.threads, 'thread')}"
    limit = "as many as were sent" if o.parallel == o.crowd else f"at most {o.parallel}"
    return (
        f"{o.exhibit} behind {o.front} answered {requests} requests {how}, as {', '.join(o.users)}; "
        f"of {o.crowd} sent at once {limit} ran together. The first took {milliseconds(o.first_ms)} ms, "
        f"the median {milliseconds(o.median_ms)} ms."
    )


def memory_sentence(m: Memory) -> str:
    """Describe the memory of one cell in a sentence."""
    if m.rest is None or m.one is None or m.parallel is None:
        return f"Its memory is unknown: {m.why}."
    at = "four" if m.requests == observe.IN_FLIGHT else str(m.requests)
    full = f"with {at} at once {figures.memory(m.parallel)} in {count(m.parallel_processes, 'process')}"
    if m.rest_processes == 0:
        return (
            f"Memory of the program: none at rest, with one request in flight {figures.memory(m.one)}, {full}, "
            f"{added(m.per_request)} for each; {m.helper_why}."
        )
    rest = f"{figures.memory(m.rest)} at rest in {count(m.rest_processes, 'process')}"
    return f"Memory of the program: {rest}, {full}; what a request in flight adds: {added(m.per_request)}."


def difference(a: Observation, b: Observation) -> str:
    """Describe the differences of two cells behind the same front. Only figures that can be compared have a ratio."""
    parts = []
    if a.processes != b.processes:
        parts.append(f"{count(a.processes, 'process')} against {b.processes}")
    if a.parallel != b.parallel:
        parts.append(f"{a.parallel} in parallel against {b.parallel}")
    first, other = a.memory, b.memory
    parts.append(f"memory at rest {_against(first.rest, other.rest)}")
    if first.requests == other.requests:
        at = "four" if first.requests == observe.IN_FLIGHT else str(first.requests)
        parts.append(f"with {at} requests in flight {_against(first.parallel, other.parallel)}")
    parts.append(f"per request in flight {added(first.per_request)} against {added(other.per_request)}")
    if times := ratio(a.median_ms, b.median_ms):
        parts.append(f"{times} times the median time")
    return f"Behind {a.front}, {a.exhibit} next to {b.exhibit}: {', '.join(parts)}."


def _against(first: float | None, other: float | None) -> str:
    """Return two sizes, and their ratio if neither is zero."""
    sizes = [figures.memory(size) if size != 0 else "none" for size in (first, other)]
    times = ratio(first or 0, other or 0)
    return f"{sizes[0]} against {sizes[1]}" + (f" ({times} times)" if times else "")
