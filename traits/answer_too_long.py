"""What does the client get if the program writes more than its Content-Length?"""

import time

AXIS = "Response"
QUESTION = "Answer longer than its Content-Length?"
WHY = """
The surplus must not reach the client: a client reads it as the next answer. Most servers and nginx cut it off. Apache
since 2.4.59 drops the length that gateways like CGI declare, for this very reason (CVE-2024-24795). The zoo lets Apache
believe them (ap_trust_cgilike_cl), because its gateways are its own; so their surplus goes through.
"""
SOURCE = "PEP 3333, Handling the Content-Length Header; RFC 9112, section 6.3"
RUNS = 1
LENGTH = 5
PAUSE = 0.2  # seconds: so the front has passed on the headers before it sees the surplus


def app(environ, start_response):
    """Declare five bytes, and write eleven, with a pause between."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(LENGTH))])
    yield b"hello"
    time.sleep(PAUSE)
    yield b" world"


def probe(cell):
    """Ask once; `rest` has the bytes behind the end that the headers declare."""
    seen = cell.ask()
    time.sleep(
        2 * PAUSE
    )  # until the program has ended: the next request may come on the same connection to the gateway
    if seen.status != 200:
        return str(seen.status or seen.ended)
    if seen.answer.rest:
        return "the surplus arrives"
    if seen.body == b"hello":
        return "cut"
    return "a new length" if seen.body == b"hello world" else "cut too short"
