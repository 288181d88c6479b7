"""Send bytes to a gateway's socket, and read the answer.

The protocol's decoder tells where an answer ends. In uwsgi and SCGI nothing tells it: the gateway closes. The client
does not half-close its side: fronts do not, and some gateways take it for a client that went away. Behind the end it
reads on for a moment, because bytes may follow that nobody asked for.
"""

import math
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.events import Data, Other
from gateway_zoo.wire.exchange import KEEP_ONE, Exchange
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened

DEADLINE_S, LONGEST_S = 10.0, 3600.0  # to wait for the end of an answer
LIMIT = 16_000_000  # bytes of an answer
#: How long to read a WebSocket's frames, what follows bytes that break the protocol, and what follows the end.
FRAMES_S, JUNK_S, LINGER_S = 2.5, 0.3, 0.1
NO_END = "no end of the answer"
PIECE = 65_536


@dataclass(frozen=True)
class Address:
    """A unix socket (`path`), or a host and a port."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else f"{self.host}:{self.port}"

    def connect(self, seconds: float) -> socket.socket:
        """Connect within these seconds. Raises OSError."""
        if not self.path:
            try:
                return socket.create_connection((self.host.strip("[]"), self.port), seconds)
            except UnicodeError:  # of the codec "idna"
                raise OSError(f"{self.host} is no name of a host") from None
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(seconds)
            connection.connect(self.path)
        except OSError:
            connection.close()
            raise
        return connection


def address(text: str) -> Address:
    """Read `unix:PATH` or `HOST:PORT` (`[::1]:9000`). Raises ValueError."""
    if text.startswith("unix:") and len(text) > len("unix:"):
        return Address(path=text.removeprefix("unix:"))
    host, _, port = text.rpartition(":")
    if not host or "/" in host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError(f"{text}: expected unix:PATH or HOST:PORT")
    return Address(host=host, port=int(port))


class Piece(NamedTuple):
    """A decoded piece of an answer. `seconds` since the request; `stream`: "body", "STDERR", …"""

    seconds: float
    stream: str
    data: bytes


@dataclass(frozen=True)
class Patience:
    """How long an answer is read. `wait`: seconds; None: DEADLINE_S, or without an end if the answer is watched.
    `watch` gets each piece as it comes, `keep` the entries of a recording. `hint`: an error besides the one that no end
    came."""

    wait: float | None = None
    watch: Callable[[Piece], None] | None = None
    hint: str = ""
    keep: Callable[[AnyEntry], object] = lambda entry: None

    @property
    def seconds(self) -> float:
        return self.wait or (math.inf if self.watch else DEADLINE_S)


USUAL = Patience()


def ask(
    codecs: Codecs, to: Address, request: bytes, protocol: str, exhibit: str, front: str, patience: Patience = USUAL
) -> Exchange:
    """Send the request and read its answer. `errors` has the problems on the way. Raises OSError if nothing listens."""
    opened = Opened(connection=1, at=time.time(), exhibit=exhibit, front=front, protocol=protocol, address=str(to))
    call = _Call(codecs, opened, patience)
    with to.connect(patience.wait or DEADLINE_S) as connection:
        return call.run(connection, request)


class _Call:
    """A connection with one exchange, told as the entries of a recording: `Exchanges` reads those.

    `enough`: the end of the time is no error, because the answer is complete, or cannot be decoded, or has no end.
    """

    def __init__(self, codecs: Codecs, opened: Opened, patience: Patience) -> None:
        self.codecs, self.patience = codecs, patience
        self.exchanges = Exchanges(codecs, keep=lambda _: KEEP_ONE)
        self._feed(opened)
        self.began = time.time()
        self.start = time.monotonic()
        self.deadline = self.start + patience.seconds
        self.enough = patience.watch is not None

    @property
    def exchange(self) -> Exchange:
        return self.exchanges.all[1]

    def run(self, connection: socket.socket, request: bytes) -> Exchange:
        connection.setblocking(False)
        self._feed(Bytes(connection=1, at=self.began, direction="request", data=request))
        try:
            why = self._talk(connection, memoryview(request))
        except KeyboardInterrupt:
            if not self.patience.watch:
                raise
            why = ""
        open_still = self.exchange.seconds is None
        self._feed(Closed(connection=1, at=time.time(), why=why if open_still else ""))
        if why.startswith(NO_END) and open_still and self.patience.hint:
            self.exchange.errors.append(self.patience.hint)
        return self.exchange

    def _feed(self, entry: AnyEntry) -> None:
        self.patience.keep(entry)
        self.exchanges.feed(entry)

    def _talk(self, connection: socket.socket, unsent: memoryview) -> str:
        """Send and read until the end. Returns the problem."""
        came, why = 0, ""
        while (left := self.deadline - time.monotonic()) > 0:
            readable, writable, _ = select.select([connection], [connection] if unsent else [], [], min(left, 60))
            try:
                if writable:
                    unsent = unsent[connection.send(unsent) :]
                data = connection.recv(PIECE) if readable else None
            except OSError as error:
                # A gateway may answer and close before it has read all of a body: its answer counts.
                why, unsent = error.strerror or str(error), memoryview(b"")
                if not writable:
                    return why
                continue
            if data is not None:
                came += len(data)
                if not self._receive(data):
                    return why
                if came > LIMIT:
                    return f"the answer is longer than {LIMIT:,} bytes, our limit"
                if self.exchange.seconds is not None:
                    unsent = memoryview(b"")
        return "" if self.enough else f"{NO_END} within {self.patience.seconds:g} s, our limit; {came} bytes of it came"

    def _receive(self, data: bytes) -> bool:
        """Take a piece of the answer; False at its end."""
        if not data:
            self._feed(Ended(connection=1, at=time.time(), direction="response"))
            return False
        self._feed(Bytes(connection=1, at=time.time(), direction="response", data=data))
        if self.patience.watch:
            self._show(self.patience.watch)
        if self.exchange.seconds is not None:
            self._read_on(LINGER_S)
        elif self.exchanges.stopped(1, "response"):
            self._read_on(JUNK_S)
        elif self.exchange.status == 101 and not self.patience.watch:
            self._read_on(self.patience.wait or FRAMES_S)
        return True

    def _read_on(self, seconds: float) -> None:
        """Read for these seconds more, counted from the first call."""
        self.deadline, self.enough = min(self.deadline, time.monotonic() + seconds), True

    def _show(self, watch: Callable[[Piece], None]) -> None:
        seconds = time.monotonic() - self.start
        for protocol, event, *_ in self.exchanges.events:
            if isinstance(event, Data) and event.stream not in self.codecs[protocol].INNER:
                watch(Piece(seconds, event.stream, event.data))
            elif isinstance(event, Other):
                watch(Piece(seconds, event.name, event.data))
