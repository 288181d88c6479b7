"""Is the process id new with each request?"""

import json
import os

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
    body = json.dumps({"pid": os.getpid()}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def probe(cell):
    """Ask eight times, one after another."""
    pids = {cell.ask_facts()["pid"] for _ in range(REQUESTS)}
    if len(pids) == REQUESTS:
        return "yes"
    return "no"
