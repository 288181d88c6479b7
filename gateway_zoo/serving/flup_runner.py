"""Run flup's servers, with their faults cured from outside.

flup 1.0.3 (2018) is the classic server of FastCGI, SCGI and AJP: with threads, with forks, or single. It has faults:

* it takes a live socket from its server, and creates one that every user may open -> it gets our listener;
* a connection that sends nothing, or half a request, or never closes, holds a slot for ever
                                                        -> every socket has a deadline, every wait a limit;
* the forking server sleeps through SIGTERM (since PEP 475 select() is restarted after a signal), and never grows
  past its spare processes                              -> a handler that ends the select, and a fixed pool;
* the threaded server closes the fifth connection at once -> the connection waits in a queue until a thread is free;
* an empty SCGI body is a text stream, against PEP 3333 -> bytes;
* an AJP request that came over TLS ends in an exception -> the one attribute that comes as text becomes bytes, too.

Three faults remain, and the labels name them: a FastCGI PARAMS pair split over two records fails, GET_VALUES gets an
empty answer, and SCGI lengths such as `+5` are accepted.
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

SLOTS = 4  # requests at the same time, as in every exhibit
READ_TIMEOUT_S = 5  # a web server sends its bytes at once; after so much silence it, or its visitor, is gone
GOODBYE_S = 1  # the longest wait for the other side to close a finished connection


class PatientSocket(socket.socket):
    """A connection with a time-out that flup cannot switch off."""

    def setblocking(self, flag: bool) -> None:
        self.settimeout(READ_TIMEOUT_S)


def _with_deadlines(connection_class: type[Any]) -> type[Any]:
    """Give flup's Connection a PatientSocket."""

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
            """Read a packet. Raises EOFError after silence."""
            if not select.select([self._sock], [], [], READ_TIMEOUT_S)[0]:
                raise EOFError
            try:
                read()
            except TimeoutError:
                raise EOFError from None

        def _cleanupSocket(self) -> None:  # FastCGI: let the other side close first, but not for long
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
    """Make SIGTERM and SIGINT end flup's select(), by EINTR."""

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

    `server_class` is the WSGIServer of a module in flup.server. `address` None: use the socket that is open as
    descriptor 0, as mod_fcgid starts a server (FastCGI 1.0, section 2.2).
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
