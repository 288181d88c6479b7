"""The progress of a measurement of traits, on standard error: a bar with the time left; nothing without a terminal."""

import contextlib
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from gateway_zoo.terminal import tables

SECONDS = 60.0  # of the past that the time left is computed from


@contextlib.contextmanager
def shown() -> Iterator[Callable[[int, int], None]]:
    """A function that gets the answers so far, and how many there will be."""
    columns = (
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} answers"),
        BarColumn(bar_width=None),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    out = tables.console(error=True)
    with Progress(
        *columns, console=out, transient=True, speed_estimate_period=SECONDS, disable=not out.is_terminal
    ) as bar:
        task = bar.add_task("answers", total=None, start=False)

        def progress(done: int, of: int) -> None:
            bar.start_task(task) if not bar.tasks[0].started else None
            bar.update(task, completed=done, total=of)

        yield progress
