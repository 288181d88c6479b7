"""The centre's benchmark: one at a time, in a child process (bench/job.py), and the last report.

The child measures, because load and forks do not belong into a server with threads. It ends by itself, by `stop`, and
with the centre, however that ends. What was measured until then stays. While it runs no crowd is sent: the crowd would
be measured, too.
"""

import subprocess
import sys
import threading

import msgspec

from gateway_zoo.bench.job import Message
from gateway_zoo.bench.plan import QUICK_CELLS
from gateway_zoo.bench.records import Report
from gateway_zoo.centre.refused import Refused

STOP_S = 3.0  # less than the keeper's patience with the centre
BUSY = 409  # HTTP


class Job(msgspec.Struct, frozen=True):
    """`runs`: a benchmark is under way, with `text`, `share` (0 to 1) and `left_s` of its progress. `number`: of the
    benchmarks that have ended since the start of the centre; a report belongs to the last. `why`: it has none."""

    runs: bool
    text: str
    share: float
    left_s: float | None
    number: int
    why: str


class BenchJob:
    """See the module's text. All functions may be called from several threads. `alone`: is held while it runs."""

    def __init__(self, alone: threading.Lock) -> None:
        self.report: Report | None = None
        self._alone = alone
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._last = Message()
        self._number = 0

    def state(self) -> Job:
        """How far it is."""
        with self._lock:
            last = self._last
            return Job(self._child is not None, last.text, last.share, last.left_s, self._number, last.why)

    def start(self, ids: list[str], front: str, busy: bool) -> None:
        """Begin. Raises Refused."""
        if not 1 <= len(ids) <= QUICK_CELLS:
            raise Refused(f"expected one to {QUICK_CELLS} exhibits, {len(ids)} were given")
        with self._lock:
            if self._child:
                raise Refused("a benchmark is under way; stop it, or wait for its report", BUSY)
            if not self._alone.acquire(blocking=False):
                raise Refused("a crowd is under way; wait for its picture, then measure", BUSY)
            argv = [sys.executable, "-I", "-m", "gateway_zoo.bench.job", *ids, "--front", front]
            try:
                self._child = subprocess.Popen(
                    [*argv, *(["--busy"] if busy else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
            except OSError:
                self._alone.release()
                raise
            self._last = Message("starting")
            threading.Thread(target=self._read, args=(self._child,), daemon=True).start()

    def stop(self) -> None:
        """End it; what was measured stays. Raises Refused."""
        with self._lock:
            if not self._child or not self._child.stdin:
                raise Refused("no benchmark is under way", BUSY)
            self._child.stdin.close()

    def close(self) -> None:
        """End it with the centre."""
        with self._lock:
            child = self._child
        if child and child.stdin:
            child.stdin.close()
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _read(self, child: subprocess.Popen[bytes]) -> None:
        """Read the child's messages until it ends."""
        assert child.stdout
        last = Message(why="the benchmark was ended from outside")
        with child.stdout:
            for line in child.stdout:
                message = msgspec.json.decode(line, type=Message)
                if message.report or message.why:
                    last = message
                else:
                    self._last = message
        child.wait()
        with self._lock:
            if child.stdin:
                child.stdin.close()
            self.report = last.report
            self._last = Message(why=last.why)
            self._number += 1
            self._child = None
            self._alone.release()
