"""What is kept of exchanges: a bounded number, also of a connection that stays; and what no cage can read is shown."""

import gc
from pathlib import Path

import pytest
from recordings import WIRES, Film, variables

from gateway_zoo.wire.exchange import KEEP, Exchange, fields_of, summary, whole
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.recorder.replay import to_replay
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened
from gateway_zoo.wire.view.mask_exchange import mask


def test_a_connection_that_stays_does_not_hold_what_is_over() -> None:
    """nginx and Apache keep connections to HTTP and AJP gateways for thousands of requests."""
    request = WIRES["HTTP"].request(variables("/wsgi/hello")).replace(b"Connection: close\r\n", b"")
    response = WIRES["HTTP"].response(200, [(b"Content-Length", b"2")], b"ok")
    gc.collect()
    others = sum(isinstance(one, Exchange) for one in gc.get_objects())  # of tests that failed before
    found = Exchanges(WIRES, most=10)
    found.feed(Opened(connection=1, at=1.0, exhibit="wsgi", front="nginx", protocol="HTTP", address="wsgi.sock"))
    for _ in range(300):
        found.feed(Bytes(connection=1, at=1.0, direction="request", data=request))
        found.feed(Bytes(connection=1, at=1.5, direction="response", data=response))
    assert list(found.all) == list(range(291, 301))
    assert [(one.status, one.seconds, bytes(one.response)) for one in found.all.values()] == [(200, 0.5, response)] * 10
    gc.collect()
    assert sum(isinstance(one, Exchange) for one in gc.get_objects()) - others <= 11


def test_a_protocol_that_no_cage_has_is_bytes_without_fields(tmp_path: Path) -> None:
    found = Exchanges(WIRES)
    for entry in Film(tmp_path / "film").connection("/x/y", "gopher", "nginx", b"/\r\n", b"hello"):
        found.feed(entry)
    shown = whole(found.all[1], fields_of(found.all[1], WIRES))
    assert shown["request"] == {"bytes": "2f0d0a", "left_out": 0, "fields": []}
    assert shown["response"] == {"bytes": b"hello".hex(), "left_out": 0, "fields": []}


def test_a_gateway_that_refuses_is_an_exchange_without_bytes() -> None:
    """The client gets 502; whoever looks at the wire must see why."""
    found = Exchanges(WIRES)
    film: list[AnyEntry] = [
        Opened(connection=1, at=1.0, exhibit="scgi", front="nginx", protocol="SCGI", address="scgi.sock"),
        Closed(connection=1, at=1.5, why="the gateway refuses: No such file or directory"),
        Opened(connection=2, at=2.0, exhibit="scgi", front="nginx", protocol="SCGI", address="scgi.sock"),
        Closed(connection=2, at=2.5, why=""),
    ]
    (refused,) = [exchange for entry in film for exchange in found.feed(entry)]
    assert (refused.errors, refused.seconds) == (["the gateway refuses: No such file or directory"], 0.0)
    assert not refused.request + refused.response
    assert refused.status is None
    assert whole(refused, fields_of(refused, WIRES))["request"]["fields"] == []
    assert list(found.all) == [1]


def told(protocol: str, *answers: bytes) -> list[tuple[int | None, list[str]]]:
    """Status and errors of each exchange that is found where a gateway answers one request so, and closes."""
    found = Exchanges(WIRES)
    found.feed(Opened(connection=1, at=1.0, exhibit="x", front="nginx", protocol=protocol, address="x.sock"))
    found.feed(Bytes(connection=1, at=1.0, direction="request", data=WIRES[protocol].request(variables("/x/hello"))))
    for answer in answers:
        found.feed(Bytes(connection=1, at=1.1, direction="response", data=answer))
    found.feed(Ended(connection=1, at=1.2, direction="response"))
    found.feed(Closed(connection=1, at=1.2))
    return [(one.status, one.errors) for one in found.all.values()]


@pytest.mark.parametrize("protocol", ["FastCGI", "SCGI", "uwsgi", "AJP", "HTTP"])
def test_a_gateway_that_closes_without_an_answer_is_an_error_of_that_exchange(protocol: str) -> None:
    assert told(protocol) == [(None, ["no answer came"])]


@pytest.mark.parametrize("protocol", ["FastCGI", "SCGI", "uwsgi", "AJP", "HTTP"])
@pytest.mark.parametrize("length", [1, 20])
def test_a_gateway_that_dies_in_its_head_is_an_error_of_that_exchange(protocol: str, length: int) -> None:
    """Where the connection's end ends the answer (SCGI, uwsgi), what is inside of it is cut off in that moment."""
    whole = WIRES[protocol].response(200, [(b"Content-Type", b"text/plain"), (b"Content-Length", b"5")], b"hello")
    ((status, errors),) = told(protocol, whole[:length])
    assert status == (200 if protocol == "SCGI" and length == 20 else None)  # its line with the status is complete
    assert [error.split(" at offset ")[0] for error in errors] == ["Truncated"]


