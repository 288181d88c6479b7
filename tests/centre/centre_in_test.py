"""A zoo with a visitor centre, and requests to it as bytes: the guard is asked what no browser would send."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import raw_http
from raw_http import Answer
from zoo_in_test import ROOT, Zoo, eventually, free

from gateway_zoo.keeper.ports import first_free

EXHIBITS = ("cgi", "fastcgi", "uwsgi", "mod_wsgi")  # a fork per request, threads, prefork, and one inside Apache


class CentreZoo(Zoo):
    """A zoo whose centre has a port. `token` is that of the running centre."""

    def __init__(self, root: Path = ROOT) -> None:
        super().__init__(root)
        self.move(first_free(1))

    def move(self, port: int) -> None:
        """Take another port at the next start."""
        self.centre = port
        self.env["ZOO_CENTRE_PORT"] = str(port)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.centre}"

    @property
    def token(self) -> str:
        page = self.ask("/", "Accept: text/html").body.decode()
        match = re.search(r'name="zoo-token" content="([\w-]+)"', page)
        assert match, page
        return match[1]

    def ask(self, path: str, *headers: str, method: str = "GET", body: bytes = b"", host: str | None = "") -> Answer:
        """Ask the centre. `host`: "" for its own name; None for no header."""
        name = f"127.0.0.1:{self.centre}" if host == "" else host
        lines = [f"{method} {path} HTTP/1.1", "Connection: close", *([] if name is None else [f"Host: {name}"])]
        data = "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body
        return raw_http.ask(self.centre, data)

    def json(self, path: str) -> Any:
        answer = self.ask(path)
        assert answer.status == 200, (path, answer)
        return answer.json()

    def post(self, given: Any, *headers: str, action: str = "exhibit/crowd", token: str | None = "") -> Answer:
        """An action, as a page of the centre sends it."""
        body = given if isinstance(given, bytes) else json.dumps(given).encode()
        lines = [] if token is None else [f"X-Zoo-Token: {token or self.token}"]
        lines += [f"Content-Length: {len(body)}", *(headers or ["Content-Type: application/json"])]
        return self.ask(f"/api/{action}", *lines, method="POST", body=body)

    def requests(self) -> int:
        """How many requests the one process of `fastcgi` has had; this one counts."""
        return int(self.status("fastcgi", "nginx")["requests"])

    def leftovers(self) -> list[str]:
        return super().leftovers() + ([] if free(self.centre) else [f"port {self.centre}"])


@contextmanager
def centre_zoo(root: Path = ROOT) -> Iterator[CentreZoo]:
    """A zoo with EXHIBITS and a centre, running."""
    with CentreZoo(root) as zoo:
        zoo.up(*EXHIBITS)
        eventually(lambda: zoo.ask("/").status == 200, 10, "the centre answers")
        yield zoo


@pytest.fixture(scope="module", name="centre")
def a_centre() -> Iterator[CentreZoo]:
    """A running zoo of four exhibits with a centre, for one file. Do not break it."""
    with centre_zoo() as zoo:
        yield zoo


@pytest.fixture(name="fresh_centre")
def a_fresh_centre() -> Iterator[CentreZoo]:
    """A zoo not yet started, with a port for its centre, for one test alone."""
    with CentreZoo() as zoo:
        yield zoo
