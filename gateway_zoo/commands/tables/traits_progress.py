"""The progress of a measurement of traits, on standard error: a bar with the time left; nothing without a terminal.

An answer of a slow trait takes as long as twelve others. It counts as twelve, so that the time left is right from the
beginning. What trips people up: the bar has a thread, and no thread may run while the zoo of the traits is started;
so the bar begins with the first answer.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from gateway_zoo.terminal import tables
from gateway_zoo.traits.catalogue import Trait

SECONDS = 60.0  # of the past that the time left is computed from
SLOW = 12  # quick answers that take as long as a slow one


@contextlib.contextmanager
def shown(traits: Sequence[Trait]) -> Iterator[Callable[[int, int], None]]:
    """A function that gets the answers so far, and how many there will be."""
    columns = (
        TextColumn("{task.fields[text]}"),
        BarColumn(bar_width=None),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    out = tables.console(error=True)
    bar = Progress(*columns, console=out, transient=True, speed_estimate_period=SECONDS, disable=not out.is_terminal)
    task = bar.add_task("", text="")
    slow = sum(trait.facts.slow for trait in traits) / len(traits)

    def progress(done: int, of: int) -> None:
        bar.start()
        bar.update(
            task, completed=weight(done, of, slow), total=weight(of, of, slow), text=f"{done:,} of {of:,} answers"
        )

    try:
        yield progress
    finally:
        bar.stop()


def weight(done: int, of: int, slow: float) -> float:
    """The weight of the first answers; the slow ones are the last. `slow`: their share."""
    quick = of * (1 - slow)
    return min(done, quick) + max(0.0, done - quick) * SLOW
