"""Measure the capacity of a URL with wrk: a closed loop, each connection asks again as soon as its answer is there.

wrk's latencies are not read: it adds synthetic values after the run, which must never meet another tool's. Of a closed
loop Little's law gives the mean time of a request exactly: connections / rate.

wrk knows whole seconds only, so it gets more than it needs, and SIGINT ends it, as Ctrl-C would: it then prints what it
has counted. Its `status` counts answers from 400 on; a body that is not the expected one is found by rounds.py.
"""

import json
import math
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from gateway_zoo.bench import tools

SCRIPT = Path(__file__).with_name("wrk_done.lua")
SPARE_S = 10  # that wrk would run longer, should we be unable to end it
TIMEOUT_S = 10  # after which an answer is an error
PATIENCE_S = 5.0  # until it has printed its figures
LOOK_S = 0.25  # between two calls of `meanwhile`


class Load(msgspec.Struct, frozen=True):
    """A closed loop. `errors`: connect, read, write and timeout; `cpu_s`: wrk's own CPU seconds.

    `why`: the reason why wrk has no figures; empty: it has.
    """

    requests: int = 0
    seconds: float = 0.0
    errors: int = 0
    non_2xx: int = 0
    cpu_s: float = 0.0
    why: str = ""

    @property
    def rps(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds if self.seconds else 0.0


def run(
    wrk: str, url: str, seconds: float, connections: int, threads: int, meanwhile: Callable[[], None] = lambda: None
) -> Load:
    """Ask a URL for `seconds`. `meanwhile` is called now and then during the load."""
    argv = [wrk, "-s", str(SCRIPT), "-t", str(threads), "-c", str(connections), "--timeout", f"{TIMEOUT_S}s"]
    argv += ["-d", f"{math.ceil(seconds) + SPARE_S}s", url]
    load = tools.start(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert load.stdout
    cpu_s = 0.0
    try:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and tools.alive(load):
            time.sleep(min(left, LOOK_S))
            meanwhile()
    finally:
        os.kill(load.pid, signal.SIGINT)  # not reaped yet, so the number is still its own
        cpu_s = tools.ended(load, PATIENCE_S)
        text = load.stdout.read().decode("utf-8", "replace")
        load.stdout.close()
    return _figures(text, cpu_s)


def _figures(text: str, cpu_s: float) -> Load:
    """Read the line of wrk_done.lua; without it the last line says why."""
    lines = [line for line in text.splitlines() if line]
    if not lines or not lines[-1].startswith("{"):
        return Load(cpu_s=cpu_s, why=f"wrk: {lines[-1] if lines else 'no output'}")
    counts = json.loads(lines[-1])
    errors = sum(counts[kind] for kind in ("connect", "read", "write", "timeout"))
    return Load(counts["requests"], counts["microseconds"] / 1e6, errors, counts["status"], cpu_s)
