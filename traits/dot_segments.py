"""What becomes of `..` in a path, below the root and above it?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "What becomes of .. in a path, and above the root?"
WHY = """
A browser resolves .. itself; an attacker does not. Both fronts resolve it before they choose a location, and refuse a
path that climbs above the root. So no gateway ever sees .. here. A server that is asked without a front must do it
itself.
"""
SOURCE = "RFC 3986, sections 5.2.4 and 7; CWE-22"


def app(environ, start_response):
    """Tell the path."""
    return tell(start_response, {"PATH_INFO": environ.get("PATH_INFO")})


def probe(cell):
    """Ask for a path with .. inside, then for a path that climbs above the root."""
    seen = cell.ask("/a/../b")
    inside = seen.refusal
    if not inside:
        end = cell.facts(seen)["PATH_INFO"].rpartition("dot_segments")[2]
        inside = {"/b": "resolved", "/a/../b": "as written"}.get(end, "other")
    return f"{inside}; {cell.ask('/../../../etc/passwd').status or 'no answer'}"
