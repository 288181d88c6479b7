"""What becomes of %00 in a path?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "What becomes of %00 in a path?"
WHY = """
A byte 0 ends a string in C. A check in one program may see file.txt%00.png, and the next program file.txt. Both fronts
refuse such a path before any gateway sees it: CGI could not carry it in an environment variable at all.
"""
SOURCE = "RFC 3986, section 7.3; CWE-158"


def app(environ, start_response):
    """Tell the path."""
    return tell(start_response, {"PATH_INFO": environ.get("PATH_INFO")})


def probe(cell):
    """Ask for a name with an encoded byte 0."""
    seen = cell.ask("/a%00b")
    if seen.refusal:
        return seen.refusal
    end = cell.facts(seen)["PATH_INFO"].rpartition("null_byte")[2]
    return {"/a\0b": "decoded", "/a%00b": "as written", "/a": "the path ends there"}.get(end, "other")
