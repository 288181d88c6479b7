"""Read HTTP answers with a limit: in bytes, and in seconds for the whole answer.

A socket's time-out begins again with every byte, and http.client reads a body of any size: a server that sends a byte
a second, or never stops sending, would hold a command for ever. Here each answer has a deadline, from the moment
at which the wait begins, and a size, head included. The error says which limit was reached.
"""

import http.client
import io
import socket
import time
from typing import Any
from urllib.parse import urlsplit

SECONDS = 30.0
BYTES = 4_000_000  # the largest answer of the zoo, `status?json&full` of Apache, has about 100,000


class OverLimit(OSError):
    """An answer that is too long, or takes too long."""


class _Bounded(io.RawIOBase):
    """Reads from a socket until a deadline (monotonic seconds) or a number of bytes."""

    def __init__(self, sock: socket.socket, seconds: float, limit: int) -> None:
        self.sock, self.raw = sock, sock.makefile("rb", buffering=0)
        self.seconds, self.deadline = seconds, time.monotonic() + seconds
        self.limit, self.received = limit, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        seconds_left = self.deadline - time.monotonic()
        try:
            if seconds_left <= 0:
                raise TimeoutError
            self.sock.settimeout(seconds_left)
            count = self.raw.readinto(buffer) or 0
        except TimeoutError:
            raise OverLimit(
                f"the answer was not complete after {self.seconds:g} s, our limit; {self.received} bytes had come"
            ) from None
        self.received += count
        if self.received > self.limit:
            raise OverLimit(f"the answer is longer than {self.limit} bytes, our limit")
        return count

    def close(self) -> None:
        self.raw.close()
        super().close()


def line(sock: socket.socket, seconds: float, limit: int) -> bytes:
    """Read one line from a socket. Raises OverLimit."""
    return io.BufferedReader(_Bounded(sock, seconds, limit)).readline()


def connect(
    url: str, seconds: float = SECONDS, limit: int = BYTES, authority: str | None = None
) -> http.client.HTTPConnection:
    """Make a connection to the server of a URL, not yet open. Each answer on it has `seconds` and `limit` bytes.

    `authority`: the file of the certificate authority to trust, for https. Reading raises OverLimit, an OSError.
    """
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        import ssl  # late: it is slow to load, and most commands need none

        trust = ssl.create_default_context(cafile=authority)
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=seconds, context=trust)
    else:
        connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=seconds)

    class Response(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *rest: object, **named: object) -> None:
            super().__init__(sock, *rest, **named)  # type: ignore[arg-type]
            self.fp.close()
            self.fp = io.BufferedReader(_Bounded(sock, seconds, limit))

    connection.response_class = Response
    return connection
