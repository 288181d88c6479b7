"""Do two forked processes give the same random numbers?"""

import os
import random
import threading
import time

from gateway_zoo.traits.outcome import NotAsked
from gateway_zoo.traits.telling import tell

AXIS = "Process"
QUESTION = "Do two workers give the same random number?"
WHY = """
A server that loads the program and then forks gives each worker a copy of everything, also of a generator of random
numbers: all workers then give the same "random" numbers, in the same order. Python seeds the functions of the module
random anew after a fork (since 3.7), but no generator that a program has made itself. A program that each process loads
for itself has no such twin. Take secrets or os.urandom for what must not be guessed: they have no state to inherit.
"""
SOURCE = "fork(2); Python documentation, random and os.register_at_fork; gunicorn, preload_app; uWSGI, lazy-apps"
RUNS = 1
# This file is loaded together with the program: before the fork, where the server loads the program before it forks.
own = random.Random()  # noqa: S311 - seeded by the system when this line runs
lock = threading.Lock()
numbers = {}  # pid -> the first numbers of a process


def app(environ, start_response):
    """Take a moment; tell the first random numbers of this process."""
    with lock:
        if os.getpid() not in numbers:
            numbers[os.getpid()] = {"own generator": own.random(), "module random": random.random()}  # noqa: S311
    time.sleep(0.1)
    return tell(start_response, {"pid": os.getpid(), **numbers[os.getpid()]})


def probe(cell):
    """Compare the processes that answer several requests at once."""
    workers = {answer["pid"]: answer for answer in cell.facts_at_once()}
    if len(workers) == 1:
        raise NotAsked("one process answers all requests")
    twins = [
        name
        for name in ("own generator", "module random")
        if len({worker[name] for worker in workers.values()}) < len(workers)
    ]
    return f"yes, {' and '.join(twins)}" if twins else "no"
