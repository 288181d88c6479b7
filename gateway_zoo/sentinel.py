"""Ends what the keeper leaves behind when it is killed. `python -m gateway_zoo.sentinel DESCRIPTOR`

It sleeps in a read on a pipe that only the keeper holds open. When the keeper dies, however it dies, the read returns,
and everything of that start is ended: first processes have died by their death signal, their workers have not.

It takes the lock of the run directory first. If another start was quicker, that one ends what it finds, us included.
"""

import os
import sys

from gateway_zoo import leftovers, process, settings, state


def main() -> None:
    os.read(int(sys.argv[1]), 1)
    made = settings.from_environment()
    state.hold(made, wait=True)
    leftovers.end(made, os.environ[process.TOKEN])


if __name__ == "__main__":
    main()
