"""The relay alone, between sockets of the test: every byte, every end, nothing kept."""

import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from wire_relay_in_test import connected, crossed, gateway, kind, relayed
from zoo_in_test import eventually

from gateway_zoo.serving.listen import listener
from gateway_zoo.wire.recorder.relay import PIECE, Relay, Target
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened

BOTH = pytest.mark.parametrize("tcp", [False, True], ids=["unix", "tcp"])


def send_and_close(sock: socket.socket, data: bytes) -> None:
    with sock:
        sock.settimeout(60)
        sock.sendall(data)


@contextmanager
def pair(tmp_path: Path, tcp: bool) -> Iterator[tuple[socket.socket, socket.socket, list[AnyEntry], Relay]]:
    """A front and a gateway that are connected through the relay."""
    place, door = kind(tmp_path, tcp)
    with ExitStack() as stack:
        there = stack.enter_context(gateway(place if not tcp else ("127.0.0.1", 0)))
        name, told, relay = stack.enter_context(relayed(there.getsockname(), door))
        front = stack.enter_context(connected(name))
        back, _ = there.accept()
        stack.enter_context(back)
        back.settimeout(10)
        yield front, back, told, relay


def over(told: list[AnyEntry]) -> bool:
    """Has the relay told of the end? It tells when it has time."""
    return bool(told) and isinstance(told[-1], Closed)


def everything(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(PIECE), b""))


@BOTH
def test_bytes_both_ways(tmp_path: Path, tcp: bool) -> None:
    with pair(tmp_path, tcp) as (front, back, told, relay):
        front.sendall(b"question")
        assert back.recv(100) == b"question"
        back.sendall(b"answer")
        assert front.recv(100) == b"answer"
        eventually(lambda: len(told) == 3, 5, "three entries")
        opened = told[0]
        assert isinstance(opened, Opened)
        assert (opened.connection, opened.exhibit, opened.front, opened.address) == (1, "uwsgi", "nginx", "uwsgi.sock")
        assert [(type(e), e.direction, e.data) for e in told[1:] if isinstance(e, Bytes)] == [
            (Bytes, "request", b"question"),
            (Bytes, "response", b"answer"),
        ]
        assert relay.open == 1


@BOTH
def test_a_front_that_half_closes_still_gets_its_answer(tmp_path: Path, tcp: bool) -> None:
    with pair(tmp_path, tcp) as (front, back, told, _):
        front.sendall(b"all I have")
        front.shutdown(socket.SHUT_WR)
        assert everything(back) == b"all I have"
        back.sendall(b"thank you")
        back.close()
        assert everything(front) == b"thank you"
        eventually(lambda: over(told), 5, "the end of the connection")
        assert [e.direction for e in told if isinstance(e, Ended)] == ["request", "response"]


@BOTH
def test_a_gateway_that_half_closes_still_gets_the_rest(tmp_path: Path, tcp: bool) -> None:
    with pair(tmp_path, tcp) as (front, back, told, relay):
        back.sendall(b"enough")
        back.shutdown(socket.SHUT_WR)
        assert everything(front) == b"enough"
        front.sendall(b"and yet")
        assert back.recv(100) == b"and yet"
        front.close()
        assert back.recv(100) == b""
        eventually(lambda: over(told), 5, "the end of the connection")
        assert crossed(told, "request") == b"and yet"
        assert relay.open == 0


def test_a_front_that_leaves_is_seen_by_the_gateway(tmp_path: Path) -> None:
    """On a unix socket even by one that only writes."""
    with pair(tmp_path, False) as (front, back, told, _):
        front.close()
        eventually(lambda: over(told), 5, "the end of the connection")
        with pytest.raises(BrokenPipeError):
            back.sendall(b"anybody?")


@BOTH
def test_an_early_answer_arrives_although_the_body_cannot(tmp_path: Path, tcp: bool) -> None:
    """A gateway refuses a long body: it answers, and closes with bytes of the body unread."""
    with pair(tmp_path, tcp) as (front, back, _, _):
        front.sendall(b"x" * 1000)
        eventually(lambda: back.recv(1, socket.MSG_PEEK) == b"x", 5, "the beginning of the body")
        back.sendall(b"413")
        back.close()
        got = b""
        try:
            while piece := front.recv(100):
                got += piece
        except ConnectionResetError:
            assert tcp  # TCP takes its unread bytes for a reset, with or without us
        assert got == b"413"
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            front.sendall(b"x" * (16 << 20))


def test_a_reset_is_passed_on(tmp_path: Path) -> None:
    with pair(tmp_path, True) as (front, back, told, _):
        front.sendall(b"hello")
        assert back.recv(100) == b"hello"
        back.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        back.close()
        with pytest.raises(ConnectionResetError):
            front.recv(100)
        eventually(lambda: over(told), 5, "the end of the connection")
        closed = told[-1]
        assert isinstance(closed, Closed)
        assert closed.why == "the gateway: Connection reset by peer"


