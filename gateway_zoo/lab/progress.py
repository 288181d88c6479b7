"""The progress of a lab: a bar on a terminal, plain lines elsewhere."""

import sys
import time

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import say


class Bar:
    """A bar on standard error: `with Bar(quiet) as bar:`. Standard output has tables and JSON only."""

    def __init__(self, quiet: bool) -> None:
        self.live = sys.stderr.isatty()
        self.quiet = quiet
        columns = (TextColumn("{task.description:36}"), BarColumn(None), MofNCompleteColumn(), TimeElapsedColumn())
        self.progress = Progress(*columns, console=tables.console(error=True), transient=True, disable=not self.live)
        self.task: TaskID | None = None
        self.shown = 0.0

    def __enter__(self) -> "Bar":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def start(self, text: str, total: int | None) -> None:
        """Begin the next step. `total` None: its length is unknown."""
        if not self.live:
            if not self.quiet:
                say(text)
            return
        if self.task is not None:
            self.progress.remove_task(self.task)
        self.task = self.progress.add_task(text, total=total)

    def done(self, count: int) -> None:
        """Show how much is done. It is cheap: a load generator calls it."""
        if self.live and self.task is not None and (now := time.monotonic()) > self.shown + 0.1:
            self.shown = now
            self.progress.update(self.task, completed=count)
