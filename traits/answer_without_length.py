"""How does the client learn where an answer without Content-Length ends?"""

import time

AXIS = "Response"
QUESTION = "Answer without Content-Length: its end?"
WHY = """
Without a length HTTP/1.1 sends chunks, and the last one says: this is the end. HTTP/1.0 and CGI only close the
connection; then the client cannot tell an end from an accident. The front speaks HTTP/1.1 with the client, so it makes
chunks of every such answer.
"""
SOURCE = "RFC 9112, sections 6.3 and 7.1; PEP 3333, Handling the Content-Length Header"


def app(environ, start_response):
    """Write two pieces with a pause: so the server cannot count before the headers must go."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"hello"
    time.sleep(0.05)
    yield b" world"


def probe(cell):
    """Ask once."""
    seen = cell.ask()
    if seen.status != 200 or seen.body != b"hello world":
        return str(seen.status if seen.status != 200 else "changed")
    return {"chunked": "the last chunk", "length": "a length is added", "close": "the connection ends"}[
        seen.answer.framing
    ]
