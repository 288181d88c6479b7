"""What a connection costs an Apache in memory: idle, and while it waits for a gateway's answer.

The method is the lab's (lab/c10k.py): an Apache that was started for this and has nothing else to do, connections that
each asked one ping, PSS of its processes. Memory is read after each of STEPS equal groups of connections; the cost is
the slope from the first reading to the last, and its interval are the lowest and highest slope between two readings
that follow each other. The first group is not in it: it finds spare children, and makes what is made once.

Where a connection holds a process of its own (prefork, ITK), the slope is that over the number of processes: Apache
forks them in growing batches, some to spare, so the number of connections does not tell how many there are.

PSS divides a page that another Apache of this machine maps too (programs, libraries): all costs here are differences,
in which those pages do not appear; `usage` is smaller by them while other Apaches run.

Of an Apache elsewhere only a child can be asked over HTTP (`status?full`). It is asked on one connection that is kept,
so that always the same child answers, one that has loaded the app before. Memory that earlier connections have left is
used again there, unseen, so those figures are lower bounds: they are shown, and no verdict is built on them.
"""

import contextlib
import http.client
import itertools
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gateway_zoo.measure.figures import Interval
from gateway_zoo.measure.process_use import Use
from gateway_zoo.safe_io import bounded

#: Connections, by MPM. Many, so that each costs more than the noise of one reading; fewer than it has places for.
ROOM = {"event": 1000, "worker": 200, "prefork": 48, "itk": 48}
STEPS = 5
BY_PROCESS = ("prefork", "itk")  # a connection holds a process
BUSY = 32  # of them, then, wait for a gateway that answers four at a time
HOLD_MS = 700  # that long each: all have been sent, and memory read, before the first few are answered
TOGETHER = 16  # pings under way at a time: fewer than any gateway's queue takes
ALIVE_S = 2.5  # asked again when silent for longer: prefork and worker end idle connections after 5 s
TIMEOUT_S = 20.0  # for a whole answer: prefork may have to fork 32 children first
ANSWER_BYTES = 1_000_000
SETTLE_S = 0.2

Read = Callable[[], Use]  # how many processes, and their PSS together


@dataclass(frozen=True)
class Costs:
    """Bytes of PSS: of the whole Apache at rest, and per connection. None: unknown, and `memory_why` says why."""

    usage: Interval | None = None
    idle: Interval | None = None
    busy: Interval | None = None
    memory_why: str | None = None


NOT_READABLE = "the kernel does not let us read the memory of its processes"
COME_AND_GO = (
    "its children come and go with each visitor, so a fresh one is needed: ./zoo compare --mpm, not in containers"
)


class Guests:
    """Connections to one Apache that are kept open. `path` is asked of each, once, and again to keep it."""

    def __init__(self, url: str, path: str) -> None:
        self.url, self.path = url, path
        self.open: dict[http.client.HTTPConnection, float] = {}  # -> when it was answered last

    def arrive(self, count: int) -> None:
        """So many more, each answered once."""
        new = [bounded.connect(self.url, TIMEOUT_S, ANSWER_BYTES) for _ in range(count)]
        self._ping(new)

    def keep(self) -> None:
        """Ask those that have been silent for long; the server has ended some, perhaps: they count no more."""
        now = time.monotonic()
        self._ping([connection for connection, answered in self.open.items() if now - answered > ALIVE_S])

    def _ping(self, some: list[http.client.HTTPConnection]) -> None:
        def ping(connection: http.client.HTTPConnection) -> None:
            if answered(connection, self.path):
                self.open[connection] = time.monotonic()
            else:
                self.open.pop(connection, None)
                connection.close()

        with ThreadPoolExecutor(TOGETHER) as pool:
            list(pool.map(ping, some))

    def close(self) -> None:
        for connection in self.open:
            connection.close()


def answered(connection: http.client.HTTPConnection, path: str) -> bool:
    """Was this answered, and is the connection still open?"""
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        response = connection.getresponse()
        response.read()
    except bounded.OverLimit:
        raise
    except (OSError, http.client.HTTPException):
        return False
    return not response.will_close


