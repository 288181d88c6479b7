"""Observe Apache's process models (lecture.py compares them with the lecture).

mod_wsgi-embedded tells over HTTP which worker serves (pid, thread, user): the program that answers there *is* Apache's
child. What a connection costs is measured natively on Apaches of our own, fresh ones with the same MPMs; of an Apache
elsewhere over HTTP (mpm_memory.py says how, and what that is worth). Memory is unknown where a root among the processes
does not let us look (ITK).
"""

import concurrent.futures
import contextlib
import functools
import http.client
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway_zoo.keeper import own_zoo, state
from gateway_zoo.measure import mpm_memory
from gateway_zoo.measure.figures import Interval, memory
from gateway_zoo.measure.mpm_memory import Costs
from gateway_zoo.measure.process_use import Use, use_of
from gateway_zoo.safe_io import bounded
from gateway_zoo.settings import Settings

EXHIBIT = "mod_wsgi-embedded"
CROWD = 8
HOLD_MS = 300
TIMEOUT_S = 15.0  # for a whole answer
ATTEMPTS = 4
RANKED = ("usage", "idle", "busy")  # the sizes, fields of Seen
USER_PER_HOST = "a user per virtual host"
UNKNOWN = "unknown"
OTHER_HOST = "games.localhost"  # the second virtual host, where there is one (mpm/itk.conf)

Facts = dict[str, Any]


class Unusable(Exception):
    """An Apache's answer cannot be used: it broke a limit, or is not what a zoo says; says which."""


class Closed(Unusable):
    """Apache has ended the connection. On one that was idle it may: prefork, worker and ITK keep it for 5 s."""


@dataclass(frozen=True)
class Seen:
    """One Apache. Sizes in bytes of PSS, None where they cannot be read; `idle` and `busy` are per connection, `usage`
    is the whole Apache at rest; `_low` and `_high`: between which values the figure lies. `fresh`: of an Apache that
    was started for it; else the figures are lower bounds, and no verdict is built on them."""

    mpm: str
    front: str
    threaded: str
    parent: str
    children: str
    serves: str
    dso: str
    processes: int
    threads: int
    fresh: bool
    usage: int | None = None
    usage_low: int | None = None
    usage_high: int | None = None
    idle: int | None = None
    idle_low: int | None = None
    idle_high: int | None = None
    busy: int | None = None
    busy_low: int | None = None
    busy_high: int | None = None
    memory_why: str | None = None  # why sizes are None

    def interval(self, name: str) -> Interval | None:
        """usage, idle or busy with its interval; None where it is unknown."""
        value, low, high = (getattr(self, name + end) for end in ("", "_low", "_high"))
        return None if value is None else Interval(value, low, high)


def fronts(settings: Settings, urls: dict[str, str]) -> dict[str, str]:
    """Front -> address of each Apache to watch. Raises Unusable."""
    if any(urls.values()):
        return {front: url.rstrip("/") for front, url in urls.items() if url and _answers(url.rstrip("/"))}
    cells = state.running_cells(settings)
    mine = [cell for cell in cells if cell.exhibit == EXHIBIT and cell.closed is None]
    return {cell.front: cell.url.removesuffix(f"/{EXHIBIT}") for cell in mine}


def _answers(url: str) -> bool:
    """Does a zoo answer there? Raises Unusable for an answer that is not a zoo's."""
    try:
        _status(url, "json")
    except OSError:
        return False
    return True


def mpm_of(settings: Settings, front: str) -> str:
    """The MPM of a front. Of the running zoo its own file says so: it may have been started with other settings."""
    file = settings.run / front / "local.conf"
    with contextlib.suppress(OSError):
        if match := re.search(r"^Define ZOO_MPM +(\w+)", file.read_text(encoding="utf-8"), re.MULTILINE):
            return match[1]
    return settings.mpm_of(front)


# --- observing --------------------------------------------------------------------------------------------------------


def watch(
    settings: Settings, fronts: dict[str, str], progress: Callable[[str], None] = lambda text: None, *, fresh: bool
) -> list[Seen]:
    """Observe these Apaches: first the workers that serve, then memory, of Apaches of our own where `fresh`. Raises
    Unusable, OSError."""
    mpms = {front: mpm_of(settings, front) if fresh else settings.mpm_of(front) for front in fronts}
    facts = {}
    for front, url in fronts.items():
        progress(f"watching {front}")
        facts[front] = observe(url)
    costs = _fresh_costs(settings, mpms, progress) if fresh else _costs_over_http(settings, fronts, mpms, progress)
    return [Seen(mpm=mpms[f], front=f, fresh=fresh, **facts[f], **_flat(costs[f])) for f in fronts]


def _flat(costs: Costs) -> Facts:
    fields: Facts = {"memory_why": costs.memory_why}
    for name in RANKED:
        if interval := getattr(costs, name):
            fields |= {
                name: round(interval.value),
                f"{name}_low": round(interval.low),
                f"{name}_high": round(interval.high),
            }
    return fields


def observe(url: str) -> Facts:
    """Observe one Apache: the fields of Seen that are no sizes. Raises Unusable."""
    crowd = _crowd(url)
    most = max(Counter(pid for pid, _ in {(f["pid"], f["thread"]) for f in crowd}).values())
    family = _status(url, "json&full")["processes"]
    users = {_status(url, "json", host)["user"] for host in ("localhost", OTHER_HOST)}
    parents = sorted({row["user"] for row in family if row["role"] == "master"})
    return {
        "threaded": "yes" if most > 1 else "no",
        "parent": ", ".join(parents) or UNKNOWN,
        "children": USER_PER_HOST if len(users) > 1 else next(iter(users)),
        "serves": _serves(_pairs(url), threaded=most > 1),
        "dso": "yes" if crowd else "no",  # mod_wsgi is a module loaded at run time, and it answered
        "processes": len(family),
        "threads": sum(row["threads"] for row in family),
    }


