"""The centre's recorder: fronts that record, for Send and for the page of the wire; and the recordings that are kept.

The fronts run in a child process, because starting them forks, and the centre has threads (wire/recorder/session.py).
It starts at the first need. It ends after five idle minutes, by `end`, and with the centre, however that ends: the
kernel closes the pipe between them. The recordings stay.
"""

import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec

from gateway_zoo.centre.refused import Refused
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell
from gateway_zoo.settings import Settings
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.page.follow import Follow
from gateway_zoo.wire.recorder import shelf
from gateway_zoo.wire.recorder.session import IDLE_S, Message
from gateway_zoo.wire.recorder.shelf import Kept

START_S = 30.0
STOP_S = 3.5  # less than the keeper's patience with the centre
LOOK_S = 0.005  # between two looks for an exchange
FEW = 100  # exchanges that are remembered, to give one of them
BUSY, AWAY = 409, 503  # HTTP


class Recordings(msgspec.Struct, frozen=True):
    """What is recorded. `under_way`: name of the recording that grows, or empty. `fronts`: front -> its address, while
    it records. `why`: why the last one ended or did not start."""

    under_way: str
    fronts: dict[str, str]
    why: str
    recordings: list[Kept]


class Recorder:
    """See the module's text. All functions may be called from several threads."""

    def __init__(self, settings: Settings, registry: Registry, idle: float = IDLE_S) -> None:
        self.settings, self.idle = settings, idle
        self.codecs = Codecs(registry)
        self.folder = settings.run / "recordings"
        self._lock = threading.Lock()  # starting and ending
        self._child: subprocess.Popen[bytes] | None = None
        self._cells: list[Cell] = []
        self._why = ""
        self._reading = threading.Lock()
        self._reader: _Reader | None = None

    # --- fronts -------------------------------------------------------------------------------------------------------

    def url(self, front: str, exhibit: str) -> str:
        """The address of an exhibit behind a recording front, which is started if needed. Raises Refused."""
        with self._lock:
            if not self._runs():
                self._start()
            self._keep_alive()
        for cell in self._cells:
            if (cell.front, cell.exhibit) == (front, exhibit):
                if cell.closed:
                    raise Refused(f"{exhibit} behind {front} cannot be recorded: {cell.closed}", BUSY)
                return cell.url
        raise Refused(f"{exhibit[:80]!a} behind {front[:80]!a} cannot be recorded: there is no such cell")

    def start(self) -> None:
        """Begin a recording. Raises Refused."""
        if not self._lock.acquire(blocking=False):
            raise Refused("the recorder is starting or ending; wait a moment", BUSY)
        try:
            if self._runs():
                raise Refused("a recording is under way; end it first", BUSY)
            self._start()
        finally:
            self._lock.release()

    def end(self) -> None:
        """End the recording; it stays. Raises Refused."""
        with self._lock:
            if not self._runs():
                raise Refused("no recording is under way", BUSY)
            self._end()

    def close(self) -> None:
        """End what runs, for the end of the centre."""
        with self._lock:
            self._end()

    def _runs(self) -> bool:
        if self._child and self._child.poll() is not None:
            self._why = self._last_words(self._child)
            self._forget(self._child)
        return self._child is not None

    def _start(self) -> None:
        """Start the child, and wait until its fronts answer. Raises Refused."""
        argv = [sys.executable, "-I", "-m", "gateway_zoo.wire.recorder.session", str(self.folder)]
        argv += ["--idle", str(self.idle)]
        child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self._child = child
        assert child.stdout is not None
        ready, _, _ = select.select([child.stdout], [], [], START_S)
        message = _message(child.stdout.readline()) if ready else Message(why=f"no answer within {START_S:g} s")
        if not message.cells:
            self._why = message.why or "the recorder does not start; the log of the visitor centre says why"
            self._end(self._why)
            raise Refused(f"nothing can be recorded: {self._why}", AWAY)
        self._cells, self._why = message.cells, ""

    def _keep_alive(self) -> None:
        assert self._child is not None
        assert self._child.stdin is not None
        with contextlib.suppress(OSError):  # it has ended just now
            self._child.stdin.write(b".")

    def _end(self, why: str = "") -> None:
        if child := self._child:
            assert child.stdin is not None
            child.stdin.close()
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()  # its watcher ends the fronts
                child.wait()
            self._why = why
            self._forget(child)

    def _forget(self, child: subprocess.Popen[bytes]) -> None:
        for pipe in (child.stdin, child.stdout):
            assert pipe is not None
            pipe.close()
        self._child, self._cells = None, []

    def _last_words(self, child: subprocess.Popen[bytes]) -> str:
        """Why the child ended. Its watcher may still hold the pipe open."""
        assert child.stdout is not None
        os.set_blocking(child.stdout.fileno(), False)
        lines = (child.stdout.read() or b"").splitlines()
        return (_message(lines[-1]).why if lines else "") or "the recorder was ended from outside"

    # --- recordings ---------------------------------------------------------------------------------------------------

    def state(self) -> Recordings:
        """What is recorded, and what is kept. Reads the file's heads only."""
        paths = [shelf.file(self.folder, number) for number in shelf.numbers(self.folder)]
        recordings = [kept for path in (*paths, *self._of_commands()) if (kept := shelf.kept(path))]
        if self._lock.acquire(blocking=False):  # else it is starting or ending
            self._runs()
            self._lock.release()
        fronts = {cell.front: cell.url.removesuffix(f"/{cell.exhibit}") for cell in self._cells if not cell.closed}
        return Recordings(paths[0].stem if fronts and paths else "", fronts, self._why, recordings)

    def path(self, name: str) -> Path | None:
        """The file of a recording that is kept, by its name; None for every other name."""
        known = {path.stem: path for path in (*map(self._file, shelf.numbers(self.folder)), *self._of_commands())}
        return known.get(name)

    def _file(self, number: int) -> Path:
        return shelf.file(self.folder, number)

    def _of_commands(self) -> list[Path]:
        """What `zoo record` wrote."""
        return [path for path in sorted(self.settings.run.glob("wire*.jsonl")) if shelf.kept(path)]

    def exchange(self, request_id: str, seconds: float) -> Exchange | None:
        """The exchange between front and gateway with this X-Request-ID. Waits until its answer is over, or for
        `seconds`; then returns what there is. None: it was not seen."""
        deadline = time.monotonic() + seconds
        while True:
            with self._reading:
                exchange = self._seen(request_id.encode())
                exchange = exchange and exchange.copy()
            if (exchange and exchange.seconds is not None) or time.monotonic() > deadline:
                return exchange
            time.sleep(LOOK_S)

    def _seen(self, sought: bytes) -> Exchange | None:
        """Look in the newest recording; where the next one has just begun, first in the last."""
        exchange = self._reader.find(sought) if self._reader else None
        numbers = shelf.numbers(self.folder)
        newest = self._file(numbers[0]) if numbers else None
        if exchange or newest is None or (self._reader and self._reader.follow.path == newest):
            return exchange
        if self._reader:
            self._reader.follow.close()
        self._reader = _Reader(newest, self.codecs)
        return self._reader.find(sought)


class _Reader:
    """The last exchanges of a recording that grows."""

    def __init__(self, path: Path, codecs: Codecs) -> None:
        self.follow, self._exchanges = Follow(path), Exchanges(codecs, FEW)

    def find(self, sought: bytes) -> Exchange | None:
        """The latest exchange with these bytes in its request."""
        more = True
        while more:
            _, entries, more = self.follow.look()
            for entry in entries:
                self._exchanges.feed(entry)
        return next((each for each in reversed(self._exchanges.all.values()) if sought in each.request), None)


def _message(line: bytes) -> Message:
    with contextlib.suppress(msgspec.MsgspecError):
        return msgspec.json.decode(line, type=Message)
    return Message()
