"""Can the client tell that the program failed in the middle of its answer?"""

import os
import time

AXIS = "Trouble"
QUESTION = "Exception in mid-body: can the client tell?"
WHY = """
The status has gone out as 200, so only the end of the body can tell: a last chunk that is missing, or a reset. The
protocol must be able to say it. HTTP's chunks and FastCGI's end of a request can; SCGI and uwsgi end an answer by
closing, so an answer that breaks off looks like a short one. Some servers end the answer in order, though the program
has failed. A program that gives a Content-Length makes every break visible.
"""
SOURCE = "PEP 3333, Error Handling; RFC 9112, sections 7.1 and 8; FastCGI 1.0, section 5.5"


def app(environ, start_response):
    """Send a piece; when it has reached the front, fail."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"The first piece.\n" * 8
    time.sleep(0.1)
    raise RuntimeError(environ["PATH_INFO"][::-1])


def probe(cell):
    """Look at the end of the answer, and for the traceback in every log."""
    from gateway_zoo.traits.endings import ending

    mark = os.urandom(8).hex()
    seen = cell.ask(f"/{mark}")
    cell.note("logs with the traceback", ", ".join(cell.logs_with(mark[::-1].encode())) or "none")
    return ending(seen)
