"""A recording that is still being written: its entries so far, and again those that have been added since.

The file may not be there yet; its last line may be half written; the next recording may take its place, as a new file
or in the same one. So each look begins with the question whether it is still the same: device and inode, not shorter
than what was read, and beginning with the same line.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gateway_zoo.wire.recording import AnyEntry, BadRecording, checked

SLICE = 1 << 18  # bytes of one look
LONGEST = 1 << 24  # bytes of a line; a relay writes what arrived together, some 64 KiB


class Look(NamedTuple):
    """What one look has found. `anew`: another recording has begun. `more`: look again at once."""

    anew: bool
    entries: list[AnyEntry]
    more: bool


class Follow:
    """`problem` says why nothing is read. A line that is wrong ends it, until another recording comes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = -1
        self._begin(-1)

    def _begin(self, file: int) -> None:
        self.close()
        self._file, self._at, self._rest, self._head, self._lines = file, 0, b"", b"", 0
        self.problem = self._wrong = ""

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def look(self) -> Look:
        """Never raises: what is wrong is in `problem`."""
        try:
            anew = self._another()
            piece = b"" if self._file < 0 or self._wrong else os.pread(self._file, SLICE, self._at)
        except OSError as error:
            self.problem = f"{self.path}: {error.strerror}"
            return Look(False, [], False)
        self._at += len(piece)
        entries = list(self._entries(piece))
        self.problem = self._wrong
        return Look(anew, entries, len(piece) == SLICE and not self._wrong)

    def _another(self) -> bool:
        """Open what is at the path, if that is not what we read already."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return False  # not there yet; or no longer, and what was read stays good
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "no regular file; expected a recording")
        if self._file >= 0 and os.path.samestat(found, os.fstat(self._file)) and self._grows(found.st_size):
            return False
        self._begin(os.open(self.path, os.O_RDONLY | os.O_CLOEXEC))
        return True

    def _grows(self, size: int) -> bool:
        return size >= self._at and os.pread(self._file, len(self._head), 0) == self._head

    def _entries(self, piece: bytes) -> Iterator[AnyEntry]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if lines and not self._lines:
            self._head = lines[0] + b"\n"
        try:
            for line in lines:
                self._lines += 1
                yield checked(line + b"\n", self._lines, str(self.path))
        except BadRecording as error:
            self._wrong = str(error)
        if len(self._rest) > LONGEST:
            self._wrong = f"{self.path}: line {self._lines + 1}: no end within {LONGEST} bytes; expected a recording"
