"""No secret gets into a recording: of no protocol, however its bytes are cut; and nothing else is changed."""

import re
from collections.abc import Iterator

import pytest
from zoo_in_test import REGISTRY, ROOT

from gateway_zoo.wire import secrets
from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.recorder.mask_stream import Masking
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened

WIRES = Codecs(REGISTRY)
SECRETS = (b"Basic Z2VoZWlt", b"session=tr\xc3\xa8s-secret", b"id=geheim; Path=/")
VARIABLES = [
    (b"REQUEST_METHOD", b"POST"),
    (b"REQUEST_URI", b"/x/hello?a=b"),
    (b"SCRIPT_NAME", b"/x"),
    (b"PATH_INFO", b"/hello"),
    (b"SERVER_PROTOCOL", b"HTTP/1.1"),
    (b"SERVER_NAME", b"localhost"),
    (b"SERVER_PORT", b"80"),
    (b"HTTP_HOST", b"zoo.test"),
    (b"HTTP_AUTHORIZATION", SECRETS[0]),
    (b"HTTP_COOKIE", b"session=secret"),
    (b"HTTP_X_COOKIE_COUNT", b"12"),
    (b"CONTENT_LENGTH", b"4"),
]
HEADERS = [(b"Content-Type", b"text/plain"), (b"Set-Cookie", SECRETS[2]), (b"Content-Length", b"6")]
HIDDEN = (SECRETS[0], b"session=secret", SECRETS[2])
PROTOCOLS = ("uwsgi", "SCGI", "FastCGI", "AJP", "HTTP")


def entries(protocol: str, pieces: list[tuple[Direction, bytes]], ends: bool = True) -> Iterator[AnyEntry]:
    yield Opened(connection=1, at=1, exhibit="x", front="nginx", protocol=protocol, address="x.sock")
    for number, (direction, data) in enumerate(pieces):
        yield Bytes(connection=1, at=2 + number, direction=direction, data=data)
    if ends:
        yield Ended(connection=1, at=1e6, direction="response")
    yield Closed(connection=1, at=1e6)


def masked(protocol: str, pieces: list[tuple[Direction, bytes]], ends: bool = True) -> tuple[bytes, bytes, str]:
    """Both directions as they are written, and why the connection closed."""
    out: list[AnyEntry] = []
    masking = Masking(WIRES, out.append)
    for entry in entries(protocol, pieces, ends):
        masking(entry)
    whole = {d: b"".join(e.data for e in out if isinstance(e, Bytes) and e.direction == d) for d in DIRECTIONS}
    closed = out[-1]
    assert isinstance(closed, Closed)
    return whole["request"], whole["response"], closed.why


DIRECTIONS: tuple[Direction, Direction] = ("request", "response")


def hidden(data: bytes) -> bytes:
    """What should be written."""
    for secret in HIDDEN:
        data = data.replace(secret, b"*" * len(secret))
    return data


def exchange(protocol: str) -> tuple[bytes, bytes]:
    """Of the encoders'; held against other people's bytes elsewhere."""
    wire = WIRES[protocol]
    return wire.request(VARIABLES, b"body"), wire.response(200, HEADERS, b"answer")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_secrets_are_masked_at_the_same_length(protocol: str) -> None:
    request, response = exchange(protocol)
    assert all(secret in request for secret in HIDDEN[:2])
    assert HIDDEN[2] in response
    got = masked(protocol, [("request", request), ("response", response)])
    assert got == (hidden(request), hidden(response), "")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_wherever_the_bytes_are_cut(protocol: str) -> None:
    request, response = exchange(protocol)
    for cut in range(1, len(request)):
        got = masked(protocol, [("request", request[:cut]), ("request", request[cut:])])
        assert got[0] == hidden(request), cut
    for cut in range(1, len(response)):
        pieces: list[tuple[Direction, bytes]] = [("request", request)]
        got = masked(protocol, [*pieces, ("response", response[:cut]), ("response", response[cut:])])
        assert got[1] == hidden(response), cut
    bytewise: list[tuple[Direction, bytes]] = [("request", request[i : i + 1]) for i in range(len(request))]
    got = masked(protocol, [*bytewise, *(("response", response[i : i + 1]) for i in range(len(response)))])
    assert got == (hidden(request), hidden(response), "")


