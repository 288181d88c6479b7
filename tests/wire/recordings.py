"""Recordings for tests: written with the protocols' own encoders, as a relay would write them, as fast as wanted."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from zoo_in_test import REGISTRY

from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.recording import VERSION, AnyEntry, Bytes, Closed, Ended, Opened, Recorded, line

WIRES = Codecs(REGISTRY)
HEAD = Recorded(version=VERSION, made=1_800_000_000.0, secrets=False)


def variables(path: str, method: str = "GET", more: Sequence[tuple[bytes, bytes]] = ()) -> Pairs:
    """What a front says of a request for /uwsgi/hello and the like, in 14 variables."""
    exhibit, _, rest = path.lstrip("/").partition("/")
    said = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": f"/{exhibit}",
        "PATH_INFO": f"/{rest}",
        "REQUEST_URI": path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8080",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REQUEST_SCHEME": "http",
        "HTTP_HOST": "localhost:8080",
        "HTTP_USER_AGENT": "curl/8.14.1",
        "HTTP_ACCEPT": "*/*",
    }
    given = {name.encode(): value.encode() for name, value in said.items()}
    return [*(given | dict(more)).items()]


class Film:
    """A recording that is being written. `scene` adds an exchange."""

    def __init__(self, path: Path, head: bool = True) -> None:
        self.path = path
        self.connections = 0
        self.path.write_bytes(line(HEAD) if head else b"")

    def add(self, *entries: AnyEntry) -> None:
        self.write(b"".join(map(line, entries)))

    def write(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)

    def scene(
        self,
        path: str = "/uwsgi/hello",
        *,
        protocol: str = "uwsgi",
        front: str = "nginx",
        method: str = "GET",
        more: Sequence[tuple[bytes, bytes]] = (),
        body: bytes = b"",
        status: int = 200,
        answer: bytes = b"Hello from the Gateway Zoo\n",
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> bytes:
        """One exchange on a connection of its own; returns the request's bytes."""
        if body:
            more = [*more, (b"CONTENT_LENGTH", b"%d" % len(body))]
        request = WIRES[protocol].request(variables(path, method, more), body)
        length = (b"Content-Length", b"%d" % len(answer))
        plain = [(b"Content-Type", b"text/plain; charset=utf-8"), length, *headers]
        self.add(*self.connection(path, protocol, front, request, WIRES[protocol].response(status, plain, answer)))
        return request

    def connection(
        self, path: str, protocol: str, front: str, request: bytes, response: bytes, why: str = ""
    ) -> Iterator[AnyEntry]:
        """Opened, both directions, closed; `why`: it broke off."""
        self.connections += 1
        number, at = self.connections, time.time()
        exhibit = path.split("/")[1]
        address = f"{exhibit}.sock"
        yield Opened(connection=number, at=at, exhibit=exhibit, front=front, protocol=protocol, address=address)
        directions: dict[Direction, bytes] = {"request": request, "response": response}
        for direction, data in directions.items():
            for start in range(0, len(data), 65_536):
                piece = data[start : start + 65_536]
                yield Bytes(
                    connection=number,
                    at=at + (0.0021 if direction == "response" else 0),
                    direction=direction,
                    data=piece,
                )
        if not why:
            yield Ended(connection=number, at=at + 0.0021, direction="response")
        yield Closed(connection=number, at=at + 0.0021, why=why)
