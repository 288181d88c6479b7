"""What does the client get if the worker is killed before its answer begins?"""

import os
import signal
from pathlib import Path

AXIS = "Trouble"
QUESTION = "Worker killed before its answer: what comes?"
WHY = """
The kernel closes the sockets of a killed process, so the front sees the end of the connection at once, and need not
wait. nginx calls it a bad gateway (502); Apache's modules differ: 500, 502 or 503. Where the program lives in a worker
process of Apache, no process is left to answer. A front that sends the request again kills the next worker with it: the
evidence counts how often the program ran. Only a safe method like GET may be repeated.
"""
SOURCE = "RFC 9110, sections 9.2.2 and 15.6.3; nginx documentation, proxy_next_upstream"
SCOPE = "front"
RUNS = 1


def app(environ, start_response):
    """Note the run, and kill this process. A file keeps count, and ends the killing after three."""
    runs = Path(os.environ["ZOO_RUN"], f"killed-{Path(environ['PATH_INFO']).name}")
    with runs.open("a") as file:
        file.write("x")
    if runs.stat().st_size <= 3:
        os.kill(os.getpid(), signal.SIGKILL)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [b"alive\n"]


def probe(cells):
    """Ask one cell after another in each family."""
    from gateway_zoo.traits.together import by_families

    return by_families(cells, kill)


def kill(cell):
    """Ask once; count the runs."""
    from gateway_zoo.traits.endings import ending

    mark = os.urandom(8).hex()
    seen = cell.ask(f"/{mark}")
    runs = cell.zoo.run / f"killed-{mark}"
    count = runs.stat().st_size if runs.exists() else 0
    runs.unlink(missing_ok=True)
    cell.note("runs of the program", str(count))
    again = f", sent {count} times" if count > 1 else ""
    return f"{ending(seen)}{again}"
