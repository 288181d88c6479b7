"""Does 103 Early Hints reach the client before the answer?

WSGI calls start_response once. So a server must offer something of its own (`wsgi.early_hints`), or nothing can be
asked. A CGI program writes the head itself; an ASGI program may try to start twice.
"""

AXIS = "Response"
QUESTION = "Does 103 Early Hints reach the client?"
WHY = """
103 tells a browser what to load, while the program still works. CGI and its successors know one head only, so their
readers take 103 for the whole answer. WSGI and ASGI 3.0 have no word for it; gunicorn offers a callable of its own,
and uvicorn refuses 103 as the code of an answer (502). Apache passes an interim answer on if the gateway speaks HTTP.
nginx before 1.29 takes 103 for the head, and all that follows for the body: so gunicorn's own 200 reaches the client,
by luck, with no header of nginx.
"""
SOURCE = "RFC 8297; RFC 9110, section 15.2; RFC 3875, section 6.2; ASGI extensions, Early Hints"
RUNS = 1
LINK = "</style.css>; rel=preload"


def app(environ, start_response):
    """Send 103 where the server offers a way."""
    hints = environ.get("wsgi.early_hints")
    if hints:
        hints([("Link", LINK)])
    body = b"offered\n" if hints else b"missing\n"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "8")])
    return [body]


async def asgi(scope, receive, send):
    """Send 103 by the extension, or by starting twice."""
    if "http.response.early_hint" in (scope.get("extensions") or {}):
        await send({"type": "http.response.early_hint", "links": [LINK.encode()]})
    else:
        await send({"type": "http.response.start", "status": 103, "headers": [(b"link", LINK.encode())]})
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"offered\n"})


def cgi(environ, output):
    """Write two heads."""
    output.write(b"Status: 103 Early Hints\r\nLink: " + LINK.encode() + b"\r\n\r\n")
    output.flush()
    output.write(b"Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\noffered\n")


def probe(cell):
    """Read all answers on the connection."""
    from gateway_zoo.traits.outcome import NotAsked

    seen = cell.ask(seconds=4)
    if seen.body == b"missing\n":
        raise NotAsked("WSGI has no word for 103, and this server offers no wsgi.early_hints")
    codes = [answer.status for answer in seen.answers]
    if codes == [103, 200] and b"HTTP/1.1 200" in seen.received:
        # Each front adds X-Request-ID to the answers that it reads.
        return "yes" if seen.answer.header("X-Request-ID") else "yes, past the front"
    if codes[:1] == [103]:
        return "103 becomes the answer"
    return "removed" if codes == [200] else str(seen.status or f"no answer: {seen.ended}")
