"""How many of twelve requests run at the same time?"""

import os
import threading
import time
from urllib.parse import parse_qs

from gateway_zoo.traits.outcome import Outcome
from gateway_zoo.traits.telling import tell

AXIS = "Process"
QUESTION = "How many of 12 requests run at once?"
WHY = """
A request that waits (for a database, for another server) holds a place. Processes times threads is the number of
places; the next request waits until one is free. A gateway that starts a process for each request has no such limit,
and no such protection. The program itself notes when it begins and ends, on the machine's clock: a visitor's time
cannot tell work from waiting.
"""
SOURCE = "The settings processes and threads of each server; Apache HTTP Server 2.4, ThreadsPerChild and mod_cgid"
RUNS = 1
UNIT = "requests"
REQUESTS = 12
HOLDS = (0.5, 2.0)  # seconds


def app(environ, start_response):
    """Wait, as for a database; tell from when to when."""
    began = time.monotonic()
    time.sleep(float(parse_qs(environ["QUERY_STRING"])["hold"][0]))
    return tell(
        start_response,
        {"pid": os.getpid(), "thread": threading.get_native_id(), "began": began, "ended": time.monotonic()},
    )


def at_once(stays):
    """The most stays that overlap."""
    return max(sum(other["began"] <= stay["began"] < other["ended"] for other in stays) for stay in stays)


def probe(cell):
    """Ask twelve times at once. Where processes start slowly, the first may end before the last begins: hold longer."""
    for hold in HOLDS:
        stays = sorted(cell.facts_at_once(f"/?hold={hold}", REQUESTS), key=lambda stay: stay["began"])
        count = at_once(stays)
        if stays[count - 1]["began"] - stays[0]["began"] < hold / 4:
            break
    return Outcome(f"all {count}" if count == REQUESTS else str(count), count)
