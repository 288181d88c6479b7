"""Make listening sockets: private, and never stolen.

Most servers unlink the file at their socket's path and create their own with mode 0777 or 0755. So a second start takes
the address from a running server, and other users of the machine may connect. A launcher that can give its server an
open socket makes it here. This module imports only the standard library, because every gateway pays for the import.
"""

import os
import socket
import stat

#: Address of a gateway: a path (`fastcgi.sock`, relative to the working directory) or `HOST:PORT`.
Address = str

MODE = 0o660  # only owner and group connect, because a client of a gateway can set its variables
BACKLOG = 128  # so many connections wait while all slots are busy


class AddressInUse(OSError):
    """The address is taken: by a server that answers, or a file."""


def answers(path: str) -> bool:
    """Does a server accept connections at this unix socket?"""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # a full backlog, or a socket that we may not open: a server is there
            return True
    return True


def answers_at(address: Address) -> bool:
    """Does a server accept connections at this path or port?"""
    host, colon, port = address.rpartition(":")
    if not colon:
        return answers(address)
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def remove_stale(path: str) -> None:
    """Unlink a unix socket without a server. Raises AddressInUse."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise AddressInUse(f"{path} exists and is not a socket; move it away")
    except FileNotFoundError:
        return
    if answers(path):
        raise AddressInUse(f"{path} is in use: another server answers there")
    os.unlink(path)


def listener(address: Address) -> socket.socket:
    """Bind and listen; a unix socket gets mode 0660.

    Raises AddressInUse for a path in use, OSError for a TCP port in use.
    """
    host, colon, port = address.rpartition(":")
    if colon:
        server = socket.create_server((host, int(port)), backlog=BACKLOG)
        # Accepted connections inherit it. flup's AJP writes a packet in two parts; without it the second waits 40 ms.
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return server
    remove_stale(address)
    sock = socket.socket(socket.AF_UNIX)
    old_umask = os.umask(0o777 & ~MODE)
    try:
        sock.bind(address)
    finally:
        os.umask(old_umask)
    sock.listen(BACKLOG)
    return sock
