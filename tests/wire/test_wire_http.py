"""HTTP/1.1: our decoder, fields and encoders against h11 alone, http.client, http.server, curl, tshark and the zoo's
own servers; and how it fails."""

import http.client
import http.server
import io
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from wire_contract import bounded, check_input
from wire_in_test import joined
from wire_inputs import Input
from zoo_in_test import REGISTRY, ROOT, Zoo

from gateway_zoo.wire.codecs import Codec, Codecs, Direction
from gateway_zoo.wire.conversation import Conversation
from gateway_zoo.wire.conversation import annotate as annotate_all
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Breach, Data, End, Event, Head, Other, asking
from gateway_zoo.wire.exchange import Exchange, fields_of
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.faults import CannotEncode, Limits, TooLong, TooMany, Truncated, WireError
from gateway_zoo.wire.recorder.replay import answer_of
from gateway_zoo.wire.recording import Bytes, Closed, Ended, Opened
from gateway_zoo.wire.specimen import Specimen, load

WIRES = Codecs(REGISTRY)
HTTP: Any = WIRES["HTTP"]
ERRORS: Any = HTTP.faults
SPECIMENS = sorted([*(ROOT / "wsgi/specimens").glob("*.toml"), *(ROOT / "asgi/specimens").glob("*.toml")])

CHUNKED = b"3;a=b\r\nabc\r\n2\r\nde\r\n0;z\r\nX-T: 1\r\n\r\n"
REQUESTS = (
    b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
    b"POST /x HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED + b"POST / HTTP/1.0\r\n"
    b"Connection: keep-alive\r\nContent-Length: 3\r\n\r\nabc\r\n"
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\r\n\x81\x83abcdef"
)
METHODS = (b"HEAD", b"POST", b"POST", b"GET")
RESPONSES = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n c\r\n\r\n"
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED + b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Upgrade: websocket\r\n\r\n\x81\x03abc"
)
BOTH: tuple[tuple[Direction, bytes], ...] = (("request", REQUESTS), ("response", RESPONSES))


def decoder(direction: Direction, methods: Iterable[bytes] = (), limits: Limits | None = None) -> Decoder:
    found: Decoder = HTTP.decoders(limits or Limits())[direction == "response"]
    for method in methods if direction == "response" else ():
        found.asked(asking(method))
    return found


def decode(of: Decoder, pieces: Iterable[bytes]) -> list[Event]:
    return joined([event for piece in pieces for event in of.feed(piece)] + of.close())


def one_by_one(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def bodies(events: Iterable[Event]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Data) and event.stream == "body")


def heads(events: Iterable[Event]) -> list[Head]:
    return [event for event in events if isinstance(event, Head)]


def fault(direction: Direction, data: bytes, *methods: bytes, limits: Limits | None = None) -> WireError:
    """The same whole and byte by byte. Its events are all that came before."""
    errors = []
    for pieces in ([data], one_by_one(data)):
        with pytest.raises(WireError) as raised:
            decode(decoder(direction, methods, limits), pieces)
        errors.append(raised.value)
    whole, bytewise = errors
    assert (type(whole), whole.offset, whole.expected) == (type(bytewise), bytewise.offset, bytewise.expected)
    return whole


def head(*lines: str) -> bytes:
    return "".join(line + "\r\n" for line in (*lines, "")).encode("latin-1")


@pytest.mark.parametrize(("direction", "data"), BOTH)
def test_any_chunking_gives_the_same(direction: Direction, data: bytes) -> None:
    whole = decode(decoder(direction, METHODS), [data])
    assert decode(decoder(direction, METHODS), one_by_one(data)) == whole
    for cut in range(len(data)):
        assert decode(decoder(direction, METHODS), [data[:cut], data[cut:]]) == whole


@pytest.mark.parametrize(("direction", "data"), BOTH)
def test_offsets_are_where_things_stand(direction: Direction, data: bytes) -> None:
    events = decode(decoder(direction, METHODS), [data])
    for event in events:
        if isinstance(event, Head):
            stands = event.start or b"X-T: 1"
            assert data.startswith(stands, event.offset)
        elif isinstance(event, Data):
            assert data.startswith(event.data[:3], event.offset)
    ends = [event.offset for event in events if isinstance(event, End)]
    starts = [event.offset for event in heads(events) if event.start.startswith((b"POST", b"GET", b"HTTP/1.1 101"))]
    assert set(starts) <= {*ends, *(end + 2 for end in ends)}, "a message begins where one ended, or behind a CRLF"


def test_each_answer_is_read_by_what_was_asked() -> None:
    talk = Conversation(WIRES, "HTTP")
    talk.feed("request", head("HEAD / HTTP/1.1", "Host: a") + head("GET / HTTP/1.1", "Host: a"))
    said = talk.feed("response", head("HTTP/1.1 200 OK", "Content-Length: 4") * 2 + b"body")
    assert [type(one.event) for one in said] == [Head, End, Head, Data, End]
    assert not talk.errors


def test_an_answer_may_come_before_the_request_is_complete() -> None:
    requests, responses = HTTP.decoders()
    requests.feed(head("POST / HTTP/1.1", "Host: a", "Content-Length: 10") + b"12345")
    events = responses.feed(head("HTTP/1.1 413 Too Large", "Content-Length: 0"))
    assert [type(event) for event in events] == [Head, End]
    events = requests.feed(b"67890" + head("HEAD / HTTP/1.1", "Host: a"))
    assert [type(event) for event in events] == [Data, End, Head, End]
    assert [type(event) for event in responses.feed(head("HTTP/1.1 200 OK", "Content-Length: 9"))] == [Head, End]


@pytest.mark.parametrize("begun", [b"", b"H", b"HEAD / HTTP/1.1\r\nHost"])
def test_an_answer_may_come_before_the_head_of_its_request_is_complete(begun: bytes) -> None:
    """Where no request has begun, it answers none."""
    requests, responses = HTTP.decoders()
    requests.feed(begun)
    responses.feed(head("HTTP/1.1 408 Request Timeout", "Content-Length: 0"))
    requests.feed(head("HEAD / HTTP/1.1", "Host: a")[len(begun) :] + head("GET / HTTP/1.1", "Host: a"))
    events = responses.feed(head("HTTP/1.1 200 OK", "Content-Length: 2"))
    assert isinstance(events[-1], Head if begun else End)


@pytest.mark.parametrize(
    ("method", "answer", "body"),
    [
        (b"HEAD", head("HTTP/1.1 200 OK", "Content-Length: 4"), b""),
        (b"GET", head("HTTP/1.1 204 No Content"), b""),
        (b"GET", head("HTTP/1.1 304 Not Modified", "Content-Length: 4"), b""),
        (b"GET", head("HTTP/1.0 200 OK") + b"until the end", b"until the end"),
        (b"GET", head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + CHUNKED, b"abcde"),
        (b"GET", b"HTTP/1.1 200\nContent-Length: 2\n\nab", b"ab"),
    ],
)
def test_how_long_an_answer_is(method: bytes, answer: bytes, body: bytes) -> None:
    events = decode(decoder("response", [method]), one_by_one(answer))
    assert bodies(events) == body
    assert events[-1] == End(len(answer), 0)


