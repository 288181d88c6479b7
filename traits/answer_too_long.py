"""What does the client get if the program writes more than its Content-Length?"""

import time

from gateway_zoo.traits.gate import ask_with_gate, wait_at_gate

AXIS = "Response"
QUESTION = "What becomes of bytes beyond Content-Length?"
WHY = """
The surplus must not reach the client: a client reads it as the next answer. Most servers and nginx cut it off. Apache
since 2.4.59 drops the length that gateways like CGI declare, for this very reason (CVE-2024-24795). The zoo lets Apache
believe them (ap_trust_cgilike_cl), because its gateways are its own; so their surplus goes through.
"""
SOURCE = "PEP 3333, Handling the Content-Length Header; RFC 9112, section 6.3"
RUNS = 1
LENGTH = 5
AFTER_S = 0.4  # the program ends


def app(environ, start_response):
    """Declare five bytes, and write eleven; the surplus follows when the front has passed on the rest."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(LENGTH))])
    yield b"hello"
    wait_at_gate(environ)
    yield b" world"


def probe(cell):
    """Ask once; `rest` has the bytes behind the end that the headers declare."""
    seen = ask_with_gate(cell)
    time.sleep(AFTER_S)  # the next request may come on the same connection to the gateway
    if seen.status != 200:
        return str(seen.status or seen.ended)
    if seen.answer.rest:
        return "the surplus arrives"
    if seen.body == b"hello":
        return "cut"
    return "a new length" if seen.body == b"hello world" else "cut too short"
