"""Ends what the keeper leaves behind when it is killed. `python -m gateway_zoo.sentinel DESCRIPTOR`

It sleeps in a read on a pipe that only the keeper holds open. When the keeper dies, however it dies, the read returns,
and everything of that start is ended: first processes have died by their death signal, their workers have not.

The token names the start: nothing of another one is touched. Files are removed only with the lock of the run directory;
whoever holds it instead removes them, and where there is no directory any more there is nothing to remove.
"""

import contextlib
import os
import sys

from gateway_zoo.keeper import leftovers, process, state
from gateway_zoo.settings import read_settings


def main() -> None:
    os.read(int(sys.argv[1]), 1)
    settings = read_settings()
    process.end(os.environ[process.TOKEN], set(), settings.run, everything=True)
    with contextlib.suppress(state.Locked, OSError):
        lock = state.hold(settings)
        leftovers.clean(settings)
        os.close(lock)


if __name__ == "__main__":
    main()
