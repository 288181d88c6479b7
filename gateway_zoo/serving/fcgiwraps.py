"""CGI for nginx, which starts no programs: four fcgiwraps on one socket, and another for one that dies.

fcgiwrap's own `-c 4` replaces nobody, and leaves its children running when it is told to stop. Each takes the listening
socket as descriptor 0 (FastCGI 1.0, section 2.2). It hands its whole environment to the programs it starts.
"""

import os
import signal
import sys
from typing import NoReturn

from gateway_zoo.serving.listen import Address, listener

PROCESSES = 4  # programs at once


def run(address: Address) -> NoReturn:
    """Serve until SIGTERM or SIGINT."""
    socket = listener(address)
    os.dup2(socket.fileno(), 0)
    children = [_start() for _ in range(PROCESSES)]

    def stop(*_: object) -> None:
        for pid in children:
            os.kill(pid, signal.SIGTERM)
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while True:
        dead, _ = os.wait()
        children[children.index(dead)] = _start()


def _start() -> int:
    return os.posix_spawnp("fcgiwrap", ["fcgiwrap"], os.environ)
