"""Remove the unix socket of `record --listen` when the recorder is gone.

`python -m gateway_zoo.wire.recorder.doorkeeper PIPE DIRECTORY NAME`; PIPE and DIRECTORY are descriptors. The recorder
writes into the pipe which socket it has made, and holds the pipe open while it lives. Another socket that has taken the
name meanwhile stays.
"""

import os
import stat
import sys
from contextlib import suppress

MARK = ".zoo"  # the file beside a socket that says which socket it is
LONGEST = 200


def identity(facts: os.stat_result) -> bytes:
    """The words that tell this socket from a later one with the same name, and perhaps the same inode."""
    return f"zoo record {facts.st_dev} {facts.st_ino} {facts.st_mtime_ns}\n".encode()


def read_mark(folder: int, name: str) -> bytes:
    """What a mark says; empty if there is none, or another user wrote it."""
    with suppress(OSError):
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            facts = os.fstat(file)
            if stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid():
                words = os.read(file, LONGEST)
                return words if words.startswith(b"zoo record ") else b""
        finally:
            os.close(file)
    return b""


def remove(folder: int, name: str, which: bytes) -> None:
    """Remove the socket and its mark, if they are still these."""
    with suppress(OSError):
        if which == identity(os.stat(name, dir_fd=folder, follow_symlinks=False)):
            os.unlink(name, dir_fd=folder)
    if which and read_mark(folder, name + MARK) == which:
        with suppress(OSError):
            os.unlink(name + MARK, dir_fd=folder)


def main() -> None:
    pipe, folder, name = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    which = b""
    while piece := os.read(pipe, LONGEST):
        which += piece
    remove(folder, name, which)


if __name__ == "__main__":
    main()
