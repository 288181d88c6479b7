"""What does the client get if the program does not read the body?

The body is just below the limit of the zoo's fronts, a mebibyte.
"""

import time

AXIS = "Request"
QUESTION = "What if the program leaves 1 MB unread?"
WHY = """
A program may answer without reading. The server must then read the rest and throw it away, or close the connection. A
front that is still sending sees a broken pipe. nginx looks for an answer nevertheless; Apache reports 502 or 503, and
with mod_cgid the client gets no answer at all. fcgiwrap writes an answer of its own. Moments matter: if the program
answers at once, or closes at once, some cells change from run to run; so it waits before and behind its answer.
"""
SOURCE = "RFC 9112, section 9.6; RFC 3875, section 4.2"
RUNS = 1
SIZE = 1_000_000  # the fronts refuse 1,048,577 and more
PAUSE = 0.5  # seconds: so the front has sent all that the gateway takes


def app(environ, start_response):
    """Answer, and never touch wsgi.input."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    time.sleep(PAUSE)
    yield b"done\n"
    time.sleep(PAUSE / 2)


def probe(cell):
    """Send all of it."""
    logged = len(cell.log(cell.front))
    seen = cell.ask(method="POST", body=b"x" * SIZE)
    if seen.status == 200 and seen.body == b"done\n":
        return "answered"
    errors = [
        line for line in cell.log(cell.front)[logged:].decode("utf-8", "replace").splitlines() if "error]" in line
    ]
    cell.note(f"errors in {cell.front}'s log meanwhile", "\n".join(errors))
    return str(seen.status or f"no answer: {seen.ended}")
