"""The head of an answer: what may stand in it, as those who read it see it."""

import pytest
from wire_in_test import WIRES, decode

from gateway_zoo.wire.events import Head, Pairs, asking
from gateway_zoo.wire.faults import CannotEncode
from gateway_zoo.wire.heads import cgi_head, http_head


def test_bytes() -> None:
    headers = [(b"Content-Type", b"text/plain"), (b"X", b"")]
    assert cgi_head(404, headers) == b"Status: 404 Not Found\r\nContent-Type: text/plain\r\nX: \r\n\r\n"
    assert http_head(299, headers) == b"HTTP/1.1 299 \r\nContent-Type: text/plain\r\nX: \r\n\r\n"


@pytest.mark.parametrize(
    "header",
    [
        (b"", b"v"),
        (b"a b", b"v"),
        (b"a:", b"v"),
        (b"\xe4", b"v"),
        (b"a", b"v\r\nb: c"),
        (b"a", b"\0"),
        (b"a", b"\x1f"),
        (b"a", b"\x7f"),
        (b"a", b" v"),
        (b"a", b"v\t"),
    ],
)
def test_what_is_no_header(header: tuple[bytes, bytes]) -> None:
    for head, section in ((cgi_head, "RFC 3875 6.3"), (http_head, "RFC 9112 5")):
        with pytest.raises(CannotEncode) as caught:
            head(200, [header])
        assert str(caught.value) == f"{header[0]!r}: {header[1]!r} is no header ({section})"


@pytest.mark.parametrize("byte", range(256))
def test_every_byte_is_refused_or_read(byte: int) -> None:
    for header in ((b"A" + bytes([byte]), b"v"), (b"A", b"v" + bytes([byte]) + b"v")):
        for head, protocol in ((cgi_head, "CGI"), (http_head, "HTTP")):
            try:
                data = head(200, [header])
            except CannotEncode:
                continue
            decoder = WIRES[protocol].decoders()[1]
            decoder.asked(asking(b"GET"))
            events, error = decode(decoder, [data])
            assert error is None
            assert isinstance(events[0], Head)
            assert events[0].headers[-1] == header


@pytest.mark.parametrize("headers", [[(b"status", b"200 OK")], [(b"Location", b"/a"), (b"location", b"/b")]])
def test_fields_that_cgi_has_once(headers: Pairs) -> None:
    with pytest.raises(CannotEncode, match="stands twice in a CGI response"):
        cgi_head(200, headers)
    assert http_head(200, headers).startswith(b"HTTP/1.1 200 OK\r\n")
    assert cgi_head(200, [(name, b"") for name, _ in headers])


@pytest.mark.parametrize("status", [-1, 99, 1000])
def test_no_status(status: int) -> None:
    with pytest.raises(CannotEncode, match=f"status {status}: it has three digits"):
        cgi_head(status, [])
