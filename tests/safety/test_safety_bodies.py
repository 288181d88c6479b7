"""Bodies, in every cell: they arrive whole, or they are refused in so many words. Never silently empty."""

import contextlib
import http.client
import json
import time
from collections.abc import Iterator

import pytest
from raw_http import ask, everywhere, request
from zoo_in_test import Zoo

BIG = bytes(number % 251 for number in range(200_000))


def chunks(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def talk(zoo: Zoo, front: str) -> contextlib.closing[http.client.HTTPConnection]:
    return contextlib.closing(http.client.HTTPConnection("127.0.0.1", zoo.ports[front], timeout=10))


def post(connection: http.client.HTTPConnection, path: str, body: bytes | Iterator[bytes]) -> tuple[int, bytes]:
    whole = isinstance(body, bytes)
    header = {"Content-Length": str(len(body))} if isinstance(body, bytes) else {"Transfer-Encoding": "chunked"}
    connection.request("POST", path, body, header, encode_chunked=not whole)
    answer = connection.getresponse()
    return answer.status, answer.read()


def echoed(
    connection: http.client.HTTPConnection, exhibit: str, body: bytes | Iterator[bytes], whole: bytes
) -> tuple[int, list[str]]:
    """Status of a POST to echo, and what was wrong with the body that came back."""
    status, answer = post(connection, f"/{exhibit}/echo", body)
    seen = json.loads(answer) if status == 200 else {}
    right = (seen.get("length"), seen.get("body")) == (len(whole), whole.decode("latin-1"))
    return status, [] if right else [f"{status}, {seen.get('length')} bytes of {len(whole)}"]


def then_ping(connection: http.client.HTTPConnection, exhibit: str) -> list[str]:
    """The next request on the same connection must get its own answer."""
    connection.request("GET", f"/{exhibit}/ping")
    answer = connection.getresponse()
    body = answer.read()
    return [] if (answer.status, body) == (200, b"pong\n") else [f"the request after it: {answer.status} {body[:80]!r}"]


@pytest.mark.parametrize("body", [b"", b"hello", bytes(range(256)), BIG], ids=["empty", "short", "all bytes", "200 kB"])
def test_a_body_with_a_length_arrives_whole(zoo: Zoo, body: bytes) -> None:
    def check(exhibit: str, front: str) -> list[str]:
        with talk(zoo, front) as connection:
            return echoed(connection, exhibit, body, body)[1] + then_ping(connection, exhibit)

    everywhere(zoo.open_cells(), check)


@pytest.mark.parametrize(("body", "size"), [(b"hello, wide world", 5), (BIG, 10_000)], ids=["short", "200 kB"])
def test_a_chunked_body_arrives_whole_or_is_refused(zoo: Zoo, body: bytes, size: int) -> None:
    def check(exhibit: str, front: str) -> list[str]:
        with talk(zoo, front) as connection:
            status, wrong = echoed(connection, exhibit, chunks(body, size), body)
            refused = status == 411 and front == "apache"
            return ([] if refused else wrong) + then_ping(connection, exhibit)

    everywhere(zoo.open_cells(), check)


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_body_over_a_megabyte_is_refused(zoo: Zoo, chunked: bool) -> None:
    huge = bytes(1_200_000)

    def check(exhibit: str, front: str) -> list[str]:
        with talk(zoo, front) as connection:
            try:
                status, _ = post(connection, f"/{exhibit}/echo", chunks(huge, 65536) if chunked else huge)
            except (BrokenPipeError, ConnectionResetError):  # refused before all was sent
                return []
        return [] if status in ((411, 413) if chunked else (413,)) else [f"{status}"]

    everywhere(zoo.open_cells(), check)


def test_the_next_request_on_a_connection_need_not_wait(zoo: Zoo) -> None:
    def check(exhibit: str, front: str) -> list[str]:
        with talk(zoo, front) as connection:
            wrong = then_ping(connection, exhibit)
            began = time.monotonic()
            wrong += then_ping(connection, exhibit)
            took = time.monotonic() - began
        return wrong + ([f"{took:.1f} s"] if took > 1.5 else [])

    everywhere(zoo.open_cells(), check)


def test_a_body_has_one_length(zoo: Zoo) -> None:
    def check(exhibit: str, front: str) -> list[str]:
        both = ("Content-Length: 3", "Transfer-Encoding: chunked")
        data = request(f"/{exhibit}/echo", *both, method="POST", body=b"5\r\nhello\r\n0\r\n\r\n")
        seen = ask(zoo.ports[front], data)
        right = seen.status in (400, 411) or (seen.status == 200 and seen.json()["body"] == "hello")
        wrong = [] if right else [f"length and chunks: {seen.status} {seen.body[:200]!r}"]
        lengths = ("Content-Length: 3", "Content-Length: 5")
        two = ask(zoo.ports[front], request(f"/{exhibit}/echo", *lengths, method="POST", body=b"hello"))
        return wrong + ([] if two.status == 400 else [f"two lengths: {two.status} {two.body[:200]!r}"])

    everywhere(zoo.open_cells(), check)


def test_a_body_that_nobody_asked_for_is_read_before_the_answer(zoo: Zoo) -> None:
    # An answer before the end of the body closes the gateway's connection in the web server's face: 502, 503 or nothing
    # at all instead of the app's 405. Behind Apache, which keeps connections to gunicorn, the next visitor gets a 502.
    def check(exhibit: str, front: str) -> list[str]:
        with talk(zoo, front) as connection:
            try:
                status, answer = post(connection, f"/{exhibit}/hello", BIG)
            except (OSError, http.client.HTTPException) as error:
                return [f"{error!r}"]
        return [] if status == 405 else [f"{status} {answer[:80]!r}"]

    everywhere(zoo.open_cells(), check)


def test_ranges_are_not_cut_by_chance(zoo: Zoo) -> None:
    def check(exhibit: str, front: str) -> list[str]:
        seen = ask(zoo.ports[front], request(f"/{exhibit}/hello", "Range: bytes=0-1"))
        return [] if (seen.status, len(seen.body)) == (200, 27) else [f"{seen.status} {seen.body!r}"]

    everywhere(zoo.open_cells(), check)
