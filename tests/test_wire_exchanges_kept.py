"""What is kept of exchanges: a bounded number, also of a connection that stays; and what no cage can read is shown."""

import gc
from pathlib import Path

from recordings import WIRES, Film, variables

from gateway_zoo.wire.exchanges import Exchange, Exchanges, whole
from gateway_zoo.wire.recording import Bytes, Closed, Line, Opened


def test_a_connection_that_stays_does_not_hold_what_is_over() -> None:
    """nginx and Apache keep connections to HTTP and AJP gateways for thousands of requests."""
    request = WIRES["HTTP"].request(variables("/wsgi/hello")).replace(b"Connection: close\r\n", b"")
    response = WIRES["HTTP"].response(200, [(b"Content-Length", b"2")], b"ok")
    found = Exchanges(WIRES, most=10)
    found.feed(Opened(connection=1, at=1.0, exhibit="wsgi", front="nginx", protocol="HTTP", address="wsgi.sock"))
    for _ in range(300):
        found.feed(Bytes(connection=1, at=1.0, direction="request", data=request))
        found.feed(Bytes(connection=1, at=1.5, direction="response", data=response))
    assert list(found.all) == list(range(291, 301))
    assert [(one.status, one.seconds, bytes(one.response)) for one in found.all.values()] == [(200, 0.5, response)] * 10
    gc.collect()
    assert sum(isinstance(one, Exchange) for one in gc.get_objects()) <= 11


def test_a_protocol_that_no_cage_has_is_bytes_without_fields(tmp_path: Path) -> None:
    found = Exchanges(WIRES)
    for entry in Film(tmp_path / "film").connection("/x/y", "gopher", "nginx", b"/\r\n", b"hello"):
        found.feed(entry)
    shown = whole(found.all[1], WIRES)
    assert shown["request"] == {"bytes": "2f0d0a", "fields": []}
    assert shown["response"] == {"bytes": b"hello".hex(), "fields": []}


def test_a_gateway_that_refuses_is_an_exchange_without_bytes() -> None:
    """The client gets 502; whoever looks at the wire must see why."""
    found = Exchanges(WIRES)
    film: list[Line] = [
        Opened(connection=1, at=1.0, exhibit="scgi", front="nginx", protocol="SCGI", address="scgi.sock"),
        Closed(connection=1, at=1.5, why="the gateway refuses: No such file or directory"),
        Opened(connection=2, at=2.0, exhibit="scgi", front="nginx", protocol="SCGI", address="scgi.sock"),
        Closed(connection=2, at=2.5, why=""),
    ]
    (refused,) = [exchange for entry in film for exchange in found.feed(entry)]
    assert (refused.errors, refused.seconds) == (["the gateway refuses: No such file or directory"], 0.0)
    assert not refused.request + refused.response
    assert refused.status is None
    assert whole(refused, WIRES)["request"]["fields"] == []
    assert list(found.all) == [1]
