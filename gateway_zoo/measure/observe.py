"""Observe one cell: processes, threads, requests in parallel, times, memory.

HTTP only, and only what the answers show. First requests come in turn. Then a crowd comes at once, and each request
holds for a moment (`status?hold=`): where their stays overlap, the exhibit really did several things at the same time.
Memory is read before the crowd, and while four requests are in flight (memory.py).
"""

import concurrent.futures
import http.client
import json
import statistics
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from gateway_zoo.measure import memory, probe
from gateway_zoo.measure.memory import Memory, Reading
from gateway_zoo.registry.plans import Cell
from gateway_zoo.safe_io import bounded

TURNS = 8
CROWD = 8  # twice the slots of an exhibit
HOLD_MS = 150
ROUNDS = 3  # a crowd may find the slots unevenly filled: the best of so many counts
IN_FLIGHT = 4  # the slots of an exhibit: so many requests are held while memory is read
READINGS = 2  # of memory at rest, and of memory with requests in flight: their spread is the error
TIMEOUT_S = 15.0  # for a whole answer: the slowest, a CGI program on a busy machine, takes one or two
ANSWER_BYTES = 1_000_000  # `status?json&full` of Apache with 65 processes has 20,000
FIELDS = frozenset("pid ppid user thread multithread multiprocess run_once".split())  # what we read of an answer
GROW_S = 5.0  # a pool may grow by one or two a second while it is crowded: php-fpm's `pm = dynamic`, Apache's prefork

Facts = dict[str, Any]


class NotObservable(Exception):
    """The cell did not answer status as it should; says how."""


class OverLimit(NotObservable):
    """Its answer was too long, or took too long; says which, and the limit."""


@dataclass(frozen=True)
class Observation:
    """One cell, as observed.

    Times in ms, from connect to the last byte, while nothing else was asked; true for this machine and this minute.
    `memory` has units and errors of its own.
    """

    exhibit: str
    front: str
    processes: int
    threads: int  # the most seen in one process
    parallel: int  # the most stays that overlapped
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
    memory: Memory

    @property
    def model(self) -> str:
        """Name the process model that this looks like."""
        if _a_process_each(self.served):
            return "fork per request"
        if self.processes > 1:
            return "prefork x threads" if self.threads > 1 else "prefork"
        return "threads" if self.threads > 1 else "one at a time"


@dataclass(frozen=True)
class InTurn:
    """The answers of a cell to requests in turn, their times in ms, and memory.

    Nothing else is asked meanwhile: times are only true then.
    """

    answers: list[Facts]
    times: list[float]
    rest: list[Reading]  # memory, with nothing in flight but the request that read it


def observe_in_turn(cell: Cell) -> InTurn:
    """Send requests in turn: the first phase. Raises NotObservable."""
    seen = [_status(cell, "json") for _ in range(TURNS)]
    return InTurn([facts for facts, _ in seen], [ms for _, ms in seen], _read_at_rest(cell))


def observe_crowd(cell: Cell, in_turn: InTurn, declared: int | None) -> Observation:
    """Send crowds until two give the same count, then read memory: the second phase.

    Families may be observed in parallel: their requests only sleep. While the count is below the `declared` slots, more
    crowds follow: a pool that grows under load needs time. Raises NotObservable.
    """
    deadline = time.monotonic() + GROW_S
    crowds = [_crowd(cell), _crowd(cell)]
    while len(crowds) < ROUNDS and len({_overlap(crowd) for crowd in crowds}) > 1:
        crowds.append(_crowd(cell))
    wanted = min(declared or 0, CROWD)
    while max(_overlap(crowd)[0] for crowd in crowds) < wanted and time.monotonic() < deadline:
        crowds.append(_crowd(cell))
    fullest = max((_overlap(crowd) for crowd in crowds), key=lambda seen: seen[0])
    everything = in_turn.answers + [facts for crowd in crowds for facts in crowd]
    full = [_read_in_flight(cell) for _ in range(READINGS)]
    served = Counter(facts["pid"] for facts in everything)
    used = memory.sum_up(in_turn.rest, full, _read_at_rest(cell), IN_FLIGHT, fresh=_a_process_each(served))
    return _sum_up(cell, everything, in_turn.times, fullest, used)


def _a_process_each(served: dict[int, int]) -> bool:
    return all(count == 1 for count in served.values())


