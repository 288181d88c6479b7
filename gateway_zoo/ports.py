"""Ports on 127.0.0.1 that nobody listens on, for what is started beside the zoo. Below 32768: above, an outgoing
connection may have them.
"""

import random
import socket


class NoFreePorts(Exception):
    """None were found; the message says where we looked."""


def free(port: int) -> bool:
    """Could we listen there now?"""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def in_a_row(count: int) -> int:
    """The first of `count` free ports in a row. Raises NoFreePorts."""
    trials = (random.randrange(12000, 30000) for _ in range(200))  # noqa: S311 - not a secret
    for first in trials:
        if all(free(port) for port in range(first, first + count)):
            return first
    raise NoFreePorts("no free ports on 127.0.0.1 between 12000 and 30000")
