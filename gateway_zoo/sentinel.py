"""Ends what the keeper leaves behind when it is killed. `python -m gateway_zoo.sentinel DESCRIPTOR`

It sleeps in a read on a pipe that only the keeper holds open. When the keeper dies, however it dies, the read returns,
and everything of that start is ended: first processes have died by their death signal, their workers have not.
"""

import os
import sys

from gateway_zoo import leftovers, settings, state


def main() -> None:
    os.read(int(sys.argv[1]), 1)
    made = settings.from_environment()
    if state.read(made):  # an orderly stop has removed it
        leftovers.end(made)


if __name__ == "__main__":
    main()
