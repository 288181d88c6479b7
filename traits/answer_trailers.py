"""Do trailers behind the body reach the client?

WSGI and CGI have no word for them. ASGI has an extension, which a server may offer.
"""

AXIS = "Response"
QUESTION = "Do the trailers of an answer arrive?"
WHY = """
Trailers are headers behind the last chunk, for facts that are known only at the end, like a checksum. WSGI and CGI
cannot say them. ASGI names an extension, http.response.trailers, but a server need not offer it. gRPC needs trailers,
so it does not run on these gateways.
"""
SOURCE = "RFC 9110, section 6.5; ASGI extensions, HTTP Trailers"
RUNS = 1


def app(environ, start_response):
    """Say that WSGI cannot say it."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"WSGI\n"]


async def asgi(scope, receive, send):
    """Announce trailers, and send them behind the body."""
    offered = b"offered" if "http.response.trailers" in (scope.get("extensions") or {}) else b"missing"
    headers = [(b"content-type", b"text/plain"), (b"trailer", b"x-sum"), (b"x-extension", offered)]
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})
    await send({"type": "http.response.body", "body": b"body\n"})
    await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"42")]})


def probe(cell):
    """Read the lines behind the last chunk."""
    from gateway_zoo.traits.outcome import NotAsked

    seen = cell.ask(seconds=4)
    if seen.body == b"WSGI\n":
        raise NotAsked("WSGI and CGI have no word for trailers")
    if seen.status != 200:
        return str(seen.status or f"no answer: {seen.ended}")
    if ("x-sum", "42") in seen.answer.trailers:
        return "yes"
    return "lost" if seen.answer.header("x-extension") == "offered" else "the server cannot"
