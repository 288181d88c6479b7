"""What becomes of requests that find all slots busy and the queue full?"""

import os
import time
from collections import Counter
from pathlib import Path

from gateway_zoo.traits.outcome import Outcome

AXIS = "Trouble"
QUESTION = "180 requests at once: are some turned away?"
WHY = """
Four programs run; the others wait in the queue of the socket (listen(2), backlog) or inside the server, if it takes
every connection. When the queue of a unix socket is full, the kernel refuses at once: nginx answers 502, Apache tries
again until its time is over. (On TCP the kernel drops the packet silently: `zoo lab sockets` shows it.) waitress takes
100 connections, and Apache keeps idle ones open, so they block those that wait. The figure is the number of requests
that run or wait while the program holds all of them. Where 16 run at once there is no queue, and no more are sent.
"""
SOURCE = "listen(2); unix(7), EAGAIN; tcp(7), tcp_abort_on_overflow; nginx, proxy_connect_timeout"
SCOPE = "front"
SLOW = True
UNIT = "requests"
WITHIN = 0.0
FEW, MANY = 16, 180  # Apache has 256 threads, nginx more connections
SIDE_BY_SIDE = {"nginx": 4, "apache": 1}
HOLD_S = 30.0  # a program never waits longer
TCP_S = 6.0  # nginx tries for 5 s
UNIX_S = 0.7  # the kernel refuses at once
STUCK_S, END_S = 4.0, 15.0  # no answer for so long; until then all should have one


def app(environ, start_response):
    """Note that this request runs; hold it until the gate is open."""
    run = Path(os.environ["ZOO_RUN"])
    mark = Path(environ["PATH_INFO"]).name
    with (run / f"busy-{mark}").open("a") as file:
        file.write("x")
    deadline = time.monotonic() + HOLD_S
    while (run / f"gate-{mark}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"done\n"]


def probe(cells):
    """Ask the cells; Apache has so few threads that each of its cells must be alone."""
    from gateway_zoo.traits.together import by_families

    return by_families(cells, ask, SIDE_BY_SIDE[cells[0].front])


def ask(cell):
    """Send a few requests; if not all of them run at once, send many."""
    mark = os.urandom(8).hex()
    busy, gate = cell.zoo.run / f"busy-{mark}", cell.zoo.run / f"gate-{mark}"
    gate.touch()
    try:
        return crowds(cell, cell.request(f"/{mark}"), busy, gate)
    finally:
        gate.unlink(missing_ok=True)
        busy.unlink(missing_ok=True)


def crowds(cell, request, busy, gate):
    """Hold the few, then add the many; open the gate, and see how each one ended."""
    from gateway_zoo.traits.crowd import Crowd

    with Crowd(cell.port, cell.request("/warm"), FEW) as warm:  # every process loads the program
        drain(cell, warm, warm)
    with Crowd(cell.port, request, FEW) as few:
        run = running(cell, few, busy)
        cell.note(f"of {FEW} requests", f"{run} run at once")
        if run >= FEW:
            gate.unlink()
            few.look(3.0)
            return Outcome(f"all {FEW} run at once")
        with Crowd(cell.port, request, MANY - FEW) as many:
            members = [*few.members, *many.members]
            patience(cell, many)
            few.look(0.05)
            refused = [member for member in members if member.done]
            cell.note("turned away while all slots were busy", told(refused))
            gate.unlink()
            stuck = drain(cell, few, many)
            cell.note("in the end", told(members))
    kinds = " or ".join(sorted({str(member.status or member.error) for member in refused}))
    if refused:
        slow = max(member.s for member in refused) > 3.0
        return Outcome(f"some: {kinds}, {'after seconds' if slow else 'at once'}", MANY - len(refused))
    return Outcome("none, but some get stuck" if stuck else "none, all wait", MANY)


def drain(cell, few, many):
    """Let all go; tell whether some get no answer."""
    changed = began = time.monotonic()
    waiting = 0
    while (now := few.waiting + many.waiting) and time.monotonic() < began + END_S and not cell.stopped.is_set():
        if now != waiting:
            waiting, changed = now, time.monotonic()
        if time.monotonic() > changed + STUCK_S:
            return True
        few.look(0.05)
        many.look(0.1)
    return False


def running(cell, few, busy):
    """How many run, when no more begin."""
    count, now, deadline = -1, 0, time.monotonic() + 8.0
    while now < FEW and (now != count or not now) and time.monotonic() < deadline and not cell.stopped.is_set():
        few.look(0.8)
        count, now = now, busy.stat().st_size if busy.exists() else 0
    return now


def patience(cell, many):
    """Let the queue fill. A full queue of TCP is noticed late."""
    deadline = time.monotonic() + (TCP_S if cell.exhibit.tcp else UNIX_S)
    while time.monotonic() < deadline and not cell.stopped.is_set():
        many.look(0.2)


def told(members):
    """Outcomes with their number and slowest time."""
    kinds = Counter(str(member.status or member.error or "no answer") for member in members)
    return ", ".join(f"{count} x {kind}" for kind, count in kinds.most_common()) or "none"
