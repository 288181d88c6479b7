"""How long may all headers together be?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "How long may all headers together be?"
WHY = """
The fronts allow many headers below their limit for one, so here the gateways' own limits show. uWSGI's buffer (16 kB
here, 4 kB by itself) must hold all variables; it closes the connection, and each front module makes another status of
that: 500, 502, 503. mod_proxy_fcgi even answers an empty 200, by chance. An AJP packet has 8 kB for the whole head.
"""
SOURCE = "RFC 6585, section 5; uWSGI, buffer-size; AJPv13, packet size; nginx, large_client_header_buffers"
UNIT = "kB"
RUNS = 1
EACH = 1000  # bytes of a header
LENGTHS = (3_000, 6_000, 12_000, 24_000)  # beyond, some servers count only what comes in several reads


def app(environ, start_response):
    """Tell how much of the headers came."""
    lengths = [len(value) for name, value in environ.items() if name.startswith("HTTP_X_MANY_")]
    return tell(start_response, {"length": sum(lengths)})


def probe(cell):
    """Send more and more headers of 1 kB, then look for the limit between the last two."""
    from gateway_zoo.traits.limits import longest, received

    def attempt(length):
        return received(cell.ask(headers=[(f"X-Many-{n}", "x" * EACH) for n in range(length // EACH)]), length)

    return longest(attempt, LENGTHS, EACH)
