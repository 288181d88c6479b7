"""Does a header Proxy become the variable HTTP_PROXY? (httpoxy)"""

import os

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "Does Proxy: become HTTP_PROXY?"
WHY = """
CGI gives a header the variable HTTP_ and its name. So the client's header Proxy looks like the setting HTTP_PROXY,
with which a machine's administrator names a proxy for outgoing requests (httpoxy, 2016). Under CGI it is even in the
environment of the process, where libraries look for it. The zoo's fronts take the header away.
"""
SOURCE = "RFC 3875, section 4.1.18; CVE-2016-5385"
CLAIM = "http://203.0.113.7:1/"


def app(environ, start_response):
    """Tell what the request and the process know of a proxy."""
    return tell(start_response, {"environ": environ.get("HTTP_PROXY"), "process": os.environ.get("HTTP_PROXY")})


def words(facts):
    """Name the places that have the client's claim."""
    places = [place for place in ("environ", "process") if facts[place] == CLAIM]
    return "in " + " and ".join(places) if places else "kept back"


def probe(cell):
    """Send the header."""
    return words(cell.ask_facts(headers=[("Proxy", CLAIM)]))
