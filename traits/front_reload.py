"""Does a graceful reload of the front lose requests?"""

import json
import os
import signal
import time

from gateway_zoo.traits.outcome import Unknown

AXIS = "Trouble"
QUESTION = "Graceful reload of the front: what is lost?"
WHY = """
nginx starts new workers at SIGHUP, Apache at SIGUSR1, and the old ones finish their requests; the socket that listens
stays open. A gateway outside notices nothing. Programs that Apache starts itself are reloaded with it, so a long
request of theirs may be lost. Short requests and a long one (1 s) go through every cell all the time; the figure is
the number of lost requests.
"""
SOURCE = "nginx documentation, Controlling nginx; Apache HTTP Server 2.4, Stopping and Restarting: Graceful Restart"
SCOPE = "front"
SLOW = True
UNIT = "requests"
WITHIN = 0.0
SIGNALS = {"nginx": signal.SIGHUP, "apache": signal.SIGUSR1}
AFTER_S = 1.5  # requests go on after the reload
LONGEST_S = 20.0


def app(environ, start_response):
    """Take a moment; tell the process."""
    time.sleep(1.0 if environ["PATH_INFO"].endswith("long") else 0.2)
    body = json.dumps({"pid": os.getpid()}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def probe(cells):
    """Reload once, while requests go through all cells."""
    from gateway_zoo.traits.together import trickle

    front = cells[0]
    processes = front.front_processes()
    master = next(process for process in processes if os.getsid(process.pid) == process.pid)
    old = {process.pid for process in processes if process.ppid() == master.pid}
    with trickle(cells, ["/", "/long"]) as trickles:
        time.sleep(AFTER_S)
        sent = time.monotonic()
        front.signal(master.pid, SIGNALS[front.front])
        deadline = time.monotonic() + LONGEST_S
        while left := old & {process.pid for process in front.front_processes()}:
            if time.monotonic() > deadline or front.stopped.wait(0.1):
                raise Unknown(f"after {LONGEST_S:.0f} s {len(left)} old processes of {front.front} live")
        took = time.monotonic() - sent
        time.sleep(AFTER_S)
    for cell in cells:
        cell.note(f"processes of {front.front}", f"{len(old)} old ones ended within {took:.1f} s of the signal")
    return {cell: trickle.result(cell) for cell, trickle in trickles.items()}
