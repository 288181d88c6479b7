"""End what a killed keeper leaves behind: `python -m gateway_zoo.keeper.sentinel DESCRIPTOR`.

The sentinel sleeps in a read on a pipe that only the keeper holds open. When the keeper dies, in whatever way, the read
returns, and the sentinel ends every process of that start. The first processes have died by their death signal, but
their workers have not.

The token names the start, so no other start is touched. Files are removed only with the lock of the run directory;
another holder of the lock removes them itself.
"""

import contextlib
import os
import sys
import time

from gateway_zoo.keeper import leftovers, process, state
from gateway_zoo.settings import read_settings

PATIENCE_S = 2.0  # for a child of the keeper that dies between fork and exec, and holds the lock until then


def main() -> None:
    """Wait for the end of the keeper, then end its processes and tidy."""
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
