"""uwsgi's wire: real exchanges, every way to be wrong, and other people's implementations as judges."""

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.http.unreader import IterUnreader  # type: ignore[import-untyped]
from gunicorn.uwsgi import UWSGIRequest  # type: ignore[import-untyped]
from gunicorn.uwsgi.errors import UnsupportedModifier  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from uwsgi_tools.curl import ask_uwsgi  # type: ignore[import-untyped]
from uwsgi_tools.utils import pack_uwsgi_vars  # type: ignore[import-untyped]
from wire_in_test import WIRES, ask, decode, same_in_any_pieces, specimens, tiles
from zoo_in_test import Zoo

from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Other, Pairs, Variables
from gateway_zoo.wire.faults import LIMITS, CannotEncode, Limits, TooLong, TooMany, Truncated

UWSGI: Any = WIRES["uwsgi"]
SPECIMENS = specimens("uwsgi")


def requests(limits: Limits = LIMITS) -> Decoder:
    decoder: Decoder = UWSGI.decoders(limits)[0]
    return decoder


def responses() -> Decoder:
    decoder: Decoder = UWSGI.decoders()[1]
    return decoder


def test_example() -> None:
    """A packet written out by hand from the documentation's structs."""
    data = b"\x00\x16\x00\x00" + b"\x0e\x00CONTENT_LENGTH\x01\x003" + b"\x01\x00" + b"X" + b"\x00\x00" + b"abc"
    data = data.replace(b"\x16", bytes([len(data) - 7]), 1)
    pairs = [(b"CONTENT_LENGTH", b"3"), (b"X", b"")]
    wanted = [Variables(0, 0, pairs), Data(28, 0, "body", b"abc"), End(31, 0)]
    assert same_in_any_pieces(requests, data) == wanted
    assert UWSGI.request(pairs, b"abc") == data


@pytest.mark.parametrize("name", SPECIMENS)
def test_specimens(name: str) -> None:
    specimen = SPECIMENS[name]
    events = same_in_any_pieces(requests, specimen.request)
    if isinstance(events[0], Variables):
        body = b"".join(event.data for event in events if isinstance(event, Data))
        assert UWSGI.request(events[0].pairs, body) == specimen.request
        answer = [Data(0, 0, "RESPONSE", specimen.response), End(len(specimen.response), 0)]
        assert same_in_any_pieces(responses, specimen.response) == answer
    else:
        assert events == [Other(0, 0, "PING", b""), End(4, 0)]
        assert same_in_any_pieces(responses, specimen.response) == [Other(0, 0, "PONG", b""), End(4, 0)]
        assert (UWSGI.packet(b"", 100), UWSGI.packet(b"", 100, 1)) == (specimen.request, specimen.response)


@pytest.mark.parametrize("name", SPECIMENS)
def test_annotate_tiles_specimens_and_their_beginnings(name: str) -> None:
    specimen = SPECIMENS[name]
    for end in range(len(specimen.request) + 1):
        tiles(UWSGI.annotate("request", specimen.request[:end]), end)
    for end in range(len(specimen.response) + 1):
        tiles(UWSGI.annotate("response", specimen.response[:end]), end)
    assert not [field for field in UWSGI.annotate("request", specimen.request).fields if field.fault]


def test_annotate_names_what_the_decoder_says() -> None:
    for name, specimen in SPECIMENS.items():
        first = decode(requests(), [specimen.request])[0][0]
        pairs = [(n.decode(), v.decode()) for n, v in first.pairs] if isinstance(first, Variables) else []
        fields = UWSGI.annotate("request", specimen.request).fields
        assert [(field.name, field.value) for field in fields if field.depth == 2] == pairs, name
    shown = [field for field in fields if field.name == "modifier1"]
    assert shown[0].value == "0 (WSGI)"


def test_annotate_shows_the_variables_of_a_packet_that_is_cut_off() -> None:
    data = SPECIMENS["uwsgi/hello"].request
    fields = UWSGI.annotate("request", data[:60]).fields
    assert next((field.name, field.value) for field in fields if field.depth == 2) == ("GATEWAY_INTERFACE", "CGI/1.1")
    assert fields[-1].fault
    tiles(UWSGI.annotate("request", data[:60]), 60)


