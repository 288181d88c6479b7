"""How many bytes cross between front and gateway for one GET and its answer?"""

from gateway_zoo.traits.outcome import NotAsked, Outcome, Unknown

AXIS = "Cost"
QUESTION = "How many bytes cross for one GET?"
WHY = """
The front tells the gateway more than the client told it: with CGI's variables it names server, port, client and path.
HTTP repeats the client's headers and adds few, and AJP has numbers for names. So the number of variables or headers
decides, and not how a protocol packs them. To FastCGI, SCGI and uwsgi Apache adds variables of its own and of its
configuration (SetEnvIf). The answer's body has 5 bytes.
"""
SOURCE = "RFC 3875, section 4.1; FastCGI 1.0, section 6.2; nginx, fastcgi_param; Apache HTTP Server 2.4, mod_proxy_fcgi"
SCOPE = "front"
RUNS = 1
UNIT = "bytes"
WITHIN = 0.25  # paths of the checkout stand in the variables


def app(environ, start_response):
    """Answer five bytes."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"pong\n"]


def probe(cells):
    """Ask each cell once, through a front before a relay."""
    from gateway_zoo.traits.recorded import recorded

    results = {}
    with recorded(cells) as front:
        for cell in cells:
            if why := front.why_not(cell):
                results[cell] = NotAsked(why)
            elif front.ask(cell).status != 200:
                results[cell] = Unknown("no answer through the relay")
    crossed = front.crossed()
    return {cell: results.get(cell) or answer(cell, crossed.get(cell.exhibit.id)) for cell in cells}


def answer(cell, crossed):
    """The number of names as words, the bytes of both directions as the figure."""
    from gateway_zoo.traits.cell import text

    if crossed is None:
        return Unknown("nothing crossed the relay")
    to, back = bytes(crossed.to_gateway), bytes(crossed.from_gateway)
    cell.note(f"{len(to)} bytes to the gateway", text(to))
    cell.note(f"{len(back)} bytes from the gateway", text(back))
    cell.note(crossed.kind, " ".join(crossed.given))
    return Outcome(f"{len(crossed.given)} {crossed.kind}", len(to) + len(back))
