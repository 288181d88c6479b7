"""Wait until every open cell answers ping, with as little work as possible.

On two cores, every request to a missing server, and every module loaded here, delays the start of the servers.
"""

import os
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import urlsplit

from gateway_zoo.registry.plans import Cell, Plan
from gateway_zoo.serving import listen

PAUSE_S = 0.03
WORKERS = 4
ANSWER_S, ANSWER_BYTES = 10.0, 8192  # of a ping, head included


def wait(plan: Plan, cells: list[Cell], seconds: float, worth: Callable[[list[Cell]], bool]) -> list[Cell]:
    """Ask each cell until it answers; returns the silent cells.

    Ends after `seconds`, or when `worth` says of the silent cells that waiting is useless.
    """
    deadline = time.monotonic() + seconds
    waiting = {cell.url: cell for cell in cells}
    requests: dict[str, Future[bool]] = {}
    listening: set[str] = set()
    with ThreadPoolExecutor(WORKERS) as pool:
        while waiting and worth(list(waiting.values())) and time.monotonic() < deadline:
            _progress(len(cells) - len(waiting), len(cells), waiting)
            for url, cell in list(waiting.items()):
                if url in requests:
                    if requests[url].done() and requests.pop(url).result():
                        del waiting[url]
                elif _listens(plan, cell, listening):
                    requests[url] = pool.submit(answers, cell)
            time.sleep(PAUSE_S if waiting else 0)
    _progress(0, 0, {})
    return list(waiting.values())


def listens(address: str, seconds: float) -> bool:
    """Wait until a server takes connections at an address, but not longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while not listen.answers_at(address):
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_S)
    return True


def _listens(plan: Plan, cell: Cell, listening: set[str]) -> bool:
    """Does a server listen for this cell? `listening` collects addresses with a server."""
    exhibit = plan.registry.exhibits[cell.exhibit]
    needed = [f"127.0.0.1:{plan.settings.port(cell.front)}"]
    if plan.registry.family_of(cell.exhibit) in plan.started:
        if exhibit.unix:
            needed.append(f"{plan.settings.sockets}/{exhibit.unix}")
        if exhibit.tcp:
            needed.append(f"127.0.0.1:{exhibit.tcp + plan.settings.port_shift}")
    for address in needed:
        there = os.path.exists if address.startswith("/") else listen.answers_at
        if address not in listening and there(address):
            listening.add(address)
    return listening.issuperset(needed)


def answers(cell: Cell) -> bool:
    """Does the cell answer ping? Plain sockets: http.client would take as long to load as a server to start."""
    parts = urlsplit(cell.url)
    deadline = time.monotonic() + ANSWER_S
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=ANSWER_S) as connection:
            connection.sendall(f"GET {parts.path}/ping HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            answer = b""
            while (data := connection.recv(4096)) and len(answer) < ANSWER_BYTES:
                answer += data
                connection.settimeout(max(0.001, deadline - time.monotonic()))
    except OSError:
        return False
    return answer.split(b" ", 2)[1:2] == [b"200"] and answer.endswith(b"pong\n")


def _progress(done: int, total: int, waiting: dict[str, Cell]) -> None:
    """Write the progress over the last line of a terminal; empty it at the end."""
    if sys.stderr.isatty():
        names = ", ".join(sorted({cell.exhibit for cell in waiting.values()}))
        line = f"{done} of {total} cells answer; waiting for {names}"[:78] if waiting else ""
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()
