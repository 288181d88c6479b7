"""Does the program notice that its client has gone?"""

import os
import socket
import time
from pathlib import Path

from gateway_zoo.traits.outcome import Outcome, Unknown

AXIS = "Trouble"
QUESTION = "Client gone: does the program notice?"
WHY = """
A visitor closes the page. A program notices only if it writes, and if every link between passes the end on: the server
then calls close() on the answer (PEP 3333). nginx closes the gateway's connection as soon as the client goes. Apache
notices when it writes to the client itself: a piece or two later. mod_cgid kills the program instead, so that it cannot
tidy up. A program that computes in silence never notices. The figure is the time from the client's end to the
program's.
"""
SOURCE = "PEP 3333, Specification Details: close(); nginx, proxy_ignore_client_abort; RFC 3875, section 3.4"
SCOPE = "family"
SLOW = True
UNIT = "s"
WITHIN = 0.0
PIECES, PIECE_S = 40, 0.1
LONGEST_S = 20.0


class Pieces:
    """A piece every 100 ms. The file says how it ended."""

    def __init__(self, file):
        self.file, self.count = file, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.count == PIECES:
            self.note("ran to the end")
            raise StopIteration
        if self.count:
            time.sleep(PIECE_S)
        self.count += 1
        self.note(f"piece {self.count}")
        return b"A piece of the answer.\n" * 8

    def note(self, text):
        """Add a line with the time, on the clock of the machine."""
        with self.file.open("a") as file:
            file.write(f"{time.monotonic():.3f} {text}\n")

    def close(self):
        """The server has done with the answer (PEP 3333)."""
        self.note("close()")


def app(environ, start_response):
    """Answer slowly."""
    file = Path(os.environ["ZOO_RUN"], f"gone-{Path(environ['PATH_INFO']).name}")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Pieces(file)


def probe(cells):
    """Ask in all cells of the family at once."""
    from gateway_zoo.traits.together import at_once

    return at_once(cells, leave)


def leave(cell):
    """Go away when the program has begun, and wait for its last note."""
    mark = os.urandom(8).hex()
    file = cell.zoo.run / f"gone-{mark}"
    try:
        with cell.connect() as connection:
            connection.sendall(cell.request(f"/{mark}"))
            wait(cell, lambda: "piece 5\n" in notes(file))
            connection.shutdown(socket.SHUT_RDWR)
        gone = time.monotonic()
        before = -1
        while before < (now := file.stat().st_size) and not ended(file):  # a killed program notes nothing more
            before = now
            cell.stopped.wait(20 * PIECE_S)
    finally:
        lines = notes(file)
        file.unlink(missing_ok=True)
    cell.note("the program's notes", lines)
    cell.note("the client", f"went away at {gone:.3f}")
    after = float(lines.splitlines()[-1].split()[0]) - gone
    if "ran to the end" in lines:
        return Outcome("no, it runs to the end", after)
    if "close()" in lines:
        return Outcome("yes, close() is called", after)
    return Outcome("no, it is killed")


def notes(file):
    """What the program has noted until now."""
    return file.read_text() if file.exists() else ""


def ended(file):
    return "close()" in notes(file)


def wait(cell, ready):
    """Wait until the program is in the middle of its answer."""
    deadline = time.monotonic() + LONGEST_S
    while not ready():
        if time.monotonic() > deadline or cell.stopped.wait(0.02):
            raise Unknown(f"the program does not begin within {LONGEST_S:.0f} s")
