"""Do all workers have the same socket, if the program opens it when it is loaded?"""

import os
import socket
import sys
import time

from gateway_zoo.traits.outcome import NotAsked
from gateway_zoo.traits.telling import tell

AXIS = "Process"
QUESTION = "Do workers share a socket opened at import?"
WHY = """
A program may connect to its database when it is loaded. If the server forks afterwards, all workers write into one
connection, and read each other's answers. So connect after the fork: at the first request of a process, or in the
server's hook (gunicorn's post_fork, uWSGI's postfork). Where each process loads the program itself, each has its own
connection.
"""
SOURCE = "fork(2): open file descriptions; gunicorn, Server Hooks; uWSGI documentation, Things to know: forking"
RUNS = 1
# This file is loaded together with the program: before the fork, where the server loads the program before it forks.
# The command `zoo traits` loads it, too, and needs no socket.
connection = socket.socket(socket.AF_UNIX) if "zoo_app" in sys.modules else None


def app(environ, start_response):
    """Take a moment; tell the kernel's number of the socket."""
    time.sleep(0.1)
    return tell(start_response, {"pid": os.getpid(), "socket": os.fstat(connection.fileno()).st_ino})


def probe(cell):
    """Compare the processes that answer several requests at once."""
    sockets = {answer["pid"]: answer["socket"] for answer in cell.facts_at_once()}
    if len(sockets) == 1:
        raise NotAsked("one process answers all requests")
    return "yes, one for all" if len(set(sockets.values())) == 1 else "no, each its own"
