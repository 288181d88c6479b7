"""Does a counter in the program survive the next request?"""

import itertools
import os

from gateway_zoo.traits.telling import tell

AXIS = "Process"
QUESTION = "Does a counter survive the next request?"
WHY = """
A variable of the program lives as long as its process. Under CGI the process ends with the request, and the counter
starts at 1 again. Elsewhere it goes on, but each process counts for itself: a number for all visitors belongs into a
database or a cache beside the processes.
"""
SOURCE = "RFC 3875, section 3.4; PEP 3333, Thread Support"
RUNS = 1
REQUESTS = 6  # more than any gateway here has processes: one of them answers twice

counter = itertools.count(1)


def app(environ, start_response):
    """Count."""
    return tell(start_response, {"pid": os.getpid(), "count": next(counter)})


def probe(cell):
    """Ask six times, one after another."""
    counts = [cell.ask_facts()["count"] for _ in range(REQUESTS)]
    return "no, it is 1 again" if set(counts) == {1} else "yes"
