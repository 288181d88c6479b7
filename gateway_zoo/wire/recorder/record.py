"""`zoo record`: fronts of our own before the running zoo's gateways, and all that crosses between them in a file.

The file grows as things happen; a recorder that is killed leaves it good up to there. One line is printed for each
finished exchange, as long as people could read it: of more than FOLLOWED new connections in a second the others are
only counted, and recorded like all.
"""

import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from gateway_zoo.errors import fail, known_ids, printable
from gateway_zoo.keeper import privileges, process, state
from gateway_zoo.keeper.own_zoo import child, stop_like_ctrl_c
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import Settings
from gateway_zoo.terminal.messages import say
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchanges import Exchange, Exchanges
from gateway_zoo.wire.recorder.layout import CannotFront
from gateway_zoo.wire.recorder.recording_fronts import RecordingFronts
from gateway_zoo.wire.recording import VERSION, AnyEntry, BadRecording, Bytes, Closed, Opened, Recorded, line, read

FOLLOWED = 100
SHOWN = 5000  # exchanges that are remembered, to print each once
WAITING = 2000  # entries of at most 64 KiB that wait to be printed
MOST_OF_HEAD = 4096  # bytes of a recording's first line
PAGE = "gateway_zoo.wire.page"


class Recorder:
    """Writes entries to a file, in the relay's thread, and hands some on to be printed."""

    def __init__(self, file: IO[bytes], secrets: bool) -> None:
        self.file = file
        self.bytes = self.skipped = 0
        self.to_print = queue.SimpleQueue[AnyEntry | None]()  # None: some were lost
        self._followed: set[int] = set()
        self._second, self._new = 0, 0
        self.entry(Recorded(version=VERSION, made=time.time(), secrets=secrets))
        self.pause()

    def entry(self, entry: AnyEntry) -> None:
        self.file.write(line(entry))
        if isinstance(entry, Recorded):
            return
        if isinstance(entry, Opened):
            self._follow(entry)
        elif isinstance(entry, Bytes):
            self.bytes += len(entry.data)
        if entry.connection in self._followed:
            self.to_print.put(entry)
            if isinstance(entry, Closed):
                self._followed.remove(entry.connection)
            if self.to_print.qsize() > WAITING:
                self._lose()

    def _follow(self, entry: Opened) -> None:
        if int(entry.at) != self._second:
            self._second, self._new = int(entry.at), 0
        self._new += 1
        if self._new <= FOLLOWED:
            self._followed.add(entry.connection)
        else:
            self.skipped += 1

    def _lose(self) -> None:
        """The terminal takes no more, or not as fast: what waits for it is only counted."""
        with suppress(queue.Empty):
            while True:
                if lost := self.to_print.get_nowait():
                    assert not isinstance(lost, Recorded)
                    self._followed.add(lost.connection)
        self.skipped += len(self._followed)
        self._followed.clear()
        self.to_print.put(None)

    def pause(self) -> None:
        """There is time: let readers of the file see what there is."""
        self.file.flush()