def test_requests_one_behind_the_other() -> None:
    first, second = SPECIMENS["uwsgi/post"].request, SPECIMENS["uwsgi/hello"].request
    ping = UWSGI.packet(b"", 100)
    events, error = decode(requests(), [first + ping + second])
    assert error is None
    assert [type(event) for event in events] == [Variables, Data, End, Other, End, Variables, End]
    assert events[5].offset == len(first) + len(ping)
    tiles(UWSGI.annotate("request", first + ping + second), len(first + ping + second))


@pytest.mark.parametrize("modifier1", sorted(UWSGI.WITH_VARIABLES))
def test_kinds_with_variables(modifier1: int) -> None:
    data = UWSGI.packet(b"\x01\0N\x01\0V", modifier1)
    assert decode(requests(), [data]) == ([Variables(0, 0, [(b"N", b"V")]), End(len(data), 0)], None)


@pytest.mark.parametrize(
    ("modifier1", "modifier2", "name"), [(100, 0, "PING"), (100, 1, "PONG"), (173, 0, "RPC"), (254, 0, "modifier1 254")]
)
def test_kinds_without(modifier1: int, modifier2: int, name: str) -> None:
    data = UWSGI.packet(b"anything", modifier1, modifier2)
    assert same_in_any_pieces(requests, data) == [Other(0, 0, name, b"anything"), End(12, 0)]
    assert UWSGI.annotate("request", data).fields[-1].value == "anything"


def one(pairs: Pairs) -> bytes:
    data: bytes = UWSGI.request(pairs)
    return data


LENGTH = b"CONTENT_LENGTH"
WRONG = [
    (b"\0\x03\0\0\x09\0a", LIMITS, "BadVariables", 4, "a name that ends within the packet"),
    (b"\0\x01\0\0\x09", LIMITS, "BadVariables", 4, "a name that ends within the packet"),
    (b"\0\x05\0\0\x01\0a\x09\0", LIMITS, "BadVariables", 7, "a value that ends within the packet"),
    (b"\0\x03\0\0\x01\0a", LIMITS, "BadVariables", 7, "a value that ends within the packet"),
    (b"\0\x04\0\0\x01\0a\0", LIMITS, "BadVariables", 7, "a value that ends within the packet"),
    (one([(LENGTH, b"+5")]), LIMITS, "BadContentLength", 22, "CONTENT_LENGTH as a decimal number"),
    (one([(LENGTH, b"-1")]), LIMITS, "BadContentLength", 22, "CONTENT_LENGTH as a decimal number"),
    (one([(LENGTH, b"9" * 20)]), LIMITS, "BadContentLength", 22, "CONTENT_LENGTH as a decimal number"),
    (one([(LENGTH, b"1"), (LENGTH, b"2")]), LIMITS, "BadContentLength", 41, "CONTENT_LENGTH only once"),
    (one([(LENGTH, b"1"), (LENGTH, b"")]), LIMITS, "BadContentLength", 22, "CONTENT_LENGTH only once"),
    (one([(LENGTH, b"x"), (b"N", b"")]) + b"\0", LIMITS, "BadContentLength", 22, "CONTENT_LENGTH as a decimal number"),
    (one([(b"N" * 1025, b"")]), LIMITS, "TooLong", 4, "a name of at most 1024 bytes, not 1025"),
    (one([(b"N", b"v" * 9)]), Limits(value=8), "TooLong", 7, "a value of at most 8 bytes, not 9"),
    (one([(b"N", b"v" * 900)]), Limits(value=800), "TooLong", 7, "a value of at most 800 bytes, not 900"),
    (b"\0\xff\xff\0", Limits(head=65_534), "TooLong", 0, "variables of at most 65534 bytes, not 65535"),
    (one([(b"N", b"")] * 1001), LIMITS, "TooMany", 5004, "at most 1000 variables"),
]


