"""What people see: tables that fit."""

import shutil
import sys

from rich.console import Console
from rich.table import Table


def console(error: bool = False) -> Console:
    """A rich console as wide as the terminal; 80 columns where there is none. NO_COLOR is honoured by rich."""
    stream = sys.stderr if error else sys.stdout
    return Console(file=stream, width=shutil.get_terminal_size((80, 24)).columns, highlight=False)


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table without lines between the cells: more fits, and less distracts."""
    made = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", no_wrap=True, overflow="ellipsis")
    return made