def test_a_websocket_goes_on_where_http_ends() -> None:
    specimen = load(ROOT / "asgi/specimens/socket.toml")
    orders: list[list[Direction]] = [["request", "response"], ["response", "request"]]
    for order in orders:
        talk = Conversation(WIRES, "HTTP")
        said = [one for direction in order for one in talk.feed(direction, getattr(specimen, direction))]
        inside = [one.event for one in said if one.protocol == "WebSocket"]
        assert not talk.errors
        texts = [event.data for event in inside if isinstance(event, Other) and event.name in {"PING", "PONG"}]
        assert texts == [b"zoo", b"zoo"]


@pytest.mark.parametrize("proposes", ["websocket", "h2c"])
def test_a_server_may_refuse_to_switch(proposes: str) -> None:
    first = head("GET / HTTP/1.1", "Host: a", f"Upgrade: {proposes}", "Connection: upgrade")
    second = head("GET /2 HTTP/1.1", "Host: a")
    for told in (False, True):
        requests, responses = HTTP.decoders()
        events = [event for event in requests.feed(first) if not isinstance(event, Breach)]
        if told:
            responses.feed(head("HTTP/1.1 200 OK", "Content-Length: 0"))
        events += requests.feed(second)
        assert [type(event) for event in events] == [Head, End, Head, End]


def test_a_tunnel_is_no_http() -> None:
    requests, responses = HTTP.decoders()
    events = requests.feed(head("CONNECT a:443 HTTP/1.1", "Host: a"))
    events += responses.feed(head("HTTP/1.1 200 OK") + b"\x16\x03")
    events += requests.feed(b"GET / HTTP/1.1\r\n")
    assert [event.data for event in events if isinstance(event, Data) and event.stream == "tunnel"] == [
        b"\x16\x03",
        b"GET / HTTP/1.1\r\n",
    ]
    alone = decode(
        decoder("request"), one_by_one(head("GET / HTTP/1.1", "Host: a", "Upgrade: h2c") + b"PRI * HTTP/2.0")
    )
    assert isinstance(alone[-1], Data)
    assert alone[-1].stream == "tunnel"


def test_uwsgis_answer_is_http_inside() -> None:
    uwsgi: Codec = WIRES["uwsgi"]
    talk = Conversation(WIRES, "uwsgi")
    talk.feed("request", uwsgi.request([(b"REQUEST_METHOD", b"HEAD")]))
    said = talk.feed("response", head("HTTP/1.1 200 OK", "Content-Length: 5"))
    assert [type(one.event) for one in said if one.protocol == "HTTP"] == [Head, End]