@pytest.mark.parametrize("protocol", ["FastCGI", "AJP", "HTTP"])
def test_on_a_connection_that_stays(protocol: str) -> None:
    """Three exchanges on one connection; the second has no secret. In whatever pieces they come."""
    request, response = exchange(protocol)
    if protocol == "HTTP":
        request = WIRES[protocol].request([*VARIABLES, (b"HTTP_CONNECTION", b"keep-alive")], b"body")
    if protocol == "FastCGI":  # FCGI_KEEP_CONN: flags of BEGIN_REQUEST
        request = request[:10] + b"\x01" + request[11:]
    many: list[tuple[Direction, bytes]] = [("request", request), ("response", response)] * 3
    assert masked(protocol, many) == (hidden(request) * 3, hidden(response) * 3, "")
    size = 97
    for direction, whole in (("request", request * 3), ("response", response * 3)):
        before: list[tuple[Direction, bytes]] = [] if direction == "request" else [("request", request * 3)]
        cut: list[tuple[Direction, bytes]] = [
            ("request" if direction == "request" else "response", whole[i : i + size])
            for i in range(0, len(whole), size)
        ]
        assert masked(protocol, [*before, *cut])[direction == "response"] == hidden(whole)


def records(type: int, data: bytes, size: int) -> bytes:
    """FastCGI records of at most `size` bytes, and the empty one at the end."""
    pieces = [data[i : i + size] for i in range(0, len(data), size)] + [b""]
    return b"".join(bytes([1, type, 0, 1]) + len(piece).to_bytes(2, "big") + b"\0\0" + piece for piece in pieces)


@pytest.mark.parametrize("size", [1, 2, 7, 13, 50])
def test_secrets_that_are_split_over_records(size: int) -> None:
    """Legal FastCGI (3.3): PARAMS and STDOUT in records of any size."""
    pairs = b"".join(
        bytes([len(name), len(value)]) + name + value for name, value in VARIABLES if name != b"CONTENT_LENGTH"
    )
    begin, end = b"\x01\x01\0\x01\0\x08\0\0\0\x01\0\0\0\0\0\0", b"\x01\x03\0\x01\0\x08\0\0\0\0\0\0\0\0\0\0"
    answer = b"Status: 200 OK\r\nSet-Cookie: " + SECRETS[2] + b"\r\n\r\nbody"
    request = begin + records(4, pairs, size) + records(5, b"", size)
    response = records(6, answer, size) + end
    want = (begin + records(4, hidden(pairs), size) + records(5, b"", size), records(6, hidden(answer), size) + end, "")
    assert masked("FastCGI", [("request", request), ("response", response)]) == want
    for cut in range(0, len(response), 3):
        pieces: list[tuple[Direction, bytes]] = [("request", request), ("response", response[:cut])]
        assert masked("FastCGI", [*pieces, ("response", response[cut:])]) == want


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_cannot_be_read_does_not_leak(protocol: str) -> None:
    """Every byte of it is masked, and the connection says how to see them."""
    junk = b"\xfe\x00PRI * HTTP/2.0\r\nCookie: " + SECRETS[1]
    request, why = masked(protocol, [("request", junk), ("request", junk)], ends=False)[::2]
    assert request == b"*" * len(junk) * 2
    assert why == f"what could not be read as {protocol} is masked (record with --secrets to see it)"


def test_an_answer_that_cannot_be_read_does_not_leak() -> None:
    request = exchange("uwsgi")[0]
    junk = b"HTTP/1.1 200 OK\nSet-Cookie " + SECRETS[2] + b"\r\n\r\n"
    assert SECRETS[2] not in masked("uwsgi", [("request", request), ("response", junk)])[1]


def test_a_protocol_without_a_decoder_does_not_leak() -> None:
    data = b"Cookie: " + SECRETS[1]
    assert masked("none", [("request", data), ("response", data)])[:2] == (b"*" * len(data),) * 2


def test_names_that_redirects_and_odd_fronts_make() -> None:
    for protocol in ("uwsgi", "SCGI", "FastCGI"):
        for name in (b"REDIRECT_HTTP_COOKIE", b"REDIRECT_REDIRECT_HTTP_AUTHORIZATION", b"HTTP-COOKIE", b"HTTP_COOKIE2"):
            request = WIRES[protocol].request([*VARIABLES[:7], (name, SECRETS[0])])
            assert SECRETS[0] in request
            assert masked(protocol, [("request", request)])[0] == hidden(request), (protocol, name)


def test_names_and_values_that_have_changed_places() -> None:
    """A string of SCGI is missing before them."""
    request = WIRES["SCGI"].request(VARIABLES).replace(b"CONTENT_LENGTH\x00", b"CONTENT_LENGTH\xff")
    assert b"session=secret" not in masked("SCGI", [("request", request)])[0]


def test_attributes_of_ajp() -> None:
    """The password that the front shows the gateway, and attributes of any name."""
    for code in (b"\x0c", b"\x0a" + b"\x00\x0dAUTHORIZATION\x00"):
        packet = WIRES["AJP"].request(VARIABLES[:7])
        size = int.from_bytes(packet[2:4], "big")
        attribute = code + len(SECRETS[0]).to_bytes(2, "big") + SECRETS[0] + b"\0"
        assert packet[3 + size : 4 + size] == b"\xff", "the end of the attributes"
        length = (size + len(attribute)).to_bytes(2, "big")
        request = packet[:2] + length + packet[4 : 3 + size] + attribute + packet[3 + size :]
        assert masked("AJP", [("request", request)]) == (hidden(request), b"", ""), code


