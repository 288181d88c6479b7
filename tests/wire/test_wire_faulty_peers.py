"""Peers that break rules, through Exchanges: what is an error, what a warning, and whose bytes they are.

Each case is fed whole and byte by byte. The tests of one protocol have the rules of that protocol.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from recordings import WIRES, variables

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.exchange import Exchange, fields_of
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.recording import Bytes, Closed, Ended, Opened

FASTCGI: Any = WIRES["FastCGI"]
HEADERS = [(b"Content-Type", b"text/plain"), (b"Content-Length", b"2")]
Step = tuple[Direction, bytes]


def ask(protocol: str, path: str = "/x/hello") -> bytes:
    """A request; HTTP's keeps its connection."""
    return WIRES[protocol].request(variables(path)).replace(b"Connection: close\r\n", b"")


def answer(protocol: str, status: int = 200) -> bytes:
    return WIRES[protocol].response(status, HEADERS, b"ok")


def exchanges(protocol: str, steps: Sequence[Step], *, whole: bool) -> list[Exchange]:
    """The exchanges of one connection that crosses these bytes, and is closed."""
    recording = Exchanges(WIRES)
    recording.feed(Opened(connection=1, at=1.0, exhibit="x", front="nginx", protocol=protocol, address="x.sock"))
    for direction, data in steps:
        for piece in [data] if whole else [data[at : at + 1] for at in range(len(data))]:
            recording.feed(Bytes(connection=1, at=1.0, direction=direction, data=piece))
    for direction in ("request", "response"):
        recording.feed(Ended(connection=1, at=1.0, direction=direction))
    recording.feed(Closed(connection=1, at=1.0))
    return list(recording.all.values())


def faults(exchange: Exchange, direction: Direction = "response") -> list[tuple[str, int]]:
    """Name and offset of each marked field."""
    return [(f.name, f.offset) for f in fields_of(exchange, WIRES)[direction == "response"] if f.fault]


both = pytest.mark.parametrize("whole", [True, False], ids=["whole", "byte-by-byte"])


@both
def test_an_answer_with_another_id_is_none(whole: bool) -> None:
    seven = FASTCGI.encode.stream(6, 7, b"Content-Type: a/b\r\n\r\n") + FASTCGI.encode.end(7)
    (exchange,) = exchanges("FastCGI", [("request", ask("FastCGI")), ("response", seven)], whole=whole)
    assert (exchange.status, exchange.errors[0].split(" (")[0]) == (None, "request 7 was not asked")
    assert not exchange.warnings
    assert faults(exchange)[0] == ("STDOUT", 0)


@both
def test_an_answer_that_ends_twice_is_an_error_of_its_exchange(whole: bool) -> None:
    response = answer("FastCGI")
    twice = response + FASTCGI.encode.end()
    (exchange,) = exchanges("FastCGI", [("request", ask("FastCGI")), ("response", twice)], whole=whole)
    assert (exchange.status, bytes(exchange.response)) == (200, twice)
    assert [error.split(" (")[0] for error in exchange.errors] == ["request 1 was not asked again: it is answered"]
    assert faults(exchange) == [("END_REQUEST", len(response))]


@both
@pytest.mark.parametrize("protocol", ["HTTP", "AJP"])
def test_an_answer_that_was_not_asked_for_belongs_to_the_exchange_before(protocol: str, whole: bool) -> None:
    """Later answers stay with their requests, also one whose length depends on its request."""
    head = ask(protocol).replace(b"GET ", b"HEAD ", 1) if protocol == "HTTP" else ask(protocol)
    of_head = answer(protocol, 404) if protocol == "AJP" else answer(protocol, 404)[: -len(b"ok")]
    steps: list[Step] = [
        *(("request", ask(protocol)), ("response", answer(protocol) + answer(protocol, 500))),
        *(("request", head), ("response", of_head)),
        *(("request", ask(protocol)), ("response", answer(protocol, 201))),
    ]
    first, second, third = exchanges(protocol, steps, whole=whole)
    assert (first.status, bytes(first.response)) == (200, answer(protocol) + answer(protocol, 500))
    assert [error.split(" (")[0] for error in first.errors] == [
        "an answer that was not asked for: each request is answered"
    ]
    assert [offset for _, offset in faults(first)] == [len(answer(protocol))]
    assert (second.errors, third.errors) == ([], [])
    assert (second.status, third.status) == (404, 201)
    assert bytes(third.response) == answer(protocol, 201)


@both
@pytest.mark.parametrize("protocol", ["FastCGI", "SCGI", "uwsgi", "AJP", "HTTP"])
def test_an_answer_without_a_request_is_an_error(protocol: str, whole: bool) -> None:
    (exchange,) = exchanges(protocol, [("response", answer(protocol))], whole=whole)
    assert (exchange.status, len(exchange.errors)) == (None, 1)
    assert "not asked" in exchange.errors[0]


@both
@pytest.mark.parametrize("protocol", ["FastCGI", "AJP", "HTTP"])
def test_an_early_answer_is_one(protocol: str, whole: bool) -> None:
    """A server may answer before it has read all of a request, or a request that it cannot read."""
    request = ask(protocol)
    steps: list[Step] = [("request", request[:-3]), ("response", answer(protocol)), ("request", request[-3:])]
    (exchange,) = exchanges(protocol, steps, whole=whole)
    assert (exchange.status, exchange.errors, bytes(exchange.request)) == (200, [], request)


@both
@pytest.mark.parametrize("protocol", ["FastCGI", "AJP"])
def test_bytes_that_begin_no_head_begin_no_exchange(protocol: str, whole: bool) -> None:
    """Less than a message came, at the end of the connection."""
    steps: list[Step] = [("request", ask(protocol)), ("response", answer(protocol)), ("request", b"\r\n")]
    (exchange,) = exchanges(protocol, steps, whole=whole)
    assert (exchange.status, bytes(exchange.request)) == (200, ask(protocol) + b"\r\n")
    assert [error.split(" ")[0] for error in exchange.errors] == ["Truncated"]
    assert faults(exchange, "request")


@both
@pytest.mark.parametrize("protocol", ["FastCGI", "AJP"])
def test_surplus_behind_an_answer_is_marked_in_its_exchange(protocol: str, whole: bool) -> None:
    """Also if the decoder needs bytes of the next answer to see that it is none."""
    steps: list[Step] = [("request", ask(protocol)), ("response", answer(protocol)), ("response", b"\r\n")]
    first, second = exchanges(protocol, [*steps, *steps[:2]], whole=whole)
    assert (first.status, len(first.errors), second.status) == (200, 1, None)
    assert faults(first)[0][1] == len(answer(protocol))
    assert second.errors
