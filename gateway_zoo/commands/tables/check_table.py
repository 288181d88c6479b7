"""Print what `check` found: exhibits by fronts, failures, other headers.

The exhibit and its results always stay. If the fronts do not fit side by side, their cells become short; if these do
not fit, the fronts stand in several tables. A time is never cut.
"""

import statistics
from collections.abc import Iterator

from rich.console import Console

from gateway_zoo.errors import printable
from gateway_zoo.measure.contract import Differences, Result
from gateway_zoo.registry.plans import Cell
from gateway_zoo.terminal import columns, tables
from gateway_zoo.terminal.columns import Column

LEGEND = "ok and a number: all answers are right; the median of their times in ms"


def report(out: Console, cells: list[Cell], results: list[Result], differences: Differences) -> None:
    if any(cell.closed is None for cell in cells):
        for text in table(cells, results, out.width):
            tables.line(out, text, "bold" if text.startswith("exhibit ") else "")
    for result in results:
        if result.state == "failed":
            text = f"{result.exhibit} behind {result.front}: {result.endpoint}: {printable(result.why)}"
            tables.line(out, text, "red")
    _headers(out, differences)
    good = sum(result.state == "ok" for result in results)
    failed = sum(result.state == "failed" for result in results)
    out.print(f"{good} ok, {failed} failed, {sum(bool(cell.closed) for cell in cells)} closed (cells)")


def table(cells: list[Cell], results: list[Result], width: int) -> list[str]:
    """Return the lines of the table, or of several tables below each other."""
    exhibits = list(dict.fromkeys(cell.exhibit for cell in cells))
    fronts = list(dict.fromkeys(cell.front for cell in cells))
    by_cell: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        by_cell.setdefault((result.exhibit, result.front), []).append(result)
    full = _columns(exhibits, fronts, by_cell, short=False)
    if _wide(full) <= width:
        return _lines(exhibits, full, width)
    blocks = list(_blocks(_columns(exhibits, fronts, by_cell, short=True), width))
    lines = [text for block in blocks for text in [*_lines(exhibits, block, width), ""]]
    return [*lines, *columns.words(LEGEND, width)]


def _columns(
    exhibits: list[str], fronts: list[str], by_cell: dict[tuple[str, str], list[Result]], *, short: bool
) -> list[list[str]]:
    """Return a column for each front: its name, then a cell for each exhibit."""
    cell = _short if short else _full
    heads = [front.removeprefix("apache-") if short else front.replace("apache", "Apache") for front in fronts]
    texts = [[cell(by_cell.get((exhibit, front), [])) for exhibit in exhibits] for front in fronts]
    return [[head, *column] for head, column in zip(heads, texts, strict=True)]


def _wide(block: list[list[str]], first: int = 17) -> int:
    return first + sum(1 + max(map(len, column)) for column in block)


def _blocks(all_of_them: list[list[str]], width: int) -> Iterator[list[list[str]]]:
    """Yield as many fronts as fit beside the exhibits' names, then the next; at least one each time."""
    block: list[list[str]] = []
    for column in all_of_them:
        if block and _wide([*block, column]) > width:
            yield block
            block = []
        block.append(column)
    yield block


def _lines(exhibits: list[str], block: list[list[str]], width: int) -> list[str]:
    rows = [[exhibit, *(column[1 + n] for column in block)] for n, exhibit in enumerate(exhibits)]
    lines = columns.lines([Column("exhibit"), *(Column(column[0]) for column in block)], rows, width)
    return [text for row in lines for text in row]


def _full(answers: list[Result]) -> str:
    if not answers or answers[0].state == "closed":
        return "closed"
    good = _good(answers)
    if len(good) < len(answers):
        return f"FAILED {len(answers) - len(good)} of {len(answers)}"
    return f"ok {len(good)} of {len(answers)}  {statistics.median(good):6.1f} ms"


def _short(answers: list[Result]) -> str:
    """Return at most ten characters, so that five fronts fit 80 columns."""
    if not answers or answers[0].state == "closed":
        return "-"
    good = _good(answers)
    return f"ok {statistics.median(good):.1f}" if len(good) == len(answers) else f"FAILED {len(answers) - len(good)}"


def _good(answers: list[Result]) -> list[float]:
    return [result.ms for result in answers if result.state == "ok" and result.ms is not None]


def _headers(out: Console, differences: Differences) -> None:
    """Print a line for each header and value: how many cells send it, and as much of the value as fits."""
    if differences:
        out.print("\nOther headers on hello (no failure):")
    for name, values in sorted(differences.items()):
        for value, cells in values.items():
            senders = cells[0] if len(cells) == 1 else f"{len(cells)} cells"
            tables.line(out, columns.cut(f"  {senders}: {name}: {printable(value)}", out.width))
