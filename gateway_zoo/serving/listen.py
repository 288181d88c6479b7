"""A listening socket as the zoo wants it: private, and never taken from a server that still answers.

Most servers unlink whatever stands at their socket's path and create theirs with mode 0777 or 0755: a second start
steals the address of the first, and others on the machine may connect. Launchers that can hand their server an open
socket use this instead. It imports only the standard library, because every gateway pays for it.
"""

import os
import socket
import stat

#: Address of a gateway: a path (`fastcgi.sock`, relative to the working directory) or `HOST:PORT`.
Address = str

MODE = 0o660  # owner and group connect, nobody else: whoever reaches a gateway can set its variables
BACKLOG = 128  # connections that wait while all slots are busy


class AddressInUse(OSError):
    """Somebody answers at the address already."""


def answers(path: str) -> bool:
    """Does a server accept connections at this unix socket?"""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # a full backlog, or one we may not touch: somebody is there
            return True
    return True


def answers_at(address: Address) -> bool:
    """The same for either kind of address."""
    host, colon, port = address.rpartition(":")
    if not colon:
        return answers(address)
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def remove_stale(path: str) -> None:
    """Unlink a unix socket that nobody answers. A live one, or anything that is no socket, stays: AddressInUse."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise AddressInUse(f"{path} exists and is not a socket; move it away")
    except FileNotFoundError:
        return
    if answers(path):
        raise AddressInUse(f"{path} is in use: another server answers there")
    os.unlink(path)


def listener(address: Address) -> socket.socket:
    """Bind and listen. A unix socket gets mode 0660; raises AddressInUse, or OSError for a TCP port in use."""
    host, colon, port = address.rpartition(":")
    if colon:
        server = socket.create_server((host, int(port)), backlog=BACKLOG)
        # Accepted connections inherit it. flup's AJP sends each packet in two writes: the second would wait 40 ms.
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