def run(
    settings: Settings, ids: Sequence[str] | None, names: Sequence[str], output: str, *, secrets: bool, page: bool
) -> int:
    """Record until Ctrl-C. Exit 3: the zoo does not run, or the recording came to an end by itself. A Ctrl-C before it
    has begun is raised."""
    registry = load(settings.root)
    wanted = known_ids(list(ids or []), list(registry.exhibits))
    if unknown := [name for name in names if name not in ("nginx", "apache")]:
        fail(f"unknown front '{unknown[0]}'; expected nginx or apache", 2)
    settings.only_natively(
        "a container cannot record between a front and its gateways; record a zoo started by ./zoo up"
    )
    if not state.running(settings):
        fail("the zoo is not running; ./zoo up starts it", 3)
    if page and output and os.geteuid() == 0:
        fail("--page cannot show a file of root's, because it gives root up; leave -o out, and copy the file later", 2)
    codecs = Codecs(registry)
    for protocol in codecs.protocols:
        codecs[protocol]  # loaded now: a Ctrl-C in the middle of that would end Python with its signal at the very end
    stop_like_ctrl_c()
    # Without -o it takes the last one's place when it has begun: wire.jsonl, or wire2.jsonl beside another recorder.
    path = final = Path(output).absolute() if output else settings.run / f"wire.{os.getpid()}"
    file, remover, began = None, None, False
    try:
        with process.signals_deferred():  # a file that is made is also removed
            file, remover = _opened(settings, path, persons=bool(output))
        with file:
            recorder = Recorder(file, secrets)
            printer = Printer(recorder, codecs)
            fronted = RecordingFronts(
                *(settings, list(dict.fromkeys(names)) or _running(settings), wanted, recorder.entry),
                on_pause=recorder.pause,
                secrets=secrets,
                usual=True,
                registry=registry,
            )
            with suppress(KeyboardInterrupt), fronted:
                _anything(fronted)
                if not output:
                    assert fronted.run
                    final = fronted.run.with_suffix(".jsonl")
                    _must_be_a_recording(final)
                    path.replace(final)
                if remover:
                    remover.communicate(b"stay\n")
                began = True
                _tell(fronted, final, secrets)
                _stay(fronted, printer, final if page else None)
            if not began:
                raise KeyboardInterrupt
            printer.rest()
            _sum_up(fronted, recorder, final)
    except CannotFront as error:
        fail(str(error), 3)
    except OSError as error:
        fail(f"{final}: the recording ends: {error.strerror or error}", 3)
    finally:
        if file and not began:
            _remove(path, remover)
    return 0


def _opened(settings: Settings, path: Path, *, persons: bool) -> "tuple[IO[bytes], subprocess.Popen[bytes] | None]":
    """The file, and who removes it again; root is given up. `persons`: it is to be the person's who asks."""
    if not persons:
        privileges.become_owner(settings)
        return _open(path), None
    file, remover = _open(path), _remover(path)
    privileges.become_owner(settings)
    return file, remover


def _open(path: Path) -> IO[bytes]:
    """A file that is there already is somebody's recording: never overwritten."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
    except FileExistsError:
        fail(f"{path} exists, and no recording is overwritten; give another name, or remove it", 2)
    except OSError as error:
        fail(f"{path}: {error.strerror}; expected a file that can be written", 2)


def _remover(path: Path) -> "subprocess.Popen[bytes]":
    """Removes the file of a recording that never begins, unless it is told a line. Without root we may not do it."""
    argv = ["/bin/sh", "-c", 'read -r line || rm -f -- "$0"', str(path)]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True)


def _remove(path: Path, remover: "subprocess.Popen[bytes] | None") -> None:
    if remover:
        remover.communicate()  # not a line
    with suppress(OSError):
        path.unlink()


def _must_be_a_recording(path: Path) -> None:
    """What is to be replaced, if it is there. Raises CannotFront: a person's file is not overwritten."""
    if not path.is_symlink() and not path.exists():
        return
    try:
        with path.open("rb") as file:
            next(read(iter([file.readline(MOST_OF_HEAD)]), str(path)))
        a_file = path.is_file() and not path.is_symlink()
    except (OSError, BadRecording):
        a_file = False
    if not a_file:
        raise CannotFront(f"{path} is no recording of the zoo's, and is not overwritten; move it, or give -o FILE")


def _anything(fronted: RecordingFronts) -> None:
    """Raises CannotFront where nothing that is wanted can be recorded."""
    if all(cell.closed for cell in fronted.cells):
        wanted = fronted.layout.ids
        whys = [f"{cell.exhibit}: {cell.closed}" for cell in fronted.cells if not wanted or cell.exhibit in wanted]
        raise CannotFront(f"nothing of this can be recorded: {'; '.join(dict.fromkeys(whys))}")


def _running(settings: Settings) -> list[str]:
    """The fronts of the running zoo that we have a name for."""
    there = {cell.front for cell in state.running_cells(settings) if not cell.closed}
    return [front for front in ("nginx", "apache") if front in there]


