"""How long is a service away if the first process of its family is killed?"""

import os
import signal
import time

from gateway_zoo.traits.outcome import NotAsked, Outcome, Unknown
from gateway_zoo.traits.telling import tell

AXIS = "Trouble"
QUESTION = "First process killed: is the service away?"
WHY = """
The first process of a family is its master, or its only one. Nothing inside can replace it, so the zoo's keeper does:
it ends what is left and starts the family again. The figure is the time from kill -9 to the first good answer, and most
of it is the start of Python and the loading of the program. Apache itself watches mod_wsgi's daemons, of which there
are two, and mod_fcgid's processes: another one answers. The answer names the last failure.
"""
SOURCE = "signal(7); systemd.service(5), Restart=; mod_wsgi documentation, WSGIDaemonProcess"
SCOPE = "family"
RUNS = 1
UNIT = "ms"
WITHIN = 0.0
PAUSE_S = 0.02  # between two requests
CALM_S = 10.5  # the keeper waits before it starts what has lived for less than 10 s
LONGEST_S = 30.0
INSIDE_S = 3.0


def app(environ, start_response):
    """Tell the process."""
    return tell(start_response, {"pid": os.getpid()})


def probe(cells):
    """Kill once; then ask every cell of the family until it answers again."""
    from gateway_zoo.traits.together import at_once

    results = {}
    for inside in (False, True):  # a family may have processes of its own for one front, and be a part of the other
        group = [cell for cell in cells if cell.inside is inside]
        if group:
            results |= ask(group, at_once)
    return results


def ask(cells, at_once):
    """The answers of cells that share a family's processes."""
    from gateway_zoo.keeper import process

    pids = {cell.ask_facts()["pid"] for cell in cells}
    processes = cells[0].processes()
    old = {each.pid for each in processes}
    if cells[0].inside and old.isdisjoint(pids):
        return dict.fromkeys(cells, NotAsked("its processes are those of the front, or end with the request"))
    first = processes[0]
    wait = CALM_S - (time.time() - first.create_time())
    if wait > 0:
        cells[0].stopped.wait(wait)
    killed = time.monotonic()
    cells[0].signal(first.pid, signal.SIGKILL)
    while not process.zombie(first.pid) and time.monotonic() < killed + INSIDE_S:
        time.sleep(0.001)
    return at_once(cells, lambda cell: watch(cell, first.pid, old, killed))


def watch(cell, first, old, killed):
    """Ask until the family has changed, and a request has got its answer."""
    statuses, back = [], None
    while not cell.stopped.is_set() and time.monotonic() < killed + LONGEST_S:
        seen = cell.send(cell.request(), quiet=True)
        statuses.append(str(seen.status or seen.refused or seen.ended))
        good = seen.status == 200
        back = (back or time.monotonic()) if good else None
        if good and changed(cell, first, old, time.monotonic() - killed):
            break
        time.sleep(PAUSE_S)
    else:
        return Unknown(f"after {LONGEST_S:.0f} s it does not answer")
    cell.note(f"answers after kill -9 of process {first}", " ".join(statuses))
    bad = [each for each in statuses if each != "200"]
    if not bad:
        return Outcome("no request failed")
    return Outcome(f"away, {bad[-1]}", (back - killed) * 1000)


def changed(cell, first, old, seconds):
    """Is the family complete again? The keeper replaces all processes. Those inside a front are replaced one by one;
    mod_fcgid starts another one only if it needs it."""
    now = {each.pid for each in cell.processes()}
    if cell.inside:
        return first not in now and bool(now - old or seconds > INSIDE_S)
    return bool(now) and now.isdisjoint(old)
