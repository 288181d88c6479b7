"""What people see: tables that fit."""

import shutil
import sys
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text


def console(error: bool = False) -> Console:
    """A rich console as wide as the terminal; 80 columns where there is none. NO_COLOR is honoured by rich."""
    stream = sys.stderr if error else sys.stdout
    return Console(file=stream, width=shutil.get_terminal_size((80, 24)).columns, highlight=False)


def table(*columns: str, right: tuple[str, ...] = (), gives: tuple[str, ...] = ()) -> Table:
    """A table without lines between the cells: more fits, and less distracts. On a narrow terminal all columns become
    narrower, or those alone that are named in `gives`, whose cells are made by `long`."""
    made = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in columns:
        justify: Literal["left", "right"] = "right" if name in right else "left"
        made.add_column(name, justify=justify, no_wrap=name not in gives, overflow="ellipsis")
    return made


@dataclass(frozen=True)
class Column:
    """One column with all its cells, as text. `rank`: the higher, the longer it stays on a narrow terminal."""

    head: str
    cells: list[str]
    rank: int
    right: bool = False

    @property
    def width(self) -> int:
        return max(map(cell_len, [self.head, *self.cells]))


def fitting(columns: list[Column], width: int) -> list[Column]:
    """The columns that fit beside each other, in their order: whole ones only, so that no number is ever cut. Of the
    last one left nothing is said: it stays."""
    kept = list(columns)
    while len(kept) > 1 and sum(column.width + 1 for column in kept) - 1 > width:
        kept.remove(min(kept, key=lambda column: column.rank))
    return kept


def print_columns(columns: list[Column], out: Console) -> None:
    """A table of the columns that fit."""
    kept = fitting(columns, out.width)
    made = table(*(column.head for column in kept), right=tuple(column.head for column in kept if column.right))
    for cells in zip(*(column.cells for column in kept), strict=True):
        made.add_row(*(Text(cell) for cell in cells))
    out.print(made)


def long(text: str) -> Text:
    """A cell that is cut off where its column is narrow."""
    return Text(text, no_wrap=True, overflow="ellipsis")
