"""Measure the latency of a URL at a constant rate with h2load, from the intended send to the last byte.

h2load counts from the real send. On HTTP/1.1 a connection has one request at a time: while the server stalls, the next
requests wait inside h2load, and in its own figures one request was slow (coordinated omission). Its log tells when each
request was really sent. The k-th request of a connection was due at start + k / rate, so its whole wait is known.

Each connection is an h2load of its own. One h2load sends for all its connections at the same moment, in bursts, and its
log does not say which request was whose; several of them start one after the other, so their requests are evenly
spread. The timer of h2load ticks every 10 ms at best, which limits the rate of a connection. A tick comes up to 1 ms
late: where the connection was free when the request was due, this is no wait for the server, and does not count.

h2load gets a number of requests, not a time: at the end of a time it would drop the requests that still wait. After
100 requests Apache closes a connection, and h2load at a constant rate then stands still: it gets fewer at a time.
"""

import contextlib
import math
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
from hdrh.histogram import HdrHistogram

from gateway_zoo.bench import tools
from gateway_zoo.bench.records import Latency

MOST_PER_CONNECTION = 100  # requests/s: one for each tick of h2load's timer
CONNECTIONS = (4, 16)  # at least, at most
MOST_RPS = MOST_PER_CONNECTION * CONNECTIONS[1]
KEPT_ALIVE = 90  # requests on one connection
LATE_S = 10.0  # after the intended end; what is not answered then is an error
ABOVE = 10  # requests that must lie above a percentile
HIGHEST_US = 3_600_000_000
DIGITS = 3


class Answered(msgspec.Struct, frozen=True):
    """One line of h2load's log: the send (microseconds since 1970), status (-1: failed), microseconds to the end."""

    sent: int
    status: int
    took: int


class Constant(msgspec.Struct, frozen=True):
    """The requests at a constant rate: latencies, errors, and answers with another status than 2xx."""

    latency: Latency
    errors: int
    non_2xx: int


def run(h2load: str, url: str, rate: float, seconds: float) -> Constant:
    """Ask a URL `rate` times per second, for `seconds`. A rate above MOST_RPS is lowered to it."""
    rate = min(rate, MOST_RPS)
    requests = max(1, round(rate * seconds))
    connections = min(max(CONNECTIONS[0], math.ceil(rate / MOST_PER_CONNECTION)), CONNECTIONS[1], requests)
    each = round(requests / connections)
    answered = answers(h2load, url, rate, connections, each)
    waits = [wait for rows in answered for wait in intended(rows, rate / connections)]
    statuses = [row.status for rows in answered for row in rows]
    lost = each * connections - len(statuses) + statuses.count(-1)
    non_2xx = sum(status != -1 and not 200 <= status < 300 for status in statuses)
    return Constant(figures(rate, histogram_of(waits)), lost, non_2xx)


def answers(h2load: str, url: str, rate: float, connections: int, each: int) -> list[list[Answered]]:
    """Send `each` requests on each connection, at `rate` altogether. Returns a list for each connection."""
    answered: list[list[Answered]] = []
    for first in range(0, each, KEPT_ALIVE):
        answered += _connections(h2load, url, rate, connections, min(each - first, KEPT_ALIVE))
    return answered


def _connections(h2load: str, url: str, rate: float, connections: int, requests: int) -> list[list[Answered]]:
    """Send so many requests on each of the connections. Returns the log of each."""
    argv = [h2load, "--h1", "-c1", "-t1", f"-n{requests}", f"--rps={rate / connections:.6f}"]
    running: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory(prefix="zoo-bench-") as folder:
        logs = [Path(folder) / str(number) for number in range(connections)]
        try:
            began = time.monotonic()
            for number, log in enumerate(logs):
                running.append(_start([*argv, f"--log-file={log}", url]))
                time.sleep(max(0.0, began + (number + 1) / rate - time.monotonic()))
            until = time.monotonic() + requests * connections / rate + LATE_S
            for tool in running:
                tools.ended(tool, max(0.0, until - time.monotonic()))
        finally:
            for tool in running:
                if tool.returncode is None:
                    tools.ended(tool, 0)
        return [_read(log) for log in logs]


def _start(argv: list[str]) -> subprocess.Popen[bytes]:
    return tools.start(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _read(log: Path) -> list[Answered]:
    """The lines of one log, in the order of the sends. A tool that was killed may have left half a line."""
    rows = []
    with contextlib.suppress(FileNotFoundError):
        for line in log.read_text(encoding="ascii").splitlines():
            with contextlib.suppress(ValueError, TypeError):
                rows.append(Answered(*map(int, line.split()[:3])))
    return sorted(rows, key=lambda row: row.sent)


def intended(rows: list[Answered], rate: float) -> list[int]:
    """Return the latency of each successful request of one connection, in microseconds, from its intended send."""
    waits = []
    free = 0  # when the connection had its last answer
    for number, row in enumerate(rows):
        due = rows[0].sent + round(number * 1e6 / rate)
        start = min(due, row.sent) if free > due else row.sent
        free = row.sent + row.took
        if 200 <= row.status < 300:
            waits.append(free - start)
    return waits


# --- percentiles ------------------------------------------------------------------------------------------------------


def histogram_of(waits: Iterable[int]) -> HdrHistogram:
    """Count latencies in microseconds."""
    histogram = HdrHistogram(1, HIGHEST_US, DIGITS)
    for wait in waits:
        histogram.record_value(max(1, wait))
    return histogram


def merged(latencies: list[Latency]) -> Latency | None:
    """Merge the latencies of several rounds at one rate; None if there is none."""
    if not latencies:
        return None
    sum_of_all = histogram_of(())
    for latency in latencies:
        sum_of_all.add(HdrHistogram.decode(latency.histogram.encode("ascii")))
    return figures(latencies[0].rate, sum_of_all)


def figures(rate: float, histogram: HdrHistogram) -> Latency:
    """Read percentiles, as far as there are enough requests."""
    requests = histogram.get_total_count()
    known: dict[str, float] = {}
    missing = []
    for name, share in (("p50", 50.0), ("p99", 99.0), ("p99.9", 99.9)):
        if requests * (100 - share) / 100 >= ABOVE - 1e-6:
            known[name] = histogram.get_value_at_percentile(share) / 1000
        else:
            missing.append(f"{name} needs {math.ceil(ABOVE * 100 / (100 - share) - 1e-6)} requests")
    mean = histogram.get_mean_value() / 1000 if requests else None
    return Latency(
        rate=rate,
        requests=requests,
        p50_ms=known.get("p50"),
        p99_ms=known.get("p99"),
        p999_ms=known.get("p99.9"),
        max_ms=histogram.get_max_value() / 1000 if requests else None,
        mean_ms=mean,
        in_flight=rate * mean / 1000 if mean is not None else None,
        histogram=histogram.encode().decode("ascii"),
        why=f"{', '.join(missing)}; there are {requests}" if missing else "",
    )
