"""Are requests of one process on several threads?"""

import os
import threading
import time

from gateway_zoo.traits.telling import tell

AXIS = "Process"
QUESTION = "Do several threads of a process answer?"
WHY = """
Threads share every variable of the program. So a program that runs in threads must not keep the request in a global
variable, and must lock what it changes. With one thread a process answers one request at a time, and nothing is
shared but what stays from one request to the next.
"""
SOURCE = "PEP 3333, Thread Support"
RUNS = 1


def app(environ, start_response):
    """Take a moment; tell process and thread."""
    time.sleep(0.1)
    return tell(start_response, {"pid": os.getpid(), "thread": threading.get_native_id()})


def probe(cell):
    """Send so many requests at once that every thread gets one."""
    answers = cell.facts_at_once()
    threads = {(answer["pid"], answer["thread"]) for answer in answers}
    pids = {pid for pid, _ in threads}
    if len(pids) == len(answers):
        return "one request each"
    return "yes" if len(threads) > len(pids) else "no"
