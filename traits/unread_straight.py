"""What does the client get if the program leaves 3 MB unread, without a front before the gateway?

Only gateways that speak HTTP can be asked.
"""

import os

from gateway_zoo.traits.gate import wait_at_gate

AXIS = "Request"
QUESTION = "What if 3 MB stay unread, without a front?"
WHY = """
waitress reads the whole body into a file before it asks the program. The zoo's ASGI program goes on reading while it
answers. gunicorn and uWSGI close. Our client stops when the gateway takes no more, and reads: so it finds the answer
all the same. A client that first sends everything, like Apache's mod_proxy, sees a broken pipe instead (the row about
1 MB).
"""
SOURCE = "RFC 9112, section 9.6"
RUNS = 1
SIZE = 3_000_000
STUCK_S = 1.5  # a gateway that has taken nothing for so long takes no more


def app(environ, start_response):
    """Answer when the client can send no more, and never touch wsgi.input."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    wait_at_gate(environ)
    yield b"done\n"


def probe(cell):
    """Send what the gateway takes; then let the program answer."""
    mark = os.urandom(8).hex()
    gate = cell.zoo.run / f"gate-{mark}"
    request = cell.request(f"{cell.path_at_gateway}/{mark}", "POST", body=b"x" * SIZE, absolute=True)
    gate.touch()
    try:
        with cell.connect_to_gateway() as connection:
            count = _send(connection, request)
            gate.unlink()
            seen = cell.send(on=connection, seconds=5)
    finally:
        gate.unlink(missing_ok=True)
    cell.note("sent", f"the gateway took {count} of {len(request)} bytes")
    if seen.status == 200:
        return "answered, all was read" if count == len(request) else "answered, then closed"
    return str(seen.status or f"no answer: {seen.ended}")


def _send(connection, request):
    """Send until all is sent, or no more is taken; return the number of bytes."""
    connection.settimeout(STUCK_S)
    count = 0
    try:
        while count < len(request):
            count += connection.send(request[count : count + 65536])
    except OSError:  # the timeout, or the gateway has closed
        pass
    return count
