"""What becomes of several slashes in a row?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "What becomes of // in a path?"
WHY = """
/a//b and /a/b are two different paths, and fronts treat them as the same: they merge slashes before they choose a
location, so that a guard of /a/b cannot be passed with /a//b. The program may get the merged path or the written one.
Then front and program may disagree on the page that was asked for.
"""
SOURCE = "RFC 3986, section 3.3; nginx, merge_slashes; Apache, MergeSlashes"


def app(environ, start_response):
    """Tell the path."""
    return tell(start_response, {"PATH_INFO": environ.get("PATH_INFO")})


def probe(cell):
    """Ask for a path with an empty segment."""
    seen = cell.ask("/a//b")
    if seen.refusal:
        return seen.refusal
    end = cell.facts(seen)["PATH_INFO"].rpartition("double_slash")[2]
    return {"/a/b": "merged", "/a//b": "as written"}.get(end, "other")
