"""How long may one header be?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "How long may one header be?"
WHY = """
Every server has a limit, and the smallest on the way counts. Both fronts stop at about 8 kB: nginx
(large_client_header_buffers) and Apache (LimitRequestFieldSize) refuse the request. AJP has 8 kB for the whole head.
Cookies and tokens are what gets long. Most gateways would bear more: see the trait that asks them straight.
"""
SOURCE = "RFC 9110, section 5.4; RFC 6585, section 5; nginx, large_client_header_buffers; Apache, LimitRequestFieldSize"
UNIT = "kB"
RUNS = 1


def app(environ, start_response):
    """Tell how much of the header came."""
    return tell(start_response, {"length": len(environ.get("HTTP_X_LONG", ""))})


def probe(cell):
    """Send headers of 3, 6, 8.1, 12 kB until one does not get through, then look for the limit between the last two."""
    from gateway_zoo.traits.limits import AT_FRONTS, longest, received

    def attempt(length):
        return received(cell.ask(headers=[("X-Long", "x" * length)]), length)

    return longest(attempt, AT_FRONTS)
