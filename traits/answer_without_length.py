"""How does the client learn where an answer without Content-Length ends?"""

from gateway_zoo.traits.gate import ask_with_gate, wait_at_gate

AXIS = "Response"
QUESTION = "How does an answer without a length end?"
WHY = """
Without a length HTTP/1.1 sends chunks, and the last one says: this is the end. HTTP/1.0 and CGI only close the
connection; then the client cannot tell an end from an accident. The front speaks HTTP/1.1 with the client, so it makes
chunks of every such answer.
"""
SOURCE = "RFC 9112, sections 6.3 and 7.1; PEP 3333, Handling the Content-Length Header"
RUNS = 1


def app(environ, start_response):
    """Write two pieces; the second follows when the front has passed on the first: so nothing on the way can count."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"hello"
    wait_at_gate(environ)
    yield b" world"


def probe(cell):
    """Ask once."""
    seen = ask_with_gate(cell)
    if seen.status != 200 or seen.body != b"hello world":
        return str(seen.status if seen.status != 200 else "changed")
    return {"chunked": "the last chunk", "length": "a length is added", "close": "the connection ends"}[
        seen.answer.framing
    ]