def test_a_body_that_is_cut_off_is_an_error_of_that_exchange() -> None:
    whole = WIRES["uwsgi"].response(200, [(b"Content-Length", b"5")], b"hello")
    assert told("uwsgi", whole[:-3]) == [
        (200, [f"Truncated at offset {len(whole) - 3}: expected 3 bytes more: 2 of 5 bytes of the body came"])
    ]


def test_replay_holds_no_more_than_what_is_not_over(tmp_path: Path) -> None:
    film = Film(tmp_path / "film")
    entries: list[AnyEntry] = []
    for number in range(50):
        request = WIRES["HTTP"].request(variables(f"/wsgi/{number}"))
        entries += film.connection(f"/wsgi/{number}", "HTTP", "nginx", request, b"HTTP/1.1 204 No Content\r\n\r\n")
    last = Bytes(connection=51, at=2.0, direction="request", data=request)  # the recorder was killed
    entries += [Opened(connection=51, at=2.0, exhibit="x", front="nginx", protocol="HTTP", address="x.sock"), last]
    found = Exchanges(WIRES)
    held = [
        (exchange.number, bool(exchange.request), len(found.all)) for exchange in to_replay(found, entries, [], "film")
    ]
    assert held == [(number, True, 1) for number in range(1, 52)]
    chosen = to_replay(Exchanges(WIRES), entries, [7, 51], "film")
    assert [exchange.target for exchange in chosen] == ["/wsgi/6", "/wsgi/49"]


def test_bytes_before_a_101_come_before_those_behind_it() -> None:
    """A request's head that is cut off, and a 101 that was not asked for: the connection is one exchange."""
    found = Exchanges(WIRES)
    request, cut_off = b"GET /one HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /two HTTP/1.1\r\nHost"
    answer = b"HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
    film: list[AnyEntry] = [
        Opened(connection=1, at=1.0, exhibit="x", front="nginx", protocol="HTTP", address="x.sock"),
        Bytes(connection=1, at=1.0, direction="request", data=request + cut_off),
        Bytes(connection=1, at=1.1, direction="response", data=answer),
        Bytes(connection=1, at=1.2, direction="request", data=b": b"),
        Ended(connection=1, at=1.3, direction="request"),
        Closed(connection=1, at=1.4),
    ]
    for entry in film:
        found.feed(entry)
    (exchange,) = found.all.values()
    assert bytes(exchange.request) == request + cut_off + b": b"
    assert [error.partition(" ")[0] for error in exchange.errors] == ["BadUpgrade", "Truncated"]
    assert [field.fault for field in fields_of(exchange, WIRES)[0]].count(True) == 1


def test_the_frames_of_a_websocket_belong_to_its_handshake() -> None:
    """Those of the client, too: its request was over before the 101 came."""
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    handshake = b"GET /live HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YQ==\r\n" + upgrade
    accept = b"Sec-WebSocket-Accept: elQ7dOiOMi3NaFaxTkGGl+TkVnE=\r\n\r\n"
    early, frame = (b"\x81\x85aaaa" + bytes(byte ^ 97 for byte in word) for word in (b"early", b"hello"))
    found = Exchanges(WIRES)
    film: list[AnyEntry] = [
        Opened(connection=1, at=1.0, exhibit="x", front="nginx", protocol="HTTP", address="x.sock"),
        Bytes(connection=1, at=1.0, direction="request", data=handshake + b"\r\n"),
        Bytes(connection=1, at=1.0, direction="request", data=early),
        Bytes(
            connection=1, at=1.1, direction="response", data=b"HTTP/1.1 101 Go\r\n" + upgrade + accept + b"\x81\x02hi"
        ),
        Bytes(connection=1, at=1.2, direction="request", data=frame),
        Bytes(connection=1, at=1.3, direction="request", data=frame),
        Closed(connection=1, at=1.4),
    ]
    for entry in film:
        found.feed(entry)
    (one,) = found.all.values()
    assert (one.method, one.target, one.status, one.errors) == ("GET", "/live", 101, [])
    words = [field.value for field in fields_of(one, WIRES)[0] if field.name == "Payload data"]
    assert words == ["early", "hello", "hello"]


