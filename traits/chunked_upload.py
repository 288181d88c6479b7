"""Does an upload without a length reach the program?

The client sends the body in two chunks: once without a pause, once with a pause between the chunks.
"""

from gateway_zoo.traits.upload import CHUNKS, arrival, tell_body

AXIS = "Request"
QUESTION = "Does an upload without a length arrive?"
WHY = """
A chunked body has no length, but CGI and the protocols after it tell the program where the body ends by CONTENT_LENGTH
alone. The zoo's nginx keeps the whole body and counts it, so every gateway gets a length, also after a pause. The zoo's
Apache asks for a length (411): it has rewrite rules for that, because many of its modules would pass an empty body on.
"""
SOURCE = "RFC 9112, section 7.1; RFC 3875, section 4.1.2; nginx, proxy_request_buffering"
RUNS = 1
PAUSE = 0.2  # seconds


def app(environ, start_response):
    """Read the body as PEP 3333 allows, and tell it."""
    return tell_body(environ, start_response)


def probe(cell):
    """Send it twice; the answers differ only if the pause matters."""
    head = cell.request(method="POST", headers=[("Transfer-Encoding", "chunked")])
    quick = arrival(cell, cell.send(head + CHUNKS[0] + CHUNKS[1]))
    slow = arrival(cell, cell.send(head + CHUNKS[0], PAUSE, CHUNKS[1]))
    return quick if quick == slow else f"{quick}; paused: {slow}"
