"""Ends recording fronts when their starter is gone: `python -m gateway_zoo.wire.recorder.watcher PIPE DIRECTORY`.

It sleeps in a read on a pipe that only the recorder holds open. It has inherited the lock of the directory.
"""

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from gateway_zoo import process


def sweep(run: Path, token: str | None) -> None:
    """End what was started in the run directories below `run`, and empty it. Whoever calls holds its lock."""
    with suppress(OSError):
        token = token or (run / "token").read_text(encoding="ascii")
    for path in list(run.iterdir()):
        if path.is_dir() and not path.is_symlink():
            process.end(token, set(), path, everything=True)
    for path in list(run.iterdir()):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def main() -> None:
    os.read(int(sys.argv[1]), 1)
    run = Path(sys.argv[2])
    if run.is_dir():
        sweep(run, None)
        run.rmdir()


if __name__ == "__main__":
    main()
