"""`zoo record`: write the bytes to and from gateways to a file.

It starts fronts of its own before the running zoo's gateways. The file grows while things happen: a recorder that is
killed leaves a good file. A line is printed for each exchange that is over (recorder.py).
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from gateway_zoo.errors import fail, known_ids
from gateway_zoo.keeper import privileges, process, state
from gateway_zoo.keeper.own_zoo import child, stop_like_ctrl_c
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import Settings
from gateway_zoo.terminal.messages import say
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.recorder.layout import CannotFront
from gateway_zoo.wire.recorder.recorder import Printer, Recorder
from gateway_zoo.wire.recorder.recording_fronts import RecordingFronts, cells_of_the_zoo, fronts_of
from gateway_zoo.wire.recording import BadRecording, read

MOST_OF_HEAD = 4096  # bytes of a recording's first line
FRONTS = ("nginx", "apache")


def run(
    settings: Settings, ids: Sequence[str] | None, names: Sequence[str], output: str, *, secrets: bool, page: bool
) -> int:
    """Record until Ctrl-C. Returns 0.

    Raises Stop: 2 for a wrong command line, 3 if the zoo does not run or the recording ends by itself. Raises
    KeyboardInterrupt for a Ctrl-C before the recording has begun. Started as root, it becomes the zoo's user.
    """
    registry = load(settings.root)
    ids = known_ids(list(ids or []), list(registry.exhibits))
    _check(settings, names, output)
    if page and settings.compose and (output or secrets or not settings.centre_port):
        fail("a container has no page of its own, and the visitor centre shows no file of -o and no --secrets", 2)
    codecs = Codecs(registry)
    for protocol in codecs.protocols:
        codecs[protocol]  # loaded now: a Ctrl-C while a module loads would end Python with its signal at the very end
    stop_like_ctrl_c()
    privileges.become_owner(settings)
    with _OutputFile(settings, output) as file:
        try:
            with file.opened:
                cells = cells_of_the_zoo(settings)
                recorder = Recorder(file.opened, secrets)
                fronts = RecordingFronts(
                    *(settings, list(dict.fromkeys(names)) or fronts_of(cells), ids, recorder.entry),
                    on_pause=recorder.pause,
                    secrets=secrets,
                    usual=True,
                    registry=registry,
                    cells=cells,
                )
                _record(fronts, Printer(recorder, codecs), file, page=page)
        except CannotFront as error:
            fail(str(error), 3)
        except OSError as error:
            fail(f"{file.path}: the recording ends: {error.strerror or error}", 3)
    return 0


def _check(settings: Settings, names: Sequence[str], output: str) -> None:
    if unknown := [name for name in names if name not in FRONTS]:
        fail(f"unknown front '{unknown[0]}'; expected nginx or apache", 2)
    if settings.compose and os.environ.get("ZOO_FAMILY") != "centre":
        fail("only the visitor centre's container has ports for this: docker compose exec centre zoo record", 3)
    if not settings.compose and not state.running(settings):
        fail("the zoo is not running; ./zoo up starts it", 3)
    if output and os.geteuid() == 0:
        fail("-o cannot name a file of root's, because record gives root up; leave it out, and copy the file later", 2)


class _OutputFile:
    """The new file of a recording. It is removed again if the recording does not begin.

    Without -o it has a name of its own until it replaces the last recording: wire.jsonl, or wire2.jsonl beside another
    recorder.
    """

    def __init__(self, settings: Settings, output: str) -> None:
        self.path = Path(output).absolute() if output else settings.run / f"wire.{os.getpid()}"
        self.named = bool(output)
        self.began = self.created = False
        self.opened: IO[bytes]

    def __enter__(self) -> "_OutputFile":
        try:
            with process.signals_deferred():  # no Ctrl-C between making the file and knowing that it is there
                self.opened = new_file(self.path)
                self.created = True
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.created and not self.began:
            with suppress(OSError):
                self.path.unlink()

    def begin(self, fronts: RecordingFronts) -> None:
        """Keep the file. Raises CannotFront if it would replace a file that is no recording."""
        if not self.named:
            assert fronts.run
            last = fronts.run.with_suffix(".jsonl")
            _must_be_a_recording(last)
            self.path.replace(last)
            self.path = last
        self.began = True


def new_file(path: Path) -> IO[bytes]:
    """Make the file. Raises Stop if it exists: it may be a recording, and none is overwritten."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
    except FileExistsError:
        fail(f"{path} exists, and no recording is overwritten; give another name, or remove it", 2)
    except OSError as error:
        fail(f"{path}: {error.strerror}; expected a file that can be written", 2)


