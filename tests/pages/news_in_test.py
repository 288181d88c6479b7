"""The news as tests ask for them: cells that tell some, and clients that wait."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zoo_in_test import ROOT, Zoo

from gateway_zoo.registry.cages import load

FUTURE = 99999999999  # an item that nobody will live to see
FREED_S = 8.0  # Apache needs two writes to notice, one a second, and then the gateway two more; a busy machine
REGISTRY = load(ROOT)
TELL = [id for id in REGISTRY.exhibits if REGISTRY.interface_of(id) != "SAPI"]


def cells(zoo: Zoo) -> list[tuple[str, str]]:
    return [cell for cell in zoo.open_cells() if cell[0] in TELL]


def family(exhibit: str) -> str:
    return load(ROOT).exhibits[exhibit].family


def waiting(zoo: Zoo, exhibit: str, front: str) -> dict[str, int]:
    facts: dict[str, int] = zoo.get(exhibit, front, "news/waiting").json()
    return facts


@contextmanager
def holding(zoo: Zoo, exhibit: str, front: str, path: str) -> Iterator[tuple[str, socket.socket]]:
    """A client that has asked and got the first of its answer; gives the status line. It vanishes at the end."""
    with socket.create_connection(("127.0.0.1", zoo.ports[front]), timeout=20) as client:
        client.sendall(f"GET /{exhibit}/{path} HTTP/1.1\r\nHost: 127.0.0.1:{zoo.ports[front]}\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = client.recv(4096)
            assert piece, answer
            answer += piece
        yield answer.split(b"\r\n")[0].decode(), client


def events(zoo: Zoo, exhibit: str, front: str, query: str, **headers: str) -> list[dict[str, Any]]:
    answer = zoo.get(exhibit, front, f"news/events?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    found = []
    for block in answer.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "data" in fields:
            found.append(json.loads(fields["data"]))
            assert fields["id"] == str(found[-1]["n"])
    return found


def read_to_the_end(client: socket.socket) -> bytes:
    said = b""
    try:
        while piece := client.recv(4096):
            said += piece
    except ConnectionResetError:
        pass
    return said
