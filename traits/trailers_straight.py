"""Do the trailers of a chunked request reach the program, if no front is on the way?"""

import json

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "Do trailers arrive without a front?"
WHY = """
These servers read chunks themselves, and so the trailers, too. WSGI has no place for them in environ, which is complete
before the body. ASGI's event http.request has only the body. Each server reads them and forgets them.
"""
SOURCE = "RFC 9112, section 7.1.2; PEP 3333, environ Variables; ASGI 3.0, Request"
RUNS = 1
CHUNKS = b"5\r\nhello\r\n0\r\nX-Trailer: yes\r\n\r\n"


def app(environ, start_response):
    """Read the body; tell the names that look like the trailer."""
    if environ.get("CONTENT_LENGTH") or environ.get("wsgi.input_terminated"):
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or -1))
    return tell(start_response, {"trailers": [name for name in environ if "X_TRAILER" in name.upper()]})


async def asgi(scope, receive, send):
    """Read all events of the request; tell the names in them, and the trailer if one is there."""
    names = set()
    more = True
    while more:
        event = await receive()
        names |= set(event)
        more = event.get("more_body", False)
    facts = {"trailers": [name for name in names if "trailer" in name], "events": sorted(names)}
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(facts).encode()})


def probe(cell):
    """Send a body in chunks, and a trailer."""
    headers = [("Transfer-Encoding", "chunked"), ("Trailer", "X-Trailer")]
    head = cell.request(f"{cell.path_at_gateway}/", "POST", headers, absolute=True)
    with cell.connect_to_gateway() as connection:
        seen = cell.send(head + CHUNKS, on=connection, until_whole=True, seconds=4)
    return seen.refusal or ("yes" if cell.facts(seen)["trailers"] else "no")
