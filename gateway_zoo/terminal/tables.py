"""What people see: tables that fit."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table

from gateway_zoo.terminal import columns as layout


def console(error: bool = False) -> Console:
    """A rich console as wide as the terminal; 80 columns where there is none. NO_COLOR is honoured by rich."""
    stream = sys.stderr if error else sys.stdout
    return Console(file=stream, width=shutil.get_terminal_size((80, 24)).columns, highlight=False)


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table without lines between the cells: more fits, less distracts. The caller says which columns may break."""
    made = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in columns:
        justify: Literal["left", "right"] = "right" if name in right else "left"
        made.add_column(name, justify=justify, no_wrap=True, overflow="ellipsis")
    return made


@dataclass(frozen=True)
class Column:
    """One column with all its cells, as text. `rank`: the higher, the longer it stays on a narrow terminal."""

    head: str
    cells: list[str]
    rank: int
    right: bool = False


def fitting(columns: list[Column], width: int) -> list[Column]:
    """The columns that fit beside each other, in their order: whole ones only, so that no number is ever cut. A column
    of the highest rank stays."""
    highest = max(column.rank for column in columns)
    plain = [layout.Column(column.head, column.right, highest - column.rank) for column in columns]
    return [columns[index] for index in layout.chosen(plain, _rows_of(columns), width)]


def print_columns(columns: list[Column], out: Console) -> None:
    """A table of the columns that fit."""
    kept = fitting(columns, out.width)
    rows(out, [layout.Column(column.head, column.right) for column in kept], _rows_of(kept))


def _rows_of(columns: list[Column]) -> list[tuple[str, ...]]:
    return list(zip(*(column.cells for column in columns), strict=True))


def rows(
    out: Console, columns: Sequence[layout.Column], cells: Sequence[Sequence[str]], styles: Sequence[str] = ()
) -> None:
    """Print a table of plain text. `columns` say which of them survive; `styles`: one for each row."""
    made = layout.lines(columns, cells, out.width)
    for texts, style in zip(made, ["bold", *(styles or [""] * len(cells))], strict=True):
        for text in texts:
            line(out, text, style)


def line(out: Console, text: str, style: str = "") -> None:
    """Print one line as it is: nothing is cut, and no word of it is markup."""
    out.print(text, style=style, markup=False, soft_wrap=True)
