"""List the processes of a zoo as trees, from the keeper's list of sessions."""

import http.client
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

import psutil

from gateway_zoo.keeper import families, process, state
from gateway_zoo.measure import probe
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell
from gateway_zoo.settings import Settings


class NotSeen(Exception):
    """An exhibit did not say which processes it has; says why."""


@dataclass(frozen=True)
class ProcessRow:
    """One process. Sizes in bytes, times in seconds; `born`: unix time.

    `pss` is None where it may not be read. `requests` is always None, because only the process itself knows (`status`).
    `place`: among its family's processes, the oldest is 1; keeper/stop_worker.py takes it.
    """

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
    place: int | None = None
    born: float = 0.0


def collect(settings: Settings, running: state.State) -> list[ProcessRow]:
    """Read every process of the running zoo.

    Parents come before children, families in the order of their start. `running`: state.read.
    """
    sessions: dict[str, int] = running.sessions
    pids = process.members(running.token, set(sessions.values()), settings.run, everything=True)
    members = families.places(pids, sessions)
    places = {born.pid: place for family in members.values() for place, born in enumerate(family, 1)}
    own = [running.pid, *pids, os.getpid()]  # the visitor centre is in the list, and asks
    rows = read(own, {"keeper": running.pid} | sessions)
    return [replace(row, place=places.get(row.pid)) for row in in_order(rows, running)]


def in_order(rows: dict[int, ProcessRow], running: state.State) -> list[ProcessRow]:
    """Put rows into the order of `collect`: the keeper, then each session as a tree."""
    keeper = [rows[running.pid]] if running.pid in rows else []
    return [*keeper, *(row for leader in running.sessions.values() for row in _below(leader, rows))]


def collect_container(service: str) -> list[ProcessRow]:
    """Read the processes of this container, under the numbers that they have in it.

    Children of the init belong to `service`; what Docker starts besides (a health check, this command) has no parent.
    """
    children = psutil.Process(1).children()
    sessions = {service: children[0].pid} if children else {}
    rows = read((pid for pid in psutil.pids() if pid != 1), sessions)
    ordered = [row for child in children for row in _below(child.pid, rows)]
    return [replace(row, exhibit=service) if row.exhibit == "?" else row for row in ordered]


def collect_over_http(cell: Cell, family: str) -> list[ProcessRow]:
    """Let an exhibit say which processes it has (`status?full`), under the numbers of its container. Raises NotSeen."""
    try:
        answer = probe.ask(f"{cell.url}/status?json&full", timeout=10, limit=1_000_000)
        names = ("role", "pid", "ppid", "threads", "rss", "pss", "cpu_s", "age_s")
        rows = json.loads(answer.body)["processes"] if answer.status == 200 else []
        return [ProcessRow(family, *(row[name] for name in names)) for row in rows]
    except (OSError, ValueError, LookupError, TypeError, RecursionError, http.client.HTTPException) as error:
        raise NotSeen(f"{cell.exhibit} does not say which processes it has: {type(error).__name__}") from None


def families_of(registry: Registry, ids: list[str]) -> set[str]:
    """Return the families of these exhibits, and the families that help them.

    A name that is neither an exhibit nor a family is a front, and stays.
    """
    return {registry.exhibits[id].family if id in registry.exhibits else id for id in ids} | {
        family.id for family in registry.families.values() if set(family.serves) & set(ids)
    }


def _below(pid: int, rows: dict[int, ProcessRow]) -> list[ProcessRow]:
    """Return a process and its descendants, depth first."""
    own = [rows[pid]] if pid in rows else []
    children = [row.pid for row in rows.values() if row.ppid == pid]
    return own + [row for child in sorted(children) for row in _below(child, rows)]


def read(pids: Iterable[int], sessions: dict[str, int]) -> dict[int, ProcessRow]:
    """Read processes, without their places: pid -> row. `sessions`: name -> pid of its first process.

    A process that leads a session is a server; with children it is a master.
    """
    rows = {pid: row for pid in pids if (row := _row(pid, sessions))}
    for master in {row.ppid for row in rows.values()} & rows.keys():
        if rows[master].role == "server":
            rows[master] = replace(rows[master], role="master")
    return rows


def _row(pid: int, sessions: dict[str, int]) -> ProcessRow | None:
    try:
        server = psutil.Process(pid)
        with server.oneshot():
            name = "keeper" if sessions.get("keeper") == pid else families.family_of(pid, sessions)
            times = server.cpu_times()
            return ProcessRow(
                exhibit=name,
                role=_role(server, pid in sessions.values()),
                pid=pid,
                ppid=server.ppid(),
                threads=server.num_threads(),
                rss=server.memory_info().rss,
                pss=_pss(server),
                cpu_s=round(times.user + times.system, 2),
                age_s=round(time.time() - server.create_time(), 1),
                born=server.create_time(),
            )
    except psutil.Error:
        return None


def _role(server: psutil.Process, leads: bool) -> str:
    """Name the role of a process. A process may name itself (`role:mule`, in the 15 bytes of its comm, proc(5)); else
    its place tells its role."""
    if server.name().startswith("role:"):
        return server.name()[5:]
    return "server" if leads else "worker"


def _pss(server: psutil.Process) -> int | None:
    try:
        return int(server.memory_full_info().pss)
    except psutil.Error:
        return None
