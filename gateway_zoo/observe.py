"""Watching one cell answer: which processes and threads, how many at once, how fast. HTTP only; nothing is believed
that the answers do not show.

First a row of requests one after the other, then a crowd at once that each hold for a moment (`status?hold=`): where
their stays overlap, the exhibit really did several things at the same time.
"""

import concurrent.futures
import http.client
import json
import statistics
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from gateway_zoo import probe
from gateway_zoo.plan import Cell

IN_A_ROW = 8
AT_ONCE = 8  # twice the slots of an exhibit
HOLD_MS = 150
ROUNDS = 3  # a crowd may find the slots unevenly filled: the best of so many counts
GROW_S = 5.0  # a pool may grow by one or two a second while it is crowded: php-fpm's `pm = dynamic`, Apache's prefork

Facts = dict[str, Any]


class NotObservable(Exception):
    """The cell did not answer status as it should; says how."""


@dataclass(frozen=True)
class Observation:
    """What was seen of one cell. Times in ms, `pss` in bytes (None where unreadable)."""

    exhibit: str
    front: str
    processes: int
    threads: int  # the most seen in one process
    at_once: int  # the most stays that overlapped
    busy_processes: int  # in how many processes those were
    busy_threads: int  # and the most of them in one process
    crowd: int  # how many asked at once
    served: dict[int, int]  # pid -> requests
    parents: list[int]
    users: list[str]
    multithread: bool
    multiprocess: bool
    run_once: bool
    first_ms: float
    median_ms: float
    pss: int | None

    @property
    def model(self) -> str:
        """The process model that this looks like."""
        if all(count == 1 for count in self.served.values()):
            return "fork per request"
        if self.processes > 1:
            return "prefork x threads" if self.threads > 1 else "prefork"
        return "threads" if self.threads > 1 else "one at a time"


@dataclass(frozen=True)
class Row:
    """What a cell answered to requests one after the other, while nothing else was asked: times are only true then."""

    answers: list[Facts]
    times: list[float]


def in_a_row(cell: Cell) -> Row:
    """First phase. Raises NotObservable."""
    seen = [_status(cell, "json") for _ in range(IN_A_ROW)]
    return Row([facts for facts, _ in seen], [ms for _, ms in seen])


def at_once(cell: Cell, row: Row, declared: int | None) -> Observation:
    """Second phase: crowds, until two agree. Families may be watched side by side: they mostly hold.

    While less is seen than the `declared` slots, look longer: whoever grows when it is crowded needs the time to do so.
    """
    deadline = time.monotonic() + GROW_S
    crowds = [_crowd(cell), _crowd(cell)]
    while len(crowds) < ROUNDS and len({_overlap(crowd) for crowd in crowds}) > 1:
        crowds.append(_crowd(cell))
    wanted = min(declared or 0, AT_ONCE)
    while max(_overlap(crowd)[0] for crowd in crowds) < wanted and time.monotonic() < deadline:
        crowds.append(_crowd(cell))
    fullest = max((_overlap(crowd) for crowd in crowds), key=lambda seen: seen[0])
    everything = row.answers + [facts for crowd in crowds for facts in crowd]
    full, _ = _status(cell, "json&full")
    return _sum_up(cell, everything, row.times, fullest, full["processes"])


def _status(cell: Cell, query: str) -> tuple[Facts, float]:
    try:
        answer = probe.ask(f"{cell.url}/status?{query}")
        if answer.status != 200:
            raise NotObservable(f"{cell.exhibit} behind {cell.front}: status answers {answer.status}")
        return json.loads(answer.body), answer.ms
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NotObservable(f"{cell.exhibit} behind {cell.front}: {type(error).__name__}: {error}") from None


def _crowd(cell: Cell) -> list[Facts]:
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        asked = [pool.submit(_status, cell, f"json&hold={HOLD_MS}") for _ in range(AT_ONCE)]
        return [future.result()[0] for future in asked]


def _overlap(crowd: list[Facts]) -> tuple[int, int, int]:
    """The fullest moment: (stays, in so many processes, the most in one process)."""
    best = (0, 0, 0)
    for moment in [facts["held"]["from"] for facts in crowd]:
        inside = Counter(facts["pid"] for facts in crowd if facts["held"]["from"] <= moment < facts["held"]["to"])
        best = max(best, (inside.total(), len(inside), max(inside.values())))
    return best


def _sum_up(
    cell: Cell, seen: list[Facts], times: list[float], fullest: tuple[int, int, int], family: list[Facts]
) -> Observation:
    threads: dict[int, set[int]] = {}
    for facts in seen:
        threads.setdefault(facts["pid"], set()).add(facts["thread"])
    sizes = [row["pss"] for row in family]
    return Observation(
        exhibit=cell.exhibit,
        front=cell.front,
        processes=len(threads),
        threads=max(len(ids) for ids in threads.values()),
        at_once=fullest[0],
        busy_processes=fullest[1],
        busy_threads=fullest[2],
        crowd=AT_ONCE,
        served=dict(Counter(facts["pid"] for facts in seen)),
        parents=sorted({facts["ppid"] for facts in seen}),
        users=sorted({facts["user"] for facts in seen}),
        multithread=seen[-1]["multithread"],
        multiprocess=seen[-1]["multiprocess"],
        run_once=seen[-1]["run_once"],
        first_ms=round(times[0], 1),
        median_ms=round(statistics.median(times), 1),
        pss=None if None in sizes else sum(sizes),
    )
