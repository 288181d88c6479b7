"""The client: bytes to a gateway's socket, and what comes back until the answer is complete. It follows nothing.

Where an answer ends, the protocol's decoder says; where nobody says it (uwsgi, SCGI), the gateway closes. Our side of
the connection stays open: fronts do not half-close, and some gateways take that for a client that went away.
"""

import select
import socket
import time
from dataclasses import dataclass

from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchanges import KEEP_ONE, Exchange, Exchanges
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened

DEADLINE_S = 10.0
LIMIT = 16_000_000  # bytes of an answer: nobody reads more, byte by byte
#: Of a WebSocket we look at what comes first; of bytes that are no answer, at what was sent with them.
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
        made = socket.socket(socket.AF_UNIX)
        try:
            made.settimeout(DEADLINE_S)
            made.connect(self.path)
        except OSError:
            made.close()
            raise
        return made


def address(text: str) -> Address:
    """`unix:PATH` or `HOST:PORT` (`[::1]:9000`). Raises ValueError."""
    if text.startswith("unix:") and len(text) > len("unix:"):
        return Address(path=text.removeprefix("unix:"))
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError(f"{text}: expected unix:PATH or HOST:PORT")
    return Address(host=host, port=int(port))


def ask(codecs: Codecs, to: Address, request: bytes, protocol: str, exhibit: str, front: str) -> Exchange:
    """Send the request and read its answer. What went wrong on the way is in `errors`; raises OSError if nobody is
    there."""
    call = _Call(codecs, Opened(connection=1, at=0, exhibit=exhibit, front=front, protocol=protocol, address=str(to)))
    with to.connect() as connection:
        return call.hold(connection, request)


class _Call:
    """One connection, and the one exchange on it, as the entries of a recording would tell it."""

    def __init__(self, codecs: Codecs, opened: Opened) -> None:
        self.exchanges = Exchanges(codecs, keep=lambda _: KEEP_ONE)
        self.exchanges.feed(opened)
        self.began = time.time()
        self.deadline = time.monotonic() + DEADLINE_S
        self.shortened = False

    @property
    def exchange(self) -> Exchange:
        return self.exchanges.all[1]

    def hold(self, connection: socket.socket, request: bytes) -> Exchange:
        connection.setblocking(False)
        came = 0
        self._tell(Bytes(connection=1, at=self.began, direction="request", data=request))
        left, why = memoryview(request), ""
        while self.exchange.seconds is None:
            patience = self.deadline - time.monotonic()
            if patience <= 0:
                why = "" if self.shortened else self._too_late()
                break
            readable, writable, _ = select.select([connection], [connection] if left else [], [], patience)
            try:
                if writable:
                    left = left[connection.send(left) :]
                if readable:
                    came += len(data := connection.recv(PIECE))
                    if not self._heard(data):
                        break
                if came > LIMIT:
                    why = f"the answer is longer than {LIMIT:,} bytes, our limit"
                    break
            except OSError as error:
                # A gateway may answer and close before it has read all of a body: what it said counts.
                why, left = error.strerror or str(error), memoryview(b"")
                if not writable:
                    break
        self._tell(Closed(connection=1, at=time.time(), why=why if self.exchange.seconds is None else ""))
        return self.exchange

    def _heard(self, data: bytes) -> bool:
        """Take a piece of the answer; False at its end."""
        if not data:
            self._tell(Ended(connection=1, at=time.time(), direction="response"))
            return False
        self._tell(Bytes(connection=1, at=time.time(), direction="response", data=data))
        if not self.shortened and (self.exchange.errors or self.exchange.status == 101):
            self.shortened = True
            self.deadline = time.monotonic() + (JUNK_S if self.exchange.errors else FRAMES_S)
        return True

    def _tell(self, entry: AnyEntry) -> None:
        self.exchanges.feed(entry)

    def _too_late(self) -> str:
        came = self.exchange.size("response")
        return f"no end of the answer within {DEADLINE_S:.0f} s, our limit; {came} bytes of it came"
