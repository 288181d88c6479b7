"""Watch the families of a zoo in containers: each one is asked over HTTP (`status?full`), in turns.

A container sees its own processes only, so a family is what one of its programs says of itself: the processes of one
session and one command line, with the numbers of their container. The first look asks all families, each further look
one. Births and deaths are seen when the turn comes round; a process per request is never seen, because it ends with its
answer. How many requests a process had is known of those that answered.
"""

import concurrent.futures
import http.client
import threading
import time
from collections import deque
from collections.abc import Callable

import msgspec

from gateway_zoo.measure import population, probe
from gateway_zoo.measure.population import EVENTS, PAUSE_S, Event, Family, Process, Snapshot
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell

PATIENCE_S = 5.0  # a busy family keeps what is known of it
ANSWER_BYTES = 1_000_000
CELLS_S = 15.0  # between two looks for cells that opened or closed
TOGETHER = 4
EACH_ITS_OWN = "fork per request"
WHY = (
    "In containers each family is asked in turn what it sees of itself; a process per request (CGI) ends with its "
    "answer, and fronts have no family here."
)


class _Row(msgspec.Struct):
    """A process, as app/zoo_status.py describes it."""

    pid: int
    ppid: int
    role: str
    threads: int
    pss: int | None
    cpu_s: float
    age_s: float
    requests: int | None = None


class _Status(msgspec.Struct):
    processes: list[_Row]


class AwayWatch:
    """Takes snapshots of the families behind these cells. Threads may share it."""

    def __init__(self, cells: Callable[[], list[Cell]], registry: Registry) -> None:
        self._cells, self._registry = cells, registry
        self._lock = threading.Lock()
        self._families: dict[str, Family] = {}
        self._asked: dict[str, Cell] = {}
        self._until = 0.0  # monotonic: then the cells are looked for again
        self._turns: deque[str] = deque()
        self._looked = 0.0
        self._events: deque[Event] = deque(maxlen=EVENTS)
        self._number = 0

    def look(self) -> Snapshot:
        """The families now, each as it was when its last turn came. Raises Stop where no front is reached."""
        with self._lock:
            pause, self._looked = time.monotonic() - self._looked, time.monotonic()
            if pause > PAUSE_S or self._until < self._looked:
                self._asked, self._until = self._one_of_each(), self._looked + CELLS_S
            cells = self._asked
            if pause > PAUSE_S:
                self._events.clear()
                self._families = {}
                self._turns = deque(cells)
                with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
                    answers = dict(zip(cells, pool.map(_ask, cells.values()), strict=True))
            else:
                self._turns.extend(name for name in cells if name not in self._turns)
                name = self._turns.popleft() if self._turns else ""
                answers = {name: _ask(cells[name])} if name in cells else {}
                self._turns.extend(answers)
            for name, rows in answers.items():
                if rows is not None:
                    self._take(name, rows, first=pause > PAUSE_S)
            listed = [self._families[name] for name in cells if name in self._families]
            return population.snapshot(time.time(), listed, list(self._events), WHY)

    def _one_of_each(self) -> dict[str, Cell]:
        """An open cell of each family that has processes between two requests."""
        cells: dict[str, Cell] = {}
        for cell in self._cells():
            family = self._registry.family_of(cell.exhibit)
            if cell.closed is None and family.model != EACH_ITS_OWN:
                cells.setdefault(family.id, cell)
        return cells

    def _take(self, name: str, rows: list[_Row], first: bool) -> None:
        """Put a family's rows in place of those before; what came or is gone is an event."""
        before = {row.pid: row for row in self._families[name].rows} if name in self._families else {}
        now = {row.pid: _process(row, rows, before.get(row.pid)) for row in _as_tree(rows)}
        for pid in before.keys() - now.keys():
            self._note("died", name, pid, before[pid].role)
        for pid in [] if first else sorted(now.keys() - before.keys()):
            self._note("born", name, pid, now[pid].role)
        ids = [exhibit.id for exhibit in self._registry.exhibits.values() if exhibit.family == name]
        self._families[name] = population.family(name, list(now.values()), None, ids)

    def _note(self, kind: population.Kind, family: str, pid: int, words: str) -> None:
        self._number += 1
        self._events.append(Event(self._number, round(time.time(), 2), kind, family, pid, words))


def _ask(cell: Cell) -> list[_Row] | None:
    """The processes of a family; none where it does not answer; None where it is busy, or says nothing of them."""
    try:
        answer = probe.ask(f"{cell.url}/status?json&full", timeout=PATIENCE_S, limit=ANSWER_BYTES)
        return msgspec.json.decode(answer.body, type=_Status).processes if answer.status == 200 else []
    except (TimeoutError, http.client.HTTPException, ValueError, RecursionError, msgspec.MsgspecError):
        return None
    except OSError:
        return []


def _as_tree(rows: list[_Row]) -> list[_Row]:
    """Parents before children, the older before the younger."""
    pids = {row.pid for row in rows}

    def below(parents: list[_Row]) -> list[_Row]:
        return [each for row in parents for each in (row, *below([child for child in rows if child.ppid == row.pid]))]

    rows.sort(key=lambda row: -row.age_s)
    return below([row for row in rows if row.ppid not in pids])


def _process(row: _Row, rows: list[_Row], before: Process | None) -> Process:
    requests = row.requests if row.requests is not None else before.requests if before else None
    born = before.born if before else round(time.time() - row.age_s, 1)
    depth = int(any(each.pid == row.ppid for each in rows))
    return Process(row.pid, row.role, depth, row.threads, row.pss, row.cpu_s, None, born, requests)
