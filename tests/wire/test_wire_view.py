"""The view of an exchange on a terminal, its rows, and what it hides: small exchanges, whole outputs."""

import io
import tracemalloc
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from zoo_in_test import REGISTRY

from gateway_zoo.wire import conversation
from gateway_zoo.wire.ask.options import Options
from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Event, Pairs
from gateway_zoo.wire.exchange import KEEP_ONE, Exchange, fields_of
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.recording import Bytes, Opened
from gateway_zoo.wire.secrets import secret
from gateway_zoo.wire.view import diff, mask_exchange, view
from gateway_zoo.wire.view.present import present, view_of
from gateway_zoo.wire.view.rows import rows

WIRES = Codecs(REGISTRY)
CONTROLS = bytes([*range(32), 127])
REQUEST = WIRES["uwsgi"].request(
    [(b"REQUEST_METHOD", b"GET"), (b"QUERY_STRING", b""), (b"PATH_INFO", b"/hello"), (b"HTTP_COOKIE", b"a=1")]
)
ANSWER = WIRES["uwsgi"].response(200, [(b"Content-Length", b"5")], b"hi\x1b[m")


def exchange(request: bytes = REQUEST, response: bytes = ANSWER, protocol: str = "uwsgi", **more: Any) -> Exchange:
    """As `Exchanges` puts it together."""
    found = Exchanges(WIRES, keep=lambda _: KEEP_ONE)
    found.feed(Opened(connection=1, at=0, exhibit="it", front="me", protocol=protocol, address="it.sock"))
    for direction, data in (("request", request), ("response", response)):
        if data:
            found.feed(Bytes(connection=1, at=0, direction=direction, data=data))  # type: ignore[arg-type]
    given: dict[str, Any] = {"seconds": 0.0012, "method": "GET", "target": "/hello", "status": 200, "errors": []} | more
    return replace(found.all[1], **given)


def shown(one: Exchange, width: int = 80, **options: bool) -> str:
    out = Console(file=io.StringIO(), width=width, highlight=False, no_color=True)
    view.show(out, one, fields_of(one, WIRES), **options)
    return str(out.file.getvalue())  # type: ignore[attr-defined]


GOLDEN = """\
REQUEST  GET /hello   78 bytes to the gateway (uwsgi, me to it)
at len  bytes              what
 0  1  00                 modifier1 = 0 (WSGI)
                            the kind of packet: the plug-in that answers
 3  1  00                 modifier2 = 0     more about the kind; nearly always 0
 4 74                     vars                     the variables, The uwsgi vars
 4 21  0e 00 52 45 51 …     REQUEST_METHOD = GET
                              what the client wants: GET, POST, …
25 16  0c 00 51 55 45 …     QUERY_STRING =\x20
                              what stands behind the ?; empty if nothing
41 19  09 00 50 41 54 …     PATH_INFO = /hello
                              the rest of the path, for the program to
                              interpret; decoded
60 18  0b 00 48 54 54 …     HTTP_COOKIE = a=1
                              the client's header Cookie, or one of the web
                              server's own

RESPONSE status 200   43 bytes from the gateway, 1.2 ms
at len  bytes              what
 0 17  48 54 54 50 2f …   status-line = HTTP/1.1 200 OK   RFC 9112 4
17 19  43 6f 6e 74 65 …   Content-Length = 5       bytes of the body, in decimal
38  5  68 69 1b 5b 6d     body = hi\\x1b[m             what Content-Length counts

"""


def test_a_whole_exchange() -> None:
    assert shown(exchange()) == GOLDEN


def test_every_field_and_every_byte() -> None:
    text = shown(exchange(), every=True, dump=True)
    assert " 6 14  52 45 51 55 45 …         key = REQUEST_METHOD" in text
    assert "    0  00 4a 00 00 0e 00 52 45 51 55 45 53 54 5f 4d 45  .J....REQUEST_ME\n" in text
    dumped = [line[7:55] for line in text.partition("RESPONSE")[0].splitlines() if line[:5].strip().isdigit()]
    assert bytes.fromhex("".join(line for line in dumped[-5:])) == REQUEST