def measure(url: str, exhibit: str, mpm: str, read: Read) -> Costs:
    """Costs of the Apache at `url`, whose memory `read` reads; `exhibit` is asked for the answers. Some ten seconds."""
    guests = Guests(url, f"/{exhibit}/ping")
    guests.arrive(1)
    try:
        first, again = _at_rest(read), read().pss
        if first is None or again is None:
            return Costs(memory_why=NOT_READABLE)
        by_process = mpm in BY_PROCESS
        idle = slope(_fill(guests, ROOM[mpm], read, by_process=by_process))
        a_process = idle.value if idle and by_process else 0.0
        more = slope(_occupy(guests, f"/{exhibit}/status?hold={HOLD_MS}", read, a_process))
    finally:
        guests.close()
    busy = Interval(idle.value + more.value, idle.low + more.low, idle.high + more.high) if idle and more else None
    return Costs(Interval((first + again) / 2, min(first, again), max(first, again)), idle, busy)


def _at_rest(read: Read) -> int | None:
    """PSS now. A front that has just been started may not be in the keeper's list yet."""
    deadline = time.monotonic() + TIMEOUT_S
    while (use := read()).processes == 0:
        if time.monotonic() > deadline:
            raise LookupError("none of its processes can be seen")
        time.sleep(SETTLE_S)
    return use.pss


Point = tuple[int, float]  # connections (or processes), bytes


def _fill(guests: Guests, count: int, read: Read, *, by_process: bool) -> list[Point]:
    """Let them come in groups; a reading after each."""
    points: list[Point] = []
    for _ in range(STEPS):
        guests.arrive(count // STEPS)
        guests.keep()
        time.sleep(SETTLE_S)
        use = read()
        points += [(use.processes if by_process else len(guests.open), use.pss)] if use.pss is not None else []
    return points


def _occupy(guests: Guests, path: str, read: Read, a_process: float) -> list[Point]:
    """Let some of them ask for what takes a while, in groups; a reading after each. Then their answers are awaited: the
    gateway must be free for the next Apache. `a_process`: what one costs, where Apache ends spare ones meanwhile."""
    busy: list[http.client.HTTPConnection] = []
    points: list[Point] = []
    waiting = iter(list(guests.open))
    for _ in range(STEPS - 1):
        for connection in [next(waiting) for _ in range(BUSY // (STEPS - 1))]:
            connection.request("GET", path, headers={"Host": "localhost"})
            busy.append(connection)
        time.sleep(SETTLE_S)
        use = read()
        points += [(len(busy), use.pss - use.processes * a_process)] if use.pss is not None else []
    for connection in busy:
        with contextlib.suppress(http.client.HTTPException, ConnectionError):
            connection.getresponse().read()
    return points


def slope(points: list[Point]) -> Interval | None:
    """Bytes per connection, from the first reading to the last; low and high: between neighbours."""
    between = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.pairwise(points) if b[0] > a[0]]
    if not between or points[-1][0] <= points[0][0]:
        return None
    (count, size), (last_count, last_size) = points[0], points[-1]
    whole = (last_size - size) / (last_count - count)
    return Interval(whole, min(whole, *between), max(whole, *between))


# --- memory over HTTP -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def over_http(url: str, exhibit: str) -> Iterator[Read]:
    """A reader that asks a child of Apache, always the same one. `exhibit`: embedded in Apache, so that its family is
    Apache's. All children that answer at first load the app then, and not while we measure."""
    path = f"/{exhibit}/status?json&full"
    warm = Guests(url, path)
    try:
        warm.arrive(TOGETHER)
    finally:
        warm.close()
    time.sleep(SETTLE_S)
    connection = bounded.connect(url, TIMEOUT_S, ANSWER_BYTES)

    def read() -> Use:
        connection.request("GET", path, headers={"Host": "localhost"})
        rows = json.loads(connection.getresponse().read())["processes"]
        sizes = [row["pss"] for row in rows]
        return Use(len(rows), sum(row["threads"] for row in rows), None if None in sizes else sum(sizes))

    try:
        yield read
    finally:
        connection.close()
