"""Which REMOTE_ADDR does the program see, if the client forges X-Forwarded-For?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "Which REMOTE_ADDR, if X-Forwarded-For is forged?"
WHY = """
A gateway's peer is the front, so the client's address must be told: as a variable, or over HTTP in X-Forwarded-For,
which the client may have written too. The zoo's fronts replace the header. uvicorn and waitress believe the front;
gunicorn and uWSGI do not change REMOTE_ADDR, and a peer on a unix socket has no address: it is empty, or 0.0.0.0.
"""
SOURCE = "RFC 3875, section 4.1.8; RFC 7239, section 8.1"
FORGED = "203.0.113.7"


def app(environ, start_response):
    """Tell the address."""
    return tell(start_response, {"REMOTE_ADDR": environ.get("REMOTE_ADDR")})


def probe(cell):
    """Claim an address."""
    address = cell.ask_facts(headers=[("X-Forwarded-For", FORGED)])["REMOTE_ADDR"]
    return {"127.0.0.1": "the client's", FORGED: "the forged one", "": "empty", None: "missing"}.get(address, address)
