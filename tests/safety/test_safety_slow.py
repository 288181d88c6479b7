"""Clients that are slow on purpose cost a connection or a deadline, never the zoo."""

import contextlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from raw_http import ask, request
from zoo_in_test import FRONTS, Zoo

from gateway_zoo.registry import cages
from gateway_zoo.serving.flup_runner import GOODBYE_S, READ_TIMEOUT_S

pytestmark = pytest.mark.slow

#: The first bytes of a request in each protocol, cut off in the middle.
HALF = {
    "FastCGI": bytes([1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0]),  # BEGIN_REQUEST, four bytes short
    "SCGI": b"70:CONTENT_LENGTH\x00",
    "AJP": bytes([0x12, 0x34, 0, 80, 2, 2]),  # FORWARD_REQUEST of 80 bytes
}
FREE_IN_BUFFER = ("fastcgi", "fastcgi-fork", "fastcgi-modern", "fcgid", "uwsgi-http", "wsgi", "wsgi-sync", "asgi")


@contextlib.contextmanager
def holding(address: str | tuple[str, int], data: bytes, count: int) -> Iterator[list[socket.socket]]:
    """So many connections that have sent this much and now keep still."""
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(count):
            family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
            connection = stack.enter_context(socket.socket(family))
            connection.settimeout(10)
            connection.connect(address)
            connection.sendall(data)
            held.append(connection)
        yield held


def seconds(zoo: Zoo, exhibit: str, front: str) -> float:
    """How long a new visitor's ping takes."""
    began = time.monotonic()
    answer = ask(zoo.ports[front], request(f"/{exhibit}/ping"))
    assert (answer.status, answer.body) == (200, b"pong\n"), (exhibit, front, answer)
    return time.monotonic() - began


@pytest.mark.parametrize("front", FRONTS)
def test_two_hundred_half_sent_headers_keep_nobody_out(zoo: Zoo, front: str) -> None:
    half = b"GET /fastcgi/ping HTTP/1.1\r\nHost: zoo.test\r\nX-Slow: "
    with holding(("127.0.0.1", zoo.ports[front]), half, 200) as held:
        until = time.monotonic() + 3
        while time.monotonic() < until:
            took = seconds(zoo, "fastcgi", front)
            assert took < 2, f"{front} took {took:.1f} s"
            for connection in held[::20]:  # drop by drop: still half sent
                with contextlib.suppress(OSError):
                    connection.send(b"x")


def test_half_a_request_has_a_deadline(zoo: Zoo) -> None:
    header = b"GET /fastcgi/ping HTTP/1.1\r\nHost: "
    body = request("/scgi/echo", "Content-Length: 9", method="POST", body=b"half")
    asked = [(front, half) for front in FRONTS for half in (header, body)]

    def lives(front: str, half: bytes) -> float:
        with holding(("127.0.0.1", zoo.ports[front]), half, 1) as held:
            began = time.monotonic()
            held[0].settimeout(15)
            while held[0].recv(1000):  # Apache says 408 first
                pass
            return time.monotonic() - began

    with ThreadPoolExecutor(len(asked)) as pool:
        waited = [(front, half, pool.submit(lives, front, half)) for front, half in asked]
    for front, half, lived in waited:
        assert lived.result() < 12, f"{front} waited {lived.result():.1f} s for the rest of {half!r}"


def test_slow_bodies_hold_no_slot_where_the_front_reads_them_first(zoo: Zoo) -> None:
    def check(cell: tuple[str, str]) -> tuple[tuple[str, str], float]:
        exhibit, front = cell
        half = request(f"/{exhibit}/echo", "Content-Length: 100000", method="POST", body=b"x" * 30_000)
        with holding(("127.0.0.1", zoo.ports[front]), half, 8):
            return cell, seconds(zoo, exhibit, front)

    cells = [cell for cell in zoo.open_cells() if cell[1] == "nginx" or cell[0] in FREE_IN_BUFFER]
    with ThreadPoolExecutor(4) as pool:
        slow = [(cell, took) for cell, took in pool.map(check, cells) if took > 2]
    assert not slow, slow


def flup_exhibits(zoo: Zoo) -> dict[str, tuple[str, str | tuple[str, int]]]:
    """Exhibit -> protocol and address, of those that flup serves on a socket of their own."""
    found: dict[str, tuple[str, str | tuple[str, int]]] = {}
    for cage in cages.load(zoo.root).cages:
        servers = {family.id: family.server for family in cage.file.family}
        for exhibit in cage.file.exhibit:
            if servers[exhibit.family].startswith("flup") and (exhibit.unix or exhibit.tcp):
                tcp = ("127.0.0.1", exhibit.tcp + zoo.shift)
                address = tcp if exhibit.tcp else str(zoo.run / "sock" / exhibit.unix)
                found[exhibit.id] = (exhibit.protocol or cage.file.protocol, address)
    return found


@pytest.mark.parametrize("silent", [True, False], ids=["silent", "half a request"])
def test_half_open_connections_freeze_no_flup_server(zoo: Zoo, silent: bool) -> None:
    exhibits = flup_exhibits(zoo)
    assert len(exhibits) == 7, exhibits
    logs = {exhibit: zoo.run / "logs" / f"{exhibit}.log" for exhibit in exhibits}
    read = {exhibit: path.stat().st_size for exhibit, path in logs.items()}

    def frozen_for(exhibit: str) -> float:
        protocol, address = exhibits[exhibit]
        with holding(address, b"" if silent else HALF[protocol], 5):  # one more than there are slots
            return seconds(zoo, exhibit, "apache")

    with ThreadPoolExecutor(len(exhibits)) as pool:
        times = dict(zip(exhibits, pool.map(frozen_for, exhibits), strict=True))
    late = {exhibit: round(took, 1) for exhibit, took in times.items() if took > READ_TIMEOUT_S + GOODBYE_S + 1.5}
    assert not late, late
    loud = [exhibit for exhibit, path in logs.items() if b"Traceback" in path.read_bytes()[read[exhibit] :]]
    assert not loud, f"a time-out is no error: {loud}"
