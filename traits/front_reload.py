"""Does a graceful reload of the front lose requests?"""

import json
import os
import signal
import time

from gateway_zoo.traits.outcome import Unknown

AXIS = "Trouble"
QUESTION = "Graceful reload of the front: what is lost?"
WHY = """
nginx starts new workers at SIGHUP, Apache at SIGUSR1, and the old ones finish their requests. A gateway outside notices
nothing. Programs that Apache starts itself are reloaded with it, so a request of theirs may get lost. The same trickle
of requests goes through every cell; the figure is the number of lost requests.
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
    time.sleep(0.2)
    body = json.dumps({"pid": os.getpid()}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def probe(cells):
    """Reload once, while requests go through all cells."""
    from gateway_zoo.traits.together import trickle

    front = cells[0]
    master, *workers = sorted(front.front_processes(), key=lambda process: process.create_time())
    old = {process.pid for process in workers if process.ppid() == master.pid}
    with trickle(cells, "/") as trickles:
        time.sleep(AFTER_S)
        front.signal(master.pid, SIGNALS[front.front])
        deadline = time.monotonic() + LONGEST_S
        while left := old & {process.pid for process in front.front_processes()}:
            if time.monotonic() > deadline or front.stopped.wait(0.1):
                raise Unknown(f"after {LONGEST_S:.0f} s {len(left)} old processes of {front.front} live")
        time.sleep(AFTER_S)
    return {cell: trickle.result(cell) for cell, trickle in trickles.items()}
