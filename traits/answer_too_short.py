"""Can the client tell that an answer is shorter than its Content-Length?"""

from gateway_zoo.traits.gate import ask_with_gate, wait_at_gate

AXIS = "Response"
QUESTION = "Can the client tell that an answer is too short?"
WHY = """
A client knows that bytes are missing if the length stands in the headers and the connection ends before. If a front
drops the length, half an answer looks whole; if a server keeps the connection open, all wait for the rest. The program
waits before its end: where head, body and end reach Apache at once, it counts the bytes and corrects the length, and
the fault is hidden.
"""
SOURCE = "RFC 9112, section 8; PEP 3333, Handling the Content-Length Header"
RUNS = 1
PATIENCE = 4  # seconds; the fronts would wait for a minute


def app(environ, start_response):
    """Declare eleven bytes, and write five; the end comes when the front has passed on the five."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "11")])
    yield b"hello"
    wait_at_gate(environ)


def probe(cell):
    """Ask once."""
    seen = ask_with_gate(cell, seconds=PATIENCE)
    if seen.ended == "silent":
        return "the client waits"
    if seen.status != 200:
        return str(seen.status or f"no answer: {seen.ended}")
    return "looks whole" if seen.answer.whole else "the client can tell"
