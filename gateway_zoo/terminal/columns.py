"""Fit tables to any terminal: each column declares what it can spare.

A number is never cut. Where a table is too wide, the column with the highest rank leaves, then the next.
Columns with rank 0 stay. Then columns that may be cut or wrapped become narrower, but not below their `least`. What is
still too wide is left to the terminal, which breaks a line but hides nothing.

Pure functions: text in, lines out. `tables.py` prints them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len, set_cell_size

GAP = 1  # between two columns


@dataclass(frozen=True)
class Column:
    """`rank`: 0 stays, the highest leaves first. `least`: the width down to which it may become narrower; None: whole
    or not at all. `gives`: how it becomes narrower, cut off at its end or in several lines."""

    name: str
    right: bool = False
    rank: int = 0
    least: int | None = None
    gives: Literal["cut", "lines"] = "cut"


def chosen(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> dict[int, int]:
    """Index -> width of the columns that survive in a terminal of this width."""
    full = {
        index: max(cell_len(text) for text in (column.name, *(row[index] for row in rows)))
        for index, column in enumerate(columns)
    }
    least = {index: min(full[index], column.least or full[index]) for index, column in enumerate(columns)}
    stay = dict(full)
    while _sum(least[index] for index in stay) > width and any(columns[index].rank for index in stay):
        del stay[max(stay, key=lambda index: columns[index].rank)]
    while _sum(stay.values()) > width:
        spare = {index: size for index, size in stay.items() if size > least[index]}
        if not spare:
            break
        stay[max(spare, key=lambda index: spare[index])] -= 1
    return stay


def _sum(widths: Iterable[int]) -> int:
    sizes = list(widths)
    return sum(sizes) + GAP * (len(sizes) - 1)


def lines(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """The lines of the head, then those of each row."""
    stay = chosen(columns, rows, width)
    return [_row(columns, row, stay) for row in ([column.name for column in columns], *rows)]


def _row(columns: Sequence[Column], row: Sequence[str], stay: dict[int, int]) -> list[str]:
    cells = {index: _cell(columns[index], row[index], size) for index, size in stay.items()}
    height = max(len(cell) for cell in cells.values())
    found = []
    for number in range(height):
        texts = [
            _padded(cell[number] if number < len(cell) else "", stay[index], columns[index].right)
            for index, cell in cells.items()
        ]
        found.append((" " * GAP).join(texts).rstrip())
    return found


def one_line(columns: Sequence[Column], row: Sequence[str], stay: dict[int, int]) -> str:
    """A row for columns whose widths are known already, for rows that come one by one."""
    return _row(columns, row, stay)[0]


def _cell(column: Column, text: str, size: int) -> list[str]:
    if cell_len(text) <= size or column.least is None:
        return [text]
    return words(text, size) if column.gives == "lines" else [cut(text, size)]


def _padded(text: str, size: int, right: bool) -> str:
    gap = " " * max(0, size - cell_len(text))
    return gap + text if right else text + gap


def cut(text: str, size: int) -> str:
    """At most `size` columns of a text; an ellipsis stands for the rest."""
    return text if cell_len(text) <= size else set_cell_size(text, max(0, size - 1)).rstrip() + "…"


def words(text: str, size: int) -> list[str]:
    """A text in lines of at most `size` columns, broken between words; a longer word is cut in pieces."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and cell_len(f"{lines[-1]} {word}") <= size:
            lines[-1] += f" {word}"
        else:
            lines += [word[at : at + max(size, 1)] for at in range(0, len(word), max(size, 1))]
    return [line.rstrip() for line in lines[1:]] or [""]
