"""How many connections does the front open to the gateway for 100 requests?"""

import contextlib
from concurrent.futures import ThreadPoolExecutor

from gateway_zoo.traits.outcome import NotAsked, Outcome, Unknown

AXIS = "Cost"
QUESTION = "How many connections for 100 requests?"
WHY = """
A connection costs system calls on both sides, and on TCP a port for a minute. SCGI and uwsgi end a message by closing,
so they need a new one each time. FastCGI, AJP and HTTP can keep one; but the front must want it (nginx: keepalive in
an upstream; Apache: enablereuse) and the gateway must allow it. A kept connection holds a thread of a gateway that
reads in threads. The zoo has four threads for each gateway, so it keeps none for AJP (disablereuse), and none for
uWSGI's HTTP, which closes each connection itself.
"""
SOURCE = "FastCGI 1.0, section 3.5; nginx, ngx_http_upstream_module, keepalive; Apache HTTP Server 2.4, mod_proxy"
SCOPE = "front"
RUNS = 1
UNIT = "connections"
REQUESTS = 100
CELLS = 6  # asked at the same time


def app(environ, start_response):
    """Answer five bytes."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"pong\n"]


def probe(cells):
    """Ask each cell a hundred times, on one connection of the client, through a front before a relay."""
    from gateway_zoo.traits.recorded import recorded

    with ThreadPoolExecutor(CELLS) as pool, recorded(cells) as front:  # Ctrl-C ends the front, and so the requests
        results = dict(zip(cells, pool.map(lambda cell: ask(front, cell), cells), strict=True))
    crossed = front.crossed()
    return {cell: results[cell] or answer(cell, crossed[cell.exhibit.id].connections) for cell in cells}


def ask(front, cell):
    """Send the requests one after another. Returns why there is no result, or None."""
    if why := front.why_not(cell):
        return NotAsked(why)
    connection = None
    with contextlib.ExitStack() as opened:
        for _ in range(REQUESTS):
            if connection is None:  # at first, and where the front has closed it
                connection = opened.enter_context(front.connect(cell))
            seen = front.ask(cell, on=connection)
            if seen.status != 200:
                return Unknown(f"a request got {seen.status or seen.ended}")
            if seen.answer.header("connection") == "close":
                connection = None
    return None


def answer(cell, connections):
    """Words for the number."""
    cell.note("connections", f"{connections} for {REQUESTS} requests")
    if connections >= REQUESTS:
        return Outcome("a new one each time", connections)
    return Outcome("kept open" if connections <= REQUESTS / 10 else "kept open at times", connections)
