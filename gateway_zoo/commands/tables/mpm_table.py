"""Print what `compare --mpm` observed.

A column for each MPM, the lecture's word below each observation, and why the two differ.
"""

from collections.abc import Callable

from gateway_zoo.measure.lecture import WORDED
from gateway_zoo.measure.mpm import RANKED, Seen, size
from gateway_zoo.terminal import tables

FRESH = (
    "Memory: PSS. Per connection: what it added, from group to group of connections, to an Apache started for this, "
    "without an interpreter in it. Busy: it waits for a gateway's answer. Resource usage: that Apache at rest."
)
NOT_FRESH = (
    "Memory: PSS, as a child of Apache reads it. This Apache was not started for the measurement and uses again what "
    "earlier connections left, so figures per connection are lower bounds, and none is held against the lecture. "
    "`./zoo up --mpm all` and `./zoo compare --mpm` on the machine itself start fresh ones."
)


def show_all(
    seen: list[Seen], differs: list[dict[str, str]], lecture: dict[str, dict[str, str]], how: Callable[[str], str]
) -> None:
    """Print the table, the reasons, and the MPMs that do not run. `how` returns the command that starts an MPM."""
    out = tables.console()
    table = tables.table("", *(apache.mpm for apache in seen))
    for column in table.columns:
        column.no_wrap, column.overflow = False, "fold"
    for name in (*WORDED, *RANKED):
        observed = [
            size(apache.interval(name), apache.fresh) if name in RANKED else str(getattr(apache, name))
            for apache in seen
        ]
        marks = ["[red]≠[/] " if name in why else "" for why in differs]
        words = [f"{mark}[dim]{lecture[name][apache.mpm]}[/]" for mark, apache in zip(marks, seen, strict=True)]
        table.add_row(lecture[name]["title"], *observed)
        table.add_row("[dim]  lecture says[/]", *words)
    table.add_row("processes, threads", *(f"{apache.processes}, {apache.threads}" for apache in seen))
    out.print(table)
    reasons: dict[str, list[str]] = {}
    for apache, why in zip(seen, differs, strict=True):
        for text in why.values():
            reasons.setdefault(text, []).append(apache.mpm)
    for text, mpms in reasons.items():
        out.print(f"[red]≠[/] {', '.join(mpms)}: {text}")
    for apache in seen:
        if apache.memory_why:
            out.print(f"{apache.mpm}: memory is unknown: {apache.memory_why}", style="yellow")
    out.print(FRESH if all(apache.fresh for apache in seen) else NOT_FRESH, style="dim")
    for mpm in sorted({"event", "worker", "prefork", "itk"} - {apache.mpm for apache in seen}):
        out.print(f"{mpm} was not observed: it does not run here ({how(mpm)})", style="yellow")
