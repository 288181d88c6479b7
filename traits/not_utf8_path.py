"""How does the program get %FF, which is no UTF-8?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "What becomes of %FF (no UTF-8) in a path?"
WHY = """
Names of files are bytes, and old ones are no UTF-8. WSGI keeps the byte. An ASGI path is text that has been decoded as
UTF-8: under uvicorn the byte becomes U+FFFD, and is lost; only raw_path still has it. aioscgi closes the connection.
"""
SOURCE = "PEP 3333, Unicode Issues; ASGI 3.0, HTTP Connection Scope (path, raw_path)"
FORMS = {
    "/\xff": "its byte",
    "/%FF": "as written",
    "/\ufffd": "U+FFFD, lost",
    "/\xef\xbf\xbd": "U+FFFD, lost",
}


def app(environ, start_response):
    """Tell the path."""
    return tell(start_response, {"PATH_INFO": environ.get("PATH_INFO")})


def probe(cell):
    """Ask for a name of this one byte."""
    seen = cell.ask("/%FF")
    if seen.refusal:
        return seen.refusal
    return FORMS.get(cell.facts(seen)["PATH_INFO"].rpartition("not_utf8_path")[2], "other")
