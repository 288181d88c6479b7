"""`zoo lab poll`: select, poll and epoll wait for the same N descriptors.

One descriptor is ready. All are eventfds (eventfd(2)): a counter that is readable when it is not 0. The calls are
Python's: the system call, and Python's work with the list. For select it builds the bit set each time; poll and epoll
objects get the list once. The three calls take turns, so that a busy moment of the machine hits all of them. The lab
shows the median of the rounds, and the quartiles.
"""

import contextlib
import os
import select
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from gateway_zoo.errors import fail
from gateway_zoo.lab import chart, kernel
from gateway_zoo.lab.progress import Bar
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.columns import Column
from gateway_zoo.terminal.messages import print_json

ROUNDS = 15
SAMPLE_S = 0.003  # shortest time of a sample
SPARE = 64
MOST = 100_000

Wait = Callable[[], object]


@dataclass(frozen=True)
class PollRow:
    """CPU time in µs of a wait call for `descriptors`, one of them ready: median and quartiles of ROUNDS samples. None
    with an `error` if the call does not work."""

    call: str
    descriptors: int
    us: float | None
    low_us: float | None = None
    high_us: float | None = None
    error: str | None = None


def run(most: int, as_json: bool) -> int:
    """Run the lab. Raises Stop if this process may not have so many descriptors."""
    fits, hard = kernel.descriptors(most + SPARE)
    if not fits:
        fail(f"{most} descriptors and {SPARE} of our own are more than the limit, {hard}: try {hard - SPARE}", 3)
    rows: list[PollRow] = []
    with Bar(as_json) as bar:
        for count in sizes(most):
            bar.start(f"waiting for {count} descriptors", ROUNDS)
            rows += measure(count, bar.done)
    watches = kernel.number("fs/epoll/max_user_watches")
    if as_json:
        print_json({"max_user_watches": watches, "rows": [asdict(row) for row in rows]})
    else:
        _show(rows, watches)
    return 0


def sizes(most: int) -> list[int]:
    """10, 100, 1,000 … and `most`."""
    return [*(10**n for n in range(1, 6) if 10**n < most), most]


def measure(count: int, shown: Callable[[int], None]) -> list[PollRow]:
    """Measure the three calls with the same `count` descriptors. The last one opened is ready."""
    with _descriptors(count) as (descriptors, ready):
        waits, rows = {}, []
        for name, make in WAITS.items():
            try:
                wait = make(descriptors)
                wait()
                waits[name] = wait
            except (ValueError, OSError) as error:
                rows.append(PollRow(name, count, None, error=f"{type(error).__name__}: {error}"))
        samples: dict[str, list[float]] = {name: [] for name in waits}
        for turn in range(ROUNDS):
            for name, wait in waits.items():
                samples[name].append(_sample(wait))
            shown(turn + 1)
        assert os.eventfd_read(ready) == 1, "still ready: no call has read it"
    for name, times in samples.items():
        low, middle, high = statistics.quantiles(times, n=4)
        rows.append(PollRow(name, count, round(middle, 2), round(low, 2), round(high, 2)))
    return sorted(rows, key=lambda row: list(WAITS).index(row.call))


@contextlib.contextmanager
def _descriptors(count: int) -> Iterator[tuple[list[int], int]]:
    opened: list[int] = []
    try:
        for _ in range(count):
            opened.append(os.eventfd(0, os.EFD_NONBLOCK))
        os.eventfd_write(opened[-1], 1)
        yield opened, opened[-1]
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _poll(watch: "select.poll | select.epoll", descriptors: list[int]) -> Wait:
    for descriptor in descriptors:
        watch.register(descriptor, select.POLLIN)  # EPOLLIN is the same number
    return watch.poll


WAITS: dict[str, Callable[[list[int]], Wait]] = {
    "select": lambda descriptors: lambda: select.select(descriptors, (), ()),
    "poll": lambda descriptors: _poll(select.poll(), descriptors),
    "epoll": lambda descriptors: _poll(select.epoll(), descriptors),
}


def _sample(wait: Wait) -> float:
    """CPU time of this thread per call, in µs. No call waits, and other processes do not count."""
    calls, began = 0, time.thread_time()
    while (taken := time.thread_time() - began) < SAMPLE_S:
        for _ in range(8):
            wait()
        calls += 8
    return taken / calls * 1e6


#: On a narrow terminal the number, the call and its time stay; the bars get the rest of the line.
COLUMNS = (
    *(Column("descriptors", right=True), Column("call"), Column("CPU us", right=True)),
    *(Column("half of them", rank=1), Column("", least=1, rank=2)),
)
BESIDE = 53  # columns beside the bars


def _cells(row: PollRow, slowest: float, room: int) -> list[str]:
    first = f"{row.descriptors:,}" if row.call == "select" else ""
    if row.us is None:
        return [first, row.call, f"{'-':>10}", f"{'':20}", "cannot: see below"]
    spread = f"{row.low_us:,.1f} to {row.high_us:,.1f}"
    return [first, row.call, f"{row.us:10,.1f}", f"{spread:20}", chart.log_bar(row.us, slowest, room)]


def _show(rows: list[PollRow], watches: int | None) -> None:
    out = tables.console()
    slowest = max(row.us or 0 for row in rows)
    tables.rows(out, COLUMNS, [_cells(row, slowest, out.width - BESIDE) for row in rows])
    out.print("The bars are logarithmic: each step of the same length is the same factor.\n")
    for line in conclusions(rows, watches):
        out.print(line)


def conclusions(rows: list[PollRow], watches: int | None) -> list[str]:
    """Sentences from the figures."""
    lines = []
    for call in WAITS:
        times = {row.descriptors: row.us for row in rows if row.call == call and row.us is not None}
        if len(times) > 1:
            first, last = min(times), max(times)
            lines.append(
                f"{call}: {last // first:,} times the descriptors ({first} to {last:,}) cost "
                f"{times[last] / times[first]:,.1f} times the time."
            )
    for row in rows:
        if row.error:
            lines.append(
                f"{row.call} with {row.descriptors:,}: {row.error}. Its sets have FD_SETSIZE = 1,024 bits, one for "
                "each number of a descriptor (select(2)): not how many counts, but how high the number is."
            )
            break
    if watches is not None:
        lines.append(
            f"max_user_watches is {watches:,} here: so many descriptors may all epolls of one user watch "
            "(epoll(7)); by default as many as fit into 4% of low memory."
        )
    return lines