HOST = "Host: a"
FAULTS: list[tuple[Direction, bytes, type[WireError], int, str]] = [
    ("request", b"\x16\x03\x01\x00", ERRORS.BadRequestLine, 0, "a method"),
    ("request", b"\r\n\r\n", ERRORS.BadRequestLine, 2, "a method"),
    ("request", head("GET", HOST), ERRORS.BadRequestLine, 0, "method, target and HTTP/1.1"),
    ("request", head("G\x01T / HTTP/1.1", HOST), ERRORS.BadRequestLine, 0, "method, target and HTTP/1.1"),
    ("request", head("GET / HTTP/1.0", "Connection: keep-alive, close") + b"G", ERRORS.AfterClose, 49, "nothing more"),
    ("request", head("GET / HTTP/1.1", HOST, "Connection: close") + b"G", ERRORS.AfterClose, 46, "nothing more"),
    ("request", head("GET / HTTP/1.0") + b"G", ERRORS.AfterClose, 18, "nothing more"),
    ("request", head("GET / HTTP/1.1", HOST) + b"\0\0", ERRORS.Surplus, 27, "nothing more"),
    ("request", head("GET / HTTP/1.1", HOST) + b"more of the body", ERRORS.Surplus, 27, "nothing more"),
    ("request", head("GET / HTTP/1.1", HOST) + b"MORE\nof it", ERRORS.Surplus, 27, "nothing more"),
    ("request", head("GET / HTTP/1.1", HOST) + b"MORE\n\nof it", ERRORS.Surplus, 27, "nothing more"),
    ("request", head("GET / HTTP/1.1", HOST) + b"\r\n\r\n", ERRORS.Surplus, 29, "nothing more"),
    ("request", head("GET / HTTP/1.1", HOST) + b"GET", Truncated, 27, "the rest of a head"),
    ("request", head("POST / HTTP/1.1", HOST, "Content-Length: 5") + b"ab", Truncated, 49, "2 of 5 bytes of the body"),
    ("response", b"<html>", ERRORS.BadStatusLine, 0, "three digits"),
    ("response", head("HTTP/1.1 100 Continue"), Truncated, 25, "the final response"),
    ("response", head("HTTP/1.1 200 OK", "Content-Length: 5") + b"ab", Truncated, 40, "2 of 5 bytes of the body"),
    ("response", head("HTTP/1.1 200 OK", "Content-Length: 2") + b"abc", ERRORS.Surplus, 40, "nothing more"),
    ("response", head("HTTP/1.1 204 No Content") + b"abc", ERRORS.Surplus, 27, "nothing more"),
    (
        "response",
        head("HTTP/1.1 200 OK", "Connection: close", "Content-Length: 0") + b"x",
        ERRORS.AfterClose,
        57,
        "close",
    ),
]
#: The end of the body is in doubt: but the head is told first.
DOUBTS: list[tuple[Direction, bytes, type[WireError], int, str]] = [
    ("request", head("POST / HTTP/1.1", HOST, "Content-Length: +5"), ERRORS.BadContentLength, 26, "a decimal number"),
    ("request", head("POST / HTTP/1.1", HOST, "Content-Length: "), ERRORS.BadContentLength, 26, "a decimal number"),
    ("response", head("HTTP/2.0 200 OK", "Content-Length: x"), ERRORS.BadContentLength, 17, "a decimal number"),
    (
        "request",
        head("POST / HTTP/1.1", HOST, "Content-Length: 5", "Content-Length: 6"),
        ERRORS.BadContentLength,
        45,
        "one Content-Length",
    ),
    ("request", head("POST / HTTP/1.1", HOST, "Transfer-Encoding: gzip"), ERRORS.BadTransferEncoding, 26, "chunked"),
    ("request", head("POST / HTTP/1.0", "Transfer-Encoding: chunked"), ERRORS.BadTransferEncoding, 17, "in HTTP/1.0"),
    ("request", head("POST /", "Transfer-Encoding: chunked"), ERRORS.BadTransferEncoding, 8, "in HTTP/1.0"),
    ("request", head("POST / HTTP/1.1", HOST, "Content-Length : 5"), ERRORS.BadHeader, 26, "in doubt"),
    ("request", head("POST / HTTP/1.1", HOST, "A: b\rTransfer-Encoding: chunked"), ERRORS.BadHeader, 26, "in doubt"),
    ("request", head("POST / HTTP/1.1\rContent-Length: 5", HOST), ERRORS.BadHeader, 0, "in doubt"),
    ("request", head("PRI * HTTP/2.0") + b"SM\r\n\r\n", ERRORS.BadVersion, 0, "begins a connection in HTTP/2"),
    ("response", head("HTTP/1.1 20 OK"), ERRORS.BadStatusLine, 0, "three digits"),
    ("response", head("HTTP/1.1 2000 OK"), ERRORS.BadStatusLine, 0, "three digits"),
    ("response", head("HTTP/1.1 OK"), ERRORS.BadStatusLine, 0, "three digits"),
]
GET, OK = "GET / HTTP/1.1", "HTTP/1.1 200 OK"
#: A line that breaks a rule, and nothing else: error, and the field that has the mark
BREACHES: list[tuple[Direction, tuple[str, ...], str, str]] = [
    ("request", ("GET  / HTTP/1.1", HOST), "BadRequestLine", "request-line"),
    ("request", ("GET\t/ HTTP/1.1", HOST), "BadRequestLine", "request-line"),
    ("request", ("GET / HTTP/1.1 ", HOST), "BadRequestLine", "request-line"),
    ("request", ("GET /", HOST), "BadRequestLine", "request-line"),
    ("request", ("GET /a b HTTP/1.1", HOST), "BadRequestLine", "request-line"),
    ("request", ("GET /\xe4 HTTP/1.1", HOST), "BadRequestLine", "request-line"),
    ("request", ("GET /\x00\x7f HTTP/1.1", HOST), "BadRequestLine", "request-line"),
    ("request", ("GET / http/1.1", HOST), "BadRequestLine", "request-line"),
    ("request", ("GET / HTTP/2.0", HOST), "BadVersion", "request-line"),
    ("request", ("GET / HTTP/2",), "BadVersion", "request-line"),
    ("request", ("GET / HTTP/0.9",), "BadVersion", "request-line"),
    ("request", (GET,), "BadHost", "request-line"),
    ("request", (GET, HOST, HOST), "BadHost", "Host"),
    ("request", (GET, "Host : a"), "BadHeader", "Host"),
    ("request", (GET, HOST, "A : b"), "BadHeader", "A"),
    ("request", (GET, HOST, "A: b\0"), "BadHeader", "A"),
    ("request", (GET, HOST, "A: b\rc"), "BadHeader", "A"),
    ("request", (GET, HOST, "A: b", " c\0"), "BadHeader", "A"),
    ("request", (GET, HOST, "\xe4: b"), "BadHeader", "\\xe4"),
    ("request", (GET, " A: b", HOST), "BadHeader", "A"),
    ("request", (GET, HOST, "no colon"), "BadHeader", "no colon"),
    ("request", (GET, HOST, ": no name"), "BadHeader", ""),
    ("response", ("HTTP/2.0 200 OK",), "BadVersion", "status-line"),
    ("response", ("HTTP/2 200",), "BadVersion", "status-line"),
    ("response", ("HTTP/3.7 200 OK",), "BadVersion", "status-line"),
    ("response", ("HTTP/1.10 200 OK",), "BadVersion", "status-line"),
    ("response", ("HTTP/1.1  200 OK",), "BadStatusLine", "status-line"),
    ("response", ("HTTP/1.1\t200\tOK",), "BadStatusLine", "status-line"),
    ("response", ("HTTP/1.1 200OK",), "BadStatusLine", "status-line"),
    ("response", ("HTTP/1.1 200 O\0K",), "BadStatusLine", "status-line"),
    ("response", ("HTTP/1.1 200 O\rK",), "BadStatusLine", "status-line"),
    ("response", ("http/1.1 200 OK",), "BadStatusLine", "status-line"),
    ("response", (OK, "A : b"), "BadHeader", "A"),
    ("response", (OK, "Status 404"), "BadHeader", "Status 404"),
]
UPLOAD = head("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked")
CHUNK_FAULTS: list[tuple[bytes, type[WireError], int, str]] = [
    (b"x\r\n", ERRORS.BadChunk, 0, "a chunk-size in hexadecimal digits"),
    (b"+5\r\nabcde\r\n", ERRORS.BadChunk, 0, "a chunk-size"),
    (b"0x5\r\nabcde\r\n", ERRORS.BadChunk, 0, "a chunk-size"),
    (b"\r\n", ERRORS.BadChunk, 0, "a chunk-size"),
    (b"3\r\nabc\r\n-1\r\n", ERRORS.BadChunk, 8, "a chunk-size"),
    (b"3\r\nabcd\r\n", ERRORS.BadChunk, 6, "CRLF behind the chunk"),
    (b"3\r\nabc\rd", ERRORS.BadChunk, 6, "CRLF behind the chunk"),
    (b"1\r\n \r0", ERRORS.BadChunk, 4, "CRLF behind the chunk"),
    (b"3\r\nab", Truncated, 5, "the last chunk"),
    (b"0\r\nA: b\r\n", Truncated, 3, "the last chunk"),
]


@pytest.mark.parametrize(("direction", "data", "kind", "offset", "says"), FAULTS)
def test_what_is_wrong_has_a_name(
    direction: Direction, data: bytes, kind: type[WireError], offset: int, says: str
) -> None:
    error = fault(direction, data)
    assert (type(error), error.offset) == (kind, offset)
    assert says in str(error)
    assert f"{kind.__name__} at offset {offset}: " in str(error)
    assert data.startswith(error.seen, error.offset)


@pytest.mark.parametrize(("chunks", "kind", "offset", "says"), CHUNK_FAULTS)
def test_what_is_wrong_in_chunks_has_a_name(chunks: bytes, kind: type[WireError], offset: int, says: str) -> None:
    error = fault("request", UPLOAD + chunks)
    assert (type(error), error.offset - len(UPLOAD)) == (kind, offset)
    assert says in str(error)


@pytest.mark.parametrize(("direction", "data", "kind", "offset", "says"), DOUBTS)
def test_a_body_in_doubt_hides_no_head(
    direction: Direction, data: bytes, kind: type[WireError], offset: int, says: str
) -> None:
    error = fault(direction, data)
    assert (type(error), error.offset) == (kind, offset)
    assert says in str(error)
    (opening,) = heads(error.events) or heads(decoder(direction).whole(data)[0])
    assert opening.start == data.splitlines()[0].partition(b"\r")[0] or b"\r" in opening.start
    fields = HTTP.annotate(direction, data + b"Set-Cookie: x").fields
    assert any(field.fault for field in fields)
    assert all(field.secret for field in fields if field.offset >= len(data.partition(b"\r\n\r\n")[0]) + 4)


def test_a_request_whose_body_is_in_doubt_may_be_answered() -> None:
    steps = [
        ("request", head("HEAD / HTTP/1.1", HOST, "Content-Length: x")),
        ("response", head(OK, "Content-Length: 9")),
    ]
    (exchange,) = exchanges("HTTP", *steps)  # type: ignore[arg-type]
    assert (exchange.method, exchange.status, len(exchange.errors)) == ("HEAD", 200, 1)


