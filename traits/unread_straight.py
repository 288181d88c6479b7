"""What does the client get if the program leaves 3 MB unread, without a front before the gateway?

Only gateways that speak HTTP can be asked.
"""

import time

AXIS = "Request"
QUESTION = "3 MB straight to the gateway, unread?"
WHY = """
waitress reads the whole body into a file before it asks the program. The zoo's ASGI program goes on reading while it
answers. gunicorn and uWSGI close. Our client reads while it sends, and so it finds the answer all the same. A client
that first sends everything, like Apache's mod_proxy, sees a broken pipe instead (the row about 1 MB).
"""
SOURCE = "RFC 9112, section 9.6"
RUNS = 1
SIZE = 3_000_000
PAUSE = 1.2  # seconds: so the client has sent all that the server takes


def app(environ, start_response):
    """Answer, and never touch wsgi.input."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    time.sleep(PAUSE)
    yield b"done\n"


def probe(cell):
    """Send, and read at the same time."""
    path = cell.path_at_gateway + "/"
    request = cell.request(path, "POST", body=b"x" * SIZE, absolute=True)
    with cell.connect_to_gateway() as connection:
        seen = cell.send(request, on=connection, seconds=5)
    took = len(seen.sent) == len(request)
    cell.note("sent", f"the gateway took {len(seen.sent)} of {len(request)} bytes")
    if seen.status == 200:
        return "answered, all was read" if took else "answered, then closed"
    return str(seen.status or f"no answer: {seen.ended}")
