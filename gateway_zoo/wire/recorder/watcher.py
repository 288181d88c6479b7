"""End recording fronts when the recorder is gone.

`python -m gateway_zoo.wire.recorder.watcher PIPE DIRECTORY`. The watcher waits in a read on a pipe that only the
recorder holds open. It has inherited the lock of the directory.
"""

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from gateway_zoo.keeper import process
from gateway_zoo.registry.cagefile import FRONTS

TOKEN = "token"  # noqa: S105 - the name of a file


def sweep(run: Path, token: str | None) -> None:
    """End the processes of the fronts below `run`, and remove the fronts' directories and the token. A person's file
    stays. The caller holds the lock of `run`, or `run` is gone."""
    with suppress(OSError):
        token = token or (run / TOKEN).read_text(encoding="ascii")
    for name in FRONTS:
        process.end(token or None, set(), run / name, everything=True)
    for name in FRONTS:
        shutil.rmtree(run / name, ignore_errors=True)  # which refuses a link
    with suppress(OSError):
        (run / TOKEN).unlink()


def main() -> None:
    os.read(int(sys.argv[1]), 1)
    run = Path(sys.argv[2])
    sweep(run, None)
    with suppress(OSError):  # it is gone already, or has a person's file
        run.rmdir()


if __name__ == "__main__":
    main()
