"""Reports of programs about one request: what a program was given, and which process, thread and lines answered.

A follower binds one of 99 datagram sockets, $ZOO_RUN/sock/followN.sock, and sends N to a front in X-Zoo-Follow. The
front marks the request's id with it, and the program reports to that socket (app/zoo_follow.py, php/follow.php).

What trips people up:
- A killed follower leaves its socket. The kernel refuses to connect to a socket that nobody has open, so the next
  follower takes it over. All followers take turns at that, by a lock on the directory; the lock leaves no file.
- Every process of the zoo's user may write to the socket. A datagram that is no report of a request of this follower
  is ignored, and so is a second one for the same id.
"""

import contextlib
import fcntl
import os
import select
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta

from gateway_zoo.errors import fail
from gateway_zoo.settings import Settings

HEADER = "X-Zoo-Follow"
NUMBERS = range(1, 100)
MODE = 0o660  # as the gateways' sockets: owner and group
BYTES = 60_000  # the longest report
KEPT = 50  # reports of other requests of the same follower, until they are asked for
LOCK_S = 5.0  # the longest wait for other followers that choose a number

Number = Annotated[int, Meta(gt=0, lt=2**31)]
Seconds = Annotated[float, Meta(ge=0)]


class Source(msgspec.Struct, frozen=True):
    """Lines of a file below the checkout: the function that answered."""

    file: Annotated[str, Meta(pattern=r"^[a-z_]+/[a-z_/]*[a-z_]+\.(py|php)\Z")]  # no way out of the checkout
    first: Number
    last: Number


class Report(msgspec.Struct, frozen=True):
    """What a program tells about a request. Times: CLOCK_MONOTONIC; `given`: name -> text, secrets masked."""

    id: str
    exhibit: str
    kind: Literal["WSGI environ", "ASGI scope", "CGI environment", "$_SERVER"]
    pid: Number
    thread: Number
    began: Seconds
    ended: Seconds
    status: Annotated[int, Meta(ge=100, le=599)]
    given: dict[str, str]
    source: Source | None = None


class Reports:
    """A follower's socket; a context manager. Runs as the zoo's user. One thread at a time may wait."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.sockets
        self.number = 0
        self._reports: dict[str, Report] = {}

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            # Linux gives the mode of the unbound socket to the file that bind makes, so no process may connect before.
            os.fchmod(self._socket.fileno(), MODE)
            with _turn(self.folder):
                self.number = next((number for number in NUMBERS if self._bind(number)), 0)
        except OSError as error:
            self._socket.close()
            fail(f"no socket in {self.folder} to hear programs: {error.strerror or error}", 3)
        if not self.number:
            self._socket.close()
            fail(f"{len(NUMBERS)} followers run already; end some of them", 3)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        with contextlib.suppress(OSError):  # the zoo has ended, and removed it
            self.path.unlink()

    @property
    def path(self) -> Path:
        return self.folder / f"follow{self.number}.sock"

    @property
    def header(self) -> tuple[str, str]:
        """Name and value of the header for the front."""
        return HEADER, str(self.number)

    def wait(self, id: str, seconds: float) -> Report | None:
        """Return the program's report about a request; None if none came in time."""
        deadline = time.monotonic() + seconds
        while id not in self._reports:
            left = max(deadline - time.monotonic(), 0)
            if not select.select([self._socket], [], [], left)[0]:
                return None
            self._take(self._socket.recv(BYTES + 1))
        return self._reports.pop(id)

    def _take(self, datagram: bytes) -> None:
        """Keep a report; ignore what is none."""
        if len(datagram) > BYTES:
            return
        try:
            report = msgspec.json.decode(datagram, type=Report)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        if report.id.startswith(f"follow{self.number}-") and report.id not in self._reports:
            if len(self._reports) >= KEPT:
                del self._reports[next(iter(self._reports))]  # the oldest
            self._reports[report.id] = report

    def _bind(self, number: int) -> bool:
        """Bind this number's socket, unless a living follower has it."""
        path = self.folder / f"follow{number}.sock"
        if not _is_free(path):
            return False
        self._socket.bind(str(path))
        path.chmod(MODE)  # the umask may have taken the group's rights
        return True


def _is_free(path: Path) -> bool:
    """Tell whether nothing is at this path; remove the socket of a dead follower."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            probe.connect(str(path))
    except FileNotFoundError:
        return True
    except ConnectionRefusedError:
        path.unlink()
        return True
    except OSError:  # another kind of socket, or one that we may not open
        return False
    return False


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Let one follower at a time choose its number. Raises OSError after LOCK_S."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)
