"""What becomes of bytes outside ASCII that the client did not encode?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "What becomes of the raw bytes C3 A9 in a path?"
WHY = """
A client must encode such bytes as %C3%A9, and many scripts do not. Both fronts let them pass. Apache encodes them
for servers that speak HTTP. nginx sends them on as they came; then gunicorn, waitress and uvicorn refuse the request
line, and uWSGI bears it.
"""
SOURCE = "RFC 9112, section 3.2; RFC 3986, section 2.1"
FORMS = {"/\xc3\xa9": "its two bytes", "/\xe9": "one character", "/%C3%A9": "encoded", "/\udcc3\udca9": "surrogates"}


def app(environ, start_response):
    """Tell the path."""
    return tell(start_response, {"PATH_INFO": environ.get("PATH_INFO")})


def probe(cell):
    """Send the two bytes as they are."""
    seen = cell.ask("/\xc3\xa9")
    if seen.refusal:
        return seen.refusal
    return FORMS.get(cell.facts(seen)["PATH_INFO"].rpartition("raw_bytes_path")[2], "other")
