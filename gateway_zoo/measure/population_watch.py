"""Watch the processes of a running zoo, at a cost that a visitor does not feel.

What costs little is done at every look (1 ms): the numbers in /proc, of which only new ones are examined, and the new
lines in the log files. What costs more is done at a sweep, every few seconds: threads, memory and CPU of each process.

A process that answers one request and ends (CGI) often lives between two looks. Its log line names it: it came and
went. Requests are counted in the log lines since the start of the zoo, of each file the last 2 MB at the first look.

What trips people up: nothing is looked at while nobody asks. After such a pause the watch begins again: processes that
died meanwhile are no events.
"""

import os
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field

from gateway_zoo.keeper import process, state
from gateway_zoo.measure import population, process_tree
from gateway_zoo.measure.log_files import Logs
from gateway_zoo.measure.population import EVENTS, PAUSE_S, Event, Process, Snapshot
from gateway_zoo.measure.process_tree import ProcessRow
from gateway_zoo.measure.requests import APP, FRONT
from gateway_zoo.registry.cages import Registry
from gateway_zoo.settings import Settings

SWEEP_S = 5.0
NO_ZOO = "No zoo runs. To start one: ./zoo up"
IN_CONTAINERS = (
    "In containers a process is seen from its own container only: docker compose exec SERVICE zoo ps, or "
    "docker compose top. These are the processes of this container."
)


@dataclass
class _Life:
    """What is known of one process between two looks."""

    row: ProcessRow
    requests: int = 0
    cpu: float | None = None


@dataclass
class _Zoo:
    """The running zoo, since the watch began."""

    running: state.State
    logs: Logs
    lives: dict[int, _Life] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)  # numbers in /proc that were examined
    ended: deque[int] = field(default_factory=lambda: deque(maxlen=1000))  # their log lines may come later
    requests: Counter[str] = field(default_factory=Counter)  # family -> requests
    swept: float = 0.0  # monotonic


