"""`zoo lab c10k`: the cost of N idle connections for nginx and Apache.

The lab has a zoo of its own, and measures one front after the other, once for each of two kinds of guest (crowd.py). It
restarts the front, sends visitors to the empty front, fills it, and sends visitors to the full front. Memory is the PSS
of the front's processes, full minus empty. The kernel's part of a connection (some KB at each end) is in no PSS.
"""

import math
import re
import time
from dataclasses import asdict
from typing import Any

import psutil

from gateway_zoo.errors import fail, nearest
from gateway_zoo.keeper import own_zoo
from gateway_zoo.keeper.own_zoo import OwnZoo
from gateway_zoo.lab import c10k_report, kernel
from gateway_zoo.lab.c10k_rows import GOAL_MS, C10kRow, Visitors
from gateway_zoo.lab.crowd import Crowd, Guest, sources
from gateway_zoo.lab.progress import Bar
from gateway_zoo.measure.process_use import use_of
from gateway_zoo.settings import Settings
from gateway_zoo.terminal.messages import print_json

#: What --against may name -> the front's name in a zoo that runs all of Apache's models side by side.
FRONTS = {"nginx": "nginx", "event": "apache", "worker": "apache-worker", "prefork": "apache-prefork"}
KINDS = ("idle", "slow")
MOST = 20_000
SPARE = 500  # descriptors for visitors, logs, listeners and connections to gateways
FILL_S = 8.0  # longest time to fill a front; 1 s more for each 1,000 guests above 8,000
VISITORS = 300  # at most, and at most one in 10 ms
PATIENCE_S = 2.0  # how long the last visitor waits


def run(settings: Settings, connections: int, against: str, seconds: float, as_json: bool) -> int:
    """Run the lab. Raises Stop: 2 for an unknown front, 3 if limits or programs do not allow it."""
    names = fronts_of(against)
    check_limits(connections)
    own_zoo.stop_like_ctrl_c()
    mpm = "all" if {"worker", "prefork"} & set(names) else "event"
    rows: list[C10kRow] = []
    with OwnZoo(settings, [own_zoo.exhibit_for_pings(settings)], mpm) as zoo, Bar(as_json) as bar:
        for name in names:
            if reason := zoo.closed(FRONTS[name]):
                fail(f"{name} cannot be asked: {reason}", 3)
        roomy_nginx(zoo, connections)
        for name in names:
            for kind in KINDS:
                rows.append(measure(zoo, name, kind, connections, seconds, bar))
    if as_json:
        print_json(report(rows))
    else:
        c10k_report.show(rows)
    return 0


def report(rows: list[C10kRow]) -> dict[str, Any]:
    """The figures for JSON."""
    goal = [row.goal_met for row in rows if row.kind == "idle" and row.front in ("nginx", "event")]
    return {"goal_ms": GOAL_MS, "goal_met": all(goal) if goal else None, "rows": [asdict(row) for row in rows]}


def fronts_of(against: str) -> list[str]:
    """The names in a comma-separated list, each once. Raises Stop for an unknown one."""
    names = list(dict.fromkeys(name.strip() for name in against.split(",")))
    for name in names:
        if name not in FRONTS:
            fail(f"unknown front '{name}'; {nearest(name, list(FRONTS), 'expected some of ' + ', '.join(FRONTS))}", 2)
    return names


def check_limits(connections: int) -> None:
    """Raise Stop if a process may not have so many descriptors: one process may hold all guests."""
    needed = connections + SPARE
    fits, hard = kernel.descriptors(needed)
    if not fits:
        fits_there = f"at most --connections {hard - SPARE} fits here, or " if hard > SPARE else ""
        fail(
            f"{connections} connections need {needed} descriptors in one process, and the limit is {hard}; "
            f"{fits_there}`ulimit -Hn {needed}` in the shell before (as root, or through limits.conf(5))",
            3,
        )


def roomy_nginx(zoo: OwnZoo, connections: int) -> None:
    """Give the lab's nginx room for the crowd. Its two workers share one socket, so one may get nearly all connections.
    nginx closes idle connections when less than a sixteenth of the room is left."""
    conf = (zoo.settings.root / "nginx/nginx.conf").read_text(encoding="utf-8")
    room = f"worker_connections {(connections + SPARE) * 8 // 7};"
    changed, times = re.subn(r"worker_connections \d+;", room, conf)
    if times != 1:
        fail("nginx.conf sets worker_connections not exactly once: the lab cannot make room", 3)
    zoo.rewrite("nginx/nginx.conf", changed)


def measure(zoo: OwnZoo, name: str, kind: str, connections: int, seconds: float, bar: Bar) -> C10kRow:
    """Measure one front, empty and full."""
    front = FRONTS[name]
    bar.start(f"{name}: empty", connections)
    zoo.restart(front)
    port = zoo.settings.port(front)
    crowd = Crowd(("127.0.0.1", port), f"/{zoo.ids[0]}/ping", sources(connections))
    try:
        crowd.visit(0.3, 0.01, 5)  # opens connections to the gateway
        before, buffers = use_of(zoo.processes(front)), kernel.tcp_buffers()
        empty = sum_up(crowd.visit(1.0, 0.01, 5))
        bar.start(f"{name}: {kind} connections", connections)
        took = crowd.fill(kind, connections, max(FILL_S, connections / 1000), bar.done)
        crowd.ripen(FILL_S - took, lambda: kernel.accepted(port)[0])
        (accepted, waiting), alive = kernel.accepted(port), len(crowd.guests)
        full, buffers = use_of(zoo.processes(front)), kernel.tcp_buffers() - buffers
        bar.start(f"{name}: visitors among {connections} {kind}", None)
        patience = seconds + PATIENCE_S
        psutil.cpu_percent()  # the next call counts from here
        cpu, began = time.process_time(), time.perf_counter()
        visitors = sum_up(crowd.visit(seconds, max(0.01, seconds / VISITORS), patience))
        own = (time.process_time() - cpu) / (time.perf_counter() - began)
        busy = psutil.cpu_percent() / 100
        later = kernel.accepted(port)
        if later[0] > accepted:
            (accepted, waiting), alive, full = later, len(crowd.guests), use_of(zoo.processes(front))
        more = None if before.pss is None or full.pss is None else full.pss - before.pss
        each = round(more / accepted) if more is not None and accepted else None
        return C10kRow(
            front=name,
            kind=kind,
            connections=connections,
            accepted=accepted,
            waiting=waiting,
            outside=max(0, alive - accepted - waiting),
            answered=crowd.count["answered"],
            closed=crowd.count["gone"],
            failed=crowd.count["failed"],
            fill_s=round(took, 2),
            before=before,
            full=full,
            bytes_per_connection=each,
            patience_s=patience,
            empty=empty,
            visitors=visitors,
            tcp_buffers=buffers,
            generator_cpu=round(own, 3),
            machine_busy=round(busy, 3),
        )
    finally:
        crowd.close()


def sum_up(visits: list[Guest]) -> Visitors:
    """The percentiles of the visitors' waits."""
    times = sorted(guest.ms for guest in visits if guest.state == "done")

    def percentile(share: float) -> float | None:
        """Nearest rank. A visitor without an answer ranks last."""
        rank = math.ceil(share * len(visits)) - 1
        return round(times[rank], 2) if 0 <= rank < len(times) else None

    return Visitors(len(visits), len(times), percentile(0.5), percentile(0.99), round(times[-1], 2) if times else None)
