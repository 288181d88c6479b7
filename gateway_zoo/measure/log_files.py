"""Read log files as they grow: only what is new, with a limit on every step.

A reader that follows a log meets four surprises; this module handles each. A file appears later: each look lists the
directory. It is truncated: its size is smaller than our place, so we begin again. It is renamed or removed, and perhaps
made anew (rotated): the old file is kept open and read to its end, because servers still write to it; then the new one
follows from its beginning. A line has no end (a disk image, a stranger's gigabyte): only its first bytes are kept.

No more than PIECE bytes of a file are in memory, besides the lines that they make.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

TAIL = 2_000_000  # bytes from the end of each log at the first look: plenty for what a screen shows
PIECE = 256_000  # bytes that are read at once
LONGEST = 64_000  # bytes of a line; a front refuses longer requests (8 kB in Apache, 32 kB in nginx)


class LogFile:
    """One open file and our place in it."""

    def __init__(self, path: Path, tail: int | None) -> None:
        """Open it, `tail` bytes before its end; None: at its beginning. Raises OSError, also for what is no file."""
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO must not hold us
        facts = os.fstat(self.descriptor)
        if not stat.S_ISREG(facts.st_mode):
            os.close(self.descriptor)
            raise OSError(f"{path} is no ordinary file")
        self.offset = 0 if tail is None else max(0, facts.st_size - tail)
        self.partial = b""
        self.skipping = self.offset > 0  # we begin within a line, or this line is too long

    def lines(self) -> Iterator[str]:
        """What has come since the last call; a line that is not complete waits."""
        if os.fstat(self.descriptor).st_size < self.offset:
            self.offset, self.partial, self.skipping = 0, b"", False
        while piece := os.pread(self.descriptor, PIECE, self.offset):
            self.offset += len(piece)
            *whole, rest = (self.partial + piece).split(b"\n")
            for line in whole:
                if not self.skipping and len(line) <= LONGEST:
                    yield line.decode("utf-8", "replace")
                self.skipping = False
            self.skipping |= len(rest) > LONGEST
            self.partial = b"" if self.skipping else rest

    def replaced(self) -> bool:
        """Is another file there under this name? A name without a file keeps the old one."""
        try:
            there = self.path.stat()
        except OSError:
            return False
        here = os.fstat(self.descriptor)
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)

    def close(self) -> None:
        os.close(self.descriptor)


class Logs:
    """All *.log files of a directory, or those with a name."""

    def __init__(self, folder: Path, name: str = "*.log") -> None:
        self.folder, self.name = folder, name
        self.files: dict[Path, LogFile] = {}
        self.tail: int | None = TAIL  # for the files of the first look; later ones are new

    def lines(self) -> Iterator[str]:
        """What is new in all files. The first call gives the ends of those that are there."""
        for path in sorted({*self.folder.glob(self.name), *self.files}):
            if file := self.files.get(path):
                yield from file.lines()
                if file.replaced():
                    file.close()
                    del self.files[path]
            if path not in self.files and (file := self._opened(path)):
                yield from file.lines()
        self.tail = None

    def _opened(self, path: Path) -> LogFile | None:
        try:
            self.files[path] = LogFile(path, self.tail)
        except OSError:  # removed since, not ours to read, or no file
            return None
        return self.files[path]

    def close(self) -> None:
        for file in self.files.values():
            file.close()
        self.files = {}
