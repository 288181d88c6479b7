"""What a person reads of a faulty answer: the sentence, the one mark, what stays readable, and what stays hidden."""

from typing import Any

import pytest
from zoo_in_test import REGISTRY

from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import KEEP_ONE, Exchange
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.fields import Field
from gateway_zoo.wire.recording import Bytes, Closed, Ended, Opened
from gateway_zoo.wire.view.present import view_of

WIRES = Codecs(REGISTRY)
both = pytest.mark.parametrize("whole", [True, False], ids=["whole", "byte-by-byte"])
END_RESPONSE = b"AB\0\2\5\1"


def answered(protocol: str, answer: bytes, whole: bool, method: bytes = b"GET") -> Exchange:
    """The exchange of a request with this answer, at whose end the connection closes."""
    variables = [(b"CONTENT_LENGTH", b""), (b"REQUEST_METHOD", method), (b"SCGI", b"1")]
    variables += [(b"SERVER_PROTOCOL", b"HTTP/1.1"), (b"REQUEST_URI", b"/"), (b"HTTP_HOST", b"h")]
    request = WIRES[protocol].request(variables)
    exchanges = Exchanges(WIRES, keep=lambda _: KEEP_ONE)
    exchanges.feed(Opened(connection=1, at=0, exhibit="it", front="me", protocol=protocol, address="it.sock"))
    exchanges.feed(Bytes(connection=1, at=0, direction="request", data=request))
    for piece in [answer] if whole else [answer[at : at + 1] for at in range(len(answer))]:
        exchanges.feed(Bytes(connection=1, at=0, direction="response", data=piece))
    exchanges.feed(Ended(connection=1, at=0, direction="response"))
    exchanges.feed(Closed(connection=1, at=0))
    return exchanges.all[1]


def marks(exchange: Exchange, **options: Any) -> list[Field]:
    _, (_, fields) = view_of(exchange, WIRES, **({"secrets": False} | options))
    return [field for field in fields if field.fault]


def send_headers(status: int, *headers: tuple[bytes, bytes]) -> bytes:
    strings = b"".join(len(text).to_bytes(2) + text + b"\0" for pair in headers for text in pair)
    content = b"\4" + status.to_bytes(2) + b"\0\2OK\0" + len(headers).to_bytes(2) + strings
    return b"AB" + len(content).to_bytes(2) + content


@both
@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        (b"Set-Cookie ", b"a=geheim", "a name without blanks"),
        (b"A b", b"c", "a name without blanks"),
        (b"", b"c", "a name without blanks"),
        (b"X", b"a\r\nSet-Cookie: b", "a value without control characters"),
    ],
)
def test_a_header_of_ajp_that_http_cannot_have_is_a_warning(name: bytes, value: bytes, right: str, whole: bool) -> None:
    exchange = answered("AJP", send_headers(200, (name, value), (b"B", b"c")) + END_RESPONSE, whole)
    assert (exchange.status, exchange.errors, len(exchange.warnings)) == (200, [], 1)
    assert exchange.warnings[0].startswith("BadHeader at offset ")
    assert exchange.warnings[0].endswith(f"expected {right}")
    assert [field.means for field in marks(exchange)] == [f"BadHeader: expected {right}"]
    shown, _ = view_of(exchange, WIRES, secrets=False)
    assert b"geheim" not in shown.response
    assert b"B\0\0\1c" in shown.response


@both
@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 204), (b"GET", 304)])
def test_a_body_of_ajp_where_none_may_be_is_surplus(method: bytes, status: int, whole: bool) -> None:
    body = b"AB\0\6\3\0\2ok\0"
    sound = answered("AJP", send_headers(status, (b"Content-Length", b"2")) + END_RESPONSE, whole, method)
    assert (sound.status, sound.errors, sound.warnings) == (status, [], [])
    exchange = answered("AJP", send_headers(status) + body + END_RESPONSE, whole, method)
    assert (exchange.status, len(exchange.errors)) == (status, 1)
    assert exchange.errors[0].endswith("expected no more bytes of the body")
    assert [field.name for field in marks(exchange)] == ["chunk_length"]


@both
@pytest.mark.parametrize("protocol", ["HTTP", "uwsgi"])
def test_a_length_in_doubt_has_one_mark_at_its_line(protocol: str, whole: bool) -> None:
    """A header is no part of the secret before it, and is shown with its name."""
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=geheim\r\n"
    for line in (b"Content-Length: x\r\n", b"Content-Length : 6\r\n", b"Transfer-Encoding: gzip\r\n"):
        exchange = answered(protocol, head + line + b"\r\nbody", whole)
        assert (exchange.status, len(exchange.errors), exchange.warnings) == (200, 1, [])
        (mark,) = marks(exchange)
        name = line.partition(b":")[0].strip().decode()
        assert (mark.offset, mark.length, mark.name) == (len(head), len(line), name)
        shown, _ = view_of(exchange, WIRES, secrets=False)
        assert shown.response == exchange.response.replace(b"a=geheim", b"********")


@both
def test_what_is_cut_off_has_one_mark_with_the_reason(whole: bool) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHel"
    for answer, name in ((chunked, "chunk"), (b"HTTP/1.1 200 OK\r\nContent-Type", "Truncated")):
        (mark,) = marks(answered("HTTP", answer, whole))
        assert mark.name == name
    (mark,) = marks(answered("HTTP", b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n0123456789", whole))
    assert mark.means == "Truncated: expected 30 bytes more: 10 of 40 bytes of the body came"


@both
def test_a_place_in_a_stream_inside_says_so(whole: bool) -> None:
    """STDOUT has offsets of its own: the mark stands at those of the connection."""
    content = b"Status: 410\r\nContent-Type: a/b\r\n\r\n"
    answer = b"\1\6\0\1\0" + bytes([len(content)]) + b"\0\0" + content + b"\1\3\0\1\0\x08\0\0" + bytes(8)
    exchange = answered("FastCGI", answer, whole)
    assert exchange.warnings[0].startswith("BadStatus at offset 0 of CGI: b'Status: 410")
    assert [field.offset for field in marks(exchange)] == [8]


@both
def test_no_bytes_are_not_quoted(whole: bool) -> None:
    exchange = answered("HTTP", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc", whole)
    assert exchange.errors == ["Surplus at offset 39: expected nothing more, or another answer"]


@pytest.mark.parametrize("protocol", ["AJP", "FastCGI", "HTTP", "SCGI", "uwsgi"])
@pytest.mark.parametrize("spoken", ["AJP", "FastCGI", "HTTP"])
def test_another_protocol_is_the_only_error_however_its_bytes_come(protocol: str, spoken: str) -> None:
    answer = WIRES[spoken].response(200, [(b"Content-Type", b"a/b")], b"ok")
    whole, by_bytes = (answered(protocol, answer, whole=way) for way in (True, False))
    assert (whole.errors, whole.warnings) == (by_bytes.errors, by_bytes.warnings)
    if spoken != protocol and (protocol, spoken) not in (("SCGI", "HTTP"), ("uwsgi", "HTTP")):
        assert whole.errors == [f"these bytes are {spoken}, not {protocol}"]
