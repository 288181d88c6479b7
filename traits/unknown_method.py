"""Does an unknown method reach the program?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "Does the method BREW reach the program?"
WHY = """
HTTP may get new methods, so a server should pass on what it does not know. AJP has a number for each method; one
without a number travels as 255, with its name in an attribute. Apache writes that. flup cannot read it, and closes the
connection.
"""
SOURCE = "RFC 9110, section 9.1 and 16.1; AJPv13, method codes; RFC 2324, section 2.1"


def app(environ, start_response):
    """Tell the method."""
    return tell(start_response, {"method": environ["REQUEST_METHOD"]})


def probe(cell):
    """Ask with BREW."""
    seen = cell.ask(method="BREW")
    if seen.refusal:
        return f"no, {seen.refusal}"
    return "yes" if cell.facts(seen)["method"] == "BREW" else "as another method"