@pytest.mark.parametrize(("direction", "lines", "kind", "marked"), BREACHES)
def test_one_broken_rule_hides_nothing_else(
    direction: Direction, lines: tuple[str, ...], kind: str, marked: str
) -> None:
    last = ("Set-Cookie: a=b", "Content-Length: 5")
    data = head(*lines, *last) + b"hello"
    for pieces in (one_by_one(data), [data]):
        opening, problem, body, end = decode(decoder(direction), pieces)
        assert isinstance(opening, Head)
        assert opening.start.decode("latin-1") == lines[0]
        assert len(opening.headers) == len([line for line in lines[1:] if line[0] != " " or line == " A: b"]) + 2
        assert isinstance(problem, Breach)
        assert problem.note.startswith(f"{kind}: expected ")
        assert (body, end) == (Data(len(data) - 5, 0, "body", b"hello"), End(len(data), 0))
    request, response = (head(GET, HOST), data) if direction == "response" else (data, b"")
    fields = annotate_all(WIRES, "HTTP", request, response)[direction == "response"]
    (mark,) = (field for field in fields if field.fault)
    assert (mark.name, mark.depth) == (marked, 0)
    assert mark.means.startswith(f"{kind}: expected ")
    assert ("a=b", True) in {(field.value, field.secret) for field in fields}
    assert check_input(WIRES, "HTTP", Input(direction, data), Random(0)) == "decoded"  # noqa: S311 - it only cuts


@pytest.mark.parametrize(
    "line", ["Set-Cookie : x-y", "Set-Cookie x-y", "Cookie=x-y", "A: b\rCookie: x-y", "Cookie\0: x-y"]
)
@pytest.mark.parametrize("fold", ["", "\r\n x-y", "\r\n x-y\0"])
def test_a_secret_is_hidden_also_in_a_broken_line(line: str, fold: str) -> None:
    for lines in ((OK, "A: b", line + fold, "C: d"), (OK, " " + line + fold, "C: d")):
        data = head(*lines) + b"body"
        for end in (len(data), data.index(b"\r\nC:"), data.index(b"\r\nC:") - 1):
            fields = HTTP.annotate("response", data[:end]).fields
            for at in (at for at in range(end) if data.startswith(b"x-", at)):
                assert any(field.secret and field.offset <= at < field.offset + field.length for field in fields)
        assert not [
            event for event in decode(decoder("response"), [data]) if isinstance(event, Breach) and "x-y" in event.error
        ]
        assert ("C", "d", False) in {(f.name, f.value, f.secret) for f in HTTP.annotate("response", data).fields}


def test_a_broken_trailer_moves_nothing() -> None:
    data = UPLOAD + b"1\r\na\r\n0\r\nA b\r\nCookie : c\r\n d\r\nX-T: 1\r\n\r\n" + head("GET /2 HTTP/1.1", HOST)
    for pieces in ([data], one_by_one(data)):
        events = decode(decoder("request"), pieces)
        names = [type(event).__name__ for event in events]
        assert names == ["Head", "Data", "Head", "Breach", "Breach", "End", "Head", "End"]
    assert heads(events)[1].headers == [(b"A b", b""), (b"Cookie", b"c d"), (b"X-T", b"1")]
    fields = annotate_all(WIRES, "HTTP", data)[0]
    assert [field.name for field in fields if field.fault] == ["A b", "Cookie"]
    assert [field.value for field in fields if field.secret] == ["c", "d"]


def test_a_length_beside_chunks_is_a_broken_rule() -> None:
    data = head("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked", "Content-Length: 3") + b"0\r\n\r\n"
    _, problem, end = decode(decoder("request"), one_by_one(data))
    assert isinstance(problem, Breach)
    assert problem.offset == data.index(b"Content-Length")
    assert end == End(len(data), 0)


KEY = b"dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 1.3
ACCEPT = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
UPGRADE = ("Upgrade: websocket", "Connection: Upgrade")
SOCKET = (
    *(GET, HOST, *UPGRADE, "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY.decode()}"),
    *("Sec-WebSocket-Protocol: chat, superchat", "Sec-WebSocket-Extensions: permessage-deflate; x=1, foo"),
)
SWITCH = "HTTP/1.1 101 Switching Protocols"
TEXT_HI = b"\x81\x02hi"
HANDSHAKES: list[tuple[tuple[str, ...], list[str]]] = [
    ((*UPGRADE, ACCEPT), []),
    ((*UPGRADE, ACCEPT, "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: foo, permessage-deflate; y"), []),
    (("upgrade: WebSocket", "CONNECTION: x, upgrade", ACCEPT), []),
    (UPGRADE, ["status-line"]),
    ((*UPGRADE, ACCEPT[:-2] + "x="), ["Sec-WebSocket-Accept"]),
    ((*UPGRADE, ACCEPT, ACCEPT), ["Sec-WebSocket-Accept"]),
    ((UPGRADE[0], ACCEPT), ["status-line"]),
    ((UPGRADE[1], ACCEPT), ["status-line"]),
    ((UPGRADE[0], "Connection: close", ACCEPT), ["Connection"]),
    ((*UPGRADE, ACCEPT, "Sec-WebSocket-Protocol: Chat"), ["Sec-WebSocket-Protocol"]),
    ((*UPGRADE, ACCEPT, "Sec-WebSocket-Protocol: chat, superchat"), ["Sec-WebSocket-Protocol"]),
    ((*UPGRADE, ACCEPT, "Sec-WebSocket-Extensions: foo, bar"), ["Sec-WebSocket-Extensions"]),
]


@pytest.mark.parametrize("protocol", ["HTTP", "uwsgi"])
@pytest.mark.parametrize(("lines", "marked"), HANDSHAKES)
def test_a_websockets_answer_is_held_against_its_request(
    protocol: str, lines: tuple[str, ...], marked: list[str]
) -> None:
    """RFC 6455 4.1. The frames are read all the same."""
    named = [tuple(line.split(": ", 1)) for line in SOCKET[1:]]
    variables = [(f"HTTP_{name.upper().replace('-', '_')}".encode(), value.encode()) for name, value in named]
    asks = head(*SOCKET) if protocol == "HTTP" else WIRES["uwsgi"].request([(b"REQUEST_METHOD", b"GET"), *variables])
    answer = head(SWITCH, *lines) + TEXT_HI
    for pieces in ([answer], one_by_one(answer)):
        (exchange,) = exchanges(protocol, ("request", asks), *(("response", piece) for piece in pieces))
        assert (exchange.status, len(exchange.errors), exchange.warnings) == (101, len(marked), [])
        fields = fields_of(exchange, WIRES)[1]
        assert [field.name for field in fields if field.fault] == marked
        if protocol == "HTTP":
            inside = [field.value for field in fields if field.name in {"Payload data", "tunnel"}]
            assert inside == ["hi" if lines[0] != UPGRADE[1] else "4 bytes"]


def test_who_is_not_known_may_have_asked_for_anything() -> None:
    for lines in (UPGRADE, ("Upgrade: h2c",)):
        events = decode(decoder("response"), [head(SWITCH, *lines)])
        assert [type(event) for event in events] == [Head, End]
    opening, problem, tunnel, end = decode(decoder("response"), one_by_one(head(SWITCH) + b"any"))
    assert isinstance(opening, Head)
    assert isinstance(problem, Breach)
    assert "a header Upgrade" in problem.error
    assert isinstance(tunnel, Data)
    assert (tunnel.stream, tunnel.data) == ("tunnel", b"any")
    assert isinstance(end, End)