@pytest.mark.parametrize("width", [20, 40, 79, 80, 99, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    long = WIRES["uwsgi"].request([(b"HTTP_" + b"N" * 300, b"v" * 300)])
    for options in ({}, {"every": True}):
        text = shown(exchange(long, errors=["e" * 300]), width, **options)
        assert max(len(line) for line in text.splitlines()) <= width


def test_a_long_value_is_cut_and_with_all_it_is_whole() -> None:
    value = bytes(range(65, 91)) * 9
    long = exchange(WIRES["uwsgi"].request([(b"X", value)]))
    assert "…" in shown(long)
    row = shown(long, every=True).partition("key_size")[0].partition("X = ")[2]
    assert "".join(row.split()).startswith(value.decode())


def test_bytes_of_an_unknown_protocol_are_shown_raw() -> None:
    nobody = exchange(b"\x01ping", b"", "none")
    assert " 0  5  01 70 69 6e 67     (raw) = \\x01ping" in shown(nobody)


def test_a_variable_in_two_pieces_is_one_row() -> None:
    wire: Any = WIRES["FastCGI"]
    block = wire.request([(b"PATH_INFO", b"/hello")])[24:41]
    assert block.startswith(b"\x09\x06PATH_INFO")
    request = wire.encode.begin() + b"".join(wire.encode.record(4, 1, piece) for piece in (block[:5], block[5:], b""))
    fields, _ = conversation.annotate(WIRES, "FastCGI", request)
    assert [row.pair for row in rows(fields, request, every=False) if row.field.name == "PATH_INFO"] == [True]
    assert "PATH_INFO (in 2 pieces) = /hello" in shown(exchange(request, b"", "FastCGI"))


def test_an_empty_variable_in_pieces_is_one_row() -> None:
    """However its bytes are cut into records."""
    wire: Any = WIRES["FastCGI"]
    pairs = [(b"REQUEST_METHOD", b"GET"), (b"QUERY_STRING", b""), (b"CONTENT_TYPE", b""), (b"HTTP_X", b"v")]
    block = b"".join(bytes([len(name), len(value)]) + name + value for name, value in pairs)
    for size in range(1, len(block) + 1):
        pieces = [block[at : at + size] for at in range(0, len(block), size)]
        request = wire.encode.begin() + b"".join(wire.encode.record(4, 1, piece) for piece in [*pieces, b""])
        fields, _ = conversation.annotate(WIRES, "FastCGI", request)
        found = [row.field.name.encode() for row in rows(fields, request, every=False) if row.pair]
        assert found == [name for name, _ in pairs], size


def test_colours_are_the_same_in_the_row_and_in_the_dump() -> None:
    out = Console(file=io.StringIO(), width=80, highlight=False, force_terminal=True, color_system="standard")
    view.show(out, exchange(), fields_of(exchange(), WIRES), dump=True)
    text = out.file.getvalue()  # type: ignore[attr-defined]
    before, _, _ = text.partition("  QUERY_STRING = ")
    colour = before.rpartition("m")[0].rpartition("\x1b[")[2]
    assert f"\x1b[{colour}m0c 00 51 55 45 …" in before
    styled = "".join(f"\x1b[{colour}m{byte:02x} \x1b[0m" for byte in b"\x0c\x00QUERY")
    assert styled in text, "the dump"


# --- how often bytes are read -----------------------------------------------------------------------------------------


class Count:
    """Bytes that decoders and annotators are given, by their layer and direction."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.decoded, self.named = Counter[str](), Counter[str]()
        self._naming = 0
        feed = Decoder.feed

        def counted_feed(decoder: Decoder, data: bytes) -> list[Event]:
            if not self._naming:  # annotators have decoders of their own
                self.decoded[f"{type(decoder).__module__} {type(decoder).__name__}"] += len(data)
            return feed(decoder, data)

        monkeypatch.setattr(Decoder, "feed", counted_feed)
        for protocol in WIRES.protocols:
            monkeypatch.setattr(
                WIRES[protocol], "annotate", partial(self._annotate, protocol, WIRES[protocol].annotate)
            )

    def _annotate(self, protocol: str, annotate: Any, direction: Direction, data: bytes, *more: Any) -> Any:
        self.named[f"{protocol} {direction}"] += len(data)
        self._naming += 1
        try:
            return annotate(direction, data, *more)
        finally:
            self._naming -= 1


@pytest.mark.parametrize("protocol", ["uwsgi", "FastCGI", "SCGI", "AJP", "HTTP", "CGI"])
@pytest.mark.parametrize("more", [[], [(b"HTTP_COOKIE", b"a=1")]])
@pytest.mark.parametrize("how", ["terminal", "json", "diff"])
def test_every_byte_is_decoded_once_and_named_once(
    protocol: str, more: Pairs, how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In each layer: FastCGI's bytes, and the bytes of the CGI response inside."""
    request = WIRES[protocol].request(
        [(b"REQUEST_METHOD", b"GET"), (b"REQUEST_URI", b"/"), (b"HTTP_HOST", b"h"), *more]
    )
    response = WIRES[protocol].response(200, [(b"Content-Type", b"text/plain"), (b"Content-Length", b"2")], b"hi")
    count = Count(monkeypatch)
    asked = exchange(request, response, protocol)
    options = Options(words=["/"], as_json=how == "json")
    if how == "diff":
        seen = view_of(asked, WIRES, secrets=False)
        assert diff.run(WIRES, seen, seen, options) == 0
    else:
        assert present(WIRES, asked, options) == 0
    assert "host" in capsys.readouterr().out.lower()
    sizes = {"request": len(request), "response": len(response)}
    assert {layer: count.named[f"{protocol} {layer}"] for layer in sizes} == sizes
    assert max(count.decoded.values()) <= max(sizes.values())
    assert max(count.named.values()) <= max(sizes.values())
    layers = 1 + bool(WIRES[protocol].INNER)
    assert sum((count.decoded + count.named).values()) <= 2 * layers * sum(sizes.values())


@pytest.mark.parametrize("protocol", ["uwsgi", "FastCGI", "SCGI", "AJP", "HTTP", "CGI"])
@settings(derandomize=True, deadline=None, max_examples=30)
@given(secret_value=st.binary(min_size=1, max_size=30).map(lambda data: b"v" + data.translate(None, CONTROLS) + b"v"))
def test_masked_fields_are_those_of_the_masked_bytes(protocol: str, secret_value: bytes) -> None:
    pairs = [(b"REQUEST_METHOD", b"GET"), (b"REQUEST_URI", b"/v"), (b"HTTP_HOST", b"vv"), (b"HTTP_X", b"request 1")]
    request = WIRES[protocol].request([*pairs, (b"HTTP_COOKIE", secret_value), (b"HTTP_AUTHORIZATION", b"r")])
    response = WIRES[protocol].response(200, [(b"Content-Type", b"t/t"), (b"Set-Cookie", secret_value)], b"vv")
    masked, fields = mask_exchange.mask(exchange(request, response, protocol), WIRES)
    assert not any(field.fault for side in fields for field in side)
    assert fields == fields_of(masked, WIRES)


# --- secrets ----------------------------------------------------------------------------------------------------------


def mask(one: Exchange) -> Exchange:
    return mask_exchange.mask(one, WIRES)[0]


def test_secrets_are_stars_in_bytes_and_fields() -> None:
    hidden = mask(exchange())
    assert (len(hidden.request), bytes(hidden.request[-3:])) == (len(REQUEST), b"***")
    assert "HTTP_COOKIE = ***" in shown(hidden)
    assert bytes(exchange().request) == REQUEST, "the exchange itself is as it was"


def test_a_secrets_name_that_two_records_share_is_found() -> None:
    """In a head that nobody can read."""
    wire: Any = WIRES["FastCGI"]
    pieces = [b"Status: 200 OK\r\nbad line\r\nSet-Co", b"okie: id=geheim\r\n\r\nbody"]
    response = b"".join(wire.encode.record(6, 1, piece) for piece in [*pieces, b""]) + wire.encode.end()
    hidden = bytes(mask(exchange(b"", response, "FastCGI")).response)
    assert (len(hidden), b"geheim" in hidden) == (len(response), False)
    assert b"bad line" in hidden


@pytest.mark.parametrize("protocol", ["uwsgi", "FastCGI", "SCGI", "AJP", "HTTP", "CGI"])
def test_nothing_leaks_wherever_a_request_is_cut(protocol: str) -> None:
    """At every cut and with every byte of it broken, no more of the secret is shown than its first bytes could be."""
    value = b"Zx9-Qv7-Wk3"
    pairs = [(b"REQUEST_METHOD", b"GET"), (b"REQUEST_URI", b"/"), (b"HTTP_COOKIE", value), (b"HTTP_HOST", b"h")]
    request = WIRES[protocol].request(pairs)
    name = next(name for name in (b"HTTP_COOKIE", b"Cookie", b"\xa0\x09") if name in request)
    at = request.index(name)
    cuts = [request[:end] for end in range(at + len(name), len(request))]
    # A name that is broken, or joined to what stands before it, is another name.
    places = [*range(at - 1), *range(at + len(name), len(request))]
    broken = [request[:place] + bytes([request[place] ^ 0xFF]) + request[place + 1 :] for place in places]
    for data in cuts + broken:
        hidden = bytes(mask(exchange(data, b"", protocol)).request)
        assert value[:4] not in hidden, (protocol, data)


def test_a_secret_in_an_error_is_not_quoted() -> None:
    broken = exchange(errors=["BadHeader at offset 3: b'Cookie: geheim'; expected a name"])
    assert mask(broken).errors == ["BadHeader at offset 3: (hidden); expected a name"]


@pytest.mark.parametrize("name", [b"Authorization", b"HTTP_COOKIE", b"Set-Cookie", b"proxy-authorization"])
def test_the_names_of_secrets_are_those_of_the_fields(name: bytes) -> None:
    assert secret(name)
    junk = exchange(b"\xff junk " + name + b": x", b"", "FastCGI")
    assert mask(junk).request.endswith(name + b"***")


def test_junk_without_a_secrets_name_is_shown() -> None:
    junk = exchange(b"\xff junk", b"HTTP/1.1 400 Bad Request\r\n\r\n", "FastCGI")
    hidden = mask(junk)
    assert (hidden.request, hidden.response, hidden.errors) == (junk.request, junk.response, [])


def test_what_is_not_kept_is_said_and_counted() -> None:
    text = shown(exchange(REQUEST, ANSWER[:-2], response_left_out=1_000_002))
    assert "RESPONSE status 200   1,000,043 bytes from the gateway, 1.2 ms" in text
    assert "and 1,000,002 bytes more, which are not kept: it is not cut off on the wire\n" in text
    assert text.count("not kept") == 1


def test_what_is_not_kept_hides_nothing() -> None:
    """A body that we cut is no reason to hide it."""
    whole = WIRES["uwsgi"].response(200, [(b"Content-Length", b"50000")], b"Cookie: 1" * 1000)
    one = exchange(REQUEST, whole[:5000], response_left_out=45_100)
    hidden = mask(one)
    assert (hidden.response, hidden.errors) == (one.response, [])


def test_codes_of_ajp_hide_nothing_in_other_protocols() -> None:
    codes = b"\xff\xa0\x05 and so on"
    assert bytes(mask(exchange(codes, b"", "FastCGI")).request) == codes
    assert bytes(mask(exchange(codes, b"", "AJP")).request) == b"\xff\xa0\x05" + b"*" * 10


def test_a_large_body_costs_no_more_than_its_bytes() -> None:
    """Escaped it is four times as many characters; a row has room for few of them."""
    large = exchange(response=WIRES["uwsgi"].response(200, [], bytes(4 << 20)))
    tracemalloc.start()
    shown(large)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 * (4 << 20)
