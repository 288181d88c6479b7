"""Does a chunked upload reach the program, without a front before the gateway?

Only gateways that speak HTTP can be asked.
"""

import json

AXIS = "Request"
QUESTION = "Does a chunked upload arrive without a front?"
WHY = """
Behind the zoo's fronts no gateway ever meets a body without a length; here each does. waitress keeps the body and
counts it. gunicorn ends the stream itself and says so (wsgi.input_terminated): the program may read without a length.
uvicorn decodes chunks, but a2wsgi does not say it to the WSGI program; uWSGI has a call of its own for chunks. There a
program that obeys PEP 3333 finds no body, and no error.
"""
SOURCE = "RFC 9112, section 7.1; PEP 3333, environ Variables; uWSGI, Chunked input API"
RUNS = 1
BODY = "firstsecond"


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
    """Send two chunks at once."""
    headers = [("Transfer-Encoding", "chunked"), ("Connection", "close")]
    head = cell.request(cell.path_at_gateway + "/", "POST", headers, absolute=True, close=False)
    with cell.connect_to_gateway() as connection:
        seen = cell.send(head + b"5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n", on=connection, until_whole=True, seconds=4)
    if seen.status != 200:
        return str(seen.status or seen.ended)
    facts = cell.facts(seen)
    if facts["body"] == BODY:
        return "whole, with a length" if facts["length"] else "whole, no length"
    return "cut" if facts["body"] else "empty"