@pytest.mark.parametrize(
    ("data", "limits", "kind", "offset", "expected"), WRONG, ids=[f"{w[2]}-{i}" for i, w in enumerate(WRONG)]
)
def test_named_errors(data: bytes, limits: Limits, kind: str, offset: int, expected: str) -> None:
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        _, error = decode(requests(limits), pieces)
        assert error is not None
        assert (type(error).__name__, error.offset, error.expected) == (kind, offset, expected)
        assert str(error).startswith(f"{kind} at offset {offset}: ")
    tiles(UWSGI.annotate("request", data), len(data))


@pytest.mark.parametrize("lengths", [[b"+5"], [b"1", b"2"]])
def test_a_wrong_content_length_is_a_fault_and_so_is_what_follows(lengths: list[bytes]) -> None:
    packet = one([(LENGTH, length) for length in lengths])
    fields = UWSGI.annotate("request", packet + b"abc").fields
    faults = [(field.name, field.offset, field.length) for field in fields if field.fault]
    assert faults == [("val", len(packet) - len(lengths[-1]), len(lengths[-1])), ("rest", len(packet), 3)]


def test_a_limit_reached_is_no_limit_broken() -> None:
    pairs = [(b"N" * 1024, b"v" * 50_000), *[(b"M%d" % number, b"") for number in range(999)]]
    assert decode(requests(), [one(pairs)])[0][0] == Variables(0, 0, pairs)
    small = Limits(name=1, value=2, variables=1)
    assert decode(requests(small), [one([(b"N", b"vv")])])[1] is None
    for limits, kind in ((Limits(name=0), TooLong), (Limits(value=1), TooLong), (Limits(variables=0), TooMany)):
        assert type(decode(requests(limits), [one([(b"N", b"vv")])])[1]) is kind


def test_truncation_is_named() -> None:
    data = UWSGI.request([(LENGTH, b"4")], b"body")
    for end in range(1, len(data)):
        _, error = decode(requests(), [data[:end]])
        assert type(error) is Truncated
    assert str(error) == f"Truncated at offset {len(data) - 1}: expected 1 bytes more: 3 of 4 bytes of the body came"
    assert str(decode(responses(), [b"d\0"])[1]) == "Truncated at offset 0: b'd\\x00'; expected the rest of a packet"
    assert decode(requests(), []) == ([], None)
    assert decode(responses(), []) == ([End(0, 0)], None)


def test_settled_never_beyond_an_unfinished_head() -> None:
    decoder, data = requests(), one([(b"HTTP_COOKIE", b"secret")])
    for byte in data[:-1]:
        decoder.feed(bytes([byte]))
        assert decoder.settled == 0
    decoder.feed(data[-1:])
    assert decoder.settled == len(data)


def test_annotate_marks_secrets() -> None:
    data = one([(b"HTTP_COOKIE", b"a=1"), (b"HTTP_ACCEPT", b"x")])
    secrets = [field for field in UWSGI.annotate("request", data).fields if field.secret]
    assert [data[field.offset : field.offset + field.length] for field in secrets] == [b"a=1"]


def test_cannot_encode() -> None:
    with pytest.raises(CannotEncode, match="has 65536 bytes; a name or value in uwsgi has at most 65535"):
        UWSGI.request([(b"N", b"v" * 65_536)])
    with pytest.raises(CannotEncode, match="65540 bytes of variables; a uwsgi packet holds 65535"):
        UWSGI.request([(b"N", b"v" * 65_535)])
    for status, header in ((99, b"x"), (1000, b"x"), (200, b"x\ny"), (200, b"\0")):
        with pytest.raises(CannotEncode):
            UWSGI.response(status, [(b"X", header)])


# --- other people's implementations ---


def by_gunicorn(data: bytes) -> UWSGIRequest:
    return UWSGIRequest(Config(), IterUnreader([data]), "", 1)


NAMES = st.binary(max_size=300).filter(lambda name: name != LENGTH)


@given(st.dictionaries(NAMES, st.binary(max_size=300), max_size=20), st.binary(max_size=100))
def test_gunicorn_reads_what_we_write(variables: dict[bytes, bytes], body: bytes) -> None:
    pairs = [*variables.items(), (LENGTH, b"%d" % len(body))]
    data = UWSGI.request(pairs, body)
    theirs = by_gunicorn(data)
    assert [(n.encode("latin-1"), v.encode("latin-1")) for n, v in theirs.uwsgi_vars.items()] == pairs
    assert theirs.body.read() == body
    assert decode(requests(), [data])[0][0] == Variables(0, 0, pairs)


