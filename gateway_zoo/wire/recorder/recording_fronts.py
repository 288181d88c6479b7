"""Start a second nginx and Apache in front of the relay.

    with RecordingFronts(settings, ["nginx"], ["uwsgi"], entries.append) as fronts:
        requests.get(fronts.url("nginx", "uwsgi") + "/hello")

Their configuration is the zoo's, with other sockets (layout.py). This module starts the directory, the watcher, the
fronts and the relay, in this order. The fronts end first, then the relay, the directory and the watcher.

Even if the recorder is killed, nothing stays: a watcher holds the other end of a pipe, and when the pipe closes it ends
what runs in the directory and removes it. Two recorders may run at once: the directory of the second is wire2.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gateway_zoo.errors import Stop, printable
from gateway_zoo.keeper import children, fronts, privileges, process, state
from gateway_zoo.measure import targets
from gateway_zoo.registry.cagefile import FRONTS
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.registry.plans import Cell, Plan
from gateway_zoo.safe_io import own_files
from gateway_zoo.settings import Settings, kind
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.recorder.layout import CannotFront, Layout
from gateway_zoo.wire.recorder.mask_stream import Masking
from gateway_zoo.wire.recorder.relay import Relay
from gateway_zoo.wire.recorder.watcher import TOKEN, sweep
from gateway_zoo.wire.recording import AnyEntry

START_S = 20.0
STOP_S = 4.0
AGAIN_S = 1.0  # a dead front is restarted, at most this often
DIRECTORIES = 20  # recorders at once in one zoo


@dataclass
class _Front:
    """A recording front and its plan. `pid` 0: not running."""

    name: str
    plan: Plan
    pid: int = 0
    started: float = 0.0


class RecordingFronts:
    """See the module's text. A process of root's becomes the zoo's user first, for good, as in `down`.

    `ids`: empty means all. The relay's thread calls `on_entry`, and `on_pause` when there is nothing to do. Secrets are
    masked unless `secrets` is set. `usual`: each front has its port + 10; else any free ports. `cells`: the running
    zoo's, where they are known. Entering raises CannotFront.
    """

    def __init__(
        self,
        settings: Settings,
        names: Sequence[str],
        ids: Sequence[str],
        on_entry: Callable[[AnyEntry], object],
        *,
        on_pause: Callable[[], object] = lambda: None,
        secrets: bool = False,
        usual: bool = False,
        registry: Registry | None = None,
        cells: Sequence[Cell] | None = None,
    ) -> None:
        self.settings, self.names = settings, list(names)
        self.run: Path | None = None  # the recorder's directory, once it exists
        self.error: BaseException | None = None  # the error that ended the relay
        registry = registry or load(settings.root)
        self.relay = Relay(on_entry if secrets else Masking(Codecs(registry), on_entry), on_pause)
        self.layout = Layout(settings, registry, self.relay, ids, usual)
        self._token = os.urandom(16).hex()
        self._cells = cells
        self._fronts: list[_Front] = []
        self._thread = threading.Thread(target=self._run_relay, name="relay")
        self._ending = contextlib.ExitStack()

    def url(self, front: str, exhibit: str) -> str:
        """The address of an exhibit: http://127.0.0.1:8090/uwsgi."""
        return next(each for each in self._fronts if each.name == front).plan.cell(exhibit, front).url

    @property
    def cells(self) -> list[Cell]:
        """The cells of all fronts. One that is not recorded is closed, with the reason."""
        return [cell for front in self._fronts for cell in front.plan.cells if cell.front == front.name]

    # --- life ---------------------------------------------------------------------------------------------------------

    def __enter__(self) -> "RecordingFronts":
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with process.signals_deferred():
            self._ending.close()

    def restart_dead(self) -> None:
        """Start a front that was killed again. A long recording calls this now and then. Raises the error that ended
        the relay."""
        if self.error:
            raise self.error
        for front in self._fronts:
            if front.pid and os.waitpid(front.pid, os.WNOHANG)[0]:
                process.end(self._token, {front.pid}, front.plan.settings.run)  # the workers outlive their master
                front.pid = 0
            if not front.pid and time.monotonic() > front.started + AGAIN_S:
                self._spawn(front)

    def _start(self) -> None:
        """Open the sockets, then fork the fronts, then start the relay's thread: no thread may run at a fork."""
        privileges.become_owner(self.settings)
        cells = self._cells_of_the_zoo()
        self._ending.callback(self.relay.close)
        run, lock = self._directory()
        self._ending.callback(self._tidy, run, lock)
        self._start_watcher(run, lock)
        for name in self.names:
            self._fronts.append(_Front(name, self.layout.plan(name, run / name, cells)))
        for front in self._fronts:
            self._spawn(front)
        self._ending.callback(self._stop_relay)
        with process.signals_deferred():  # the main thread gets the signals: they stay blocked in the relay's
            self._thread.start()
        self._ending.callback(self._stop_fronts)
        for front in self._fronts:
            self._wait(front)

    def _cells_of_the_zoo(self) -> list[Cell]:
        """The running zoo's cells behind the wanted fronts. Raises CannotFront."""
        all_cells = self._cells or cells_of_the_zoo(self.settings)
        cells = [cell for cell in all_cells if cell.front in self.names]
        for name in self.names:
            if name != kind(name):
                raise CannotFront(f"{name} sends what {kind(name)} sends; record that")
            if not any(cell.front == name and not cell.closed for cell in cells):
                raise CannotFront(f"no exhibit is open behind {name}")
        return cells

    def _directory(self) -> tuple[Path, int]:
        """Take the first free directory, and clear what a killed recorder left in it. Returns it and its lock."""
        for number in range(1, DIRECTORIES + 1):
            run = self.settings.run / f"wire{number if number > 1 else ''}"
            if not _is_recorders(run):
                continue
            with contextlib.suppress(state.Locked, FileNotFoundError):
                run.mkdir(mode=0o750, exist_ok=True)
                lock = state.hold(replace(self.settings, run=run))
                if os.fstat(lock).st_ino == run.stat().st_ino:  # another recorder may have removed it just now
                    sweep(run, None)
                    own_files.write(run / TOKEN, self._token)
                    self.run = run
                    return run, lock
                os.close(lock)
        raise CannotFront(f"{self.settings.run}/wire to wire{DIRECTORIES} are taken, by recorders or files of others")

    def _start_watcher(self, run: Path, lock: int) -> None:
        """Start the watcher. It holds the lock, too: the directory stays taken until it has finished."""
        read, write = os.pipe()
        argv = [sys.executable, "-I", "-m", "gateway_zoo.wire.recorder.watcher", str(read), str(run)]
        watcher = subprocess.Popen(
            argv, env={}, stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=(read, lock), cwd="/"
        )
        os.close(read)

        def dismiss() -> None:
            watcher.kill()  # nothing is left for it to do
            watcher.wait()
            os.close(write)

        self._ending.callback(dismiss)

    def _tidy(self, run: Path, lock: int) -> None:
        sweep(run, self._token)
        with contextlib.suppress(OSError):  # it is gone, or has a person's file
            run.rmdir()
        os.close(lock)
        for front in self._fronts:
            if front.pid:
                os.waitpid(front.pid, 0)

    # --- processes ----------------------------------------------------------------------------------------------------

    def _spawn(self, front: _Front) -> None:
        settings = front.plan.settings
        for file in (settings.run / front.name).glob("*.pid"):
            file.unlink()
        front.started = time.monotonic()
        environment = children.environment(settings, front.name, self._token)
        log = settings.logs / f"{front.name}.log"
        front.pid = process.spawn(fronts.command(front.name, settings), environment, settings.sockets, log)

    def _wait(self, front: _Front) -> None:
        """Wait until the front accepts connections. Raises CannotFront."""
        settings = front.plan.settings
        deadline = time.monotonic() + START_S
        while not _answers(settings.port(front.name)):
            if os.waitpid(front.pid, os.WNOHANG)[0] or time.monotonic() > deadline:
                front.pid = 0
                log = (settings.logs / f"{front.name}.log").read_text(encoding="utf-8", errors="replace")
                raise CannotFront(f"{front.name} does not start: {printable(log[-500:])}")
            time.sleep(0.002)

    def _stop_fronts(self) -> None:
        for front in self._fronts:
            if front.pid:
                process.send(front.pid, signal.SIGTERM, self._token, front.plan.settings.run)
        deadline = time.monotonic() + STOP_S
        for front in self._fronts:
            while front.pid and time.monotonic() < deadline:
                if os.waitpid(front.pid, os.WNOHANG)[0]:
                    front.pid = 0
                time.sleep(0.002)

    def _run_relay(self) -> None:
        try:
            self.relay.run()
        except BaseException as error:  # noqa: BLE001 - restart_dead raises it
            self.error = error

    def _stop_relay(self) -> None:
        self.relay.stop()
        self._thread.join()


def cells_of_the_zoo(settings: Settings) -> list[Cell]:
    """The running zoo's cells: from the keeper's list; in a container, as the fronts themselves say. Raises
    CannotFront."""
    if settings.compose:
        try:
            return targets.find(settings, None, targets.around(settings))[1]
        except Stop as problem:
            raise CannotFront(problem.text) from None
    running = state.of_running(settings)
    if running is None:
        raise CannotFront("the zoo is not running; ./zoo up starts it")
    return running.cells


def fronts_of(cells: Sequence[Cell]) -> list[str]:
    """The fronts with an open cell, without further Apaches: they send what the first one sends."""
    with_open = {cell.front for cell in cells if not cell.closed}
    return [front for front in FRONTS if front in with_open]


def _is_recorders(run: Path) -> bool:
    """Tell whether a recorder may use this directory: it is missing, empty, or a recorder made it."""
    if run.is_symlink() or (run.exists() and not run.is_dir()):
        return False
    return not run.exists() or (run / TOKEN).is_file() or not any(run.iterdir())


def _answers(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0
