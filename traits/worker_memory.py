"""How much memory does one more process cost?"""

import os
import time

from gateway_zoo.traits.outcome import Outcome, Unknown
from gateway_zoo.traits.telling import tell

AXIS = "Cost"
QUESTION = "What does one more process cost?"
WHY = """
The figure is what a process has alone (its private pages): so much is free again when it ends, so much one more of its
kind needs. A process that was forked after the program was loaded shares the program's pages with its siblings, until
one of them writes to a page. A process that loads the program itself shares only the libraries of the system. One more
thread costs far less than both.
"""
SOURCE = "proc(5), smaps_rollup: Private_Clean and Private_Dirty; fork(2), copy-on-write"
RUNS = 1
UNIT = "MB"
WITHIN = 0.0  # it rises with all that a process has done before
SHARES = 0.4  # a forked process has about 0.2 of its memory alone, another one 0.6 and more


def memory():
    """Field -> bytes of this process."""
    with open("/proc/self/smaps_rollup", encoding="ascii") as file:
        lines = [line.split() for line in file.readlines()[1:]]
    return {name.rstrip(":"): int(size) * 1024 for name, size, *_ in lines}


def app(environ, start_response):
    """Take a moment, so that other processes answer too; tell the memory of this one."""
    import zoo_app

    assert zoo_app.ping  # loads the zoo's app, as a CGI program of every day does
    time.sleep(0.1)
    fields = memory()
    return tell(
        start_response,
        {"pid": os.getpid(), "alone": fields["Private_Clean"] + fields["Private_Dirty"], "all": fields["Rss"]},
    )


def probe(cell):
    """Take the middle one of all processes that answer."""
    workers = {answer["pid"]: answer for answer in cell.facts_at_once()}
    middle = sorted(workers.values(), key=lambda worker: worker["alone"])[len(workers) // 2]
    if not middle["all"]:
        raise Unknown("the kernel tells no sizes")
    share = middle["alone"] / middle["all"]
    cell.note("share", f"{share:.2f} of its resident memory belongs to process {middle['pid']} alone")
    return Outcome("shares most" if share < SHARES else "shares little", middle["alone"] / 1e6)
