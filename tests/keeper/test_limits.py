"""Answers without an end: whatever reads an answer stops at a number of bytes or of seconds, and says at which."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from recordings import WIRES
from zoo_in_test import Zoo

from gateway_zoo.keeper import ready
from gateway_zoo.measure import probe
from gateway_zoo.registry.plans import Cell
from gateway_zoo.safe_io import bounded
from gateway_zoo.wire.ask import client

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


def flood(peer: socket.socket, start: bytes) -> None:
    peer.sendall(start)
    while True:
        peer.sendall(b"x" * 65536)


def drip(peer: socket.socket, start: bytes) -> None:
    """A byte each 50 ms: no time-out between two bytes ever passes."""
    peer.sendall(start)
    for byte in itertools.repeat(b"x"):
        peer.sendall(byte)
        time.sleep(0.05)


def silence(peer: socket.socket, start: bytes) -> None:
    peer.sendall(start)
    peer.recv(1)  # until the client goes


@pytest.fixture
def server() -> Iterator[Callable[[Callable[[socket.socket, bytes], None], bytes], int]]:
    """`server(behave, start)`: the port of a server that answers `start`, and then behaves like that for ever."""
    listeners: list[socket.socket] = []

    def serve(listener: socket.socket, behave: Callable[[socket.socket, bytes], None], start: bytes) -> None:
        with contextlib.suppress(OSError):  # the test is over
            while True:
                peer, _ = listener.accept()
                peer.recv(4096)
                threading.Thread(target=answer, args=(peer, behave, start), daemon=True).start()

    def answer(peer: socket.socket, behave: Callable[[socket.socket, bytes], None], start: bytes) -> None:
        with peer, contextlib.suppress(OSError):  # the client has left, as it should
            behave(peer, start)

    def make(behave: Callable[[socket.socket, bytes], None], start: bytes) -> int:
        listeners.append(listener := socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=serve, args=(listener, behave, start), daemon=True).start()
        return int(listener.getsockname()[1])

    yield make
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize("start", [HEAD, b"HTTP/1.1 200 OK\r\nX-Long: ", b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
@pytest.mark.parametrize("behave", [drip, silence])
def test_a_slow_answer_ends_at_the_deadline(server: Callable[..., int], behave: object, start: bytes) -> None:
    with pytest.raises(bounded.OverLimit, match=r"the answer was not complete after 0\.4 s, our limit"):
        probe.ask(f"http://127.0.0.1:{server(behave, start)}/", timeout=0.4)


def test_a_long_answer_ends_at_the_size(server: Callable[..., int]) -> None:
    with pytest.raises(bounded.OverLimit, match="the answer is longer than 4000000 bytes, our limit"):
        probe.ask(f"http://127.0.0.1:{server(flood, HEAD)}/")


def test_every_answer_of_a_connection_has_a_deadline_of_its_own(server: Callable[..., int]) -> None:
    """The second answer of a connection that is kept is not late because the first took its time."""

    def slowly(peer: socket.socket, start: bytes) -> None:
        for _ in range(3):
            time.sleep(0.3)
            peer.sendall(start)
            peer.recv(4096)

    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    connection = bounded.connect(f"http://127.0.0.1:{server(slowly, answer)}", seconds=0.8)
    with contextlib.closing(connection):
        for _ in range(3):
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"ok"


def test_check_gives_up_a_front_whose_answers_have_no_end(server: Callable[..., int]) -> None:
    with Zoo() as idle:
        done = idle.cli("check", "--nginx", f"http://127.0.0.1:{server(flood, HEAD)}")
    assert done.returncode == 1, done.stderr
    assert "ping: OverLimit: the answer is longer than 4000000 bytes, our limit" in done.stdout
    assert "not asked: 3 answers of nginx were over our limits" in done.stdout


@pytest.mark.parametrize("behave", [drip, flood])
def test_waiting_for_a_cell_has_a_limit(
    server: Callable[..., int], behave: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "ANSWER_S", 0.4)
    assert not ready.answers(Cell("x", "nginx", f"http://127.0.0.1:{server(behave, HEAD)}/x"))


@pytest.mark.parametrize(
    ("behave", "said"),
    [(drip, "no end of the answer within 1 s, our limit; "), (flood, "the answer is longer than 100,000 bytes")],
)
@pytest.mark.parametrize(
    ("protocol", "request_bytes", "start"),
    [
        ("SCGI", b"24:CONTENT_LENGTH\x000\x00SCGI\x001\x00,", b"Status: 200 OK\r\n\r\n"),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", HEAD),
    ],
)
def test_the_wires_client_has_a_limit(
    server: Callable[..., int],
    behave: object,
    said: str,
    protocol: str,
    request_bytes: bytes,
    start: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "DEADLINE_S", 1.0)
    monkeypatch.setattr(client, "LIMIT", 100_000)
    to = client.address(f"127.0.0.1:{server(behave, start)}")
    exchange = client.ask(WIRES, to, request_bytes, protocol, "x", "")
    assert any(error.startswith(said) for error in exchange.errors), exchange.errors
