"""Find free ports on 127.0.0.1, and the processes that hold the others.

Ports above 32767 are not used: an outgoing connection may have them.
"""

import errno
import random
import socket
from collections.abc import Iterable

LOWEST, HIGHEST = 1024, 32767  # below, only root may listen


class NoFreePorts(Exception):
    """No ports were found; the message names the range."""


def free(port: int) -> bool:
    """Can this process listen at a port now?"""
    return _bind_error(("127.0.0.1", port)) is None


def _bind_error(address: tuple[str, int]) -> OSError | None:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(address)
        except OSError as error:
            return error
    return None


def first_free(count: int) -> int:
    """Find the first of `count` free ports in a row. Raises NoFreePorts."""
    trials = (random.randrange(12000, 30000) for _ in range(200))  # noqa: S311 - not a secret
    for first in trials:
        if all(free(port) for port in range(first, first + count)):
            return first
    raise NoFreePorts("no free ports on 127.0.0.1 between 12000 and 30000")


#: Port -> the process that listens there, as root saw it (note_holders).
_noted: dict[int, str] = {}


def note_holders(addresses: Iterable[tuple[str, int]]) -> None:
    """As root, note which processes hold these ports: the zoo's user may not see them."""
    for address in addresses:
        if LOWEST <= address[1] <= HIGHEST and held(address):
            _noted[address[1]] = holder(address[1])


def held(address: tuple[str, int]) -> str | None:
    """Say which process holds an address, or why it cannot be used; None if it is free."""
    if (error := _bind_error(address)) and error.errno == errno.EADDRINUSE:
        return f"is held by {holder(address[1])}"
    return f"cannot be listened on: {error.strerror}" if error else None


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
