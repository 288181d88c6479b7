"""Does the program get the query as the client wrote it?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "Does the query arrive as written?"
WHY = """
QUERY_STRING is not decoded: the program must see which & and = were written, and which %26 and %3D. So wrong escapes
(%zz), a plus, empty names and characters that no URL may have arrive untouched, and the program must bear them.
"""
SOURCE = "RFC 3875, section 4.1.7; RFC 3986, section 3.4"
QUERY = "a=1&a=2&b=%zz&c=+&d=%2B%26&e=%C3%A9&f='\"<>[]{}|^`\\&g=?/../;&&=&"


def app(environ, start_response):
    """Tell the query."""
    return tell(start_response, {"query": environ.get("QUERY_STRING")})


def probe(cell):
    """Send odd characters in a query, then a query without any."""
    seen, empty = cell.ask(f"/?{QUERY}"), cell.ask("/?")
    if seen.refusal or empty.refusal:
        return seen.refusal or f"{empty.refusal} if empty"
    if cell.facts(empty)["query"] not in ("", None):
        return "not empty"
    return "as written" if cell.facts(seen)["query"] == QUERY else "changed"
