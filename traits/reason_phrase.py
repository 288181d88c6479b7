"""Does the text behind the code of an answer reach the client?"""

AXIS = "Response"
QUESTION = "Is '200 Fine By Me' kept?"
WHY = """
The reason phrase is for people, and a client must ignore it. WSGI makes the program write it; ASGI has no place for it,
and neither has HTTP/2. So some servers replace it by the usual one, and no program should put a fact there.
"""
SOURCE = "RFC 9112, section 4; RFC 9110, section 15.1; ASGI 3.0, HTTP, Response Start"
RUNS = 1


def app(environ, start_response):
    """Say it in our own words."""
    start_response("200 Fine By Me", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"fine\n"]


def probe(cell):
    """Read the first line of the answer."""
    seen = cell.ask()
    if seen.status != 200:
        return str(seen.status or seen.ended)
    if seen.answer.reason == "Fine By Me":
        return "kept"
    return f"'{seen.answer.reason}'" if seen.answer.reason else "removed"
