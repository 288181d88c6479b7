"""Runs flup's servers (threaded, forking, single; FastCGI, SCGI, AJP), with the faults cured that can be from outside.

flup 1.0.3 (2018) is the classic; as it comes it is not fit to leave alone:

* it steals a live socket and creates it for everyone  -> it gets our listener;
* a connection that sends nothing, or half a request, or never closes, holds a slot for ever
                                                        -> every socket has a deadline, every wait a limit;
* the forking server sleeps through SIGTERM (since PEP 475 select() is restarted after a signal), and never grows
  past its spare processes                              -> a handler that ends the select, and a fixed pool;
* the threaded server closes the fifth connection in the face of the web server
                                                        -> it waits in the queue until a thread is free;
* an empty SCGI body is a text stream, against PEP 3333 -> bytes;
* an AJP request that came over TLS ends in an exception  -> the attribute that is a number becomes text as the others.

Not cured, said on the labels: a FastCGI PARAMS pair split over two records, GET_VALUES answered empty, SCGI lengths
such as `+5` accepted.
"""

import contextlib
import errno
import io
import select
import signal
import socket
from collections.abc import Callable
from typing import Any

from gateway_zoo.serving.listen import Address, listener

SLOTS = 4  # requests at once, as in every exhibit
READ_TIMEOUT_S = 5  # web servers send what they have at once: silence means that they, or their visitors, are gone
GOODBYE_S = 1  # how long a finished connection may take to close at the other end


class PatientSocket(socket.socket):
    """A connection that gives up after READ_TIMEOUT_S, whatever flup asks for (it switches time-outs off)."""

    def setblocking(self, flag: bool) -> None:
        self.settimeout(READ_TIMEOUT_S)


def _with_deadlines(connection_class: type[Any]) -> type[Any]:
    """flup's Connection, reading from a PatientSocket and waiting for nobody longer than that."""

    class Connection(connection_class):  # type: ignore[misc]  # flup has no types
        def __init__(self, sock: socket.socket, *rest: Any) -> None:
            patient = PatientSocket(sock.family, sock.type, fileno=sock.detach())
            patient.setblocking(True)
            super().__init__(patient, *rest)

        def process_input(self) -> None:  # FastCGI: called once per record
            self._patiently(super().process_input)

        def processInput(self) -> None:  # SCGI: once per connection; AJP: once per packet
            self._patiently(super().processInput)

        def _patiently(self, read: Callable[[], None]) -> None:
            """Silence, before a packet or in the middle of one, ends the connection as if the other side had."""
            if not select.select([self._sock], [], [], READ_TIMEOUT_S)[0]:
                raise EOFError
            try:
                read()
            except TimeoutError:
                raise EOFError from None

        def _cleanupSocket(self) -> None:  # FastCGI: say goodbye, let the other side close, but not for long
            with contextlib.suppress(OSError):
                self._sock.settimeout(GOODBYE_S)
                self._sock.shutdown(socket.SHUT_WR)
                while self._sock.recv(1024):
                    pass
            self._sock.close()

    return Connection


def _bytes_body(request_class: type[Any]) -> type[Any]:
    class Request(request_class):  # type: ignore[misc]
        def __init__(self, conn: Any, environ: dict[str, str], body: Any, output: Any) -> None:
            empty = isinstance(body, io.StringIO)
            super().__init__(conn, environ, io.BytesIO() if empty else body, output)

    return Request


def _any_attribute(request_class: type[Any]) -> type[Any]:
    class Request(request_class):  # type: ignore[misc]
        def addAttribute(self, name: bytes, value: bytes | str) -> None:  # SSL_KEY_SIZE comes as str
            super().addAttribute(name, value.encode("ascii") if isinstance(value, str) else value)

    return Request


def _interrupt(server: Any) -> None:
    """Make SIGTERM and SIGINT end the select() that flup sits in. Both its loops take EINTR for "look again"."""

    def stop(*_: object) -> None:
        server._keepGoing = False
        raise InterruptedError(errno.EINTR, "stopping")

    def install() -> None:
        server._oldSIGs = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT)]
        for number, _ in server._oldSIGs:
            signal.signal(number, stop)

    server._installSignalHandlers = install


def run(server_class: type[Any], app: Any, address: Address | None, **options: Any) -> None:
    """Serve `app` until SIGTERM.

    `server_class` is the WSGIServer of one of flup.server's modules; `address` None means the socket that is open as
    descriptor 0 (FastCGI 1.0, section 2.2: how mod_fcgid starts a server).
    """
    if address is not None:
        options["bindAddress"] = address  # anything but None: flup must not try descriptor 0
    limit = "maxChildren" if server_class.__module__.endswith("_fork") else "maxThreads"
    server = server_class(app, debug=False, **{"minSpare": SLOTS, "maxSpare": SLOTS, limit: SLOTS}, **options)
    server._jobClass = _with_deadlines(server._jobClass)
    if hasattr(server, "requestClass") and "scgi" in server_class.__module__:
        server.requestClass = _bytes_body(server.requestClass)
    if "ajp" in server_class.__module__:
        server.requestClass = _any_attribute(server.requestClass)
    if address is not None:
        server._setupSocket = lambda: listener(address)
    if hasattr(server, "_threadPool"):
        enqueue = server._threadPool.addJob
        server._threadPool.addJob = lambda job, **_: enqueue(job, allowQueuing=True)
    _interrupt(server)
    server.run()