def _tell(fronted: RecordingFronts, path: Path, secrets: bool) -> None:
    for front in fronted.names:
        mine = [cell for cell in fronted.cells if cell.front == front]
        some = next((cell for cell in mine if not cell.closed), None)
        if some is None:
            say(f"nothing behind {front} can be recorded")
            continue
        url = some.url.rpartition("/")[0].replace("http://127.0.0.1", "localhost")
        say(f"{front} is recorded on {url}: curl {url}/{some.exhibit}/hello")
        inside = [cell.exhibit for cell in mine if cell.closed and "no socket between" in cell.closed]
        if inside:
            say(f"inside {front}, with no socket to record: {', '.join(inside)}")
    say(f"writing {path}" + (", passwords and cookies included" if secrets else ""))
    say("Ctrl-C ends the recording.")


class Printer:
    """A line for each exchange that is over, in the main thread."""

    def __init__(self, recorder: Recorder, codecs: Codecs) -> None:
        self.recorder = recorder
        self._wires = codecs
        self._skipped = 0
        self._begin()

    def _begin(self) -> None:
        self._exchanges = Exchanges(self._wires, SHOWN, keep=lambda _: 0)
        self._printed: set[int] = set()

    def wait(self, seconds: float) -> None:
        """For the next entry, that long."""
        try:
            entry = self.recorder.to_print.get(timeout=seconds) if seconds else self.recorder.to_print.get_nowait()
        except queue.Empty:
            self._skip()
            return
        if entry is None:
            self._begin()
            return
        for exchange in self._exchanges.feed(entry):
            if exchange.seconds is not None and exchange.number not in self._printed:
                self._printed.add(exchange.number)
                self._printed.discard(exchange.number - SHOWN)
                _print(one_line(exchange))

    def _skip(self) -> None:
        if (skipped := self.recorder.skipped) != self._skipped:
            _print(f"… and {skipped - self._skipped} more connections, recorded too")
            self._skipped = skipped

    def rest(self) -> None:
        """What was recorded before the end."""
        while not self.recorder.to_print.empty():
            self.wait(0)
        self._skip()


def _print(text: str) -> None:
    """Whoever reads it may have gone (`| head`); the recording goes on."""
    try:
        print(text, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stay(fronted: RecordingFronts, printer: Printer, page: Path | None) -> None:
    """Print and look after things, until somebody interrupts: not in the middle of an entry, which would be lost."""
    ended: list[int] = []
    for number in process.ENDINGS:
        signal.signal(number, lambda number, _: ended.append(number))
    viewer = _start_page(page) if page else None
    try:
        while not ended:
            fronted.restart_dead()
            printer.wait(0.2)
    finally:
        if viewer:
            viewer.terminate()
            viewer.wait()


def _start_page(path: Path) -> "subprocess.Popen[bytes]":
    """The page that shows the file as it grows: a process of its own, which ends with us."""
    return child([sys.executable, "-I", "-m", PAGE, str(path)], signal.SIGTERM, stdin=subprocess.DEVNULL)


def one_line(exchange: Exchange) -> str:
    """`10:15:01 nginx uwsgi GET /uwsgi/hello 200 1.2 ms, 612 bytes there, 123 back`; strangers wrote some of it."""
    clock = time.strftime("%H:%M:%S", time.localtime(exchange.began))
    asked = f"{exchange.method or '-'} {exchange.target or '-'} {exchange.status or '-'}"
    took = f"{(exchange.seconds or 0) * 1000:.1f} ms"
    sizes = f"{exchange.size('request')} bytes there, {exchange.size('response')} back"
    errors = "".join(f"; {error}" for error in exchange.errors)
    return printable(f"{clock} {exchange.front} {exchange.exhibit} {asked} {took}, {sizes}{errors}")


def _sum_up(fronted: RecordingFronts, recorder: Recorder, path: Path) -> None:
    with suppress(OSError):  # the terminal may be gone
        say(f"{fronted.relay.count} connections, {recorder.bytes} bytes on them; ./zoo wire --show {path} lists them")
