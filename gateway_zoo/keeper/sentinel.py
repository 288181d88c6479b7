"""Ends what the keeper leaves behind when it is killed. `python -m gateway_zoo.keeper.sentinel DESCRIPTOR`

It sleeps in a read on a pipe that only the keeper holds open. When the keeper dies, however it dies, the read returns,
and everything of that start is ended: first processes have died by their death signal, their workers have not.

The token names the start: nothing of another one is touched. Files are removed only with the lock of the run directory;
whoever holds it instead removes them, and where there is no directory any more there is nothing to remove.
"""

import contextlib
import os
import sys
import time

from gateway_zoo.keeper import leftovers, process, state
from gateway_zoo.settings import read_settings

PATIENCE_S = 2.0  # for a child of the keeper that dies between fork and exec, and holds the lock until then


def main() -> None:
    os.read(int(sys.argv[1]), 1)
    settings = read_settings()
    process.end(os.environ[process.TOKEN], set(), settings.run, everything=True)
    deadline = time.monotonic() + PATIENCE_S
    with contextlib.suppress(OSError):
        while time.monotonic() < deadline:
            try:
                lock = state.hold(settings)
            except state.Locked:
                time.sleep(0.05)
                continue
            leftovers.clean(settings)
            os.close(lock)
            return


if __name__ == "__main__":
    main()
