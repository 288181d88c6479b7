"""`zoo bench`: speed and cost of cells, with intervals (bench/zoo.py); and what is done with the report.

Whatever can be wrong with the words is looked at before anything is measured: assertions, the old report, the file.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from rich.progress import BarColumn, Progress, TextColumn

from gateway_zoo.bench import assertions, compare, document, html, ladder, machine, markdown, plan, self_test, zoo
from gateway_zoo.bench.assertions import Outcome
from gateway_zoo.bench.compare import Judged
from gateway_zoo.bench.document import Document
from gateway_zoo.bench.records import Report
from gateway_zoo.bench.rounds import Progress as Show
from gateway_zoo.bench.zoo import Wanted
from gateway_zoo.commands.tables import bench_table
from gateway_zoo.errors import fail
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import say


@dataclass(frozen=True)
class Options:
    """What the command line asks for. `form`: "table", "json" or "markdown"; `html`: a file to write; `limits`: the
    words of --assert; `old`: the report of --compare."""

    wanted: Wanted
    form: str = "table"
    html: Path | None = None
    limits: list[str] = field(default_factory=list)
    old: Path | None = None


def execute(settings: Settings, options: Options, urls: dict[str, str]) -> int:
    """Measure and show. Exit 0 if each target is ranked and each assertion holds, else 1; 3 if nothing is measured."""
    limits = [assertions.parse(text) for text in options.limits]
    old = compare.read(options.old) if options.old else None
    if old:
        compare.refuse_machine(old, machine.describe(settings, load(settings.root), 0.0))
    with ExitStack() as stack:
        file = stack.enter_context(_opened(options.html)) if options.html else None
        with _bar(options.form == "json") as progress:
            report = zoo.measure(settings, options.wanted, urls, progress, say)
        if not report.rounds:
            fail("nothing was measured", 3)
        moved = compare.moved(old, report) if old else None
        outcomes = [assertions.check(report, limit) for limit in limits]
        if file:
            file.truncate(0)
            file.write(html.of(report).encode())
        documents = [document.of(report), *([compare.document(moved)] if moved else [])]
        _show(options.form, Judged(report, moved, outcomes) if moved or outcomes else report, documents)
    return _judge(report, outcomes)


def execute_self_test(settings: Settings, seed: int | None, busy: bool, form: str) -> int:
    """Test the method on this machine. Exit 0 if it finds what it should find, and no more; else 1."""
    planned = self_test.plan_of(plan.new_seed() if seed is None else seed)
    with _bar(form == "json") as progress:
        result = self_test.run_all(settings, planned, busy=busy, progress=progress)
    _show(form, result, [self_test.document(result)])
    return int(not result.holds)


def list_ladders(form: str) -> int:
    """Show all ladders with their steps."""
    described = ladder.describe()
    _show(form, described, [ladder.document(described)])
    return 0


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file before root is given up; it is emptied when there is something to write, and not left empty."""
    is_new = not path.exists()
    try:
        file = path.open("ab")
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}", 2)
    with file:
        try:
            yield file
        except BaseException:
            if is_new:
                with suppress(OSError):  # its folder may be root's alone
                    path.unlink()
            raise


def _judge(report: Report, outcomes: list[Outcome]) -> int:
    for outcome in outcomes:
        say(outcome.sentence)
    return int(any(row.failed for row in report.rows) or not all(outcome.holds for outcome in outcomes))


def _show(form: str, record: Any, documents: list[Document]) -> None:
    if form == "json":
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
    elif form == "markdown":
        sys.stdout.write("\n".join(map(markdown.of, documents)))
    else:
        for each in documents:
            bench_table.show(each)


@contextmanager
def _bar(quiet: bool) -> Iterator[Show]:
    """A bar with the time that is left, on a terminal; elsewhere a line for each step, unless `quiet`."""
    live = sys.stderr.isatty()
    columns = (TextColumn("{task.description:40}"), BarColumn(None), TextColumn("{task.fields[left]:>12}"))
    console = tables.console(error=True)
    # No thread that draws meanwhile: it would be measured, too.
    with Progress(*columns, console=console, transient=True, disable=not live, auto_refresh=False) as bar:
        task = bar.add_task("", total=1.0, left="")

        def show(text: str, share: float, left_s: float | None) -> None:
            left = f"{plan.minutes(left_s)} left" if left_s is not None else ""
            if live:
                bar.update(task, description=text, completed=share, left=left, refresh=True)
            elif not quiet:
                say(f"{text}, {left}" if left else text)

        yield show
