"""What becomes of a header that comes twice?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "What becomes of a header that comes twice?"
WHY = """
A list header that comes twice means the same as one line with a comma. A variable exists once, so a server must join
the lines, or lose one. nginx joins them since 1.23; before, it sends the variable twice, and each gateway takes the
first or the last; aioscgi refuses the request, as SCGI demands. Front and program that take different lines can be
played off against each other.
"""
SOURCE = "RFC 9110, section 5.3; RFC 3875, section 4.1.18"


def app(environ, start_response):
    """Tell the header."""
    return tell(start_response, {"value": environ.get("HTTP_X_TWICE")})


def probe(cell):
    """Send X-Twice in two lines."""
    seen = cell.ask(headers=[("X-Twice", "one"), ("X-Twice", "two")])
    if seen.refusal:
        return seen.refusal
    value = "".join((cell.facts(seen)["value"] or "").split())
    return {"one,two": "joined by a comma", "one": "the first line", "two": "the last line", "": "lost"}.get(
        value, "other"
    )
