"""Print what `news` heard: a row per cell, notes on failures, a summary.

A terminal that is too narrow for all intervals shows those of polling only, because its delays differ by nature; a
narrower one shows none. A line for each way has the range. No number is cut.
"""

from gateway_zoo.errors import printable
from gateway_zoo.measure.figures import milliseconds
from gateway_zoo.measure.news import Result
from gateway_zoo.registry import why_closed
from gateway_zoo.registry.plans import Cell
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.columns import Column, chosen


def show_all(results: list[Result], ways: list[str]) -> None:
    """Print the table and its notes. An undeclared observation is marked (!)."""
    out = tables.console()
    notes: dict[str, int] = {}
    opened = [result for result in results if result.state != "closed"]
    spread = {result.way for result in opened if result.expected_ms is not None}
    for intervals in (set(ways), spread, set[str]()):
        table = columns(opened, ways, notes, intervals)
        if len(chosen(*table, out.width)) == len(table[0]):
            break
    out.print(f"Milliseconds from event to arrival: median{' (5 to 95 %)' if intervals else ''}", style="dim")
    tables.rows(out, *table)
    for note, number in notes.items():
        out.print(f"[{number}] {printable(note)}", markup=False)
    for line in summary(opened, ways):
        out.print(printable(line), markup=False)


def columns(
    results: list[Result], ways: list[str], notes: dict[str, int], intervals: set[str]
) -> tuple[list[Column], list[list[str]]]:
    """Return the columns, and a row of cells for each exhibit and front.

    The cells of the ways in `intervals` have their interval. Notes are numbered in order, and added to `notes`.
    """
    cells: dict[tuple[str, str], dict[str, Result]] = {}
    for result in results:
        cells.setdefault((result.exhibit, result.front), {})[result.way] = result
    heads = [Column("exhibit"), Column("front", rank=1)]
    heads += [Column(way, right=True, rank=2 + number) for number, way in enumerate(ways)]
    return heads, [
        [*place, *(cell(row[way], notes, interval=way in intervals) for way in ways)] for place, row in cells.items()
    ]


def cell(result: Result, notes: dict[str, int], *, interval: bool) -> str:
    """Return the text of one way through one cell: "550 (46-1100)", "fails [1]"."""
    mark = "" if result.as_declared else "! "
    if result.ms is not None and result.low_ms is not None and result.high_ms is not None:
        between = f" ({milliseconds(result.low_ms)}-{milliseconds(result.high_ms)})" if interval else ""
        return f"{mark}{milliseconds(result.ms)}{between}"
    note = result.why if result.state == "works" or not result.as_declared else result.expected
    return f"{mark}{result.state} [{notes.setdefault(note or '?', len(notes) + 1)}]"


def summary(results: list[Result], ways: list[str]) -> list[str]:
    """Return a line for each way, then whether all is as declared.

    A line has the expected delay, and the lowest and highest median of the cells.
    """
    lines = []
    for way in ways:
        heard = [r for r in results if r.way == way and r.ms is not None]
        medians = [r.ms for r in heard if r.ms is not None]
        if medians:
            low, high = milliseconds(min(medians)), milliseconds(max(medians))
            lines.append(f"{way}: {_expected(heard[0])}; medians {low} to {high} ms, 90 % of the items {_range(heard)}")
    wrong = [r for r in results if not r.as_declared]
    for r in wrong:
        seen = "works, though it is said to fail" if r.state == "works" else f"fails: {r.why}"
        lines.append(f"! {r.exhibit} behind {r.front}: {r.way} {seen}")
    if not wrong:
        lines.append("all cells answered as their labels say")
    return lines


def _expected(result: Result) -> str:
    if result.expected_ms is None:
        return "expected the way through the gateway"
    return f"expected {milliseconds(result.expected_ms)} ms, half of the time between two polls"


def _range(heard: list[Result]) -> str:
    low = min(r.low_ms for r in heard if r.low_ms is not None)
    high = max(r.high_ms for r in heard if r.high_ms is not None)
    return f"{milliseconds(low)} to {milliseconds(high)} ms"


def show_closed(cells: list[Cell], *, by_name: bool) -> None:
    """Print the closed cells: their reasons if they were asked for by name, else their number."""
    out = tables.console()
    shut = [cell for cell in cells if cell.closed is not None]
    if by_name:
        for line in why_closed.lines(shut):
            out.print(line, style="yellow", markup=False)
    elif shut:
        noun = "cell is" if len(shut) == 1 else "cells are"
        out.print(f"{len(shut)} {noun} closed; ./zoo ls says why", style="dim")
