"""What becomes of %2F in a path?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "What becomes of %2F in a path?"
WHY = """
PATH_INFO is decoded text, so it cannot tell an encoded slash (part of a name) from a slash (between names). nginx
decodes it. Apache answers 404 unless AllowEncodedSlashes says otherwise. A program that needs the difference must read
REQUEST_URI, which is not standard.
"""
SOURCE = "RFC 3986, section 2.2; RFC 3875, section 4.1.5; Apache, AllowEncodedSlashes"


def app(environ, start_response):
    """Tell the path."""
    return tell(start_response, {name: environ.get(name) for name in ("PATH_INFO", "REQUEST_URI", "RAW_URI")})


def probe(cell):
    """Ask for a name with an encoded slash."""
    seen = cell.ask("/a%2Fb")
    if seen.refusal:
        return seen.refusal
    end = cell.facts(seen)["PATH_INFO"].rpartition("encoded_slash")[2]
    return {"/a/b": "decoded", "/a%2Fb": "as written"}.get(end, "other")