@pytest.mark.parametrize("offered", [None, "h2c"])
def test_nobody_may_switch_a_client_that_has_not_asked(offered: str | None) -> None:
    asks = head(GET, HOST, *([f"Upgrade: {offered}", "Connection: upgrade"] if offered else []))
    (exchange,) = exchanges("HTTP", ("request", asks), ("response", head(SWITCH, *UPGRADE) + TEXT_HI))
    assert (exchange.status, len(exchange.errors), exchange.warnings) == (101, 1, [])
    assert ("has offered" if offered else "the client has not asked to upgrade") in exchange.errors[0]


@pytest.mark.parametrize("left_out", ["Sec-WebSocket-Key", "Sec-WebSocket-Version", "Connection"])
def test_a_handshake_that_breaks_a_rule_is_asked_all_the_same(left_out: str) -> None:
    asks = head(*(line for line in SOCKET if not line.startswith(left_out)))
    answer = head(SWITCH, *UPGRADE, ACCEPT) + TEXT_HI
    (exchange,) = exchanges("HTTP", ("request", asks), ("response", answer))
    assert (exchange.errors, len(exchange.warnings)) == ([], 1)
    assert [field.name for field in fields_of(exchange, WIRES)[0] if field.fault] == ["request-line"]


def exchanges(protocol: str, *steps: tuple[Direction, bytes]) -> list[Exchange]:
    """The exchanges of a connection that is closed behind these steps."""
    together = Exchanges(WIRES)
    together.feed(Opened(connection=1, at=1.0, exhibit="x", front="nginx", protocol=protocol, address="x.sock"))
    for direction, data in steps:
        together.feed(Bytes(connection=1, at=1.0, direction=direction, data=data))
    for direction in ("request", "response"):
        together.feed(Ended(connection=1, at=2.0, direction=direction))
    together.feed(Closed(connection=1, at=2.0))
    return list(together.all.values())


@pytest.mark.parametrize("method", ["HEAD", "CONNECT"])
@pytest.mark.parametrize("size", [1, 1000])
def test_an_answer_that_was_not_asked_for_moves_no_other_one(method: str, size: int) -> None:
    ok, unasked = head(OK, "Content-Length: 2") + b"ab", head("HTTP/1.1 408 Late", "Content-Length: 3") + b"abc"
    last = head("HTTP/1.1 200 OK", "Content-Length: 5") if method == "HEAD" else head(OK) + b"\0\0"
    messages: list[tuple[Direction, bytes]] = [
        ("request", head("GET /1 HTTP/1.1", HOST)),
        ("response", ok + unasked),
        ("request", head(f"{method} /2 HTTP/1.1", HOST)),
        ("response", last),
    ]
    steps = [(way, data[at : at + size]) for way, data in messages for at in range(0, len(data), size)]
    first, second = exchanges("HTTP", *steps)
    assert (first.target, first.status, bytes(first.response)) == ("/1", 200, ok + unasked)
    assert [error.split(" (")[0] for error in first.errors] == [
        "an answer that was not asked for: each request is answered"
    ]
    assert (second.method, second.status, second.errors, bytes(second.response)) == (method, 200, [], last)
    answer = answer_of(WIRES, first)
    assert (answer.status, answer.body) == (200, b"ab")


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("answer", [head(OK, "Content-Length: 2") + b"abcd", head("HTTP/1.1 204 No Content") + b"abcd"])
def test_surplus_bytes_are_an_error_of_the_exchange_before(size: int, answer: bytes) -> None:
    upload = head("POST / HTTP/1.1", HOST, "Content-Length: 2") + b"abcd"
    messages: list[tuple[Direction, bytes]] = [("request", upload), ("response", answer)]
    steps = [(way, data[at : at + size]) for way, data in messages for at in range(0, len(data), size)]
    (exchange,) = exchanges("HTTP", *steps)
    assert [error.partition(" at ")[0] for error in exchange.errors] == ["Surplus", "Surplus"]
    assert [[f.name for f in side if f.fault] for side in fields_of(exchange, WIRES)] == [["Surplus"], ["Surplus"]]


def test_a_browsers_version_hides_no_answer_of_uwsgi() -> None:
    """uWSGI repeats SERVER_PROTOCOL in its answer."""
    asks = WIRES["uwsgi"].request([(b"REQUEST_METHOD", b"GET"), (b"SERVER_PROTOCOL", b"HTTP/2.0")])
    answer = head("HTTP/2.0 200 OK", "Set-Cookie: a=b") + b"hello"
    for pieces in ([answer], one_by_one(answer)):
        (exchange,) = exchanges("uwsgi", ("request", asks), *(("response", piece) for piece in pieces))
        assert (exchange.status, exchange.errors, len(exchange.warnings)) == (200, [], 1)
        fields = fields_of(exchange, WIRES)[1]
        assert [field.name for field in fields if field.fault] == ["status-line"]
        assert [field.value for field in fields if field.secret] == ["a=b"]
        assert fields[-1].name == "body"


@pytest.mark.parametrize(
    ("data", "kind", "offset", "says"),
    [
        (b"GET /" + b"a" * 500, TooLong, 0, "a head of at most 400 bytes"),
        (head("GET / HTTP/1.1", HOST, *["A: b"] * 6), TooMany, 49, "at most 5 headers, not 7"),
        (head("GET / HTTP/1.1", HOST, "A" * 21 + ": b", "A: b"), TooLong, 25, "a name of at most 20 bytes, not 21"),
        (head("GET / HTTP/1.1", HOST, "A: b", "A: " + "b" * 51), TooLong, 31, "a value of at most 50 bytes, not 51"),
        (head("GET / HTTP/1.1", HOST, "A: b", " " + "c" * 51), TooLong, 25, "a value of at most 50 bytes, not 53"),
        (
            head("PUT / HTTP/1.1", HOST, "Content-Length: 0", "Content-Length: 0", "A: " + "b" * 51),
            TooLong,
            63,
            "a value of at most 50",
        ),
        (UPLOAD + b"3;" + b"x" * 500, TooLong, 56, "a line, or trailers, of at most 400"),
        (UPLOAD + b"0\r\nA: " + b"x" * 500, TooLong, 59, "at most 400"),
        (UPLOAD + b"1\r\na\r\n0\r\nA: b\r\n" + b"N" * 21 + b": c\r\n\r\n", TooLong, 71, "at most 20 bytes, not 21"),
    ],
)
def test_limits(data: bytes, kind: type[WireError], offset: int, says: str) -> None:
    limits = Limits(name=20, value=50, head=400, variables=5)
    error = fault("request", data, limits=limits)
    assert (type(error), error.offset) == (kind, offset)
    assert says in str(error)
    assert data.startswith(error.seen, offset)


