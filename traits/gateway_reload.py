"""Does a graceful reload of the gateway lose requests?"""

import os
import signal
import time

from gateway_zoo.traits.outcome import NotAsked, Unknown
from gateway_zoo.traits.telling import tell

AXIS = "Trouble"
QUESTION = "Graceful reload of the gateway: what is lost?"
WHY = """
A server with a master can start new workers and let the old ones finish, while the socket stays open: new visitors wait
in its queue. gunicorn and uWSGI do so at SIGHUP; mod_wsgi's daemons end at SIGUSR1, and Apache starts others. The probe
looks whether the first process catches the signal. A server that does not catch it would end at once, so it has no
reload: its operator starts it again, and visitors get errors. The figure is the number of lost requests.
"""
SOURCE = (
    "gunicorn, Signal Handling: HUP; uWSGI, Signals for controlling uWSGI; mod_wsgi, graceful-timeout; proc(5), SigCgt"
)
SCOPE = "family"
SLOW = True
UNIT = "requests"
WITHIN = 0.0
AFTER_S = 1.0  # requests go on after the reload
LONGEST_S = 20.0
PATHS = ("/", "/", "/long")  # always under way


def app(environ, start_response):
    """Take a moment; tell the process."""
    time.sleep(1.0 if environ["PATH_INFO"].endswith("long") else 0.05)
    return tell(start_response, {"pid": os.getpid()})


def probe(cells):
    """Reload once, while requests go through all cells of the family."""
    results = {}
    for inside in (False, True):
        group = [cell for cell in cells if cell.inside is inside]
        if group:
            results |= reload(group, signal.SIGUSR1 if inside else signal.SIGHUP)
    return results


def reload(cells, number):
    """The answers of cells that share a family's processes."""
    from gateway_zoo.traits.together import trickle

    pids = {cell.ask_facts()["pid"] for cell in cells}
    processes = cells[0].processes()
    if cells[0].inside and not pids.intersection(process.pid for process in processes):
        return dict.fromkeys(cells, NotAsked("its processes are those of the front, or end with the request"))
    # A family inside a front has no master of its own: each of its processes gets the signal.
    targets = processes if cells[0].inside else processes[:1]
    for cell in cells:
        cell.note(f"process {targets[0].pid}, signals that it catches", caught(targets[0].pid)[1])
    if not caught(targets[0].pid)[0] & (1 << (number - 1)):
        return dict.fromkeys(cells, NotAsked(f"its first process does not catch {number.name}, which would end it"))
    old = {process.pid for process in processes}
    with trickle(cells, PATHS) as trickles:
        time.sleep(AFTER_S / 2)
        for process in targets:
            cells[0].signal(process.pid, number)
        deadline = time.monotonic() + LONGEST_S
        while time.monotonic() < deadline and not all(new(old, trickle.pids) for trickle in trickles.values()):
            if cells[0].stopped.wait(0.05):
                raise Unknown("stopped")
        time.sleep(AFTER_S)
    return {
        cell: trickle.result(cell) if new(old, trickle.pids) else Unknown(f"{number.name} brings no new process")
        for cell, trickle in trickles.items()
    }


def new(old, pids):
    """Do only new processes answer?"""
    return len(pids) >= len(PATHS) and old.isdisjoint(pids)


def caught(pid):
    """The mask of signals that a process catches, and its line."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        line = next(line for line in file if line.startswith("SigCgt"))
    return int(line.split()[1], 16), line