def test_trailers_are_no_second_head() -> None:
    found = Exchanges(WIRES)
    chunked = b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"
    film: list[AnyEntry] = [
        Opened(connection=1, at=1.0, exhibit="x", front="nginx", protocol="HTTP", address="x.sock"),
        Bytes(connection=1, at=1.0, direction="request", data=b"POST /u HTTP/1.1\r\nHost: a\r\n" + chunked),
        Bytes(connection=1, at=1.1, direction="response", data=b"HTTP/1.1 404 Not Found\r\n" + chunked),
    ]
    for entry in film:
        found.feed(entry)
    (one,) = found.all.values()
    assert (one.method, one.target, one.status, one.errors) == ("POST", "/u", 404, [])


def test_what_we_have_not_kept_is_no_fault_of_one_that_breaks_off() -> None:
    """Nor is it hidden like bytes that nobody can read."""
    found = Exchanges(WIRES, keep=lambda _: 1000)
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 50000\r\n\r\n"
    film: list[AnyEntry] = [
        Opened(connection=1, at=1.0, exhibit="x", front="nginx", protocol="HTTP", address="x.sock"),
        Bytes(connection=1, at=1.0, direction="request", data=b"GET /u HTTP/1.1\r\nHost: a\r\n\r\n"),
        Bytes(connection=1, at=1.1, direction="response", data=head + b"x" * 40_000),
        Closed(connection=1, at=1.2, why="the front: Broken pipe"),
    ]
    for entry in film:
        found.feed(entry)
    (one,) = found.all.values()
    assert one.errors == ["the front: Broken pipe"]
    masked = mask(one, WIRES)[0]
    assert masked.errors == one.errors
    assert bytes(masked.response) == head.replace(b"a=b", b"***") + b"x" * (1000 - len(head))
    assert not [field for side in fields_of(one, WIRES) for field in side if field.fault]


@pytest.mark.parametrize("protocol", ["SCGI", "uwsgi"])
def test_another_protocol_is_one_exchange_with_one_error(protocol: str) -> None:
    ((status, errors),) = told(protocol, b"SSH-2.0-", b"OpenSSH\r\n")
    assert (status, len(errors)) == (None, 1)


def test_an_answer_without_output_has_no_status() -> None:
    ended = bytes.fromhex("0103000100080000") + bytes(8)
    assert told("FastCGI", ended) == [(None, ["the answer has no status"])]


def test_a_fault_inside_one_answer_is_not_said_of_the_next_one() -> None:
    """A gateway may keep the connection."""
    good = WIRES["FastCGI"].response(200, [(b"Content-Type", b"text/plain")], b"hello")
    bad = bytes.fromhex("0106000100090000") + b"nocolon\r\n" + bytes.fromhex("0103000100080000") + bytes(8)
    request = WIRES["FastCGI"].request(variables("/x/hello"))
    request = request[:10] + b"\1" + request[11:]  # keep the connection
    found = Exchanges(WIRES)
    found.feed(Opened(connection=1, at=1.0, exhibit="x", front="nginx", protocol="FastCGI", address="x.sock"))
    for answer in (bad, good, bad):
        found.feed(Bytes(connection=1, at=1.0, direction="request", data=request))
        found.feed(Bytes(connection=1, at=1.1, direction="response", data=answer))
    assert [(one.status, len(one.errors)) for one in found.all.values()] == [(None, 1), (200, 0), (None, 1)]


@pytest.mark.parametrize("protocol", ["FastCGI", "SCGI", "uwsgi", "AJP", "HTTP"])
def test_sizes_are_those_of_the_wire_however_much_is_kept(tmp_path: Path, protocol: str) -> None:
    """What we did not keep is neither a fault of the gateway's nor an answer that did not come."""
    request = WIRES[protocol].request(variables("/x/y", "POST", [(b"CONTENT_LENGTH", b"100000")]), bytes(100_000))
    response = WIRES[protocol].response(200, [(b"Content-Length", b"200000")], bytes(200_000))
    for kept in (0, 1000, KEEP):
        found = Exchanges(WIRES, keep=lambda _, kept=kept: kept)  # type: ignore[misc]
        for entry in Film(tmp_path / f"film{kept}").connection("/x/y", protocol, "nginx", request, response):
            found.feed(entry)
        (one,) = found.all.values()
        assert (one.status, one.errors) == (200, [])
        assert (summary(one)["request"], summary(one)["response"]) == (len(request), len(response))
        assert (len(one.request), len(one.response)) == (min(kept, len(request)), min(kept, len(response)))
        shown = whole(one, fields_of(one, WIRES))
        for side, crossed in (("request", request), ("response", response)):
            assert shown[side]["left_out"] == max(0, len(crossed) - kept)
            assert not [field for field in shown[side]["fields"] if field.get("fault")]
