"""Send bytes to a gateway's socket, and read the answer.

The protocol's decoder tells where an answer ends. In uwsgi and SCGI nothing tells it: the gateway closes. The client
does not half-close its side: fronts do not, and some gateways take it for a client that went away.
"""

import select
import socket
import time
from dataclasses import dataclass

from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchanges import KEEP_ONE, Exchange, Exchanges
from gateway_zoo.wire.recording import Bytes, Closed, Ended, Opened

DEADLINE_S = 10.0
LIMIT = 16_000_000  # bytes of an answer
#: How long to read a WebSocket's frames, and what follows bytes that break the protocol.
FRAMES_S, JUNK_S = 2.5, 0.3
PIECE = 65_536


@dataclass(frozen=True)
class Address:
    """A unix socket (`path`), or a host and a port."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else f"{self.host}:{self.port}"

    def connect(self) -> socket.socket:
        """Raises OSError."""
        if not self.path:
            try:
                return socket.create_connection((self.host.strip("[]"), self.port), DEADLINE_S)
            except UnicodeError:  # of the codec "idna"
                raise OSError(f"{self.host} is no name of a host") from None
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(DEADLINE_S)
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
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError(f"{text}: expected unix:PATH or HOST:PORT")
    return Address(host=host, port=int(port))


def ask(codecs: Codecs, to: Address, request: bytes, protocol: str, exhibit: str, front: str) -> Exchange:
    """Send the request and read its answer. `errors` has the problems on the way. Raises OSError if nothing listens."""
    call = _Call(codecs, Opened(connection=1, at=0, exhibit=exhibit, front=front, protocol=protocol, address=str(to)))
    with to.connect() as connection:
        return call.run(connection, request)


class _Call:
    """A connection with one exchange, told as the entries of a recording: `Exchanges` reads those."""

    def __init__(self, codecs: Codecs, opened: Opened) -> None:
        self.exchanges = Exchanges(codecs, keep=lambda _: KEEP_ONE)
        self.exchanges.feed(opened)
        self.began = time.time()
        self.deadline = time.monotonic() + DEADLINE_S
        self.shortened = False

    @property
    def exchange(self) -> Exchange:
        return self.exchanges.all[1]

    def run(self, connection: socket.socket, request: bytes) -> Exchange:
        connection.setblocking(False)
        came = 0
        self.exchanges.feed(Bytes(connection=1, at=self.began, direction="request", data=request))
        unsent, why = memoryview(request), ""
        while self.exchange.seconds is None:
            patience = self.deadline - time.monotonic()
            if patience <= 0:
                if not self.shortened:
                    why = f"no end of the answer within {DEADLINE_S:.0f} s, our limit; {came} bytes of it came"
                break
            readable, writable, _ = select.select([connection], [connection] if unsent else [], [], patience)
            try:
                if writable:
                    unsent = unsent[connection.send(unsent) :]
                if readable:
                    came += len(data := connection.recv(PIECE))
                    if not self._receive(data):
                        break
                if came > LIMIT:
                    why = f"the answer is longer than {LIMIT:,} bytes, our limit"
                    break
            except OSError as error:
                # A gateway may answer and close before it has read all of a body: its answer counts.
                why, unsent = error.strerror or str(error), memoryview(b"")
                if not writable:
                    break
        self.exchanges.feed(Closed(connection=1, at=time.time(), why=why if self.exchange.seconds is None else ""))
        return self.exchange

    def _receive(self, data: bytes) -> bool:
        """Take a piece of the answer; False at its end."""
        if not data:
            self.exchanges.feed(Ended(connection=1, at=time.time(), direction="response"))
            return False
        self.exchanges.feed(Bytes(connection=1, at=time.time(), direction="response", data=data))
        if not self.shortened and (self.exchange.errors or self.exchange.status == 101):
            self.shortened = True
            self.deadline = time.monotonic() + (JUNK_S if self.exchange.errors else FRAMES_S)
        return True