def test_a_long_method_byte_by_byte_is_no_problem() -> None:
    """Nor what follows a request that proposes another protocol, until it is clear which it is."""
    for before in (b"", head("GET / HTTP/1.1", HOST, "Upgrade: x")):
        requests = decoder("request")
        requests.feed(before)
        with bounded(4):
            for _ in range(100_000):
                assert requests.feed(b"A") == []


@pytest.mark.parametrize("line", ["A: {}\0", "A:{}\rb", "{}\0", "A: b\r\n {}\v"])
def test_many_blanks_cost_no_time(line: str) -> None:
    data = head(GET, HOST, line.format(" " * 60_000))
    with bounded():
        assert [type(event) for event in decode(decoder("request"), [data])] == [Head, Breach, End]
        HTTP.annotate("request", data)


def test_no_more_is_kept_than_the_limits_allow() -> None:
    chunked = decoder("request")
    chunked.feed(head("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked"))
    endless = (chunked.feed(b";" + b" " * 4096) for _ in range(100))
    chunked.feed(b"1")
    with pytest.raises(TooLong):
        list(endless)
    assert chunked.offset < 1000
    long = decoder("request")
    long.feed(head("POST / HTTP/1.1", HOST, "Content-Length: 1000000000000"))
    for _ in range(100):
        (event,) = long.feed(b"x" * 65_536)
        assert isinstance(event, Data)


def test_an_error_in_a_header_points_at_its_line() -> None:
    """Not at something that looks like one in the first line, or in an obs-fold."""
    first, long = "GET /Host:x HTTP/1.1", "Host: " + "a" * 65_537
    for lines in ((first, long), (first, "X-A: b", " Host: x", long)):
        data = head(*lines)
        with pytest.raises(TooLong) as raised:
            decoder("request").feed(data)
        assert raised.value.offset == data.index(b"Host: aaa"), lines


def test_settled_is_never_within_a_head() -> None:
    for direction, data in BOTH:
        events = decode(decoder(direction, METHODS), [data])
        unfinished = [(event.offset, data.index(b"\r\n\r\n", event.offset) + 4) for event in heads(events)]
        one = decoder(direction, METHODS)
        for at, piece in enumerate(one_by_one(data), 1):
            one.feed(piece)
            assert not [span for span in unfinished if span[0] < one.settled < span[1]], at


@pytest.mark.parametrize("path", SPECIMENS, ids=lambda path: path.stem)
def test_specimens(path: Path) -> None:
    specimen = load(path)
    directions: list[Direction] = ["request", "response"]
    for direction in directions:
        data = getattr(specimen, direction)
        methods = [event.start.split()[0] for event in heads(decode(decoder("request"), [specimen.request]))]
        whole = decode(decoder(direction, methods), [data])
        for cut in range(len(data)):
            assert decode(decoder(direction, methods), [data[:cut], data[cut:]]) == whole
        assert decode(decoder(direction, methods), one_by_one(data)) == whole
        assert isinstance(whole[-1], End | Data)


def test_hello_is_what_it_says() -> None:
    hello = load(ROOT / "wsgi/specimens/hello.toml")
    (asked,) = heads(decode(decoder("request"), [hello.request]))
    assert asked.start == b"GET /wsgi/hello HTTP/1.1"
    assert bodies(decode(decoder("response"), [hello.response])) == b"Hello from the Gateway Zoo\n"


def again(specimen: Specimen) -> bytes:
    """The requests once more, by our encoder."""
    written, variables, body = b"", [], b""
    for event in decode(decoder("request"), [specimen.request]):
        if isinstance(event, Head):
            method, target, _ = event.start.split()
            variables = [(b"REQUEST_METHOD", method), (b"REQUEST_URI", target)]
            for name, value in event.headers:
                plain = name.upper().replace(b"-", b"_")
                variables.append((plain if plain.startswith(b"CONTENT_") else b"HTTP_" + plain, value))
            if b"HTTP_CONNECTION" not in dict(variables):
                variables.append((b"HTTP_CONNECTION", b"keep-alive"))
            body = b""
        elif isinstance(event, Data) and event.stream == "body":
            body += event.data
        elif isinstance(event, End):
            written += HTTP.request(variables, body)
    return written


@pytest.mark.parametrize(
    "path", [path for path in SPECIMENS if path.parent.parent.name == "wsgi"], ids=lambda p: p.stem
)
def test_decoded_and_encoded_again_it_says_the_same(path: Path) -> None:
    specimen = load(path)
    before, after = (decode(decoder("request"), [data]) for data in (specimen.request, again(specimen)))
    assert bodies(before) == bodies(after)
    assert [event.start for event in heads(before)] == [event.start for event in heads(after)]
    for one, other in zip(heads(before), heads(after), strict=True):
        added = {(b"connection", b"keep-alive")}
        assert {(n.lower(), v) for n, v in other.headers} - added == {(n.lower(), v) for n, v in one.headers} - added


def tiles(data: bytes, direction: Direction, methods: Sequence[bytes]) -> bool:
    """Every byte has a name, none two; and something is marked where the decoder finds a fault."""
    fields, streams = HTTP.annotate(direction, data, methods)
    spans = sorted([field.spans[0] for field in fields if field.depth == 0] + [s for one in streams for s in one.spans])
    at = 0
    for offset, length in spans:
        assert offset == at, (data, spans)
        at += length
    assert at == len(data), (data, spans)
    assert all(field.offset >= 0 and field.offset + field.length <= len(data) for field in fields)
    return any(field.fault for field in fields)


@pytest.mark.parametrize(("direction", "data"), BOTH)
def test_fields_name_every_byte(direction: Direction, data: bytes) -> None:
    assert not tiles(data, direction, METHODS)
    for cut in range(len(data)):
        tiles(data[:cut], direction, METHODS)
    for direction_, wrong, kind, *_ in FAULTS + DOUBTS:
        assert tiles(wrong, direction_, ()) or kind is Truncated
    for chunks, *_ in CHUNK_FAULTS:
        assert tiles(head("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked") + chunks, "request", ())


@pytest.mark.parametrize("lines", [["3, 3"], ["3", "3"], ["3 ,3", "3"], ["3,\r\n 3"]])
def test_the_same_content_length_twice_is_one(lines: list[str]) -> None:
    """RFC 9110 8.6. The events say it once, as h11 does; the fields show what stands there."""
    data = head("POST / HTTP/1.1", HOST, *(f"Content-Length: {line}" for line in lines)) + b"abc"
    assert check_input(WIRES, "HTTP", Input("request", data), Random(0)) == "decoded"  # noqa: S311 - it only cuts
    assert heads(decode(decoder("request"), [data]))[0].headers[1:] == [(b"Content-Length", b"3")]
    fields = HTTP.annotate("request", data).fields
    shown = [field.value for field in fields if field.name == "Content-Length"]
    assert shown == [line.replace("\r\n", "") for line in lines]
    assert [field.value for field in fields if field.name == "body"] == ["3 of 3 bytes"]


