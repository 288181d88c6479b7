"""Does a cache in the program give one visitor's page to another?"""

import os
import time
from http.cookies import SimpleCookie

AXIS = "Process"
QUESTION = "Can a global variable leak to another visitor?"
WHY = """
The program has a common fault: it keeps a page in a global variable, and forgets that the page belongs to a visitor.
Under CGI the fault stays hidden, because the process ends with the request. In every process that lives longer, the
next visitor reads the page of the first. With several processes it happens only sometimes, and then it is hard to
find.
"""
SOURCE = "RFC 3875, section 3.4; CWE-488, Exposure of Data Element to Wrong Session"
READINGS = 6

pages = {}


def app(environ, start_response):
    """Make a visitor's page; keep it, with a fault: its key lacks the visitor."""
    key = environ["PATH_INFO"]
    if key not in pages:
        time.sleep(0.1)  # it is dear, so it is kept
        visitor = SimpleCookie(environ.get("HTTP_COOKIE", ""))["visitor"].value
        pages[key] = f"The secret of {visitor}\n".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(pages[key])))])
    return [pages[key]]


def probe(cell):
    """Let Alice fill the cache of each process; then Bob asks for the same path."""
    path = f"/{os.urandom(6).hex()}"
    cell.send_at_once(cell.request(path, headers=[("Cookie", "visitor=Alice")]))
    for _ in range(READINGS):
        if b"Alice" in cell.ask(path, headers=[("Cookie", "visitor=Bob")]).body:
            return "yes"
    return "no"
