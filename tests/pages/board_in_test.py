"""Visitors for the sticker board: real WebSocket clients, and a hand in its file."""

import asyncio
import contextlib
import json
import sqlite3
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed
from zoo_in_test import FRONTS, Zoo

WAYS = [(front, scheme) for front in FRONTS for scheme in ("ws", "wss")]


@pytest.fixture(scope="module", name="zoo")
def board_zoo() -> Iterator[Zoo]:
    """A zoo with the board alone. A test file has it, and the next one, by importing them."""
    with Zoo() as made:
        yield made.up("asgi-board")


@pytest.fixture(autouse=True)
def an_empty_board(zoo: Zoo) -> None:
    """Each test begins with one; also after one that has broken it."""
    empty(zoo)


def file_of(zoo: Zoo) -> Path:
    return zoo.run / "board" / "board.sqlite"


def empty(zoo: Zoo) -> None:
    if file_of(zoo).exists():
        by_hand(zoo, "DELETE FROM sticker")
    assert the_board(zoo) == []


def by_hand(zoo: Zoo, sql: str, *rows: tuple[Any, ...]) -> None:
    """Change the file as somebody else would, past the server."""
    with contextlib.closing(sqlite3.connect(file_of(zoo), timeout=10)) as db, db:
        db.executemany(sql, rows or [()])


def the_board(zoo: Zoo, front: str = "nginx") -> list[dict[str, Any]]:
    answer = zoo.get("asgi-board", front, "board")
    assert answer.status_code == 200, answer.text
    stickers: list[dict[str, Any]] = answer.json()["stickers"]
    return stickers


def url(zoo: Zoo, front: str, scheme: str = "ws") -> str:
    port = zoo.ports[front] if scheme == "ws" else int(zoo.env[f"ZOO_{front.upper()}_TLS_PORT"])
    return f"{scheme}://localhost:{port}/asgi-board/live"


def trust(zoo: Zoo, scheme: str) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=str(zoo.run / "sock/tls/ca.pem")) if scheme == "wss" else None


class Line:
    """A client connection for a test that is not asynchronous itself: its event loop runs in a thread.

    The library's own blocking client reads and writes one TLS connection in two threads at once; with Python 3.11 about
    one handshake in 500 then hangs.
    """

    def __init__(self, opening: Any) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        try:
            self.connection: ClientConnection = self._run(opening)
        except BaseException:
            self._end()
            raise

    def _run(self, doing: Any, seconds: float | None = 15) -> Any:
        async def within() -> Any:
            async with asyncio.timeout(seconds):
                return await doing

        return asyncio.run_coroutine_threadsafe(within(), self.loop).result()

    def _end(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def send(self, message: Any, **options: Any) -> None:
        self._run(self.connection.send(message, **options))

    def send_all(self, messages: Iterable[str]) -> None:
        """As fast as the connection takes them."""

        async def each() -> None:
            for message in messages:
                await self.connection.send(message)

        self._run(each())

    def recv(self, timeout: float) -> Any:
        return self._run(self.connection.recv(), timeout)

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._run(self.connection.close())
        finally:
            self._end()


def connect(zoo: Zoo, front: str, scheme: str = "ws", origin: str | None = None) -> Line:
    """Raises InvalidStatus where the handshake is refused."""
    options: dict[str, Any] = {"ssl": trust(zoo, scheme), "origin": origin, "max_size": None, "max_queue": None}
    return Line(connect_async(url(zoo, front, scheme), **options))


class Guest:
    """A visitor at work: says changes, hears events."""

    def __init__(self, connection: Line) -> None:
        self.connection = connection
        self.welcome, self.board = self.hear("welcome"), self.hear("board")

    def say(self, **change: Any) -> None:
        self.connection.send(json.dumps(change))

    def hear(self, name: str, seconds: float = 10) -> dict[str, Any]:
        """The next event of this name; others in between are passed over."""
        deadline = time.monotonic() + seconds
        while True:
            event: dict[str, Any] = json.loads(self.connection.recv(timeout=max(0.01, deadline - time.monotonic())))
            if event["event"] == name:
                return event

    def closing(self, seconds: float = 10) -> tuple[int, str]:
        """Code and reason of the close frame that comes now."""
        with pytest.raises(ConnectionClosed) as caught:
            self.hear("nothing", seconds)
        assert caught.value.rcvd, caught.value
        return caught.value.rcvd.code, caught.value.rcvd.reason


@contextlib.contextmanager
def guest(zoo: Zoo, front: str, scheme: str = "ws", origin: str | None = None) -> Iterator[Guest]:
    with connect(zoo, front, scheme, origin) as connection:
        yield Guest(connection)
