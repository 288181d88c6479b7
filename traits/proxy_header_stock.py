"""Does a header Proxy become the variable HTTP_PROXY with the web servers' stock files?"""

import os

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "Does Proxy: become HTTP_PROXY with stock files?"
WHY = """
Apache leaves the header Proxy out of the variables of CGI since 2016, but passes it on to HTTP servers. nginx's stock
files pass it on to every gateway, because nginx left the cure to the configuration. Only under CGI does it reach the
environment of the process, where a library for requests would obey it.
"""
SOURCE = "RFC 3875, section 4.1.18; CVE-2016-5385; Apache, ap_add_common_vars since 2.4.24"
SCOPE = "front"
RUNS = 1
CLAIM = "http://203.0.113.7:1/"


def app(environ, start_response):
    """Tell what the request and the process know of a proxy."""
    return tell(start_response, {"environ": environ.get("HTTP_PROXY"), "process": os.environ.get("HTTP_PROXY")})


def words(cell, facts):
    """Name the places that have the client's claim."""
    places = [place for place in ("environ", "process") if facts[place] == CLAIM]
    return "in " + " and ".join(places) if places else "kept back"


def probe(cells):
    """Send the header to each gateway through a front with stock files."""
    from gateway_zoo.traits.stock_front import ask_all

    return ask_all(cells, "/", [("Proxy", CLAIM)], words)
