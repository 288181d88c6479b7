"""Does a graceful reload of the front lose requests?"""

import contextlib
import os
import signal
import time

from gateway_zoo.traits.telling import tell

AXIS = "Trouble"
QUESTION = "Graceful reload of the front: what is lost?"
WHY = """
nginx starts new workers at SIGHUP, Apache at SIGUSR1, and the old ones finish their requests; the socket that listens
stays open. A gateway outside notices nothing. Programs that Apache runs itself are reloaded with it: mod_fcgid ends its
processes in the middle of a request, and a visitor may wait for an answer that never comes. With mod_wsgi's daemons and
mod_cgid's helper it is a matter of milliseconds, so repeated runs differ. Short requests and a long one (1 s) go
through every cell all the time; the figure is the number of lost ones, and the evidence has their statuses.
"""
SOURCE = "nginx documentation, Controlling nginx; Apache HTTP Server 2.4, Stopping and Restarting: Graceful Restart"
SCOPE = "front"
SLOW = True
UNIT = "requests"
WITHIN = 0.0
SIGNALS = {"nginx": signal.SIGHUP, "apache": signal.SIGUSR1}
OUTSIDE = ("/", "/long")
INSIDE = ("/",) * 6 + ("/long",)  # where requests may get lost, there are some at each moment
AFTER_S = 1.5  # requests go on after the reload
LONGEST_S = 10.0


def app(environ, start_response):
    """Take a moment; tell the process."""
    time.sleep(1.0 if environ["PATH_INFO"].endswith("long") else 0.05)
    return tell(start_response, {"pid": os.getpid()})


def probe(cells):
    """Reload once, while requests go through all cells."""
    from gateway_zoo.errors import Stop
    from gateway_zoo.keeper import restart
    from gateway_zoo.traits.together import trickle

    front = cells[0]
    processes = front.front_processes()
    master = next(process for process in processes if os.getsid(process.pid) == process.pid)
    old = {process.pid for process in processes if process.ppid() == master.pid}
    outside, inside = ([cell for cell in cells if cell.inside is where] for where in (False, True))
    with trickle(outside, OUTSIDE) as trickles, trickle(inside, INSIDE) as more:
        time.sleep(AFTER_S)
        sent = time.monotonic()
        front.signal(master.pid, SIGNALS[front.front])
        deadline = time.monotonic() + LONGEST_S
        while left := old & {process.pid for process in front.front_processes()}:
            if front.stopped.wait(0.1) or time.monotonic() > deadline:
                break
        took = time.monotonic() - sent
        time.sleep(AFTER_S)
    for cell in cells:
        cell.note(
            f"old processes of {front.front}", f"{len(old)} before, {len(left)} left {took:.1f} s after the signal"
        )
    if left:  # it waits for a request that never ends
        with contextlib.suppress(Stop):
            restart.restart(front.zoo.settings, front.front)
    return {cell: trickle.result(cell) for cell, trickle in (trickles | more).items()}
