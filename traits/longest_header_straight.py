"""How long may one header be, if the gateway is asked without a front?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "How long may a header be without a front?"
WHY = """
Without the front's limit each gateway shows its own: gunicorn 8190 bytes, uWSGI the buffer that holds all variables,
uvicorn 16 kB of a head that comes in several reads, sioscgi 64 kB, waitress 256 kB. AJP and uwsgi cannot even say more
than 8 and 64 kB: their lengths have two bytes. flup takes a variable that fills more than one FastCGI record for its
part.
"""
SOURCE = (
    "gunicorn, limit_request_field_size; waitress, max_request_header_size; uWSGI, buffer-size; AJPv13, packet size"
)
UNIT = "kB"
SCOPE = "family"
RUNS = 1


def app(environ, start_response):
    """Tell how much of the header came."""
    return tell(start_response, {"length": len(environ.get("HTTP_X_LONG", ""))})


def probe(cells):
    """Ask each exhibit of the family once: no front is on the way, so both cells have the same answer."""
    from gateway_zoo.traits.outcome import NotAsked

    answers = {}
    for cell in cells:
        twin = next((other for other in answers if other.exhibit is cell.exhibit and not other.inside), None)
        try:
            answers[cell] = answers[twin] if twin and not cell.inside else one(cell)
        except NotAsked as reason:
            answers[cell] = reason
        cell.evidence = cell.evidence or (twin.evidence if twin else [])
    return answers


def one(cell):
    """Speak the gateway's protocol at its socket."""
    from gateway_zoo.traits.limits import longest
    from gateway_zoo.traits.straight import ask_straight

    def attempt(length):
        status, answer = ask_straight(cell, "X-Long", "x" * length)
        if status != "200":
            return status
        return "" if b'"length": %d' % length in answer else "cut"

    return longest(attempt)
