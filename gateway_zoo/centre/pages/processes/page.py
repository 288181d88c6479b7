"""Processes: every family as a tree, with threads, memory and CPU."""

from collections.abc import Mapping

import msgspec

from gateway_zoo.centre.context import Context
from gateway_zoo.centre.page import Page
from gateway_zoo.keeper import state
from gateway_zoo.measure import process_tree
from gateway_zoo.measure.process_tree import ProcessRow

SECONDS = 5.0  # so old may the rows be: one look at the memory of 65 processes costs 30 ms


class Family(msgspec.Struct, frozen=True):
    """`pss`: bytes of all its processes; None where one may not be read."""

    name: str
    rows: list[ProcessRow]
    threads: int
    pss: int | None
    cpu_s: float


class Processes(msgspec.Struct, frozen=True):
    """`why`: the reason why there is no family to see; else empty."""

    families: list[Family]
    why: str = ""


def data(context: Context, _: Mapping[str, str]) -> Processes:
    """Read the processes of the running zoo."""
    if context.settings.compose:
        return Processes(
            [], "In containers a process is seen from its own container only: docker compose exec ID zoo ps"
        )
    running = state.of_running(context.settings)
    if running is None:
        return Processes([], "No zoo runs.")
    rows = context.once("processes", SECONDS, lambda: process_tree.collect(context.settings, running))
    names = list(dict.fromkeys(row.exhibit for row in rows))
    return Processes([_family(name, [row for row in rows if row.exhibit == name]) for name in names])


def _family(name: str, rows: list[ProcessRow]) -> Family:
    sizes = [row.pss for row in rows]
    pss = None if None in sizes else sum(size for size in sizes if size)
    return Family(name, rows, sum(row.threads for row in rows), pss, round(sum(row.cpu_s for row in rows), 2))


def text(processes: Processes) -> str:
    """A line for each process."""
    lines = [processes.why] if processes.why else []
    for family in processes.families:
        lines.append(family.name)
        for row in family.rows:
            memory = "memory unknown" if row.pss is None else f"{row.pss // 1024:7} kB"
            lines.append(f"  {row.role:8} {row.pid:8}  threads {row.threads:3}  {memory}  {row.cpu_s:7.2f} s of CPU")
    return "\n".join(lines) + "\n"


PAGE = Page("/processes", "Processes", data, text, order=3)
