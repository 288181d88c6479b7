"""Ports on 127.0.0.1 that nobody listens on, for what is started beside the zoo. Below 32768: above, an outgoing
connection may have them.
"""

import errno
import random
import socket
from collections.abc import Iterable

LOWEST, HIGHEST = 1024, 32767  # below, one must be root; above, an outgoing connection may hold the port


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


def first_free(count: int) -> int:
    """The first of `count` free ports in a row. Raises NoFreePorts."""
    trials = (random.randrange(12000, 30000) for _ in range(200))  # noqa: S311 - not a secret
    for first in trials:
        if all(free(port) for port in range(first, first + count)):
            return first
    raise NoFreePorts("no free ports on 127.0.0.1 between 12000 and 30000")


#: Port -> who listens there, as root saw it (note_holders).
_noted: dict[int, str] = {}


def note_holders(addresses: Iterable[tuple[str, int]]) -> None:
    """Look, as long as we are root, who holds these ports: the user that we become may not see it."""
    for address in addresses:
        if LOWEST <= address[1] <= HIGHEST and held(address):
            _noted[address[1]] = holder(address[1])


def held(address: tuple[str, int]) -> str | None:
    """What is wrong with an address that we want: who holds it, or why it cannot be; None if it is free."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"is held by {holder(address[1])}"
            return f"cannot be listened on: {error.strerror}"
    return None


def holder(port: int) -> str:
    """Name the process that listens on a TCP port."""
    import psutil

    if port in _noted:
        return _noted[port]
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == "LISTEN" and connection.laddr and connection.laddr[1] == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return "another user's process"
