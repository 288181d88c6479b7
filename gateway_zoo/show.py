"""What people see: tables that fit."""

import shutil
import sys
from typing import Literal

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


def long(text: str) -> Text:
    """A cell that is cut off where its column is narrow."""
    return Text(text, no_wrap=True, overflow="ellipsis")
