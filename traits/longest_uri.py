"""How long may the request's address be?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "How long may the URI be?"
WHY = """
The right answer to a URI that is too long is 414. Both fronts give it at 8 kB, gunicorn at 4094 bytes
(limit_request_line). uWSGI gets the query in two variables, and both must fit into its buffer; it only closes the
connection, and each front module makes another status of that. mod_proxy_fcgi even answers an empty 200, by chance.
AJP has 8 kB for the whole head.
"""
SOURCE = "RFC 9110, section 4.1 and 15.5.15; nginx, large_client_header_buffers; Apache, LimitRequestLine"
UNIT = "kB"
RUNS = 1


def app(environ, start_response):
    """Tell how much of the query came."""
    return tell(start_response, {"length": len(environ.get("QUERY_STRING", ""))})


def probe(cell):
    """Send queries of 3, 6, 8.1, 12 kB until one does not get through, then look for the limit between the last two."""
    from gateway_zoo.traits.limits import AT_FRONTS, longest, received

    def attempt(length):
        return received(cell.ask(f"/?{'x' * length}"), length)

    return longest(attempt, AT_FRONTS)