TEXTS = st.text(st.characters(max_codepoint=127), max_size=300)


@given(st.lists(st.tuples(TEXTS.filter(lambda name: name != "CONTENT_LENGTH"), TEXTS), max_size=20))
def test_uwsgi_tools_writes_what_we_write_and_read(variables: list[tuple[str, str]]) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in variables]
    data = pack_uwsgi_vars(variables)
    assert UWSGI.request(pairs) == data
    assert decode(requests(), [data])[0][0] == Variables(0, 0, pairs)


def test_where_uwsgi_tools_is_wrong() -> None:
    """It counts characters where the protocol counts bytes."""
    data = pack_uwsgi_vars([("NAME", "é")])
    error = decode(requests(), [data])[1]
    assert str(error) == "BadVariables at offset 13: b'\\xa9'; expected a name that ends within the packet"
    assert UWSGI.request([(b"NAME", "é".encode())]) == data.replace(b"\x01\0\xc3", b"\x02\0\xc3")


def test_gunicorn_reads_the_specimens_as_we_do() -> None:
    for specimen in SPECIMENS.values():
        first = decode(requests(), [specimen.request])[0][0]
        if isinstance(first, Variables):
            theirs = by_gunicorn(specimen.request)
            assert {n.decode(): v.decode() for n, v in first.pairs} == theirs.uwsgi_vars
        else:
            with pytest.raises(UnsupportedModifier, match="100"):
                by_gunicorn(specimen.request)


@pytest.mark.parametrize("given_length", [b"x", b"-1"])
def test_where_gunicorn_is_laxer(given_length: bytes) -> None:
    """It reads what is no number as 0: the body would be the next request."""
    data = UWSGI.request([(LENGTH, given_length)], b"abc")
    assert by_gunicorn(data).body.read() == b""
    assert type(decode(requests(), [data])[1]).__name__ == "BadContentLength"


def variables_for(exhibit: str) -> list[tuple[str, str]]:
    return [
        ("REQUEST_METHOD", "POST"),
        ("REQUEST_URI", f"/{exhibit}/echo"),
        ("SCRIPT_NAME", f"/{exhibit}"),
        ("PATH_INFO", "/echo"),
        ("QUERY_STRING", "a=1"),
        ("SERVER_NAME", "localhost"),
        ("SERVER_PORT", "80"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("CONTENT_TYPE", "text/plain"),
        ("CONTENT_LENGTH", "8"),
        ("HTTP_HOST", "localhost"),
        ("HTTP_CONNECTION", "close"),
    ]


@pytest.mark.parametrize("exhibit", ["uwsgi", "uwsgi-gunicorn"])
def test_gateways_understand_us(zoo: Zoo, exhibit: str) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in variables_for(exhibit)]
    answer = ask(zoo, exhibit, UWSGI.request(pairs, b"the body"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer
    assert b'"body":"the body"' in answer
    assert b'"QUERY_STRING":"a=1"' in answer


def test_uwsgi_itself_answers_a_ping(zoo: Zoo) -> None:
    answer = ask(zoo, "uwsgi", UWSGI.packet(b"", 100))
    assert decode(responses(), [answer])[0] == [Other(0, 0, "PONG", b""), End(4, 0)]


def test_uwsgi_tools_understands_our_answer(tmp_path: Path) -> None:
    """Its client speaks to a socket that our decoder and encoder answer."""
    path = tmp_path / "s"
    seen: list[Any] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            decoder = requests()
            while not any(isinstance(event, End) for event in seen):
                seen.extend(decoder.feed(connection.recv(65_536)))
            connection.sendall(UWSGI.response(200, [(b"Content-Type", b"text/plain")], b"hello"))

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        server = threading.Thread(target=serve)
        server.start()
        answer = ask_uwsgi(str(path), variables_for("uwsgi"), body="the body", timeout=10)
        server.join(10)
    assert answer == "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello"
    assert seen[0].pairs == [(name.encode(), value.encode()) for name, value in variables_for("uwsgi")]
    assert seen[1].data == b"the body"
