"""What happens to the bytes behind the declared length of a body?"""

AXIS = "Request"
QUESTION = "What becomes of bytes behind a declared body?"
WHY = """
On a connection that stays open the next byte after the declared length begins the next request. So the program never
sees the surplus; the front reads it as a request of its own. Where front and gateway count differently, a hidden
request gets through: request smuggling.
"""
SOURCE = "RFC 9112, sections 6.3 and 11.2"
RUNS = 1
BODY = b"12345"
SURPLUS = b"surplus\r\n\r\n"


def app(environ, start_response):
    """Send back the body."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def probe(cell):
    """Send both at once on a connection that may stay open."""
    seen = cell.send(cell.request(method="POST", body=BODY, close=False) + SURPLUS)
    if seen.status != 200:
        return str(seen.status or seen.ended)
    kept = "cut" if seen.body == BODY else "whole" if seen.body == BODY + SURPLUS else "changed"
    if not seen.answer.rest:
        return f"{kept}, no more"
    words = seen.answer.rest.split(b" ", 2)
    return f"{kept}, then {words[1].decode('latin-1') if len(words) > 1 else 'noise'}"
