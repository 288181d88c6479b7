"""The program of the self-test: it stands before app/ on the gateways' path, so every launcher loads it as `zoo_app`.

It is the zoo's app, and burns CPU first where the query says so: /<exhibit>/ping?busy=85 costs 85 microseconds more.
The time is read from the thread's own CPU clock, so that it is right on any machine and beside any other work.
"""

import importlib.util
import re
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

MOST_US = 100_000
BUSY = re.compile(r"busy=(\d{1,6})")
FILE = Path(__file__).resolve().parents[3] / "app/zoo_app.py"

_spec = importlib.util.spec_from_file_location("zoo_app_itself", FILE)
assert _spec is not None
assert _spec.loader is not None
_zoo_app = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_zoo_app)


def __getattr__(name: str) -> Any:
    """What other programs import from zoo_app beside `app`."""
    return getattr(_zoo_app, name)


app = _zoo_app.app
_answer = app.wsgi_app


def _burn_and_answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    until = time.thread_time_ns()
    if match := BUSY.fullmatch(environ.get("QUERY_STRING", "")):
        until += 1000 * min(int(match[1]), MOST_US)
    while time.thread_time_ns() < until:
        pass
    answer: Iterable[bytes] = _answer(environ, start_response)
    return answer


app.wsgi_app = _burn_and_answer