class Watch:
    """Takes snapshots of the zoo of these settings. `sweep_s`: seconds between two sweeps. Threads may share it."""

    def __init__(self, settings: Settings, registry: Registry, sweep_s: float = SWEEP_S) -> None:
        self._settings, self._registry, self._sweep_s = settings, registry, sweep_s
        self._lock = threading.Lock()
        self._zoo: _Zoo | None = None
        self._looked = 0.0
        self._events: deque[Event] = deque(maxlen=EVENTS)
        self._number = 0
        self._last: Snapshot | None = None

    def look(self) -> Snapshot:
        """The zoo now. Threads, memory and CPU are not older than `sweep_s`."""
        with self._lock:
            pause, self._looked = time.monotonic() - self._looked, time.monotonic()
            if self._settings.compose:
                return self._container()
            running = state.of_running(self._settings)
            if self._zoo and (running is None or running.token != self._zoo.running.token or pause > PAUSE_S):
                self._zoo.logs.close()
                self._zoo = None
            if running is None:
                return population.snapshot(time.time(), [], list(self._events), NO_ZOO)
            if self._zoo is None:
                self._zoo = self._begin(running)
            else:
                self._zoo.running = running
                if not self._live(self._zoo) and self._last:
                    return self._last
            self._last = self._snapshot(self._zoo)
            return self._last

    def close(self) -> None:
        """Close the log files."""
        with self._lock:
            if self._zoo:
                self._zoo.logs.close()
            self._zoo = None

    def _begin(self, running: state.State) -> _Zoo:
        zoo = _Zoo(running, Logs(self._settings.logs), seen=set(process.pids()), swept=time.monotonic())
        zoo.lives = {row.pid: _Life(row) for row in process_tree.collect(self._settings, running)}
        self._events.clear()
        self._count(zoo, since=zoo.lives[running.pid].row.born if running.pid in zoo.lives else time.time())
        return zoo

    def _snapshot(self, zoo: _Zoo) -> Snapshot:
        rows = process_tree.in_order({pid: life.row for pid, life in zoo.lives.items()}, zoo.running)
        depth = population.depths(rows)
        families: dict[str, list[Process]] = {}
        for row in rows:
            life = zoo.lives[row.pid]
            families.setdefault(row.exhibit, []).append(_process(life, depth[row.pid]))
        listed = [
            population.family(name, own, zoo.requests[name], self._exhibits(name)) for name, own in families.items()
        ]
        return population.snapshot(time.time(), listed, list(self._events))

    def _container(self) -> Snapshot:
        """What this container sees."""
        service = os.environ.get("ZOO_FAMILY", "zoo")
        rows = process_tree.collect_container(service)
        depth = population.depths(rows)
        own = [_process(_Life(row), depth[row.pid]) for row in rows]
        return population.snapshot(
            time.time(), [population.family(service, own, 0, self._exhibits(service))], [], IN_CONTAINERS
        )

    def _exhibits(self, family: str) -> list[str]:
        return [exhibit.id for exhibit in self._registry.exhibits.values() if exhibit.family == family]

    # --- a look -------------------------------------------------------------------------------------------------------

    def _live(self, zoo: _Zoo) -> bool:
        """Look again; returns whether there is news."""
        present = set(process.pids())
        newborn = {pid for pid in present - zoo.seen if self._is_ours(zoo, pid)}
        rows = process_tree.read(newborn, zoo.running.sessions)
        for pid, row in sorted(rows.items()):
            if row.exhibit != "?":
                zoo.lives[pid] = _Life(row)
                self._note("born", row.exhibit, pid, row.role)
        zoo.seen = present - (newborn - zoo.lives.keys())  # one that is not yet what it becomes is looked at again
        counted = self._count(zoo)  # before the deaths, whose last request it may be
        ended = zoo.lives.keys() - present
        for pid in ended:
            self._died(zoo, pid)
        sweeps = time.monotonic() - zoo.swept > self._sweep_s
        if sweeps:
            self._sweep(zoo)
        return bool(ended or newborn or counted or sweeps)

    def _is_ours(self, zoo: _Zoo, pid: int) -> bool:
        return not process.zombie(pid) and process.is_from_this_start(pid, zoo.running.token, self._settings.run)

    def _died(self, zoo: _Zoo, pid: int) -> None:
        life = zoo.lives.pop(pid)
        zoo.ended.append(pid)
        age = time.time() - life.row.born
        lived = f"{age:.1f} s" if age < 10 else f"{age:.0f} s"
        requests = f", {_count(life.requests)}" if life.requests else ""  # of CGI the line may still come
        self._note("died", life.row.exhibit, pid, f"{life.row.role}, lived {lived}{requests}")

    def _sweep(self, zoo: _Zoo) -> None:
        """Read all processes again. A number that is used again names another process, which is born later."""
        passed, zoo.swept = time.monotonic() - zoo.swept, time.monotonic()
        rows = process_tree.read(zoo.lives, {"keeper": zoo.running.pid} | zoo.running.sessions)
        for pid, life in list(zoo.lives.items()):
            row = rows.get(pid)
            if row is None or row.born != life.row.born:
                self._died(zoo, pid)
                zoo.seen.discard(pid)
            else:
                life.cpu = round(max(0.0, row.cpu_s - life.row.cpu_s) / passed, 3)
                life.row = row

    # --- requests -----------------------------------------------------------------------------------------------------

    def _count(self, zoo: _Zoo, since: float | None = None) -> bool:
        """Read the new lines of the logs; the first time those `since` the start. Returns whether one was a request."""
        counted = False
        for line in zoo.logs.lines():
            if match := APP.match(line):
                exhibit, pid, at = match["exhibit"], int(match["pid"]), float(match["time"])
                family = self._registry.exhibits[exhibit].family if exhibit in self._registry.exhibits else exhibit
                if since is None or at >= since:
                    counted = True
                    zoo.requests[family] += 1
                    self._answered(zoo, family, pid, at, f"{match['endpoint']}, {match['ms']} ms in the app", since)
            elif match := FRONT.match(line):
                at = float(match["time"]) if match["front"] == "nginx" else float(match["time"]) / 1000
                if since is None or at >= since:
                    counted = True
                    zoo.requests[match["front"]] += 1
        return counted

    def _answered(self, zoo: _Zoo, family: str, pid: int, at: float, words: str, since: float | None) -> None:
        """Count a request for its process. Without a process it came and went."""
        if life := zoo.lives.get(pid):
            life.requests += at >= life.row.born - 1
        elif since is None and pid not in zoo.ended:
            zoo.ended.append(pid)
            self._note("came and went", family, pid, words)

    def _note(self, kind: population.Kind, family: str, pid: int, words: str) -> None:
        self._number += 1
        self._events.append(Event(self._number, round(time.time(), 2), kind, family, pid, words))


def _process(life: _Life, depth: int) -> Process:
    row = life.row
    return Process(
        *(row.pid, row.role, depth, row.threads, row.pss, row.cpu_s),
        *(life.cpu, round(life.row.born, 1), life.requests),
    )


def _count(requests: int) -> str:
    return "1 request" if requests == 1 else f"{requests} requests"
