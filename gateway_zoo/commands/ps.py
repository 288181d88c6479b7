"""`ps`: the process families as a tree, from the keeper's own list of sessions."""

import os
import time
from dataclasses import asdict, dataclass, replace

import psutil

from gateway_zoo.errors import fail, known_ids
from gateway_zoo.keeper import privileges, process, state
from gateway_zoo.registry import why_closed
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.columns import Column
from gateway_zoo.terminal.messages import print_json, say


@dataclass(frozen=True)
class Row:
    """One process. Sizes in bytes, times in seconds. `pss` is None where it may not be read; `requests` always, because
    only the process itself knows (ask `status`)."""

    exhibit: str
    role: str
    pid: int
    ppid: int
    threads: int
    rss: int
    pss: int | None
    cpu_s: float
    age_s: float
    requests: None = None


def run(settings: Settings, ids: list[str] | None, as_json: bool) -> int:
    """Print the tree, or the rows as JSON. `ids`: exhibits, families or fronts; only what serves or helps them."""
    if settings.compose:
        return _here(settings, ids, as_json)
    privileges.become_owner(settings)
    running = state.of_running(settings)
    if running is None:
        fail("the zoo is not running; ./zoo up starts it", 3)
    registry = load(settings.root)
    asked = known_ids(ids, [*registry.exhibits, *registry.families, *settings.fronts])
    whys = why_closed.sentences(registry, running.cells, asked)
    only = _families(registry, asked)
    rows = [row for row in collect(settings, running) if not only or row.exhibit in only]
    for why in whys:
        say(why)
    if asked and not rows:
        if not whys:
            say(f"no process serves {' or '.join(asked)} now")
        return 3
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        _print(rows, registry, only)
    return 0


def _here(settings: Settings, ids: list[str] | None, as_json: bool) -> int:
    """The processes of this container, under the numbers that they have in it. Those of others only Docker sees."""
    service = os.environ.get("ZOO_FAMILY", "zoo")
    if service == "zoo" or ids:
        name = ids[0] if ids else "SERVICE"
        fail(f"a container sees its own processes only: docker compose exec {name} zoo ps, or docker compose top", 3)
    children = psutil.Process(1).children()  # of the init; what Docker starts besides, a health check or us, has none
    sessions = {service: children[0].pid} if children else {}
    rows = {pid: row for pid in psutil.pids() if pid != 1 and (row := _row(pid, sessions))}
    ordered = [row for one in children for row in _below(one.pid, rows)]
    ordered = [replace(row, exhibit=service) if row.exhibit == "?" else row for row in ordered]
    if as_json:
        print_json([asdict(row) for row in ordered])
    else:
        _print(ordered, load(settings.root), {service})
    return 0


def _families(registry: Registry, ids: list[str]) -> set[str]:
    """The families behind these names, with those that help them; what is neither exhibit nor family is a front."""
    return {registry.exhibits[id].family if id in registry.exhibits else id for id in ids} | {
        family.id for family in registry.families.values() if set(family.serves) & set(ids)
    }


def collect(settings: Settings, running: state.State) -> list[Row]:
    """Every process of the running zoo, parents before children, families in the order of their start."""
    sessions = running.sessions
    pids = process.members(running.token, set(sessions.values()), settings.run, everything=True)
    found = {row.pid: row for pid in pids if (row := _row(pid, sessions))}
    keeper = _row(running.pid, {"keeper": 0})
    ordered = [keeper] if keeper else []
    for leader in sessions.values():
        ordered += _below(leader, found)
    return ordered


def _below(pid: int, found: dict[int, Row]) -> list[Row]:
    """A process and its descendants, depth first."""
    own = [found[pid]] if pid in found else []
    children = [row.pid for row in found.values() if row.ppid == pid]
    return own + [row for child in sorted(children) for row in _below(child, found)]


def _row(pid: int, sessions: dict[str, int]) -> Row | None:
    try:
        one = psutil.Process(pid)
        with one.oneshot():
            name = _family(one, sessions)
            times = one.cpu_times()
            return Row(
                exhibit=name,
                role=_role(one, pid in sessions.values() or "keeper" in sessions),
                pid=pid,
                ppid=one.ppid(),
                threads=one.num_threads(),
                rss=one.memory_info().rss,
                pss=_pss(one),
                cpu_s=round(times.user + times.system, 2),
                age_s=round(_age(one), 1),
            )
    except psutil.Error:
        return None


def _family(one: psutil.Process, sessions: dict[str, int]) -> str:
    """The family that a process serves: inside a front, its environment or its title tells; else its session."""
    if "keeper" in sessions:
        return "keeper"
    title = " ".join(one.cmdline())
    if title.startswith("(wsgi:"):  # mod_wsgi's display-name=%{GROUP}
        return title[6:].partition(")")[0]
    try:
        if name := one.environ().get("ZOO_FAMILY"):
            return name
    except psutil.Error:
        pass
    session = process.session(one.pid)
    return next((name for name, leader in sessions.items() if leader == session), "?")


def _role(one: psutil.Process, leads: bool) -> str:
    """What the process calls itself (`role:mule`, in the 15 bytes of its comm, proc(5)); else by its place."""
    if one.name().startswith("role:"):
        return one.name()[5:]
    if leads:
        return "master" if one.children() else "server"
    return "worker"


def _pss(one: psutil.Process) -> int | None:
    try:
        return int(one.memory_full_info().pss)
    except psutil.Error:
        return None


def _age(one: psutil.Process) -> float:
    return time.time() - one.create_time()


COLUMNS = (
    *(Column("exhibit", least=12), Column("process", least=8), Column("pid"), Column("threads", right=True, rank=2)),
    *(Column("PSS MB", right=True), Column("CPU s", right=True, rank=1)),
)  # the tree, the pid and the memory survive: that is what people come for


def cells(rows: list[Row]) -> list[list[str]]:
    """A row for each process. A family's name stands at its first, a process below its parent."""
    depth = {0: -1}
    before = None
    found = []
    for row in rows:
        depth[row.pid] = depth.get(row.ppid, -1) + 1 if row.exhibit != "keeper" else 0
        name = row.exhibit if row.exhibit != before else ""
        before = row.exhibit
        pss = "-" if row.pss is None else f"{row.pss / 1e6:.1f}"
        found.append([name, "  " * depth[row.pid] + row.role, str(row.pid), str(row.threads), pss, f"{row.cpu_s:.2f}"])
    return found


def _print(rows: list[Row], registry: Registry, only: set[str]) -> None:
    out = tables.console()
    tables.rows(out, COLUMNS, cells(rows))
    shared = {e.family for e in registry.exhibits.values() if e.id != e.family}
    for family in sorted(shared & only if only else shared):
        ids = [e.id for e in registry.exhibits.values() if e.family == family]
        out.print(f"{family} serves {', '.join(ids)}", style="dim")
    total = sum(row.pss or 0 for row in rows)
    out.print(f"{len(rows)} processes, {total / 1e6:.0f} MB PSS together")
