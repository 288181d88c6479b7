"""Read files of other users with a limit: in bytes, in bytes of a line, and in seconds of silence.

A name may mean a device that never ends, a FIFO without a writer, or an image of ten gigabytes. A reader reaches
a limit instead of the end of the memory, and the error says which limit.
"""

import errno
import io
import os
import select
import stat
from collections.abc import Iterator
from typing import Any, BinaryIO

from gateway_zoo.safe_io.bounded import OverLimit

SILENCE_S = 10.0  # of a FIFO or a terminal
LINE = 32_000_000  # bytes of a line: 24 MB at once, in base64
FILE = 16_000_000_000  # bytes of a file that is read line by line
WHOLE = 64_000_000  # bytes of a file that is read as a whole


class _Waiting(io.RawIOBase):
    """Reads a descriptor that is no ordinary file; waits SILENCE_S for the next bytes."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.ready = select.poll()
        self.ready.register(descriptor, select.POLLIN)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self.ready.poll(SILENCE_S * 1000):
            raise OverLimit(f"nothing came for {SILENCE_S:g} s, our limit")
        return os.readv(self.descriptor, [buffer])

    def close(self) -> None:
        if not self.closed:
            os.close(self.descriptor)
        super().close()


def _open(name: str) -> BinaryIO:
    """Open a file without waiting: a FIFO may never get a writer."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        os.close(descriptor)
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    return io.BufferedReader(_Waiting(descriptor))


def lines(name: str) -> Iterator[bytes]:
    """Read the lines of a file. Raises OSError, and OverLimit (an OSError) at a limit."""
    total = 0
    with _open(name) as file:
        while line := file.readline(LINE + 1):
            total += len(line)
            if len(line) > LINE:
                raise OverLimit(f"a line is longer than {LINE:,} bytes, our limit")
            if total > FILE:
                raise OverLimit(f"longer than {FILE:,} bytes, our limit")
            yield line


def whole(name: str) -> bytes:
    """Read a file as a whole. Raises OSError, OverLimit."""
    with _open(name) as file:
        return limited(file)


def limited(file: BinaryIO) -> bytes:
    """Read an open file to its end. Raises OverLimit after WHOLE bytes."""
    data = file.read(WHOLE + 1)
    if len(data) > WHOLE:
        raise OverLimit(f"longer than {WHOLE:,} bytes, our limit")
    return data


def why(error: OSError) -> str:
    """The system's text for an error, or ours."""
    return error.strerror or str(error)
