"""Do the trailers of a chunked request reach the program?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "Do trailers of a chunked request arrive?"
WHY = """
A chunked body may end with further headers, for what is known only then, like a checksum. nginx reads the body, sends
it on with its length, and drops the trailers; the zoo's Apache refuses a body without a length (411). CGI, FastCGI,
SCGI, uwsgi and AJP have no place for them, and neither have WSGI's environ and ASGI's http.request. So no program ever
sees one.
"""
SOURCE = "RFC 9112, section 7.1.2; RFC 9110, section 6.5"
CHUNKS = b"5\r\nhello\r\n0\r\nX-Trailer: yes\r\n\r\n"


def app(environ, start_response):
    """Tell the body and everything that looks like the trailer."""
    length = environ.get("CONTENT_LENGTH")
    ends = length or environ.get("wsgi.input_terminated")
    body = environ["wsgi.input"].read(*([int(length)] if length else [])) if ends else b""
    trailers = [name for name, value in environ.items() if value == "yes" and "TRAILER" in name.upper()]
    return tell(start_response, {"body": body.decode("latin-1"), "trailers": trailers, "length": length})


def probe(cell):
    """Send a body in chunks, and a trailer."""
    head = cell.request(method="POST", headers=[("Transfer-Encoding", "chunked"), ("Trailer", "X-Trailer")])
    seen = cell.send(head + CHUNKS)
    if seen.refusal:
        return seen.refusal
    facts = cell.facts(seen)
    body = "body arrives" if facts["body"] == "hello" else "no body"
    return f"{body}, {'trailer too' if facts['trailers'] else 'no trailer'}"
