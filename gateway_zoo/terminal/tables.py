"""Print tables that fit the terminal."""

import shutil
import sys
from collections.abc import Sequence
from typing import Literal

from rich.console import Console
from rich.table import Table

from gateway_zoo.terminal.columns import Column, lines


def console(error: bool = False) -> Console:
    """Return a rich console as wide as the terminal. Without a terminal it has 80 columns. rich obeys NO_COLOR."""
    stream = sys.stderr if error else sys.stdout
    return Console(file=stream, width=shutil.get_terminal_size((80, 24)).columns, highlight=False)


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """Return a rich table without lines between its cells.

    No column may break; the caller changes this where it wants to.
    """
    result = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in columns:
        justify: Literal["left", "right"] = "right" if name in right else "left"
        result.add_column(name, justify=justify, no_wrap=True, overflow="ellipsis")
    return result


def rows(out: Console, columns: Sequence[Column], cells: Sequence[Sequence[str]], styles: Sequence[str] = ()) -> None:
    """Print a table of plain text.

    `cells` has a list of texts for each row, `styles` a style. The ranks of `columns` decide which columns survive.
    """
    blocks = lines(columns, cells, out.width)
    for texts, style in zip(blocks, ["bold", *(styles or [""] * len(cells))], strict=True):
        for text in texts:
            line(out, text, style)


def line(out: Console, text: str, style: str = "") -> None:
    """Print a line uncut, and take no word of it as markup."""
    out.print(text, style=style, markup=False, soft_wrap=True)