@pytest.mark.parametrize("trailer", [b"", b"Transfer-Encoding: chunked\r\n"])
@pytest.mark.parametrize("behind", [b"5\r\nhello\r\n", b"A\r\n0123456789\r\n0\r\n\r\n"])
def test_behind_the_last_chunk_nothing_is_a_chunk(trailer: bytes, behind: bytes) -> None:
    """As in request smuggling: the next request has to begin there."""
    data = UPLOAD + b"0\r\n" + trailer + b"\r\n" + behind
    fields = HTTP.annotate("request", data).fields
    (wrong,) = (field for field in fields if field.fault)
    assert (wrong.offset, wrong.length) == (len(data) - len(behind), len(behind))
    assert not any(field.name == "chunk" for field in fields)


@pytest.mark.parametrize(
    ("direction", "first", "section"),
    [
        ("request", head("CONNECT a:443 HTTP/1.1", HOST), "RFC 9110 9.3.6"),
        ("response", head("HTTP/1.1 200 OK"), "RFC 9110 9.3.6"),
        ("request", head("GET / HTTP/1.1", HOST, "Upgrade: x", "Connection: upgrade"), "RFC 9110 7.8"),
        ("response", head("HTTP/1.1 101 Yes", "Upgrade: x", "Connection: upgrade"), "RFC 9110 7.8"),
    ],
)
def test_a_tunnel_says_how_it_was_agreed_on(direction: Direction, first: bytes, section: str) -> None:
    methods = [b"CONNECT" if section.endswith("9.3.6") else b"GET"]
    last = HTTP.annotate(direction, first + b"\x16\x03", methods if direction == "response" else ()).fields[-1]
    assert (last.name, last.section) == ("tunnel", section)


def test_fields_say_what_stands_there() -> None:
    fields, _ = HTTP.annotate("response", RESPONSES, METHODS)
    named = {(field.name, RESPONSES[field.offset : field.offset + field.length], field.secret) for field in fields}
    assert ("status", b"200", False) in named
    assert ("field-value", b"a=b", True) in named
    assert ("field-value", b"c", True) in named, "an obs-fold of Set-Cookie"
    assert ("chunk-size", b"3", False) in named
    assert ("chunk-ext", b";a=b", False) in named
    assert ("chunk-data", b"abc", False) in named
    assert ("body", b"hello", False) in named
    (trailer,) = [field for field in fields if field.name == "X-T"]
    assert trailer.value == "1"
    (length, *_) = [field for field in fields if field.name == "Content-Length"]
    assert (length.means, length.section) == ("bytes of the body, in decimal", "RFC 9110 8.6")


@pytest.mark.parametrize("end", [b"", b"\r", b"\r\n", b"\r\n ", b"\r\n \t\r"])
def test_a_secret_that_is_cut_off_is_marked(end: bytes) -> None:
    """Exactly the bytes that are there."""
    data = head("GET / HTTP/1.1", HOST, "Authorization: Basic em9")[:-4] + end
    found = HTTP.annotate("request", data).fields
    assert [data[f.offset : f.offset + f.length] for f in found if f.secret and f.length] == [b"Basic em9"]
    assert [f.name for f in found if f.fault] == ["Authorization"]
    folded = head("GET / HTTP/1.1", HOST, "Cookie: a=b", " c")[:-4]
    marked = [f for f in HTTP.annotate("request", folded).fields if f.secret]
    assert [folded[f.offset : f.offset + f.length] for f in marked] == [b"a=b", b"c"]
    wrong = head("GET / HTTP/1.1", HOST, "Cookie: a=b", " c\0d")
    assert [f.value for f in HTTP.annotate("request", wrong).fields if f.secret] == ["a=b", "c\\x00d"]


def test_a_folded_header_is_shown_as_it_is_read() -> None:
    data = b"HTTP/1.1 200 OK\r\nDate: a \r\n\t b\r\n c\r\nX:\r\n d\r\nContent-Length: 0\r\n\r\n"
    (told,) = [event for event in decoder("response").feed(data) if isinstance(event, Head)]
    fields = HTTP.annotate("response", data).fields
    shown = [(f.name.encode(), f.value.encode()) for f in fields if f.depth == 0][1:-1]
    assert shown == told.headers == [(b"Date", b"a  b c"), (b"X", b"d"), (b"Content-Length", b"0")]


@pytest.mark.parametrize("wrong", ["Cookie : a=b", "A: b\0", "Authorization: Basic YQ"])
def test_what_is_wrong_shows_no_secret(wrong: str) -> None:
    """All lines are named."""
    data = head("GET / HTTP/1.1", HOST, "Cookie: c=d", wrong, "Set-Cookie: e=f")[:-4]
    fields = HTTP.annotate("request", data).fields
    assert [field.name for field in fields if field.depth == 0][:3] == ["request-line", "Host", "Cookie"]
    for value in (b"a=b", b"c=d", b"e=f", b"YQ"):
        at = data.find(value)
        hidden = any(f.secret and f.offset <= at and at + len(value) <= f.offset + f.length for f in fields)
        assert at < 0 or hidden, value


def test_the_name_of_a_header_has_no_case() -> None:
    asked = head(GET, HOST, "uPgRaDe: WEBSOCKET", *SOCKET[3:6]) + b"\x81\x80abcd"
    assert [getattr(event, "stream", "") for event in decode(decoder("request"), [asked])] == ["", "", "WebSocket"]


def test_fields_go_on_inside_the_websocket() -> None:
    specimen = load(ROOT / "asgi/specimens/socket.toml")
    requests, responses = annotate_all(WIRES, "HTTP", specimen.request, specimen.response)
    assert [f.name for f in requests if f.depth == 0 and "6455 5.2" in f.section] == [
        "PING",
        "TEXT",
        "CONTINUATION",
        "CONTINUATION",
        "CLOSE",
    ]
    assert [f.value for f in responses if f.name == "Reason"] == ["enough"]
    assert not [f for f in requests + responses if f.fault]


# Other people's implementations, on the same bytes


class Quiet(http.server.BaseHTTPRequestHandler):
    """Python's own server reads what we wrote, and writes what we read."""

    protocol_version = "HTTP/1.1"

    def __init__(self, request: bytes) -> None:
        self.rfile, self.wfile = io.BytesIO(request), io.BytesIO()
        self.client_address, self.close_connection = ("127.0.0.1", 1), True
        self.seen: list[tuple[str, str, bytes]] = []
        self.handle()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["X-One"], body))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_pythons_server_agrees() -> None:
    one = HTTP.request(
        [
            (b"REQUEST_METHOD", b"POST"),
            (b"SCRIPT_NAME", b"/a b"),
            (b"QUERY_STRING", b"c=d"),
            (b"HTTP_X_ONE", b"1"),
            (b"HTTP_CONNECTION", b"keep-alive"),
        ],
        b"hello",
    )
    server = Quiet(one * 2)
    assert server.seen == [("/a%20b?c=d", "1", b"hello")] * 2
    answered = server.wfile.getvalue()  # type: ignore[attr-defined]
    assert bodies(decode(decoder("response"), [answered])) == b"hello" * 2


class _Socket:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def makefile(self, *_: Any) -> io.BytesIO:
        return io.BytesIO(self.data)


