"""Requests as bytes, for tests that send what no HTTP library would: forged, misspelt, half, from somewhere else.

As a program, `raw_http.py ADDRESS`, it reads `[[port, request], …]` as JSON and writes `[[status, body], …]`: so that
a test can ask from another network namespace (`ip netns exec`).
"""

import json
import socket
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """Status 0: the connection closed without an answer. Header names in lower case, the last of a name wins."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def request(path: str, *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    """A request that closes the connection. `headers` are whole lines; a `Connection` among them replaces ours."""
    close = [] if any(line.startswith("Connection") for line in headers) else ["Connection: close"]
    lines = [f"{method} {path} HTTP/1.1", "Host: zoo.test", *close, *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def ask(port: int, data: bytes, address: str = "127.0.0.1", patience: float = 30) -> Answer:
    """Send bytes, read until the server closes."""
    with socket.create_connection((address, port), timeout=patience) as connection:
        connection.sendall(data)
        return answer(b"".join(iter(lambda: connection.recv(65536), b"")))


def answer(data: bytes) -> Answer:
    """One whole response; a chunked body is put together."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    words = first.split(" ")
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    if headers.get("transfer-encoding") == "chunked":
        body = _joined(body)
    return Answer(status, headers, body)


def _joined(rest: bytes) -> bytes:
    whole = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        whole, rest = whole + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return whole


def everywhere(
    cells: Iterable[tuple[str, str]], check: Callable[[str, str], list[str] | None], at_once: int = 8
) -> None:
    """Run a check in every cell, `at_once` cells at a time; fail with all complaints, each headed by its cell.

    A check returns its complaints, or asserts.
    """

    def complaints_of(cell: tuple[str, str]) -> list[str]:
        try:
            return check(*cell) or []
        except (AssertionError, LookupError, OSError, ValueError) as error:
            return [f"{type(error).__name__}: {error}"]

    cells = list(cells)
    with ThreadPoolExecutor(at_once) as pool:
        results = list(pool.map(complaints_of, cells))
    complaints = [
        f"{exhibit} behind {front}: {complaint}"
        for (exhibit, front), result in zip(cells, results, strict=True)
        for complaint in result
    ]
    assert cells, "no cell is open"
    assert not complaints, "\n".join(complaints)


def main() -> None:
    """See the module's text."""

    def one(pair: tuple[int, str]) -> tuple[int, str]:
        seen = ask(pair[0], pair[1].encode("latin-1"), sys.argv[1])
        return seen.status, seen.body.decode("latin-1")

    with ThreadPoolExecutor(8) as pool:
        json.dump(list(pool.map(one, json.load(sys.stdin))), sys.stdout)


if __name__ == "__main__":
    main()