def test_a_number_that_is_used_again_hears_nothing_of_its_last_owner(tmp_path: Path) -> None:
    """In one batch of events somebody leaves on both sides, and somebody else comes, who half-closes at once."""
    there, door = gateway(str(tmp_path / "g")), str(tmp_path / "d")
    seen: list[AnyEntry] = []
    goes_on = threading.Event()

    def hold(entry: AnyEntry) -> None:
        seen.append(entry)
        if isinstance(entry, Bytes) and entry.data == b"hold":
            goes_on.wait(10)

    with there, relayed(str(tmp_path / "g"), door) as (name, _, relay):
        relay.on_entry = hold
        for _ in range(5):
            goes_on.clear()
            front = connected(name)
            back, _ = there.accept()
            seen.clear()
            front.sendall(b"hold")
            eventually(lambda: any(isinstance(entry, Bytes) for entry in seen), 5, "it holds")
            back.close()
            second = connected(name)
            second.sendall(b"question")
            second.shutdown(socket.SHUT_WR)
            front.close()
            ours = socket.socket()  # takes the number that became free here: the relay shall use its own again
            goes_on.set()
            with ours, second, there.accept()[0] as answering:
                answering.settimeout(5)
                assert everything(answering) == b"question"
                answering.sendall(b"answer")
                answering.close()
                assert everything(second) == b"answer"


@BOTH
def test_a_dead_gateway_is_a_closed_connection(tmp_path: Path, tcp: bool) -> None:
    place, door = kind(tmp_path, tcp)
    with gateway(place if not tcp else ("127.0.0.1", 0)) as there:
        name = there.getsockname()
    with relayed(name, door) as (at, told, relay):
        with suppress(ConnectionResetError), connected(at) as front:
            assert front.recv(100) == b""
        eventually(lambda: len(told) == 2 and relay.open == 0, 5, "opened and closed")
        assert isinstance(told[1], Closed)
        assert told[1].why == "the gateway refuses: Connection refused"


def test_a_gateway_that_comes_back_is_found_again(tmp_path: Path) -> None:
    place, door = kind(tmp_path, False)
    with relayed(place, door) as (at, _, _):
        with connected(at) as front:
            assert front.recv(100) == b""
        with gateway(place) as there, connected(at) as front:
            back, _ = there.accept()
            with back:
                front.sendall(b"again")
                assert back.recv(100) == b"again"


def test_a_full_backlog_makes_fronts_wait(tmp_path: Path) -> None:
    """Nobody is refused: who cannot be let in yet waits at our door, and gets in when there is room."""
    place, door = kind(tmp_path, False)
    with ExitStack() as stack:
        there = stack.enter_context(gateway(place))
        there.listen(1)
        at, told, _ = stack.enter_context(relayed(place, door))
        fronts = [stack.enter_context(connected(at)) for _ in range(10)]
        for front in fronts:
            front.sendall(b"me")
        for _ in fronts:
            back, _ = there.accept()
            with back:
                assert back.recv(10) == b"me"
        assert [front.recv(10) for front in fronts] == [b""] * 10
        eventually(lambda: sum(isinstance(e, Closed) and not e.why for e in told) == 10, 5, "ten proper ends")


@BOTH
def test_a_slow_reader_stops_the_sender(tmp_path: Path, tcp: bool) -> None:
    """64 MiB for somebody who does not read: they stay where they are, not in our memory; and all arrive at last."""
    size = 64 << 20
    whole = random.Random(1).randbytes(1 << 20) * (size >> 20)  # noqa: S311 - not a secret
    with pair(tmp_path, tcp) as (front, back, _, relay):
        relay.on_entry = lambda _: None
        before = psutil.Process().memory_info().rss
        sender = threading.Thread(target=send_and_close, args=(back, whole))
        sender.start()
        time.sleep(0.3)
        grown = psutil.Process().memory_info().rss - before
        assert sender.is_alive()
        assert grown < 16 << 20
        assert everything(front) == whole
        sender.join()


@BOTH
def test_any_cut_any_order(tmp_path: Path, tcp: bool) -> None:
    """Both directions at once, in pieces of every size: what arrives and what is told is what was sent."""
    chance = random.Random(7)  # noqa: S311 - not a secret
    sent = {side: chance.randbytes(3_000_000) for side in ("request", "response")}
    cuts = [chance.choice([1, 2, 100, 5000, 70_000, 300_000]) for _ in range(4000)]

    def send(sock: socket.socket, data: bytes) -> None:
        at = 0
        for cut in cuts:
            sock.sendall(data[at : at + cut])
            at += cut
        sock.sendall(data[at:])
        sock.shutdown(socket.SHUT_WR)

    with pair(tmp_path, tcp) as (front, back, told, _):
        senders = [
            threading.Thread(target=send, args=(front, sent["request"])),
            threading.Thread(target=send, args=(back, sent["response"])),
        ]
        got: dict[str, bytes] = {}
        readers = [
            threading.Thread(target=lambda: got.update(request=everything(back))),
            threading.Thread(target=lambda: got.update(response=everything(front))),
        ]
        for thread in senders + readers:
            thread.start()
        for thread in senders + readers:
            thread.join(30)
        assert got == sent
        eventually(lambda: over(told), 5, "the end of the connection")
        assert crossed(told, "request") == sent["request"]
        assert crossed(told, "response") == sent["response"]


def test_a_callback_that_fails_ends_the_relay_and_says_so(tmp_path: Path) -> None:
    def full(_: AnyEntry) -> None:
        raise OSError(28, "No space left on device")

    place, door = kind(tmp_path, False)
    failed: list[OSError] = []
    with gateway(place) as there:
        relay = Relay(full)
        relay.add(listener(door), Target("uwsgi", "nginx", "uwsgi", "uwsgi.sock", place))

        def run() -> None:
            try:
                relay.run()
            except OSError as error:
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        with connected(door) as front, there.accept()[0]:
            assert front.recv(10) == b""
        thread.join(5)
    assert failed[0].errno == 28