@pytest.mark.parametrize(
    "data",
    [
        HTTP.response(200, [(b"Content-Type", b"text/plain")], b"hello"),
        head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + HTTP.chunked([b"he", b"llo"], [(b"X-T", b"1")], b";q"),
        head("HTTP/1.1 100 Continue") + HTTP.response(200, [], b"hello"),
        head("HTTP/1.0 200 OK") + b"hello",
    ],
)
def test_pythons_client_agrees(data: bytes) -> None:
    theirs = http.client.HTTPResponse(_Socket(data))  # type: ignore[arg-type]
    theirs.begin()
    events = decode(decoder("response"), [data])
    final = next(event for event in heads(events) if b" 200 " in event.start)
    assert theirs.getheaders() == [(n.decode(), v.decode()) for n, v in final.headers]
    assert theirs.read() == bodies(events) == b"hello"


def test_curl_agrees() -> None:
    """curl asks Python's server for real, and a recording of both directions is decoded."""
    seen: list[bytes] = []

    class Record(http.server.BaseHTTPRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(10)
            seen.append(self.request.recv(65_536))
            self.request.sendall(HTTP.response(200, [(b"Connection", b"close")], b"hello"))

    server = http.server.HTTPServer(("127.0.0.1", 0), Record)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/x?y=z"
    got = subprocess.run(["curl", "-sm", "10", "-d", "a=b", url], capture_output=True, check=True, timeout=20).stdout
    thread.join()
    server.server_close()
    assert got == b"hello"
    events = decode(decoder("request"), [seen[0]])
    assert heads(events)[0].start == b"POST /x?y=z HTTP/1.1"
    assert bodies(events) == b"a=b"


@pytest.mark.skipif(not (shutil.which("tshark") and shutil.which("text2pcap")), reason="no tshark")
@pytest.mark.parametrize("name", ["hello", "chunked", "keep-alive"])
def test_tshark_agrees(name: str, tmp_path: Path) -> None:
    """Messages crossed one by one: each in a segment of its own, as our decoder cuts them."""
    specimen = load(ROOT / f"wsgi/specimens/{name}.toml")
    requests = messages(specimen.request, "request")
    responses = messages(specimen.response, "response", *(one.split()[0] for one in requests))
    crossed = [one for both in zip(requests, responses, strict=True) for one in zip("IO", both, strict=True)]
    dump = "".join(f"{way}\n" + hexdump(data) for way, data in crossed)
    (tmp_path / "dump").write_text(dump, encoding="ascii")
    make = ["text2pcap", "-q", "-D", "-T", "5000,80", str(tmp_path / "dump"), str(tmp_path / "pcap")]
    subprocess.run(make, check=True, capture_output=True, timeout=60)
    ask = ["tshark", "-r", str(tmp_path / "pcap"), "-Y", "http", "-T", "fields"]
    for field in ("request.method", "request.uri", "response.code", "content_length_header", "chunk_size"):
        ask += ["-e", f"http.{field}"]
    lines = subprocess.run(ask, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    # tshark 4.4 tells the URI of a request again with its answer.
    theirs = [(method, uri if method else "", *rest) for method, uri, *rest in (line.split("\t") for line in lines)]
    assert theirs == [as_tshark_says(way, data) for way, data in crossed]


def messages(data: bytes, direction: Direction, *methods: bytes) -> list[bytes]:
    ends = [event.offset for event in decode(decoder(direction, methods), [data]) if isinstance(event, End)]
    return [data[start:end] for start, end in pairwise([0, *ends])]


def hexdump(data: bytes) -> str:
    return "".join(f"{at:06x} {data[at : at + 16].hex(' ')}\n" for at in range(0, len(data), 16))


def as_tshark_says(way: str, data: bytes) -> tuple[str, ...]:
    fields = HTTP.annotate("request" if way == "I" else "response", data).fields
    said = {f.name: f.value for f in fields}
    sizes = [str(int(f.value, 16)) for f in fields if f.name == "chunk-size"]
    return (*(said.get(name, "") for name in ("method", "target", "status", "Content-Length")), ",".join(sizes))


@pytest.mark.parametrize("exhibit", ["wsgi", "wsgi-sync", "wsgi-waitress", "asgi", "uwsgi-http"])
@pytest.mark.parametrize("path", ["hello", "news/long"])
def test_the_zoos_own_servers_agree(zoo: Zoo, exhibit: str, path: str) -> None:
    """No front between: our request to the exhibit's socket, its answer to our decoder; and requests' as the judge."""
    of = REGISTRY.exhibits[exhibit]
    target = f"/{path}" if of.front_strips_prefix else f"/{exhibit}/{path}"
    asked = HTTP.request([(b"REQUEST_METHOD", b"GET"), (b"REQUEST_URI", target.encode()), (b"HTTP_HOST", b"127.0.0.1")])
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(20)
        link.connect(str(next(zoo.run.rglob(str(of.unix)))))
        link.sendall(asked)
        pieces = list(iter(lambda: link.recv(37), b""))
    events = decode(decoder("response", [b"GET"]), pieces)
    assert heads(events)[0].start.startswith(b"HTTP/1.1 200 ")
    assert isinstance(events[-1], End)
    if path == "hello":
        assert bodies(events) == zoo.get(exhibit, "nginx", "hello").content
    else:
        assert json.loads(bodies(events))


def test_encoders_refuse_what_is_no_http() -> None:
    for variables, body, says in (
        ([(b"HTTP_X", b"a\r\nb: c")], b"", "Illegal header value"),
        ([(b"REQUEST_METHOD", b"G T")], b"", "Illegal method"),
        ([(b"REQUEST_URI", b"/a b")], b"", "Illegal target"),
        ([(b"CONTENT_LENGTH", b"9")], b"short", "Too little data"),
        ([(b"CONTENT_LENGTH", b"1")], b"long", "Too much data"),
        ([(b"CONTENT_LENGTH", b"+1")], b"l", "bad Content-Length"),
        ([(b"SERVER_PROTOCOL", b"INCLUDED")], b"", "not HTTP"),
    ):
        with pytest.raises(CannotEncode, match=says):
            HTTP.request(variables, body)
    with pytest.raises(CannotEncode, match="Illegal header value"):
        HTTP.response(200, [(b"A", b"b\nc")])
    with pytest.raises(CannotEncode, match="Too much data"):
        HTTP.response(204, [], b"body")
    with pytest.raises(CannotEncode, match="interim"):
        HTTP.response(103, [], b"body")
    with pytest.raises(CannotEncode, match="line break"):
        HTTP.chunked([b"a"], [(b"A", b"b\r\nc")])


def test_request_as_a_front_sends_it() -> None:
    assert HTTP.request([(b"REQUEST_METHOD", b"GET"), (b"PATH_INFO", b"/hello"), (b"HTTP_HOST", b"zoo")]) == (
        b"GET /hello HTTP/1.1\r\nHost: zoo\r\nConnection: close\r\n\r\n"
    )


@pytest.mark.parametrize("size", [1, 1000])
def test_an_empty_line_before_the_first_request_is_a_part_of_it(size: int) -> None:
    data = b"\r\n" + head(GET, HOST)
    (exchange,) = exchanges("HTTP", *(("request", data[at : at + size]) for at in range(0, len(data), size)))
    assert bytes(exchange.request) == data
