"""`ps`: the process families as a tree (measure/process_tree.py)."""

import os
from dataclasses import asdict

from gateway_zoo.errors import fail, known_ids
from gateway_zoo.keeper import privileges, state
from gateway_zoo.measure.process_tree import ProcessRow, collect, collect_container, families_of
from gateway_zoo.registry import why_closed
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.columns import Column
from gateway_zoo.terminal.messages import print_json, say


def run(settings: Settings, ids: list[str] | None, as_json: bool) -> int:
    """Print the tree, or the rows as JSON. `ids`: exhibits, families or fronts; only what serves or helps them."""
    if settings.compose:
        return _run_in_container(settings, ids, as_json)
    privileges.become_owner(settings)
    running = state.of_running(settings)
    if running is None:
        fail("the zoo is not running; ./zoo up starts it", 3)
    registry = load(settings.root)
    names = known_ids(ids, [*registry.exhibits, *registry.families, *settings.fronts])
    whys = why_closed.sentences(registry, running.cells, names)
    only = families_of(registry, names)
    rows = [row for row in collect(settings, running) if not only or row.exhibit in only]
    say(*whys)
    if names and not rows:
        if not whys:
            say(f"no process serves {' or '.join(names)} now")
        return 3
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        _print(rows, registry, only)
    return 0


def _run_in_container(settings: Settings, ids: list[str] | None, as_json: bool) -> int:
    """Print the processes of this container. Only Docker sees those of others."""
    service = os.environ.get("ZOO_FAMILY", "zoo")
    if service == "zoo" or ids:
        name = ids[0] if ids else "SERVICE"
        fail(f"a container sees its own processes only: docker compose exec {name} zoo ps, or docker compose top", 3)
    rows = collect_container(service)
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        _print(rows, load(settings.root), {service})
    return 0


COLUMNS = (
    *(Column("exhibit", least=12), Column("process", least=8), Column("pid"), Column("threads", right=True, rank=2)),
    *(Column("PSS MB", right=True), Column("CPU s", right=True, rank=1)),
)  # the tree, the pid and the memory survive: they are the purpose of the command


def cells(rows: list[ProcessRow]) -> list[list[str]]:
    """Return the texts of each process.

    The name of a family stands at its first process, a process below its parent.
    """
    depth = {0: -1}
    before = None
    texts = []
    for row in rows:
        depth[row.pid] = depth.get(row.ppid, -1) + 1 if row.exhibit != "keeper" else 0
        name = row.exhibit if row.exhibit != before else ""
        before = row.exhibit
        pss = "-" if row.pss is None else f"{row.pss / 1e6:.1f}"
        texts.append([name, "  " * depth[row.pid] + row.role, str(row.pid), str(row.threads), pss, f"{row.cpu_s:.2f}"])
    return texts


def _print(rows: list[ProcessRow], registry: Registry, only: set[str]) -> None:
    out = tables.console()
    tables.rows(out, COLUMNS, cells(rows))
    shared = {e.family for e in registry.exhibits.values() if e.id != e.family}
    for family in sorted(shared & only if only else shared):
        ids = [e.id for e in registry.exhibits.values() if e.family == family]
        out.print(f"{family} serves {', '.join(ids)}", style="dim")
    total = sum(row.pss or 0 for row in rows)
    out.print(f"{len(rows)} processes, {total / 1e6:.0f} MB PSS together")
