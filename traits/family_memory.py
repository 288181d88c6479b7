"""How much memory do the processes of a gateway have?"""

import os
import time

from gateway_zoo.traits.outcome import NotAsked, Outcome, Unknown
from gateway_zoo.traits.telling import tell

AXIS = "Cost"
QUESTION = "How much memory has the gateway at rest?"
WHY = """
The figure is PSS: memory that several processes share counts once, divided among them. Every process of Python with its
own copy of the program costs tens of megabytes; forked processes share most of it, threads share all. Under CGI only
the starter of programs waits, and it is small. All processes have answered a request before, and none has one now.
"""
SOURCE = "proc(5), smaps_rollup: Pss"
RUNS = 1
UNIT = "MB"
WITHIN = 0.0  # it falls when other families share the same pages


def app(environ, start_response):
    """Take a moment, so that other processes answer too; tell the process."""
    time.sleep(0.1)
    return tell(start_response, {"pid": os.getpid()})


def probe(cell):
    """Let every process answer; then add up the memory of those that still live."""
    import psutil

    pids = {answer["pid"] for answer in cell.facts_at_once()}
    family = cell.processes()
    if cell.inside and not pids.intersection(process.pid for process in family):
        raise NotAsked(f"its processes are those of {cell.front}, or end with the request")
    sizes = {}
    for process in family:
        try:
            sizes[f"{process.pid} {process.name()}"] = process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied:
            raise Unknown("the kernel does not let us read the memory of its processes") from None
    cell.note("PSS of each process", "\n".join(f"{name}: {size:,} bytes" for name, size in sizes.items()))
    count = len(sizes)
    return Outcome(f"{count} process{'es' if count > 1 else ''}", sum(sizes.values()) / 1e6)
