"""CGI for nginx: `serve.py ADDRESS` runs four fcgiwraps on one socket, and replaces one that dies.

fcgiwrap's own `-c 4` replaces nobody, and leaves its children running when it is told to stop. Each takes the listening
socket as descriptor 0 (FastCGI 1.0, section 2.2). It hands its whole environment to the programs it starts.
"""

import os
import signal
import sys

from gateway_zoo.listen import listener

socket = listener(sys.argv[1])
os.dup2(socket.fileno(), 0)
children = [os.posix_spawnp("fcgiwrap", ["fcgiwrap"], os.environ) for _ in range(4)]


def stop(*_: object) -> None:
    for pid in children:
        os.kill(pid, signal.SIGTERM)
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
while True:
    dead, _ = os.wait()
    children[children.index(dead)] = os.posix_spawnp("fcgiwrap", ["fcgiwrap"], os.environ)
