"""Serve a recording as a web page that grows with it.

`python -m gateway_zoo.wire.page FILE [--port N]`. One process with one event loop. application.py has the addresses,
shown.py the exchanges, follow.py the file.

What trips people up: a browser opens six connections to a server and no more (HTTP/1.1), and a tab that listens holds
one of them. So the page listens only while it is visible.
"""

import argparse
import errno
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from gateway_zoo.keeper.ports import holder
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import read_settings
from gateway_zoo.terminal.messages import status_of
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.page.application import application
from gateway_zoo.wire.page.follow import Follow
from gateway_zoo.wire.page.shown import Shown

PORT = 8000  # the usual one; another server may have it already


def main(argv: list[str]) -> int:
    """Serve until SIGTERM or Ctrl-C. Returns 2 for a file that is no recording (it may be absent, and come later), 3 if
    the port of --port cannot be had."""
    parser = argparse.ArgumentParser("zoo wire page", description="show a recording in the browser, live")
    parser.add_argument("file", type=Path)
    parser.add_argument("--port", type=int, help=f"on 127.0.0.1; default: {PORT}, or any free one")
    words = parser.parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGINT):  # before uvicorn handles them, and when it raises them again
        signal.signal(number, lambda *_: sys.exit(0))
    if problem := _problem(words.file):
        print(f"zoo: {problem}", file=sys.stderr)
        return 2
    try:
        listening = _listen(words.port)
    except (OSError, OverflowError) as error:
        used = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = f"is held by {holder(words.port)}; choose another: --port" if used else f"cannot be had: {error}"
        print(f"zoo: port {words.port} on 127.0.0.1 {why}", file=sys.stderr)
        return 3
    with listening:
        return _serve(words.file, listening)


def _problem(file: Path) -> str:
    """Why nothing of this file can be shown; empty if something can, or it does not exist yet."""
    follow = Follow(file)
    look = follow.look()
    follow.close()
    return "" if look.entries else follow.problem


def _listen(port: int | None) -> socket.socket:
    if port is not None:
        return socket.create_server(("127.0.0.1", port), backlog=128)
    try:
        return _listen(PORT)
    except OSError:
        return _listen(0)


def _serve(file: Path, listening: socket.socket) -> int:
    port = listening.getsockname()[1]
    shown = Shown(file, Codecs(load(read_settings().root)))
    app = application(shown, port, lambda: server.should_exit, lambda: setattr(server, "should_exit", True))
    config = uvicorn.Config(
        app, access_log=False, log_level="error", server_header=False, ws="none", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    print(f"http://127.0.0.1:{port}/", flush=True)
    server.run(sockets=[listening])
    return 0


if __name__ == "__main__":
    sys.exit(status_of(lambda: main(sys.argv[1:])))
