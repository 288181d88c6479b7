"""The clock: a timer writes it into a cache, workers read it.

The timer writes once a second. The same lines run in both systems. In the monolith CACHE is memory that all processes
share. In the microservices CACHE is `clock@SOCKET`: uWSGI asks the uWSGI at that socket, in its own protocol.
"""

import json
import os
import time
from typing import Any

import uwsgi

CACHE: str = uwsgi.opt["clock-cache"].decode()


def program() -> int:
    """Return the master's pid, or without a master our own."""
    return uwsgi.masterpid() or os.getpid()


def read() -> dict[str, Any] | None:
    """Read the timer's last record; None: empty, or no answer."""
    record = uwsgi.cache_get("now", CACHE)
    return json.loads(record) if record else None


def tick(_signal: int = 0) -> bool:
    """Write the next second; False if the cache refuses it."""
    before = read()  # only one process writes, so it is safe to read first
    now = {
        "time": round(time.time(), 3),
        "count": before["count"] + 1 if before else 1,
        "writer": {"pid": os.getpid(), "program": program()},
    }
    return bool(uwsgi.cache_update("now", json.dumps(now).encode(), 0, CACHE))  # 0: it never expires
