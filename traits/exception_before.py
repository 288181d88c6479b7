"""What does the client get if the program fails before its answer begins?"""

import os

AXIS = "Trouble"
QUESTION = "Exception before the answer: what comes?"
WHY = """
The server catches the exception, because it must serve the next request. It owes the client a 5xx, and the operator a
traceback; a traceback in the page would show strangers how the program works. A CGI program has no server around it:
its own handler (wsgiref) does the same. uWSGI and aioscgi write the traceback and end the answer before it began: nginx
calls that a bad gateway (502), Apache an internal error (500). Through FastCGI Apache takes uWSGI's empty answer for
a good one, and flup's AJP server sends its page of error with the number 200: monitoring sees no error there.
"""
SOURCE = "PEP 3333, Error Handling; RFC 9110, section 15.6; RFC 3875, section 6"


def app(environ, start_response):
    """Fail. The log of the front has the path, so the mark is the path turned round."""
    raise RuntimeError(environ["PATH_INFO"][::-1])


def probe(cell):
    """Look for the traceback in the answer and in every log."""
    mark = os.urandom(8).hex()
    seen = cell.ask(f"/{mark}")
    page = mark[::-1].encode() in seen.received or b"Traceback" in seen.received
    logs = cell.logs_with(mark[::-1].encode())
    cell.note("logs with the traceback", ", ".join(logs) or "none")
    places = [place for place, there in (("log", logs), ("page", page)) if there]
    return f"{seen.status or seen.ended}, traceback in {' and '.join(places)}" if places else f"{seen.status}, no trace"
