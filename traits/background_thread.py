"""Does a thread of the program go on between requests?"""

import itertools
import os
import threading
import time

from gateway_zoo.traits.telling import tell

AXIS = "Process"
QUESTION = "Does a thread go on between requests?"
WHY = """
A program may start a thread that works when no visitor waits: it sends mail, it tidies. Under CGI the thread ends with
the process, so such work needs another place. Where a process lives on, the thread does, too; but each process has its
own, and a restart ends it in the middle. uWSGI gives Python's threads no time between requests unless it has the option
enable-threads, or threads.
"""
SOURCE = "uWSGI documentation, Options: enable-threads; RFC 3875, section 3.4"
RUNS = 1
SECONDS = 3.0  # then the thread ends: it must not disturb other measurements
REQUESTS = 6  # more than any gateway here has processes: one of them answers twice

ticks = itertools.count(1)
seen = {"ticks": 0, "until": 0.0}


def tick():
    """Count, until no request has come for three seconds."""
    while time.monotonic() < seen["until"]:
        seen["ticks"] = next(ticks)
        time.sleep(0.01)
    seen["until"] = 0.0


def app(environ, start_response):
    """Start the thread if it does not run; tell how far it has counted."""
    runs = seen["until"] > 0
    seen["until"] = time.monotonic() + SECONDS
    if not runs:
        threading.Thread(target=tick, daemon=True).start()
    return tell(start_response, {"pid": os.getpid(), "ticks": seen["ticks"]})


def probe(cell):
    """Look at the counter of a process twice, with a pause between."""
    ticks = {}
    for _ in range(REQUESTS):
        facts = cell.ask_facts()
        before = ticks.setdefault(facts["pid"], facts["ticks"])
        if facts["ticks"] > before:
            return "yes"
        time.sleep(0.05)
    if len(ticks) == REQUESTS:
        return "no, its process ends"
    return "no"
