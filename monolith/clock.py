"""The clock: a timer writes it into a cache each second, workers read it there.

The same lines run in both systems. In the monolith CACHE is memory that all its processes share; in the microservices
it is `clock@SOCKET`: uWSGI sends the question in its own protocol to the uWSGI that listens there.
"""

import json
import os
import time
from typing import Any

import uwsgi

CACHE: str = uwsgi.opt["clock-cache"].decode()


def program() -> int:
    """Pid by which one program is known: of its master, or of the process itself if it has none."""
    return uwsgi.masterpid() or os.getpid()


def read() -> dict[str, Any] | None:
    """What the timer wrote last; None if nothing, or if the cache does not answer (uWSGI tells no difference)."""
    found = uwsgi.cache_get("now", CACHE)
    return json.loads(found) if found else None


def tick(_signal: int = 0) -> bool:
    """One second more; False if the cache did not take it. Only one process ever writes, so reading first is safe."""
    before = read()
    now = {
        "time": round(time.time(), 3),
        "count": before["count"] + 1 if before else 1,
        "writer": {"pid": os.getpid(), "program": program()},
    }
    return bool(uwsgi.cache_update("now", json.dumps(now).encode(), 0, CACHE))  # 0: it never expires
