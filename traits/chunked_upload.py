"""Does an upload without a length reach the program?

The client sends the body in two chunks: once without a pause, once with a pause between the chunks.
"""

import json

AXIS = "Request"
QUESTION = "Does an upload without a length arrive?"
WHY = """
A chunked body has no length, but CGI and the protocols after it tell the program where the body ends by CONTENT_LENGTH
alone. The zoo's nginx keeps the whole body and counts it, so every gateway gets a length, also after a pause. The zoo's
Apache asks for a length (411): it has rewrite rules for that, because many of its modules would pass an empty body on.
"""
SOURCE = "RFC 9112, section 7.1; RFC 3875, section 4.1.2; nginx, proxy_request_buffering"
RUNS = 1
CHUNKS = b"5\r\nfirst\r\n", b"6\r\nsecond\r\n0\r\n\r\n"
BODY = "firstsecond"
PAUSE = 0.2  # seconds


def app(environ, start_response):
    """Read the body as PEP 3333 allows, and tell it."""
    length, stream = environ.get("CONTENT_LENGTH"), environ["wsgi.input"]
    if not length and not environ.get("wsgi.input_terminated"):
        length = "0"  # without an end of the stream a program that reads on waits for ever
    body = stream.read(int(length)) if length else stream.read()
    text = json.dumps({"length": length, "body": body.decode("latin-1")}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
    return [text]


def probe(cell):
    """Send it twice; the answers differ only if the pause matters."""
    head = cell.request(method="POST", headers=[("Transfer-Encoding", "chunked")])
    quick = _arrival(cell, cell.send(head + CHUNKS[0] + CHUNKS[1]))
    slow = _arrival(cell, cell.send(head + CHUNKS[0], PAUSE, CHUNKS[1]))
    return quick if quick == slow else f"{quick}; paused: {slow}"


def _arrival(cell, seen):
    if seen.status != 200:
        return str(seen.status or seen.ended)
    facts = cell.facts(seen)
    if facts["body"] == BODY:
        return "whole, with a length" if facts["length"] else "whole, no length"
    return "cut" if facts["body"] else "empty"