def _must_be_a_recording(path: Path) -> None:
    """Check a file that is to be replaced, if it exists. Raises CannotFront: a person's file is not overwritten."""
    if not path.is_symlink() and not path.exists():
        return
    try:
        with path.open("rb") as file:
            next(read(iter([file.readline(MOST_OF_HEAD)]), str(path)))
        is_recording = path.is_file() and not path.is_symlink()
    except (OSError, BadRecording):
        is_recording = False
    if not is_recording:
        raise CannotFront(f"{path} is no recording of the zoo's, and is not overwritten; move it, or give -o FILE")


def _record(fronts: RecordingFronts, printer: Printer, file: _OutputFile, *, page: bool) -> None:
    """Start the fronts, record until Ctrl-C, sum up."""
    with suppress(KeyboardInterrupt), fronts:
        _check_open_cells(fronts)
        file.begin(fronts)
        _announce(fronts, file.path, printer.recorder.secrets)
        if page and not file.named and not printer.recorder.secrets and (centre := _centre(fronts.settings)):
            print(f"{centre}/wire?recording={file.path.stem}", flush=True)
            page = False
        print_until_ctrl_c(fronts.restart_dead, printer, file.path if page else None)
    if not file.began:
        raise KeyboardInterrupt
    zoo = "docker compose exec centre zoo" if fronts.settings.compose else "./zoo"
    sum_up(printer, fronts.relay.count, file.path, zoo)


def _centre(settings: Settings) -> str:
    """The address of the visitor centre, which shows recordings of this run directory; empty where none runs."""
    running = state.of_running(settings)
    runs = settings.compose or (running is not None and "centre" in running.sessions)
    return f"http://localhost:{settings.centre_port}" if runs and settings.centre_port else ""


def sum_up(printer: Printer, connections: int, file: Path, zoo: str = "./zoo") -> None:
    """Print what is not printed yet, and the totals."""
    printer.print_rest()
    with suppress(OSError):  # the terminal may be gone
        counts = f"{connections} connection{'' if connections == 1 else 's'}, {printer.recorder.bytes} bytes"
        say(f"{counts}; {zoo} wire --show {file} lists them")


def _check_open_cells(fronts: RecordingFronts) -> None:
    """Raise CannotFront if no wanted cell can be recorded."""
    if all(cell.closed for cell in fronts.cells):
        ids = fronts.layout.ids
        whys = [f"{cell.exhibit}: {cell.closed}" for cell in fronts.cells if not ids or cell.exhibit in ids]
        raise CannotFront(f"nothing of this can be recorded: {'; '.join(dict.fromkeys(whys))}")


def _announce(fronts: RecordingFronts, path: Path, secrets: bool) -> None:
    for front in fronts.names:
        cells = [cell for cell in fronts.cells if cell.front == front]
        example = next((cell for cell in cells if not cell.closed), None)
        if example is None:
            say(f"nothing behind {front} can be recorded")
            continue
        url = example.url.rpartition("/")[0].replace("http://127.0.0.1", "localhost")
        say(f"{front} is recorded on {url}: curl {url}/{example.exhibit}/hello")
        inside = [cell.exhibit for cell in cells if cell.closed and "no socket between" in cell.closed]
        if inside:
            say(f"inside {front}, with no socket to record: {', '.join(inside)}")
    say(f"writing {path}" + (", passwords and cookies included" if secrets else ""))
    say("Ctrl-C ends the recording.")


def print_until_ctrl_c(look: Callable[[], object], printer: Printer, page: Path | None) -> None:
    """Print exchanges, and call `look` now and then, until a signal comes. No signal interrupts an entry."""
    signals: list[int] = []
    for number in process.ENDINGS:
        signal.signal(number, lambda number, _: signals.append(number))
    argv = [sys.executable, "-I", "-m", "gateway_zoo.wire.page", str(page)]  # it ends when this process ends
    viewer = child(argv, signal.SIGTERM, stdin=subprocess.DEVNULL) if page else None
    try:
        while not signals:
            look()
            printer.print_next(0.2)
    finally:
        if viewer:
            viewer.terminate()
            viewer.wait()
