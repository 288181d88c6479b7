"""Recordings in a folder: recording-1.jsonl, recording-2.jsonl … A full one is followed by the next.

The shelf keeps KEPT of them, each of about MOST bytes (twice as many while a connection is open for long). The writer
removes the oldest ones, and a recording of nothing.
"""

import contextlib
import os
import re
import stat
import time
from pathlib import Path
from typing import IO

import msgspec

from gateway_zoo.safe_io import own_files
from gateway_zoo.wire.recording import VERSION, AnyEntry, BadRecording, Closed, Opened, Recorded, checked, line

KEPT = 5  # recordings
MOST = 5_000_000  # bytes of a file
LONGEST_HEAD = 4096  # bytes of a recording's first line
NAME = re.compile(r"recording-([1-9][0-9]{0,8})\.jsonl")


class Kept(msgspec.Struct, frozen=True):
    """A recording in a folder. `name`: of the file, without its ending. `made`: unix time. `bytes`: of the file."""

    name: str
    made: float
    bytes: int


def numbers(folder: Path) -> list[int]:
    """The numbers of the recordings, the newest first."""
    matches = map(NAME.fullmatch, os.listdir(folder) if folder.is_dir() else [])
    return sorted((int(match[1]) for match in matches if match), reverse=True)


def file(folder: Path, number: int) -> Path:
    return folder / f"recording-{number}.jsonl"


def kept(path: Path) -> Kept | None:
    """Describe a recording without secrets; None for every other file."""
    with contextlib.suppress(OSError, BadRecording), _regular(path) as opened:
        head = checked(opened.readline(LONGEST_HEAD), 1, str(path))
        if isinstance(head, Recorded) and not head.secrets:
            return Kept(path.stem, head.made, os.fstat(opened.fileno()).st_size)
    return None


def _regular(path: Path) -> IO[bytes]:
    """Open a file that is neither a link nor a pipe, which would never end. Raises OSError."""
    opened = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise OSError(f"{path} is no file")
    return opened


class Shelf:
    """Writes entries to the newest recording of the folder. `touched`: monotonic time of the last entry."""

    def __init__(self, folder: Path) -> None:
        self.folder = own_files.folder(folder)
        self.touched = time.monotonic()
        self._begin()

    def _begin(self) -> None:
        before = numbers(self.folder)
        for number in before[KEPT - 1 :]:
            with contextlib.suppress(OSError):
                file(self.folder, number).unlink()
        self.path = file(self.folder, before[0] + 1 if before else 1)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file = os.fdopen(os.open(self.path, flags, 0o600), "wb")
        self._open = self._entries = 0
        self._bytes = self._file.write(line(Recorded(version=VERSION, made=time.time(), secrets=False)))
        self._file.flush()

    def entry(self, entry: AnyEntry) -> None:
        """Write an entry. Raises OSError."""
        self.touched = time.monotonic()
        self._open += isinstance(entry, Opened) - isinstance(entry, Closed)
        self._entries += 1
        self._bytes += self._file.write(line(entry))

    def pause(self) -> None:
        """Let readers see all of it. Begin the next recording where this one is full."""
        self._file.flush()
        if self._bytes > (2 * MOST if self._open > 0 else MOST):
            self._file.close()
            self._begin()

    def close(self) -> None:
        """End the recording; one of nothing is removed."""
        with contextlib.suppress(OSError):
            self._file.close()
            if not self._entries:
                self.path.unlink()
