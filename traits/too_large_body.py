"""What does the client get for a body of 3 MB, more than the fronts allow?"""

AXIS = "Request"
QUESTION = "What comes for 3 MB, more than a front allows?"
WHY = """
The zoo's fronts refuse a body of more than a mebibyte by its Content-Length, before any gateway is asked, because many
gateways keep a body in memory. The client still sends. A front that closes the socket at once resets the connection,
and the client may lose the answer. Here no reset comes: nginx takes the whole body and throws it away, Apache ends its
own side only.
"""
SOURCE = "RFC 9110, section 15.5.14; nginx, client_max_body_size and lingering_close; Apache, mod_rewrite"
RUNS = 1
SIZE = 3_000_000


def app(environ, start_response):
    """Answer, and never touch wsgi.input."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"done\n"]


def probe(cell):
    """Send all of it; the front may stop us."""
    seen = cell.ask(method="POST", body=b"x" * SIZE)
    cell.note("sent", f"the client could send {len(seen.sent)} bytes")
    return str(seen.status or seen.ended) if seen.ended != "reset" else f"{seen.status or 'no answer'}, reset"
