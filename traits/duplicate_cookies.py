"""What becomes of two Cookie lines?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "What becomes of two Cookie lines?"
WHY = """
HTTP/2 lets a client send each cookie in a line of its own. A server that passes them on to a variable or to HTTP/1.1
must join them with a semicolon. A comma, right for every other header, makes one wrong cookie of two; a lost line is a
lost session.
"""
SOURCE = "RFC 6265, section 5.4; RFC 9113, section 8.2.3"


def app(environ, start_response):
    """Tell the cookies."""
    return tell(start_response, {"cookies": environ.get("HTTP_COOKIE")})


def probe(cell):
    """Send two cookies in two lines."""
    seen = cell.ask(headers=[("Cookie", "a=1"), ("Cookie", "b=2")])
    if seen.refusal:
        return seen.refusal
    value = "".join((cell.facts(seen)["cookies"] or "").split())
    words = {"a=1;b=2": "joined by a semicolon", "a=1,b=2": "joined by a comma", "a=1": "the first line"}
    return (words | {"b=2": "the last line", "": "lost"}).get(value, "other")
