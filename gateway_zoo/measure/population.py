"""The population of a zoo: its families, its processes, and the events of their lives. Records only; no I/O here.

`zoo top` and the page of the processes show the same Snapshot (population_watch.py takes it). `difference` has what
changed between two snapshots: whole families, because a family is small and its rows depend on each other.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

from gateway_zoo.measure.process_tree import ProcessRow

EVENTS = 60  # that a snapshot has
PAUSE_S = 30.0  # without a look: a watch begins again
Kind = Literal["born", "died", "came and went"]


class Process(msgspec.Struct, frozen=True):
    """One process. Bytes, seconds, unix times.

    `depth`: steps to the first process of its family. `cpu`: share of a core between the last two sweeps; None before
    the second. `requests`: those whose log lines were read (population_watch.py); None: unknown.
    """

    pid: int
    role: str
    depth: int
    threads: int
    pss: int | None
    cpu_s: float
    cpu: float | None
    born: float
    requests: int | None


class Family(msgspec.Struct, frozen=True):
    """The processes of a family or a front, each below its parent, and their sums.

    `pss` is None where one may not be read. `requests` counts the ended processes, too. `exhibits`: those it serves.
    """

    name: str
    rows: list[Process]
    threads: int
    pss: int | None
    cpu_s: float
    cpu: float | None
    requests: int | None
    exhibits: list[str]


class Event(msgspec.Struct, frozen=True):
    """`born`, `died`; or `came and went`: a process that lived between two looks, and left a log line.

    `number` counts the events. `words`: what else is known, as a sentence.
    """

    number: int
    at: float
    kind: Kind
    family: str
    pid: int
    words: str


class Snapshot(msgspec.Struct, frozen=True):
    """A zoo at one moment. `events`: the last ones, oldest first. `why`: why not all of it can be seen; else empty."""

    at: float
    families: list[Family]
    events: list[Event]
    processes: int
    threads: int
    pss: int | None
    why: str = ""


class Change(msgspec.Struct, frozen=True):
    """What a later snapshot has that an earlier one had not. `families`: whole, as they are now; `order`: the names of
    all; `events`: new ones only."""

    at: float
    families: list[Family]
    order: list[str]
    events: list[Event]
    processes: int
    threads: int
    pss: int | None
    why: str


def snapshot(at: float, families: list[Family], events: list[Event], why: str = "") -> Snapshot:
    """Sum up the families."""
    processes = sum(len(family.rows) for family in families)
    threads = sum(family.threads for family in families)
    return Snapshot(at, families, events, processes, threads, _sum(each.pss for each in families), why)


def family(name: str, rows: list[Process], requests: int | None, exhibits: list[str]) -> Family:
    """Sum up one family."""
    cpu = [row.cpu for row in rows if row.cpu is not None]
    return Family(
        name=name,
        rows=rows,
        threads=sum(row.threads for row in rows),
        pss=_sum(row.pss for row in rows),
        cpu_s=round(sum(row.cpu_s for row in rows), 2),
        cpu=round(sum(cpu), 3) if cpu else None,
        requests=requests,
        exhibits=exhibits,
    )


def _sum(sizes: Iterable[int | None]) -> int | None:
    known = list(sizes)
    return None if None in known else sum(size for size in known if size)


def depths(rows: list[ProcessRow]) -> dict[int, int]:
    """Count, for each process, the steps up to the first process of its family. Parents come before children."""
    depth: dict[int, int] = {}
    family_of = {row.pid: row.exhibit for row in rows}
    for row in rows:
        depth[row.pid] = depth[row.ppid] + 1 if family_of.get(row.ppid) == row.exhibit and row.ppid in depth else 0
    return depth


def difference(before: Snapshot, now: Snapshot) -> Change | None:
    """Return what changed; None if nothing did."""
    old = {family.name: family for family in before.families}
    changed = [family for family in now.families if old.get(family.name) != family]
    last = before.events[-1].number if before.events else 0
    events = [event for event in now.events if event.number > last]
    order = [family.name for family in now.families]
    if not changed and not events and order == list(old) and before.why == now.why:
        return None
    return Change(now.at, changed, order, events, now.processes, now.threads, now.pss, now.why)
