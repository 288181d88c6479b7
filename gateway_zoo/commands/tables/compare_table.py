"""Show what `compare` measured.

A table whose columns fit the terminal, or two exhibits in sentences (measure/compare_words.py). Nothing is measured
here.

Each column has a rank: a narrow terminal loses whole columns, the highest rank first, and no number is ever cut. The
columns that show how an exhibit works (processes, threads, requests in parallel) stay longest; --json has everything.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from gateway_zoo.measure import observe
from gateway_zoo.measure.compare_words import added, explain
from gateway_zoo.measure.comparison import Axes
from gateway_zoo.measure.figures import megabytes, milliseconds
from gateway_zoo.measure.memory import Memory
from gateway_zoo.measure.observe import Observation
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.columns import Column


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


def sentences(seen: list[Observation], axes: dict[str, Axes], ids: list[str]) -> None:
    """Print two exhibits as prose."""
    out = tables.console()
    for line in explain(seen, axes, ids):
        out.print(line, markup=False)
