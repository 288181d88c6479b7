"""Follow a recording that grows.

The file may not exist yet. Its last line may be incomplete. The next recording may replace it, as a new file or in the
same one. So each look first checks that it is the same recording: device and inode are the same, the file is not
shorter than what was read, and its first line is the same.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gateway_zoo.wire.recording import AnyEntry, BadRecording, checked, foreign

SLICE = 1 << 18  # bytes of one look
LONGEST = 1 << 24  # bytes of a line; a relay writes pieces of 64 KiB


class Look(NamedTuple):
    """The result of one look. `anew`: another recording has begun. `more`: look again at once."""

    anew: bool
    entries: list[AnyEntry]
    more: bool


class Follow:
    """Reads a file again and again. `problem` has the reason if it cannot. After a wrong line it waits for another
    file."""

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
        """Read what is new. Never raises: `problem` has the error."""
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
        """Open the file at the path, if it is not the one that is open. True: it is another recording."""
        try:
            facts = os.stat(self.path)
        except FileNotFoundError:
            return False  # it does not exist yet; or it is gone, and what was read stays good
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "no regular file; expected a recording")
        if self._file >= 0 and os.path.samestat(facts, os.fstat(self._file)) and self._grows(facts.st_size):
            return False
        self._begin(os.open(self.path, os.O_RDONLY | os.O_CLOEXEC))
        return True

    def _grows(self, size: int) -> bool:
        return size >= self._at and os.pread(self._file, len(self._head), 0) == self._head

    def _entries(self, piece: bytes) -> Iterator[AnyEntry]:
        data = self._rest + piece
        if data and not self._lines and (wrong := foreign(data, str(self.path))):
            self._wrong = wrong
            return
        *lines, self._rest = data.split(b"\n")
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
