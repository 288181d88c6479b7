"""What `compare --mpm` shows: a column for each MPM, the lecture's word below each observation, and why they differ."""

from collections.abc import Callable

from gateway_zoo.measure.mpm import RANKED, WORDED, Seen, size
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
    """The table, the reasons, and what was not observed. `how` gives the command that starts an MPM."""
    out = tables.console()
    table = tables.table("", *(one.mpm for one in seen))
    for column in table.columns:
        column.no_wrap, column.overflow = False, "fold"
    for name in (*WORDED, *RANKED):
        observed = [size(one.interval(name), one.fresh) if name in RANKED else str(getattr(one, name)) for one in seen]
        marks = ["[red]≠[/] " if name in why else "" for why in differs]
        said = [f"{mark}[dim]{lecture[name][one.mpm]}[/]" for mark, one in zip(marks, seen, strict=True)]
        table.add_row(lecture[name]["title"], *observed)
        table.add_row("[dim]  lecture says[/]", *said)
    table.add_row("processes, threads", *(f"{one.processes}, {one.threads}" for one in seen))
    out.print(table)
    told: dict[str, list[str]] = {}
    for one, why in zip(seen, differs, strict=True):
        for text in why.values():
            told.setdefault(text, []).append(one.mpm)
    for text, mpms in told.items():
        out.print(f"[red]≠[/] {', '.join(mpms)}: {text}")
    for one in seen:
        if one.memory_why:
            out.print(f"{one.mpm}: memory is unknown: {one.memory_why}", style="yellow")
    out.print(FRESH if all(one.fresh for one in seen) else NOT_FRESH, style="dim")
    for mpm in sorted({"event", "worker", "prefork", "itk"} - {one.mpm for one in seen}):
        out.print(f"{mpm} was not observed: it does not run here ({how(mpm)})", style="yellow")
