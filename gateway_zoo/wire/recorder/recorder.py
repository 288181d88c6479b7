"""Write the entries of a recording, and print its exchanges.

The relay's thread writes (`Recorder`), the main thread prints (`Printer`). A terminal may be slow, and a person reads
few lines a second: of more than FOLLOWED new connections in a second the others are counted, not printed. All are
recorded.
"""

import os
import queue
import sys
import time
from contextlib import suppress
from typing import IO

from gateway_zoo.errors import printable
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.recording import VERSION, AnyEntry, Bytes, Closed, Opened, Recorded, line

FOLLOWED = 100  # new connections in a second that are printed
SHOWN = 5000  # exchanges that are remembered, to print each once
WAITING = 2000  # entries of at most 64 KiB that wait to be printed


class Recorder:
    """Writes entries to a file, and puts those of followed connections into `to_print`."""

    def __init__(self, file: IO[bytes], secrets: bool) -> None:
        self.file, self.secrets = file, secrets
        self.bytes = self.skipped = 0
        self.to_print = queue.SimpleQueue[AnyEntry | None]()  # None: entries were dropped here
        self._followed: set[int] = set()
        self._second, self._new = 0, 0
        self.entry(Recorded(version=VERSION, made=time.time(), secrets=secrets))
        self.pause()

    def entry(self, entry: AnyEntry) -> None:
        """Write an entry. Raises OSError."""
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
                self._drop()

    def _follow(self, entry: Opened) -> None:
        if int(entry.at) != self._second:
            self._second, self._new = int(entry.at), 0
        self._new += 1
        if self._new <= FOLLOWED:
            self._followed.add(entry.connection)
        else:
            self.skipped += 1

    def _drop(self) -> None:
        """Drop what waits for a slow terminal, and count its connections as skipped."""
        with suppress(queue.Empty):
            while True:
                if dropped := self.to_print.get_nowait():
                    assert not isinstance(dropped, Recorded)
                    self._followed.add(dropped.connection)
        self.skipped += len(self._followed)
        self._followed.clear()
        self.to_print.put(None)

    def pause(self) -> None:
        """Flush the file while nothing crosses, so that readers see all of it."""
        self.file.flush()


class Printer:
    """Prints a line for each exchange whose answer is complete, and another if a problem follows."""

    def __init__(self, recorder: Recorder, codecs: Codecs) -> None:
        self.recorder = recorder
        self._codecs = codecs
        self._skipped = 0
        self._begin()

    def _begin(self) -> None:
        self._exchanges = Exchanges(self._codecs, SHOWN, keep=lambda _: 0)
        self._printed: dict[int, int] = {}  # exchange -> problems that its line told

    def print_next(self, seconds: float) -> None:
        """Wait that long for an entry, and print the exchange that it ends."""
        try:
            entry = self.recorder.to_print.get(timeout=seconds) if seconds else self.recorder.to_print.get_nowait()
        except queue.Empty:
            self._print_skipped()
            return
        if entry is None:
            self._begin()
            return
        for exchange in self._exchanges.feed(entry):
            problems = len(exchange.errors) + len(exchange.warnings)
            if exchange.seconds is not None and self._printed.get(exchange.number) != problems:
                self._printed[exchange.number] = problems
                self._printed.pop(exchange.number - SHOWN, None)
                _print(one_line(exchange))

    def print_rest(self) -> None:
        """Print what was recorded before the end."""
        while not self.recorder.to_print.empty():
            self.print_next(0)
        self._print_skipped()

    def _print_skipped(self) -> None:
        if (skipped := self.recorder.skipped) != self._skipped:
            _print(f"… and {skipped - self._skipped} more connections, recorded too")
            self._skipped = skipped


def _print(text: str) -> None:
    """Print a line. The reader may be gone (`| head`): then the recording goes on in silence."""
    try:
        print(text, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def one_line(exchange: Exchange) -> str:
    """One line, with strangers' bytes escaped: `10:15:01 nginx uwsgi GET /uwsgi/hello 200 1.2 ms, 612 bytes to the
    gateway, 123 from the gateway`."""
    clock = time.strftime("%H:%M:%S", time.localtime(exchange.began))
    request = f"{exchange.method or '-'} {exchange.target or '-'} {exchange.status or '-'}"
    took = f"{(exchange.seconds or 0) * 1000:.1f} ms"
    sizes = f"{exchange.size('request')} bytes to the gateway, {exchange.size('response')} from the gateway"
    errors = "".join(f"; {error}" for error in exchange.errors)
    warnings = "".join(f"; warning: {warning}" for warning in exchange.warnings)
    return printable(f"{clock} {exchange.front} {exchange.exhibit} {request} {took}, {sizes}{errors}{warnings}")
