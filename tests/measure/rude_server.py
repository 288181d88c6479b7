"""A server that answers every request badly, each in one way: what a command reads of it must have a limit."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n"


def _endless(piece: bytes, pause: float, kind: bytes = b"application/json") -> Callable[[socket.socket], None]:
    def answer(client: socket.socket) -> None:
        client.sendall(HEAD % kind)
        while True:
            client.sendall(piece)
            time.sleep(pause)

    return answer


def _says(text: bytes) -> Callable[[socket.socket], None]:
    return lambda client: client.sendall(HEAD % b"application/json" + text)


def _silent(client: socket.socket) -> None:
    while client.recv(4096):
        pass


#: What is wrong with it -> how it answers.
RUDE: dict[str, Callable[[socket.socket], None]] = {
    "endless body": _endless(b" " * 65536, 0),
    "a byte a second": _endless(b" ", 0.3),
    "endless comments": _endless(b":\n\n", 0.05, b"text/event-stream"),
    "endless head": lambda client: client.sendall(b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 10_000),
    "silent": _silent,
    "no JSON": _says(b"<h1>It works!</h1>"),
    "other JSON": _says(b'{"a": 1}'),
    "a list": _says(b"[1, 2]"),
    "a number": _says(b"5"),
    "deep JSON": _says(b"[" * 50_000),
}


@contextlib.contextmanager
def rude_server(kind: str) -> Iterator[str]:
    """Its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.recv(65536)
            RUDE[kind](client)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)  # wakes accept(2)
        listener.close()