def _status(cell: Cell, query: str) -> tuple[Facts, float]:
    """Return the facts and the time of the answer in ms. Raises NotObservable, or OverLimit where a limit was met."""
    where = f"{cell.exhibit} behind {cell.front}"
    try:
        answer = probe.ask(f"{cell.url}/status?{query}", timeout=TIMEOUT_S, limit=ANSWER_BYTES)
        if answer.status != 200:
            raise NotObservable(f"{where}: status answers {answer.status}")
        facts = json.loads(answer.body)
    except bounded.OverLimit as error:
        raise OverLimit(f"{where}: {error}") from None
    except (OSError, ValueError, RecursionError, http.client.HTTPException) as error:
        raise NotObservable(f"{where}: {type(error).__name__}: {error}") from None
    lacking = _lacking(facts, query)
    if lacking:
        raise NotObservable(f"{where}: status says nothing of {', '.join(lacking)}: is this a zoo?")
    return facts, answer.ms


def _lacking(facts: object, query: str) -> list[str]:
    """Return the fields of this query that the answer lacks, or has of another type."""
    if not isinstance(facts, dict):
        return sorted(FIELDS)
    lacking = sorted(FIELDS - facts.keys()) + [name for name in ("pid", "ppid") if not isinstance(facts.get(name), int)]
    held, rows = facts.get("held"), facts.get("processes")
    if "hold" in query and not (
        isinstance(held, dict) and all(isinstance(held.get(k), int | float) for k in ("from", "to"))
    ):
        lacking.append("held")
    if "full" in query and not (isinstance(rows, list) and all(map(_is_process, rows))):
        lacking.append("processes")
    return lacking


def _is_process(row: object) -> bool:
    return isinstance(row, dict) and isinstance(row.get("pid"), int) and isinstance(row.get("pss", ""), int | None)


# --- memory: the process that reads it serves one of the requests in flight -------------------------------------------


def _reading(facts: Facts, in_flight: int) -> Reading:
    return Reading(in_flight, facts["pid"], {row["pid"]: row["pss"] for row in facts["processes"]})


def _read_at_rest(cell: Cell) -> list[Reading]:
    return [_reading(_status(cell, "json&full")[0], 1) for _ in range(READINGS)]


def _read_in_flight(cell: Cell) -> Reading:
    """Read memory with requests in flight, IN_FLIGHT of them if they can be caught.

    A slow start needs a longer stay.
    """
    tries: list[Reading] = []
    for ms in (400, 1000, 1000, 1000):
        tries.append(_hold_and_read(cell, ms))
        if tries[-1].in_flight >= IN_FLIGHT:
            break
    return max(tries, key=lambda reading: reading.in_flight)


def _hold_and_read(cell: Cell, ms: int) -> Reading:
    """Hold requests; one holds half as long, then reads the memory of all."""
    queries = [f"json&full&hold={ms // 2}", *[f"json&hold={ms}"] * (IN_FLIGHT - 1)]
    with concurrent.futures.ThreadPoolExecutor(IN_FLIGHT) as pool:
        reader, *others = (facts for facts, _ in pool.map(lambda query: _status(cell, query), queries))
    moment, sizes = reader["held"]["to"], {row["pid"] for row in reader["processes"]}
    inside = [f for f in others if f["held"]["from"] <= moment < f["held"]["to"] and f["pid"] in sizes]
    return _reading(reader, 1 + len(inside))


def _crowd(cell: Cell) -> list[Facts]:
    with concurrent.futures.ThreadPoolExecutor(CROWD) as pool:
        answers = [pool.submit(_status, cell, f"json&hold={HOLD_MS}") for _ in range(CROWD)]
        return [future.result()[0] for future in answers]


def _overlap(crowd: list[Facts]) -> tuple[int, int, int]:
    """Return the fullest moment: stays, their processes, the most stays in one process."""
    best = (0, 0, 0)
    for moment in [facts["held"]["from"] for facts in crowd]:
        inside = Counter(facts["pid"] for facts in crowd if facts["held"]["from"] <= moment < facts["held"]["to"])
        best = max(best, (inside.total(), len(inside), max(inside.values())))
    return best


def _sum_up(
    cell: Cell, seen: list[Facts], times: list[float], fullest: tuple[int, int, int], used: Memory
) -> Observation:
    threads: dict[int, set[int]] = {}
    for facts in seen:
        threads.setdefault(facts["pid"], set()).add(facts["thread"])
    return Observation(
        exhibit=cell.exhibit,
        front=cell.front,
        processes=len(threads),
        threads=max(len(ids) for ids in threads.values()),
        parallel=fullest[0],
        busy_processes=fullest[1],
        busy_threads=fullest[2],
        crowd=CROWD,
        served=dict(Counter(facts["pid"] for facts in seen)),
        parents=sorted({facts["ppid"] for facts in seen}),
        users=sorted({facts["user"] for facts in seen}),
        multithread=seen[-1]["multithread"],
        multiprocess=seen[-1]["multiprocess"],
        run_once=seen[-1]["run_once"],
        first_ms=round(times[0], 3),
        median_ms=round(statistics.median(times), 3),
        memory=used,
    )
