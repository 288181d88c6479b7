"""Can the client tell that the program failed in the middle of its answer?"""

import os

from gateway_zoo.traits.gate import ask_with_gate, wait_at_gate

AXIS = "Trouble"
QUESTION = "Exception in mid-body: can the client tell?"
WHY = """
The status has gone out as 200, so only the end of the body can tell. gunicorn, waitress and uvicorn leave out the last
chunk of HTTP, and the front passes that on. So does Apache with embedded mod_wsgi. SCGI, uwsgi and CGI have no end but
the end of the connection, so an answer that breaks off looks like a short one. FastCGI and AJP have an end of their
own, but their servers here send it, though the program has failed. A program that gives a Content-Length makes every
break visible.
"""
SOURCE = "PEP 3333, Error Handling; RFC 9112, sections 7.1 and 8; FastCGI 1.0, section 5.5"


def app(environ, start_response):
    """Send a piece; when it has reached the front, fail."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"The first piece.\n" * 8
    wait_at_gate(environ)
    raise RuntimeError(environ["PATH_INFO"][::-1])


def probe(cell):
    """Look at the end of the answer, and for the traceback in every log."""
    from gateway_zoo.traits.endings import ending

    mark = os.urandom(8).hex()
    seen = ask_with_gate(cell, mark)
    cell.note("logs with the traceback", ", ".join(cell.logs_with(mark[::-1].encode())) or "none")
    return ending(seen)
