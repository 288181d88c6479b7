"""Where does `environ["wsgi.errors"]` write to?"""

import secrets
import time

AXIS = "Response"
QUESTION = "Where does wsgi.errors write to?"
WHY = """
Every WSGI server gives the program a stream for errors, so that it need not know where logs are. Most servers write to
their own log. FastCGI can carry the text to the front beside the answer (STDERR records): fcgisgi does so, and flup
does both. A CGI program has standard error, which is that of its parent: of Apache, or of fcgiwrap.
"""
SOURCE = "PEP 3333, Input and Error Streams; FastCGI 1.0, section 5.3; RFC 3875, section 9.1"


def app(environ, start_response):
    """Write the query backwards: the log of the request has it forwards."""
    environ["wsgi.errors"].write("wrote " + environ["QUERY_STRING"][::-1] + "\n")
    environ["wsgi.errors"].flush()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]


def probe(cell):
    """Look into the answer, then into every log."""
    mark = secrets.token_hex(8)
    seen = cell.ask(f"/?{mark}")
    wrote = b"wrote " + mark[::-1].encode()
    if cell.logs_with(wrote):
        time.sleep(0.1)  # another log may be a little later
    logs = cell.logs_with(wrote, 0)
    cell.note("logs", f"{wrote.decode()}: {', '.join(logs) or 'in no log'}")
    if wrote in seen.received:
        return "the answer"
    if seen.status != 200:
        return str(seen.status or seen.ended)
    names = sorted(["gateway" if log == cell.family.id else log for log in logs], key="gateway".__ne__)
    return " and ".join(f"{name}'s" for name in names) + " log" if names else "lost"
