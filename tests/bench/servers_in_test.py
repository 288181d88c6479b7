"""Small servers for the tests of the benchmark: they answer as a test says, and stall when it says so.

And the load generators, without which a test module is skipped.
"""

import contextlib
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from gateway_zoo.bench import tools
from gateway_zoo.errors import Stop

#: number of a request, from 1 on -> status, body
Answer = Callable[[int], tuple[int, bytes]]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True


@contextlib.contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """Serve on a free port of loopback; yields the URL."""
    lock = threading.Lock()
    count = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            nonlocal count
            with lock:  # a stall in here stalls every request, as a stopped server does
                count += 1
                status, body = answer(count)
            head = f"HTTP/1.1 {status} x\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
            self.wfile.write(head.encode() + body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def fine(number: int) -> tuple[int, bytes]:
    """The same answer every time."""
    return 200, b"ok\n"


def stalling(at: int, seconds: float) -> Answer:
    """Answer, but stop for so long before the answer with this number."""

    def answer(number: int) -> tuple[int, bytes]:
        if number == at:
            time.sleep(seconds)
        return 200, b"ok\n"

    return answer


def tools_or_skip() -> tools.Tools:
    """Find the load generators; skip the module that asks, with the cure, where one is missing."""
    try:
        return tools.find()
    except Stop as stop:
        pytest.skip(stop.text, allow_module_level=True)
