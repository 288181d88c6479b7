"""A WSGI program that waits for 20 ms before it answers, as a program waits for a database. It needs almost no CPU."""

import time
from collections.abc import Callable, Iterable
from typing import Any

WAIT_S = 0.02
BODY = b"pong\n"


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer each request after WAIT_S."""
    time.sleep(WAIT_S)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))])
    return [BODY]
