"""What does the gateway tell about threads and processes?"""

import json

from gateway_zoo.traits.telling import tell

AXIS = "Process"
QUESTION = "What does WSGI tell of threads and processes?"
WHY = """
A WSGI server tells the program in three flags whether other threads or other processes may run it at the same time,
and whether it runs once only. A program that is not safe for threads can refuse to run. ASGI has no such flags: one
event loop calls the program. The flags are a promise, no measurement: mod_fcgid starts four processes, and flup in
each of them knows of no other; fcgisgi tells of processes, and has one.
"""
SOURCE = "PEP 3333, environ Variables and Thread Support; ASGI 3.0"
RUNS = 1
WORDS = {"multithread": "threads", "multiprocess": "processes", "run_once": "once"}


def app(environ, start_response):
    """Tell the flags."""
    return tell(start_response, {name: bool(environ[f"wsgi.{name}"]) for name in WORDS})


async def asgi(scope, receive, send):
    """Tell the keys of the scope: none is a flag."""
    body = json.dumps({"scope": sorted(scope)}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})


def probe(cell):
    """Read the flags."""
    facts = cell.ask_facts()
    if "scope" in facts:
        return "ASGI does not tell"
    flags = [name for name in WORDS if facts[name]]
    return ", ".join(WORDS[name] for name in flags) or "neither"
