"""Can the client tell that the worker was killed in the middle of its answer?"""

import os
import signal

from gateway_zoo.traits.gate import ask_with_gate, wait_at_gate

AXIS = "Trouble"
QUESTION = "Worker killed in mid-body: can the client tell?"
WHY = """
The kernel closes the socket, and nothing ends the answer in order. Where closing is the end of an answer (SCGI, uwsgi,
CGI, HTTP without length and chunks), the half answer looks complete, and a cache may keep it. HTTP's last chunk is
missing, and the front passes that on by leaving out its own. Apache also misses the end of a request in FastCGI and
AJP. nginx does not look for FastCGI's: it sees only a reset, which the kernel sends if the killed process had not read
all (flup leaves the empty last FCGI_STDIN unread, fcgisgi and uWSGI do not).
"""
SOURCE = "RFC 9112, section 8; FastCGI 1.0, section 5.5; SCGI, section 4; uwsgi protocol"
SCOPE = "front"
RUNS = 1


def app(environ, start_response):
    """Send a piece; when it has reached the front, kill this process."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"The first piece.\n" * 8
    wait_at_gate(environ)
    os.kill(os.getpid(), signal.SIGKILL)


def probe(cells):
    """Ask one cell after another in each family."""
    from gateway_zoo.traits.together import by_families

    return by_families(cells, kill)


def kill(cell):
    """Look at the end of the answer."""
    from gateway_zoo.traits.endings import ending

    return ending(ask_with_gate(cell))
