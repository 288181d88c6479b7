"""A server that answers one request at a time, in one of three ways: `scgi.py starts PROGRAM|forks|serves`.

Its standard input is a listening socket, which several of these servers may share. A request is a netstring with the
variables of CGI (SCGI protocol); the answer is that of a CGI program.

    starts    it starts the program with these variables, as CGI demands (RFC 3875), and waits for its end
    forks     it has imported the app, forks a child for the request, and waits for its end
    serves    it has imported the app, and answers by itself

It waits for each child, so the kernel adds the child's CPU time to its own.
"""

import contextlib
import os
import socket
import sys
from wsgiref.handlers import BaseCGIHandler


def variables(connection: socket.socket) -> dict[str, str]:
    """Read the variables of a request without a body."""
    data = b""
    while b":" not in data:
        data += received(connection)
    length, _, rest = data.partition(b":")
    while len(rest) <= int(length):  # the comma at the end of the netstring
        rest += received(connection)
    words = rest[: int(length)].decode("latin-1").split("\0")
    return dict(zip(words[::2], words[1::2], strict=False))


def received(connection: socket.socket) -> bytes:
    """Read some bytes. Raises ConnectionError at the end."""
    if data := connection.recv(65536):
        return data
    raise ConnectionError("the request is not whole")


def start_program(connection: socket.socket, program: str) -> None:
    """Start a program, whose standard output is the connection."""
    output = [(os.POSIX_SPAWN_DUP2, connection.fileno(), 1)]
    environment = {**os.environ, **variables(connection)}
    os.waitpid(os.posix_spawn(program, [program], environment, file_actions=output), 0)


def answer(connection: socket.socket) -> None:
    """Let the app answer."""
    from zoo_app import app  # imported ahead, so this costs nothing

    with connection.makefile("rb") as read, connection.makefile("wb") as write:
        BaseCGIHandler(read, write, sys.stderr, variables(connection), multithread=False).run(app)


def answer_in_a_child(connection: socket.socket) -> None:
    """Let the app answer in a child, which ends then."""
    if child := os.fork():
        os.waitpid(child, 0)
    else:
        with contextlib.suppress(OSError):
            answer(connection)
        os._exit(0)


def main() -> None:
    """Serve for ever."""
    way, *program = sys.argv[1:]
    if way != "starts":
        import zoo_app  # noqa: F401 - warm, before the first request
    listening = socket.socket(fileno=0)
    while True:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):  # nginx has gone, because its client has
            if way == "starts":
                start_program(connection, program[0])
            elif way == "forks":
                answer_in_a_child(connection)
            else:
                answer(connection)


if __name__ == "__main__":
    main()
