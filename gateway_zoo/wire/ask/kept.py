"""`wire -o FILE`: keep what was asked and answered, as a recording, or as a pcap if the name ends in .pcap.

The file is made before a gateway is asked: no request is sent for an answer that cannot be kept. No file is
overwritten, unless it is empty.
"""

import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from msgspec.structs import replace

from gateway_zoo.errors import fail
from gateway_zoo.terminal.messages import say
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.recorder import pcap
from gateway_zoo.wire.recorder.mask_stream import Masking
from gateway_zoo.wire.recording import VERSION, AnyEntry, Opened, Recorded, line


class Kept:
    """A context: the file is removed again if nothing is written to it. Entering raises Stop."""

    def __init__(self, name: str) -> None:
        self.name, self.entries = name, list[AnyEntry]()
        self._connections: dict[int, int] = {}  # of the gateway that is asked now -> in the file
        self._file: IO[bytes] | None = None
        self._new = False

    def __enter__(self) -> "Kept":
        if self.name:
            self._new = not os.path.lexists(self.name)
            self._file = _open(self.name)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()
            if self._new:
                with suppress(OSError):  # a front was asked, so root is given up: an empty file stays
                    os.unlink(self.name)

    def entry(self, entry: AnyEntry) -> None:
        """Take an entry. Each gateway that is asked counts its connections from 1."""
        if isinstance(entry, Recorded):
            return
        if isinstance(entry, Opened):
            self._connections[entry.connection] = sum(isinstance(each, Opened) for each in self.entries) + 1
        self.entries.append(replace(entry, connection=self._connections[entry.connection]))

    def write(self, codecs: Codecs, *, secrets: bool) -> None:
        """Write all entries, masked unless `secrets` is set. Raises Stop."""
        if not self._file:
            return
        entries: list[AnyEntry] = [Recorded(version=VERSION, made=time.time(), secrets=secrets)]
        take = entries.append if secrets else Masking(codecs, entries.append)
        for entry in self.entries:
            take(entry)
        try:
            with self._file as file:
                if self.name.endswith(".pcap"):
                    pcap.export(entries, file, codecs)
                else:
                    file.writelines(map(line, entries))
        except OSError as error:
            fail(f"-o {self.name}: {error.strerror}; not all of it is kept", 3)
        finally:
            self._file = None
        say(f"kept in {self.name}")


def _open(name: str) -> IO[bytes]:
    """Open a new file, or an empty one. Raises Stop."""
    try:
        if name == "-":
            raise FileNotFoundError(0, "no name of a file")
        number = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        fail(f"-o {name}: {error.strerror}; expected a file that can be written", 2)
    facts = os.fstat(number)
    if facts.st_size or not stat.S_ISREG(facts.st_mode):
        os.close(number)
        fail(f"-o {name} exists, and no file is overwritten; give another name, or remove {Path(name).name}", 2)
    return os.fdopen(number, "wb")
