"""CGI for nginx, which starts no programs: four fcgiwraps.

All four accept from one socket, which each gets as descriptor 0 (FastCGI 1.0, section 2.2). When one dies, another is
started: fcgiwrap's own `-c 4` does not do so, and leaves its children running when it stops. fcgiwrap gives its whole
environment to the programs that it starts.
"""

import os
import signal
import sys
from typing import NoReturn

from gateway_zoo.serving.listen import Address, listener

PROCESSES = 4  # so many programs run at the same time


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