def _connect(url: str) -> http.client.HTTPConnection:
    return bounded.connect(url, TIMEOUT_S, mpm_memory.ANSWER_BYTES)


def _ask(connection: http.client.HTTPConnection, query: str, host: str = "localhost") -> Facts:
    """status on a connection that stays open."""
    where = f"http://{connection.host}:{connection.port}"
    try:
        connection.request("GET", f"/{EXHIBIT}/status?{query}", headers={"Host": host, "Connection": "keep-alive"})
        facts = json.loads(connection.getresponse().read())
    except bounded.OverLimit as error:
        raise Unusable(f"{where}: {error}") from None
    except (ConnectionResetError, BrokenPipeError):  # RemoteDisconnected is a reset, too
        raise Closed(
            f"{where}: {EXHIBIT} does not answer as a zoo does: the connection ended without an answer"
        ) from None
    except (ValueError, RecursionError, http.client.HTTPException) as error:
        raise Unusable(f"{where}: {EXHIBIT} does not answer as a zoo does: {error}") from None
    if not isinstance(facts, dict) or not {"pid", "thread", "user"} <= facts.keys():
        raise Unusable(f"{where}: {EXHIBIT} does not answer as a zoo does: no pid, thread or user")
    return facts


def _status(url: str, query: str, host: str = "localhost") -> Facts:
    with contextlib.closing(_connect(url)) as connection:
        return _ask(connection, query, host)


def _crowd(url: str) -> list[Facts]:
    """Several at once, each holding for a moment: as many workers as that must have answered."""
    with concurrent.futures.ThreadPoolExecutor(CROWD) as pool:
        return list(pool.map(lambda _: _status(url, f"json&hold={HOLD_MS}"), range(CROWD)))


Worker = tuple[int, int]


def _pairs(url: str) -> list[tuple[Worker, Worker]]:
    """_twice_on_each, again if a busy machine was slower than Apache's patience with idle connections."""
    for _ in range(ATTEMPTS - 1):
        with contextlib.suppress(Closed):
            return _twice_on_each(url)
    return _twice_on_each(url)


def _twice_on_each(url: str) -> list[tuple[Worker, Worker]]:
    """On each of some keep-alive connections two requests, the second in another order. Returns the worker of each."""
    connections = [_connect(url) for _ in range(CROWD)]
    try:
        first = [_worker(connection) for connection in connections]
        second = [_worker(connection) for connection in reversed(connections)]
    finally:
        for connection in connections:
            connection.close()
    return list(zip(first, reversed(second), strict=True))


def _worker(connection: http.client.HTTPConnection) -> Worker:
    facts = _ask(connection, "json")
    return facts["pid"], facts["thread"]


def _serves(pairs: list[tuple[Worker, Worker]], threaded: bool) -> str:
    kept = all(first == second for first, second in pairs)
    return f"a {'thread' if threaded else 'child'} per {'connection' if kept else 'request'}"


# --- memory -----------------------------------------------------------------------------------------------------------


def _use_of(zoo: own_zoo.OwnZoo, front: str) -> Use:
    return use_of(zoo.processes(front))


def _fresh_costs(settings: Settings, mpms: dict[str, str], progress: Callable[[str], None]) -> dict[str, Costs]:
    """Costs of Apaches with the same MPMs, in a zoo of our own that gets no other requests."""
    own_zoo.stop_like_ctrl_c()
    costs = {}
    mpm = "all" if len(mpms) > 1 else next(iter(mpms.values()))
    progress("starting Apaches of our own, with the same MPMs")
    with own_zoo.OwnZoo(settings, [own_zoo.exhibit_for_pings(settings)], mpm) as zoo:
        for front, model in mpms.items():
            progress(f"{model}: what a connection costs")
            zoo.restart(front)
            url = zoo.settings.url(front)
            costs[front] = _measure(url, zoo.ids[0], model, functools.partial(_use_of, zoo, front))
    return costs


def _costs_over_http(
    settings: Settings, fronts: dict[str, str], mpms: dict[str, str], progress: Callable[[str], None]
) -> dict[str, Costs]:
    """Costs of Apaches elsewhere, as one of their children sees them."""
    costs = {}
    for front, url in fronts.items():
        progress(f"{mpms[front]}: what a connection costs")
        if mpms[front] in mpm_memory.BY_PROCESS:
            costs[front] = Costs(memory_why=mpm_memory.COME_AND_GO)
            continue
        with mpm_memory.over_http(url, EXHIBIT) as read:
            costs[front] = _measure(url, own_zoo.exhibit_for_pings(settings), mpms[front], read)
    return costs


def _measure(url: str, exhibit: str, mpm: str, read: mpm_memory.Read) -> Costs:
    try:
        return mpm_memory.measure(url, exhibit, mpm, read)
    except (OSError, ValueError, LookupError, http.client.HTTPException) as error:
        raise Unusable(f"{url}: memory cannot be measured: {type(error).__name__}: {error}") from None


def size(interval: Interval | None, fresh: bool) -> str:
    """A size with its interval: "42 kB (40 to 44 kB)"; of an Apache that was not fresh, its lower bound."""
    if interval is None:
        return UNKNOWN
    if not interval.measurable:
        return f"too little to measure (below {memory(max(interval.high, 0))})"
    low, high = memory(interval.low), memory(interval.high)
    if not fresh:
        return f"at least {low}"
    if low == high:
        return memory(interval.value)
    if low.split()[1] == high.split()[1]:
        low = low.split()[0]
    return f"{memory(interval.value)} ({low} to {high})"
