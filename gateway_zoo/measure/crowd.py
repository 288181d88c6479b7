"""The crowd picture: many requests at once, and when each one ran, in which process and thread.

Each request holds for a moment (`status?hold=`), and its answer says when that began and ended, on the machine's
monotonic clock, which containers share. Before it a request waited: in the front, in a queue, or for its own process to
be born. So a fork per request, threads, prefork and an event loop look different at a glance.
"""

import concurrent.futures
import http.client
import json
import time
from dataclasses import dataclass, field

from gateway_zoo.measure import probe, time_parts
from gateway_zoo.measure.time_parts import Part
from gateway_zoo.registry.plans import Cell

MOST_REQUESTS = 32
HOLD_MS = (10, 1000)  # the least and the most
REQUESTS, USUAL_MS = 8, 300
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Bar:
    """One request of the crowd. Times in ms since the crowd began: it was sent, ran `began` to `ended`, its answer was
    complete. `error` in place of an answer."""

    number: int
    sent: float
    answered: float
    began: float | None = None
    ended: float | None = None
    pid: int | None = None
    thread: int | None = None
    error: str = ""


@dataclass(frozen=True)
class Lane:
    """A thread of a process, and the requests that it served, in their order."""

    pid: int
    thread: int
    bars: list[Bar]


@dataclass(frozen=True)
class Crowd:
    """A crowd before one cell. `parallel`: the most requests that ran at one moment; `total_ms`: until the last
    answer; `failed`: the requests without one; `parts`: where the time of the others went."""

    exhibit: str
    front: str
    requests: int
    hold_ms: int
    parallel: int
    total_ms: float
    lanes: list[Lane]
    failed: list[Bar]
    parts: list[Part] = field(default_factory=list)


def send(cell: Cell, requests: int = REQUESTS, hold_ms: int = USUAL_MS) -> Crowd:
    """Send a crowd to an open cell. Raises ValueError for a number out of bounds."""
    check(requests, hold_ms)
    with concurrent.futures.ThreadPoolExecutor(requests) as pool:
        start = time.monotonic()
        bars = list(pool.map(lambda number: ask(cell, number, hold_ms, start), range(1, requests + 1)))
    return sum_up(cell, bars, hold_ms)


def check(requests: int, hold_ms: int) -> None:
    """Raise ValueError for a number out of bounds."""
    if not 1 <= requests <= MOST_REQUESTS:
        raise ValueError(f"{requests} requests; expected 1 to {MOST_REQUESTS}")
    if not HOLD_MS[0] <= hold_ms <= HOLD_MS[1]:
        raise ValueError(f"{hold_ms} ms; expected {HOLD_MS[0]} to {HOLD_MS[1]}")


def sum_up(cell: Cell, bars: list[Bar], hold_ms: int) -> Crowd:
    """Sort the requests of a crowd into lanes."""
    total = max(bar.answered for bar in bars)
    parts = time_parts.of_bars([bar for bar in bars if bar.began is not None])
    seen = _parallel(bars), total, _lanes(bars), _failed(bars), parts
    return Crowd(cell.exhibit, cell.front, len(bars), hold_ms, *seen)


def ask(cell: Cell, number: int, hold_ms: int, start: float) -> Bar:
    """Send one request of a crowd that began at `start`, in monotonic seconds. Never raises for a bad answer."""

    def now() -> float:
        return round((time.monotonic() - start) * 1000, 2)

    sent = now()
    try:
        answer = probe.ask(f"{cell.url}/status?json&hold={hold_ms}", timeout=PATIENCE_S, limit=1_000_000)
        if answer.status != 200:
            return Bar(number, sent, now(), error=f"status {answer.status}")
        facts = json.loads(answer.body)
        began, ended = (round((float(facts["held"][side]) - start) * 1000, 2) for side in ("from", "to"))
        return Bar(number, sent, now(), began, ended, int(facts["pid"]), int(facts["thread"]))
    except (OSError, ValueError, LookupError, TypeError, RecursionError, http.client.HTTPException) as error:
        return Bar(number, sent, now(), error=f"{type(error).__name__}: {error}")


def _lanes(bars: list[Bar]) -> list[Lane]:
    """One lane for each process and thread, in the order in which they began."""
    lanes: dict[tuple[int, int], list[Bar]] = {}
    for bar in sorted((bar for bar in bars if bar.began is not None), key=lambda bar: bar.began or 0.0):
        lanes.setdefault((bar.pid or 0, bar.thread or 0), []).append(bar)
    return [Lane(pid, thread, served) for (pid, thread), served in sorted(lanes.items())]


def _parallel(bars: list[Bar]) -> int:
    spans = [(bar.began, bar.ended) for bar in bars if bar.began is not None and bar.ended is not None]
    return max((sum(low <= moment < high for low, high in spans) for moment, _ in spans), default=0)


def _failed(bars: list[Bar]) -> list[Bar]:
    return [bar for bar in bars if bar.error]
