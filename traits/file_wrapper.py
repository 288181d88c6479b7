"""Does the server offer wsgi.file_wrapper, send the file, and close it?"""

import io
import socket

AXIS = "Response"
QUESTION = "Is wsgi.file_wrapper offered, and closed?"
WHY = """
A server may send a file by itself, faster than Python reads it, with sendfile. It is an offer, which a program must not
count on. Afterwards the server must call close(), or each answer leaves an open file behind.
"""
SOURCE = "PEP 3333, Optional Platform-Specific File Handling"
RUNS = 1


class Watched(io.FileIO):
    """A file that tells the probe by a datagram that it was closed."""

    port = 0

    def close(self):
        if self.port:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
                mouth.sendto(b"closed", ("127.0.0.1", self.port))
            self.port = 0
        super().close()


def app(environ, start_response):
    """Send this file."""
    wrapper = environ.get("wsgi.file_wrapper")
    start_response("200 OK", [("Content-Type", "text/plain")])
    if not wrapper:
        return [b"missing\n"]
    file = Watched(__file__)
    file.port = int(environ["QUERY_STRING"])
    return wrapper(file, 8192)


def probe(cell):
    """Read the file, and wait for the datagram."""
    from pathlib import Path

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(1)
        seen = cell.ask(f"/?{ear.getsockname()[1]}", seconds=4)
        if seen.body == b"missing\n":
            return "not offered"
        if seen.status != 200 or seen.body != Path(__file__).read_bytes():
            return str(seen.status if seen.status != 200 else "changed")
        try:
            return "works, and closes" if ear.recv(16) else ""
        except TimeoutError:
            return "works, never closes"
