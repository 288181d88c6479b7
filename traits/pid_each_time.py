"""Is the process id new with each request?"""

import os

from gateway_zoo.traits.telling import tell

AXIS = "Process"
QUESTION = "Is the process new with each request?"
WHY = """
CGI starts a program for each request and forgets it. Every other gateway keeps processes, so whatever the program
learned in one request is still there in the next one.
"""
SOURCE = "RFC 3875, section 3.4"
REQUESTS = 8


def app(environ, start_response):
    """Tell the process."""
    return tell(start_response, {"pid": os.getpid()})


def probe(cell):
    """Ask eight times, one after another."""
    pids = {cell.ask_facts()["pid"] for _ in range(REQUESTS)}
    if len(pids) == REQUESTS:
        return "yes"
    return "no"
