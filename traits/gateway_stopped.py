"""Which side gives up first if the gateway hangs?"""

import os
import signal
import time

from gateway_zoo.traits.outcome import NotAsked, Outcome, Unknown

AXIS = "Trouble"
QUESTION = "Gateway hangs: which side gives up, and how?"
WHY = """
All processes of the gateway are stopped, as an endless loop or a broken disk would do. The kernel goes on taking
connections into the queue of the socket, and refuses none of them: the front waits. Its own limit ends the waiting: 60
s of silence in both fronts here, 40 s in mod_fcgid. 504 would say whose fault it is (the gateway is late), but several
modules of Apache say 500, 502 or 503. The figure is the time until the client has its answer.
"""
SOURCE = "nginx documentation, proxy_read_timeout; Apache HTTP Server 2.4, Timeout, ProxyTimeout; FcgidIOTimeout"
SCOPE = "family"
SLOW = True
UNIT = "s"
WITHIN = 0.25
PATIENCE_S = 90.0
STOP_S = 5.0


def app(environ, start_response):
    """Tell the process."""
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def probe(cells):
    """Stop the family; ask all its cells at once; let it go on."""
    results = {}
    for inside in (False, True):
        group = [cell for cell in cells if cell.inside is inside]
        if group:
            results |= stop(group)
    return results


def stop(cells):
    """The answers of cells that share a family's processes."""
    from gateway_zoo.traits.together import at_once

    pids = {cell.ask().body.decode() for cell in cells}
    processes = cells[0].processes()
    if cells[0].inside and not pids.intersection(str(process.pid) for process in processes):
        return dict.fromkeys(cells, NotAsked("its processes are those of the front, or end with the request"))
    try:
        for process in processes:
            cells[0].signal(process.pid, signal.SIGSTOP)
        deadline = time.monotonic() + STOP_S
        while not all(process.status() == "stopped" for process in processes):  # on a busy machine it takes a moment
            if time.monotonic() > deadline or cells[0].stopped.wait(0.02):
                raise Unknown("its processes do not stop")
        return at_once(cells, wait)
    finally:
        for process in reversed(processes):  # a master may kill a worker that is late
            cells[0].signal(process.pid, signal.SIGCONT)


def wait(cell):
    """Ask, with more patience than any front has."""
    seen = cell.ask(seconds=PATIENCE_S)
    if cell.stopped.is_set():
        raise Unknown("stopped")
    if seen.ended == "silent":
        return Outcome(f"the client, after {PATIENCE_S:.0f} s")
    return Outcome(f"{cell.front}: {seen.status or seen.ended}", seen.ms / 1000)
