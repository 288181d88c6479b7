"""`zoo bench`: speed and cost of cells, with intervals (bench/run.py)."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec
from rich.progress import BarColumn, Progress, TextColumn

from gateway_zoo.bench import cells, plan, run, tools
from gateway_zoo.bench.records import Report
from gateway_zoo.bench.rounds import Progress as Show
from gateway_zoo.errors import fail
from gateway_zoo.keeper import own_zoo, privileges, state
from gateway_zoo.measure import targets
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import say


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    names: list[str]
    front: str = ""
    full: bool = False
    seed: int | None = None
    busy: bool = False
    as_json: bool = False


def execute(settings: Settings, options: Options, urls: dict[str, str]) -> int:
    """Measure and show. Exit 0 if each target is ranked, 1 if one failed, 3 if nothing can be measured."""
    report = measure(settings, options, urls)
    if options.as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    else:
        _show(report)
    if not report.rounds:
        fail("nothing was measured", 3)
    return int(any(row.failed for row in report.rows))


def measure(settings: Settings, options: Options, urls: dict[str, str]) -> Report:
    """Measure the running zoo, or the zoo at these addresses. Raises Stop if that cannot be."""
    for url in filter(None, urls.values()):
        tools.refuse_address(url, settings.compose)
    load_tools = tools.find(settings.compose)
    registry, all_cells = targets.find(settings, None, urls)
    running = None if any(urls.values()) else state.of_running(settings)
    most = None if options.full else plan.QUICK_CELLS
    choice = cells.choose(registry, all_cells, options.names, options.front, most, running)
    say(*choice.left_out)
    seed = plan.new_seed() if options.seed is None else options.seed
    planned = plan.full(seed) if options.full else plan.quick(seed)
    tcp = any(registry.exhibits[target.name.rpartition(":")[2]].tcp for target in choice.targets)
    tools.refuse_what_does_not_fit(planned.connections, tcp_gateways=tcp)
    if running:
        privileges.become_owner(settings)
    own_zoo.stop_like_ctrl_c()
    busy = tools.busy()
    tools.refuse_busy(busy, options.busy)
    with _bar(options.as_json) as progress, _at_most(planned.budget_s):
        return run.run(settings, choice.targets, planned, f"/{cells.ENDPOINT}", load_tools, busy, progress)


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """End the block as Ctrl-C does after so many seconds, even if a server answers no longer."""

    def over(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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


def _show(report: Report) -> None:
    out = tables.console()
    table = tables.table("exhibit", "requests/s", "p50 ms", "p99 ms", "gateway ms", "front ms")
    for row in report.rows:
        figures = (row.rps and row.rps.value, row.latency and row.latency.p50_ms, row.latency and row.latency.p99_ms)
        costs = (row.gateway_cpu_ms and row.gateway_cpu_ms.value, row.front_cpu_ms and row.front_cpu_ms.value)
        table.add_row(row.target, *(f"{value:.3g}" if value else "-" for value in (*figures, *costs)))
    out.print(table)
    lines = [f"{row.target} failed: {row.failed}" for row in report.rows if row.failed]
    for each in report.comparisons:
        if each.ratio is not None:
            interval = f"{each.ratio:.2f} ({each.low:.2f} to {each.high:.2f})"
            lines.append(f"{each.target} / {each.base}, {each.figure}: {interval}, {each.verdict}")
    for text in lines + report.warnings:
        out.print(text, markup=False)
