"""Where does `print()` go?

The program prints a line and does not flush. If the line is nowhere, the probe asks once more, with a flush.
"""

import secrets

AXIS = "Response"
QUESTION = "Where does print() write to?"
WHY = """
Standard output belongs to the process. A CGI program's standard output is the answer itself, so print() writes into it,
even between the headers. Servers that live on have it as a log, or throw it away. Python keeps printed text in a buffer
if the output is no terminal, so it may come much later, or never after a crash.
"""
SOURCE = "RFC 3875, section 6; PEP 3333, Input and Error Streams; Python, sys.stdout"
RUNS = 1


def app(environ, start_response):
    """Print the query backwards: the log of the request has it forwards."""
    mark, _, flush = environ["QUERY_STRING"].partition("-")
    print("printed " + mark[::-1], flush=bool(flush))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return iter([b"first\n", b"second\n"])


def probe(cell):
    """Look into the answer, then into every log."""
    return _place(cell, "") or _late(cell) or "lost"


def _late(cell):
    place = _place(cell, "-flush")
    return place and f"{place}, if flushed"


def _place(cell, flush):
    mark = secrets.token_hex(8)
    seen = cell.ask(f"/?{mark}{flush}")
    printed = b"printed " + mark[::-1].encode()
    if printed in seen.received:
        return "the answer"
    logs = cell.logs_with(printed, 0.5)
    cell.note("logs", f"{printed.decode()}: {', '.join(logs) or 'in no log'}")
    if seen.status != 200:
        return f"breaks the answer: {seen.status or seen.ended}"
    names = ["gateway" if log == cell.family.id else log for log in logs]
    return " and ".join(f"{name}'s" for name in names) + " log" if names else ""
