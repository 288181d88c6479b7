"""The reader of exchanges: what came, when, in which pieces, and how it ended."""

import socket
import threading
from collections.abc import Callable

import pytest

from gateway_zoo.traits.exchange import Exchange, exchange, read_answers


def served(serve: Callable[[socket.socket], None], *parts: bytes | float, seconds: float = 5) -> Exchange:
    """An exchange with a server that accepts once."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def accept() -> None:
            connection, _ = door.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        seen = exchange("127.0.0.1", door.getsockname()[1], parts, seconds=seconds)
        thread.join()
    return seen


def test_an_answer_in_pieces_with_a_pause_in_the_request() -> None:
    def serve(connection: socket.socket) -> None:
        assert connection.recv(100) == b"GET"
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n")
        assert connection.recv(100) == b" /"
        connection.sendall(b"HTTP/1.1 200 Fine\r\nContent-Length: 5\r\nA: 1\r\na: 2\r\n\r\nhello")

    seen = served(serve, b"GET", 0.05, b" /")
    assert [answer.status for answer in seen.answers] == [103, 200]
    assert (seen.sent, seen.ended, len(seen.pieces)) == (b"GET /", "closed", 2)
    assert seen.pieces[0].ms < seen.pieces[1].ms
    answer = seen.answer
    assert (answer.reason, answer.all("A"), answer.body, answer.whole) == ("Fine", ["1", "2"], b"hello", True)


def test_a_peer_that_answers_and_reads_no_more() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        theirs.close()
        seen = exchange("", 0, [b"x" * 1_000_000, b"more"], on=ours)
    assert (seen.status, seen.body, seen.sent) == (200, b"ok", b"")


def test_the_ends_of_a_connection() -> None:
    def silent(connection: socket.socket) -> None:
        connection.recv(100)
        connection.recv(100)  # until the client has left

    def reset(connection: socket.socket) -> None:
        connection.recv(100)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    assert served(silent, b"x", seconds=0.2).ended == "silent"
    assert served(reset, b"x").ended == "reset"
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    seen = exchange("127.0.0.1", port, [b"x"])
    assert (seen.ended, seen.refused) == ("reset", "Connection refused")


@pytest.mark.parametrize(
    ("data", "closed", "body", "framing", "whole"),
    [
        (b"Content-Length: 4\r\n\r\nabcd", False, b"abcd", "length", True),
        (b"Content-Length: 4\r\n\r\nabc", True, b"abc", "length", False),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n", False, b"abc", "chunked", True),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", True, b"ab", "chunked", False),
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", True, b"", "chunked", False),
        (b"A: b\r\n\r\nabc", True, b"abc", "close", True),
        (b"A: b\r\n\r\nabc", False, b"abc", "close", False),
    ],
)
def test_the_end_of_a_body(data: bytes, closed: bool, body: bytes, framing: str, whole: bool) -> None:
    (answer,) = read_answers(b"HTTP/1.1 200 OK\r\n" + data, closed=closed)
    assert (answer.body, answer.framing, answer.whole) == (body, framing, whole)


def test_trailers_and_what_follows() -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nDigest: x\r\n\r\nmore"
    (answer,) = read_answers(data)
    assert (answer.trailers, answer.rest, answer.whole) == ([("digest", "x")], b"more", True)