@pytest.mark.parametrize("status", [b"200 OK", b"304 Not Modified"])
@pytest.mark.parametrize("length", [b"Transfer-Encoding: chunked\r\n", b"Content-Length: 4\r\n"])
@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_what_follows_an_ordinary_answer_does_not_leak(status: bytes, length: bytes, method: bytes) -> None:
    """A second one on its connection, and trailers."""
    request = WIRES["uwsgi"].request([(b"REQUEST_METHOD", method), *VARIABLES[1:7]])
    second = b"HTTP/1.1 200 OK\r\nSet-Cookie: " + SECRETS[2] + b"\r\nContent-Length: 0\r\n\r\n"
    head = b"HTTP/1.1 " + status + b"\r\n" + length + b"\r\n"
    trailers = b"4\r\nbody\r\n0\r\nSet-Cookie: " + SECRETS[2] + b"\r\n\r\n"
    for behind in (second, b"body" + second, trailers + second):
        for answer in ([head + behind], [head, behind]):
            pieces: list[tuple[Direction, bytes]] = [("request", request), *(("response", piece) for piece in answer)]
            written = masked("uwsgi", pieces)[1]
            assert len(written) == len(head + behind)
            assert SECRETS[2] not in written, behind


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_head_that_never_ends_does_not_leak(protocol: str) -> None:
    """Cut off anywhere: what is not masked is what the whole would show."""
    request, response = exchange(protocol)
    for cut in range(1, len(request)):
        got = masked(protocol, [("request", request[:cut])], ends=False)[0]
        assert len(got) == cut
        assert all(byte in (b"*"[0], shown) for byte, shown in zip(got, hidden(request), strict=False))
    for cut in range(1, len(response)):
        got = masked(protocol, [("request", request), ("response", response[:cut])])[1]
        assert all(byte in (*b"* ", shown) for byte, shown in zip(got, hidden(response), strict=False))


def test_a_packet_that_nobody_reads_does_not_leak() -> None:
    """uwsgi has kinds of packets that carry anything; FastCGI ignores PARAMS of a request that nobody began."""
    block = b"\x0b\0HTTP_COOKIE\x06\0geheim"
    for request, protocol in [
        (b"\x1f" + len(block).to_bytes(2, "little") + b"\0" + block, "uwsgi"),
        (records(4, b"\x0b\x06HTTP_COOKIEgeheim", 50), "FastCGI"),
    ]:
        assert b"geheim" not in masked(protocol, [("request", request)])[0]


def test_a_stream_is_written_as_it_comes() -> None:
    """Nothing is held back once the head is read: Server-Sent Events, WebSockets."""
    out: list[AnyEntry] = []
    masking = Masking(WIRES, out.append)
    request = WIRES["HTTP"].request([v for v in VARIABLES if v[0] != b"CONTENT_LENGTH"])
    pieces: list[tuple[Direction, bytes]] = [
        ("request", request),
        ("response", b"HTTP/1.1 200 OK\r\nSet-Cookie: geheim\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ]
    event: tuple[Direction, bytes] = ("response", b"9\r\ndata: 1\n\n\r\n")
    pieces += [event] * 3
    for number, entry in enumerate(entries("HTTP", pieces)):
        if number <= len(pieces):
            masking(entry)
            assert len(out) == number + 1
            assert not isinstance(entry, Bytes) or number < 3 or out[-1] == entry


def test_pieces_keep_their_times() -> None:
    """Bytes that were held back are written with the time at which they came."""
    out: list[AnyEntry] = []
    masking = Masking(WIRES, out.append)
    request = exchange("uwsgi")[0]
    for entry in entries("uwsgi", [("request", request[:50]), ("request", request[50:])]):
        masking(entry)
    assert [(e.at, len(e.data)) for e in out if isinstance(e, Bytes)] == [(2, 50), (3, len(request) - 50)]


@pytest.mark.parametrize("page", ["app/zoo_status.py", "php/status.php"])
def test_the_status_pages_mask_the_same_names(page: str) -> None:
    """They run inside gateways, where they import nothing of ours."""
    text = (ROOT / page).read_text(encoding="utf-8")
    listed = re.search(r"SECRETS = (.*?)(?:^\)|\];)", text, re.DOTALL | re.MULTILINE)
    assert listed
    assert set(re.findall(r"HTTP_\w+", listed[1])) == {f"HTTP_{name.decode().upper()}" for name in secrets.SECRETS}


def test_the_checkout_has_a_wire_for_each() -> None:
    assert set(PROTOCOLS) <= set(WIRES.protocols), ROOT
