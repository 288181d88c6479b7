"""Another user of the machine tries to connect.

The program connects to each address that it reads, and prints the result. Start: `setpriv --reuid nobody … python -m
gateway_zoo.lab.third_user`. The lab starts it while it is still root; it ends with its standard input.
"""

import os
import pwd
import socket
import sys


def attempt(address: str) -> str:
    """Connect. Returns `connected`, or the error."""
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
