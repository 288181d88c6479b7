"""A crowd: many requests through one front at the same time, in one thread, on plain sockets.

The requests are held by their program until the probe lets them go, so slots and queues fill. They come in small
groups: a server that takes every connection must have the time to do so. `Crowd.look` reads what has come; it never
waits longer than it is told.
"""

import contextlib
import selectors
import socket
import time
from dataclasses import dataclass, field
from types import TracebackType

READ = 65_536
GROUP, PAUSE_S = 16, 0.05


@dataclass
class Member:
    """A request. `status`: of its answer; 0 as long as none came. `error`: why none will come. `s`: until then."""

    data: bytes = b""
    status: int = 0
    error: str = ""
    s: float = 0.0

    @property
    def done(self) -> bool:
        return bool(self.status or self.error)


@dataclass
class Crowd:
    """`with Crowd(port, request, count) as crowd:` has sent its requests; all its connections close with the block."""

    port: int
    request: bytes
    count: int
    members: list[Member] = field(default_factory=list)

    def __enter__(self) -> "Crowd":
        self.selector = selectors.DefaultSelector()
        self.began = time.monotonic()
        for number in range(self.count):
            member = Member()
            self.members.append(member)
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", self.port))
            self.selector.register(connection, selectors.EVENT_WRITE, member)
            if number % GROUP == GROUP - 1:
                self.look(PAUSE_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for key in list(self.selector.get_map().values()):
            self._close(key.fileobj)
        self.selector.close()

    @property
    def waiting(self) -> int:
        """Requests without an answer."""
        return sum(not member.done for member in self.members)

    def look(self, seconds: float) -> None:
        """Send and read what is possible, for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and self.selector.get_map():
            for key, events in self.selector.select(left):
                member: Member = key.data
                try:
                    self._step(key.fileobj, member, events)
                except OSError as problem:
                    member.error = member.error or problem.strerror or "reset"
                if member.done:
                    member.s = time.monotonic() - self.began
                    self._close(key.fileobj)

    def _step(self, connection: object, member: Member, events: int) -> None:
        """One write of the request, or one read of the answer. Raises OSError."""
        assert isinstance(connection, socket.socket)
        if events & selectors.EVENT_WRITE:
            connection.send(self.request)  # it is short, and the connection is new: it goes in one piece
            self.selector.modify(connection, selectors.EVENT_READ, member)
            return
        data = connection.recv(READ)
        member.data += data
        words = member.data.split(b" ", 2)
        if len(words) > 2 and words[1].isdigit():
            member.status = int(words[1])
        elif not data:
            member.error = "closed"

    def _close(self, connection: object) -> None:
        assert isinstance(connection, socket.socket)
        with contextlib.suppress(KeyError):
            self.selector.unregister(connection)
        connection.close()
