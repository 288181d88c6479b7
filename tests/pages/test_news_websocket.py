"""News over a WebSocket, through both fronts, and what ends it."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import websockets
from news_in_test import FUTURE, cells, read_to_the_end
from websockets.sync.client import connect
from zoo_in_test import FRONTS, Zoo, eventually

from gateway_zoo.measure import probe


def socket_url(zoo: Zoo, exhibit: str, front: str, path: str = "news/socket") -> str:
    return zoo.url(exhibit, front, path).replace("http", "ws", 1)


@pytest.mark.parametrize("front", FRONTS)
def test_a_websocket_speaks_both_ways(zoo: Zoo, front: str) -> None:
    with connect(socket_url(zoo, "asgi", front), origin=f"http://127.0.0.1:{zoo.ports[front]}") as client:  # type: ignore[arg-type]
        client.send('{"ping": "\\u2713"}')
        said = [json.loads(client.recv(5)) for _ in range(4)]
    assert [m["pong"] for m in said if "pong" in m] == ["✓"]
    numbers = [m["n"] for m in said if "n" in m]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    eventually(lambda: zoo.get("asgi", front).text == "pong\n", 5, "it goes on")


@pytest.mark.parametrize("front", FRONTS)
def test_a_page_of_another_origin_gets_no_websocket(zoo: Zoo, front: str) -> None:
    mine = f"http://127.0.0.1:{zoo.ports[front]}"
    for origin in ("http://example.org", "null", "", mine + ".example.org", mine.replace("http:", "https:"), mine[:-1]):
        with pytest.raises(websockets.InvalidStatus) as refused:
            connect(socket_url(zoo, "asgi", front), additional_headers={"Origin": origin}).close()
        assert refused.value.response.status_code == 403, origin
        expected = f"a WebSocket is opened to pages of this origin only: Origin is '{origin}'; expected {mine}\n"
        assert refused.value.response.body == expected.encode()


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize(
    ("said", "code"),
    [
        *((said, 1003) for said in ("no JSON", "[]", "{}", b"\xff\x00", "[" * 4096, '{"ping": ' + "[" * 4000)),
        ('{"ping": "' + "é" * 2043 + '"}', 1009),
    ],
)
def test_what_nobody_understands_ends_the_websocket(zoo: Zoo, front: str, said: str | bytes, code: int) -> None:
    with connect(socket_url(zoo, "asgi", front)) as client:
        client.send(said)
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            _all_of(client)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code
    assert zoo.get("asgi", front).text == "pong\n"


def _all_of(client: Any) -> None:
    while True:
        client.recv(5)


@pytest.mark.parametrize("front", FRONTS)
def test_a_malformed_frame_ends_the_websocket(zoo: Zoo, front: str) -> None:
    frames = {
        "not masked": b"\x81\x02hi",  # RFC 6455, section 5.1: a client's frame must be
        "an unknown opcode": b"\x83\x80aaaa",
        "a reserved bit": b"\xc1\x80aaaa",
        "half a UTF-8 character": b"\x81\x81\0\0\0\0\xc3",
        "a ping of 126 bytes": b"\x89\xfe\0\x7eaaaa" + b"x" * 126,
        "the end of the world": b"\x81\xff" + b"\xff" * 8,
        "the old frame": b"\x00hello\xff",  # hixie-76: it has no length and no mask
    }
    for what, frame in frames.items():
        with handshaken(zoo, front) as client:
            client.sendall(frame)
            said = read_to_the_end(client)
            codes = [int.from_bytes(said[i + 2 : i + 4], "big") for i in range(len(said)) if said[i] == 0x88]
            assert {1002, 1007, 1009} & set(codes), (what, said)
    assert zoo.get("asgi", front).text == "pong\n"


@contextmanager
def handshaken(zoo: Zoo, front: str) -> Iterator[socket.socket]:
    url = zoo.url("asgi", front, f"news/socket?since={FUTURE}")
    lines = [f"{name}: {value}" for name, value in probe.handshake(url).items()]
    request = "\r\n".join([f"GET {url.partition(':')[2][2:].partition('/')[2].join(['/', ''])} HTTP/1.1", *lines])
    with socket.create_connection(("127.0.0.1", zoo.ports[front]), timeout=15) as client:
        client.sendall(f"{request}\r\nHost: 127.0.0.1:{zoo.ports[front]}\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        assert head.split()[1] == b"101", head
        yield client


def test_no_wsgi_program_switches_protocols(zoo: Zoo) -> None:
    # nginx tunnels for uwsgi_pass and scgi_pass after a 101, past its own rules (test_news_no_socket.py)
    for exhibit, front in cells(zoo):
        for path in ("news/socket", "ping", "news", "status"):
            if exhibit == "asgi" and path == "news/socket":
                continue
            url = zoo.url(exhibit, front, path)
            answer = probe.ask(url, headers=probe.handshake(url))
            assert answer.status in ((501,) if path == "news/socket" else (200, 400)), (exhibit, front, path)
    assert zoo.get("asgi", "nginx", "news/socket").status_code == 426
