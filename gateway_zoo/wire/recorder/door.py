"""Open the socket on which `record --listen` waits for a web server, and remove it at the end.

The socket is a unix socket or on loopback: a relay that strangers reach is a gateway that strangers reach. A unix
socket gets mode, user and group of the gateway's socket, because the same web server must open both.

What trips people up:
* After `record` has become --user it may be unable to remove a socket that root bound. So a second process
  (doorkeeper.py) is started first, and removes the socket when the recorder ends, in whatever way.
* If that process is killed, too, the socket stays. So a file beside it, PATH.zoo, says which socket it is. The next
  start removes a socket only if no program listens on it, and this file names it, and the file is our user's.
* In a directory of another user a path may lead elsewhere a moment later. Nothing is changed by its path: mode comes
  from the umask of bind, user and group are set through a descriptor, and names are looked up in an open directory.
"""

import contextlib
import grp
import ipaddress
import os
import pwd
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway_zoo.errors import fail
from gateway_zoo.serving import listen
from gateway_zoo.wire.ask.client import Address
from gateway_zoo.wire.recorder.doorkeeper import MARK, identity, read_mark

CLOSED = (
    "expected unix:PATH or a port on loopback, such as 127.0.0.1:9001: whoever reaches this relay reaches the gateway"
)


@dataclass(frozen=True)
class Like:
    """Mode, user and group for a unix socket. None: as this process makes it."""

    mode: int = listen.MODE
    user: int | None = None
    group: int | None = None


def checked(address: Address) -> Address:
    """The address, with a literal host. Raises Stop if it is not a unix socket, and not on loopback."""
    if address.path:
        return Address(path=str(Path(address.path).absolute()))
    host = {"localhost": "127.0.0.1"}.get(address.host, address.host.strip("[]"))
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name: it may lead anywhere
        loopback = False
    if not loopback:
        fail(f"--listen {address}: {CLOSED}", 2)
    return Address(host=host, port=address.port)


@contextlib.contextmanager
def opened(address: Address, like: Like) -> Iterator[socket.socket]:
    """The listening socket. The caller closes it, and may become another user. Raises Stop: 2 for a place where no
    socket can be, 3 if another program has it."""
    try:
        if address.path:
            with _unix(Path(address.path), like) as door:
                yield door
        else:
            yield _tcp(address)
    except listen.AddressInUse as error:
        fail(f"--listen {address}: {error}", 3)


def _tcp(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=listen.BACKLOG)
    except OSError as error:
        fail(f"--listen {address}: {error.strerror or error}; give another port, or end what has it", 3)


@contextlib.contextmanager
def _unix(path: Path, like: Like) -> Iterator[socket.socket]:
    try:
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        fail(f"--listen unix:{path}: {path.parent}: {error.strerror}; expected a directory that can be written", 2)
    with contextlib.ExitStack() as ending:
        ending.callback(os.close, folder)
        _make_room(path, folder)
        keeper = ending.enter_context(_doorkeeper(folder, path.name))
        door = _bound(path, folder, like, keeper)
        yield door


def _make_room(path: Path, folder: int) -> None:
    """Remove a socket that an earlier recorder left. Raises Stop or AddressInUse for every other file."""
    try:
        facts = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        facts = None
    mark = path.name + MARK
    if facts:
        if not stat.S_ISSOCK(facts.st_mode):
            fail(f"--listen unix:{path}: the path exists and is no socket; it stays. Give another path", 2)
        if listen.answers(str(path)):
            raise listen.AddressInUse("another program listens there; give another path")
        if read_mark(folder, mark) != identity(facts):
            fail(f"--listen unix:{path}: a program that has ended left this socket, and zoo record did not make it; "
                 "remove it yourself, or give another path", 2)  # fmt: skip
        os.unlink(path.name, dir_fd=folder)
    if read_mark(folder, mark):
        os.unlink(mark, dir_fd=folder)


def _bound(path: Path, folder: int, like: Like, keeper: int) -> socket.socket:
    """Bind and listen; tell the doorkeeper, and the next start, which socket it is."""
    door = socket.socket(socket.AF_UNIX)
    before = os.umask(0o777 & ~like.mode)
    try:
        door.bind(str(path))
        made = os.open(path.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        door.close()
        fail(f"--listen unix:{path}: {error.strerror or error}; expected a path at which a socket can be made", 2)
    finally:
        os.umask(before)
    with contextlib.ExitStack() as failing:
        failing.callback(door.close)
        with contextlib.ExitStack() as closing:
            closing.callback(os.close, made)
            facts = os.fstat(made)
            if not stat.S_ISSOCK(facts.st_mode) or facts.st_uid != os.geteuid():
                fail(f"--listen unix:{path}: another program has changed this path just now", 3)
            os.write(keeper, identity(facts))
            _mark(path, folder, identity(facts))
            _hand_over(made, like)
        door.listen(listen.BACKLOG)
        failing.pop_all()
    return door


def _mark(path: Path, folder: int, which: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path.name + MARK, flags, 0o600, dir_fd=folder), "wb") as file:
            file.write(which)
    except OSError as error:
        fail(f"{path}{MARK}: {error.strerror}; it is to say that this socket is zoo record's", 2)


def _hand_over(made: int, like: Like) -> None:
    """Give the socket to the user and group of the gateway's. Who is not root may give it to a group of theirs only."""
    user, group = (-1 if id is None else id for id in (like.user, like.group))
    name = f"/proc/self/fd/{made}"  # the socket itself, wherever its path leads now
    if os.geteuid() == 0:
        os.chown(name, user, group)
    else:
        with contextlib.suppress(OSError):
            os.chown(name, -1, group)


@contextlib.contextmanager
def _doorkeeper(folder: int, name: str) -> Iterator[int]:
    """Start the process that removes the socket when the yielded descriptor is closed, in whatever way."""
    read, write = os.pipe()
    argv = [sys.executable, "-I", "-m", "gateway_zoo.wire.recorder.doorkeeper", str(read), str(folder), name]
    keeper = subprocess.Popen(argv, env={}, stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=(read, folder))
    os.close(read)
    try:
        yield write
    finally:
        os.close(write)
        keeper.wait()


def who_may_open(path: str) -> str:
    """`www-data and group www-data (mode 0660)`; raises OSError if the path cannot be seen."""
    facts = os.stat(path)
    owner, group = str(facts.st_uid), str(facts.st_gid)
    with contextlib.suppress(KeyError):
        owner = pwd.getpwuid(facts.st_uid).pw_name
    with contextlib.suppress(KeyError):
        group = grp.getgrgid(facts.st_gid).gr_name
    writers = [owner if facts.st_mode & 0o200 else "", f"group {group}" if facts.st_mode & 0o020 else ""]
    everybody = "every user" if facts.st_mode & 0o002 else ""
    return f"{everybody or ' and '.join(filter(None, writers)) or 'root'} (mode {stat.S_IMODE(facts.st_mode):04o})"
