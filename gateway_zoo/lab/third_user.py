"""Somebody else on the machine: tries addresses that it reads, one a line, and says what happened.

`setpriv --reuid nobody … python -m gateway_zoo.lab.third_user`, started while the lab is still root; it ends with its
standard input. Connecting is all it does.
"""

import os
import pwd
import socket
import sys


def attempt(address: str) -> str:
    """`connected`, or the error's name."""
    host, colon, port = address.rpartition(":")
    try:
        with socket.socket(socket.AF_INET if colon else socket.AF_UNIX) as trial:
            trial.settimeout(2)
            trial.connect((host, int(port)) if colon else address)
    except OSError as error:
        return f"{type(error).__name__}: {error.strerror or error}"
    return "connected"


if __name__ == "__main__":
    print(pwd.getpwuid(os.getuid()).pw_name, flush=True)
    for line in sys.stdin:
        print(attempt(line.rstrip("\n")), flush=True)
