"""SCGI's wire.py: real exchanges, every way to be wrong, and other people's implementations as judges."""

import io
from typing import Any

import pytest
import sioscgi.request
import sioscgi.response
from flup.server import scgi_base  # type: ignore[attr-defined]
from hypothesis import given
from hypothesis import strategies as st
from wire_contract import check_agrees
from wire_in_test import WIRES, ask, decode, same_in_any_pieces, specimens, tiles
from zoo_in_test import Zoo

from gateway_zoo.wire import conversation
from gateway_zoo.wire.codecs import Codec, Direction
from gateway_zoo.wire.conversation import Conversation
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Breach, Data, End, Fault, Pairs, Problem, Variables
from gateway_zoo.wire.faults import LIMITS, CannotEncode, Limits, TooLong, TooMany, Truncated

SCGI: Any = WIRES["SCGI"]
SPECIMENS = specimens("SCGI")
HEAD: Pairs = [(b"CONTENT_LENGTH", b"0"), (b"SCGI", b"1")]


def requests(limits: Limits = LIMITS) -> Decoder:
    decoder: Decoder = SCGI.decoders(limits)[0]
    return decoder


def netstring(block: bytes) -> bytes:
    return b"%d:%b," % (len(block), block)


def block(pairs: Pairs) -> bytes:
    return b"".join(name + b"\0" + value + b"\0" for name, value in pairs)


def test_example_of_the_specification() -> None:
    """Section 4 of the specification."""
    pairs = [
        (b"CONTENT_LENGTH", b"27"),
        (b"SCGI", b"1"),
        (b"REQUEST_METHOD", b"POST"),
        (b"REQUEST_URI", b"/deepthought"),
    ]
    body = b"What is the answer to life?"
    data = b"70:CONTENT_LENGTH\x0027\0SCGI\x001\0REQUEST_METHOD\0POST\0REQUEST_URI\0/deepthought\0," + body
    wanted = [Variables(0, 0, pairs), Data(74, 0, "body", body), End(101, 0)]
    assert same_in_any_pieces(requests, data) == wanted
    assert SCGI.request(pairs, body) == data


@pytest.mark.parametrize("name", SPECIMENS)
def test_specimens(name: str) -> None:
    specimen = SPECIMENS[name]
    events = same_in_any_pieces(requests, specimen.request)
    first, body = events[0], b"".join(event.data for event in events if isinstance(event, Data))
    assert isinstance(first, Variables)
    if name.endswith("/twice"):
        with pytest.raises(CannotEncode, match="a name stands twice"):
            SCGI.request(first.pairs, body)
    else:
        assert SCGI.request(first.pairs, body) == specimen.request
    answer = [Data(0, 0, "RESPONSE", specimen.response), End(len(specimen.response), 0)]
    assert same_in_any_pieces(lambda: SCGI.decoders()[1], specimen.response) == answer


@pytest.mark.parametrize("name", SPECIMENS)
def test_annotate_tiles_specimens_and_their_beginnings(name: str) -> None:
    specimen = SPECIMENS[name]
    for end in range(len(specimen.request) + 1):
        tiles(SCGI.annotate("request", specimen.request[:end]), end)
    tiles(SCGI.annotate("response", specimen.response), len(specimen.response))
    fields = SCGI.annotate("request", specimen.request).fields
    assert not [field.name for field in fields if field.fault]


def test_a_name_that_stands_twice_is_decoded_and_marked() -> None:
    """nginx before 1.23 sends it, and its end is not in doubt."""
    data = SPECIMENS["scgi/twice"].request
    events, error = decode(requests(), [data])
    assert error is None
    assert isinstance(events[0], Variables)
    assert [value for name, value in events[0].pairs if name == b"HTTP_X_ANIMAL"] == [b"okapi", b"quagga"]
    (fault,) = [field for field in conversation.annotate(WIRES, "SCGI", data)[0] if field.fault]
    assert (fault.value, fault.means) == ("quagga", "BadHeaders: expected a name only once (section 3)")


WRONG = [
    (b"GET / HTTP/1.1\r\n", "BadNetstring", 0, "the length of the headers in decimal, and a colon", False),
    (b"+5:ab", "BadNetstring", 0, "in decimal", False),
    (b"-1:", "BadNetstring", 0, "in decimal", False),
    (b":", "BadNetstring", 0, "in decimal", False),
    (b" 5:", "BadNetstring", 0, "in decimal", False),
    (netstring(block(HEAD))[:-1] + b";", "BadNetstring", 27, "a comma behind the headers", True),
    (b"9:" + block(HEAD) + b",", "BadNetstring", 11, "a comma behind the headers", True),
    (netstring(block([(b"CONTENT_LENGTH", b"+5"), HEAD[1]])), "BadContentLength", 18, "as decimal digits", True),
    (netstring(block([(b"CONTENT_LENGTH", b"9" * 20), HEAD[1]])), "BadContentLength", 18, "as decimal digits", True),
    (netstring(block([*HEAD, (b"CONTENT_LENGTH", b"1")])), "BadContentLength", 42, "CONTENT_LENGTH once", True),
    (netstring(block([(b"CONTENT_LENGTH", b"5"), *HEAD])) + b"a", "BadContentLength", 35, "CONTENT_LENGTH once", True),
    (b"9" * 20, "TooLong", 0, "headers of at most 131072 bytes", False),
    (b"131073:", "TooLong", 0, "headers of at most 131072 bytes", False),
    (netstring(block([*HEAD, (b"N" * 1025, b"")])), "TooLong", 29, "a name of at most 1024 bytes, not 1025", False),
    (
        netstring(block([*HEAD, (b"V", b"v" * 65_537)])),
        "TooLong",
        32,
        "a value of at most 65536 bytes, not 65537",
        False,
    ),
    (netstring(block([*HEAD, *[(b"N", b"")] * 999])), "TooMany", 5, "at most 1000 headers, not 1001", False),
]


@pytest.mark.parametrize(
    ("data", "kind", "offset", "expected", "known"), WRONG, ids=[f"{w[1]}-{i}" for i, w in enumerate(WRONG)]
)
def test_what_ends_the_reading_comes_behind_the_variables(
    data: bytes, kind: str, offset: int, expected: str, known: bool
) -> None:
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        events, error = decode(requests(), pieces)
        assert error is not None
        assert (type(error).__name__, error.offset) == (kind, offset)
        assert expected in error.expected
        assert error.seen == data[offset : offset + len(error.seen)]
        assert str(error).startswith(f"{kind} at offset {offset}: b")
        assert [event for event in events if isinstance(event, Variables)] == events[:1]
        assert bool(events) == known
    tiles(SCGI.annotate("request", data), len(data))
    check_agrees(events, SCGI.annotate("request", data).fields)


BREACHES: list[tuple[bytes, list[tuple[str, int]], list[str]]] = [
    (b"0" + netstring(block(HEAD)), [("BadNetstring", 0)], ["length"]),
    (netstring(b""), [("NoVersion", 2), ("BadContentLength", 2)], ["comma"]),
    (netstring(block(HEAD) + b"X"), [("BadHeaders", 27)], ["X"]),
    (netstring(block(HEAD) + b"X\0"), [("BadHeaders", 27)], ["X"]),
    (netstring(block(HEAD) + b"X\0value"), [("BadHeaders", 27)], ["X"]),
    (netstring(block([*HEAD, (b"", b"x")])), [("BadHeaders", 27)], [""]),
    (netstring(block([*HEAD, (b"X", b"1"), (b"X", b"2")])), [("BadHeaders", 31)], ["X"]),
    (netstring(block([*HEAD, HEAD[0]])), [("BadHeaders", 27)], ["CONTENT_LENGTH"]),
    (netstring(block(HEAD[::-1])), [("BadContentLength", 10)], ["CONTENT_LENGTH"]),
    (netstring(block(HEAD[1:])), [("BadContentLength", 2)], ["headers"]),
    (netstring(block([(b"CONTENT_LENGTH", b""), HEAD[1]])), [("BadContentLength", 3)], ["CONTENT_LENGTH"]),
    (netstring(block(HEAD[:1])), [("NoVersion", 3)], ["headers"]),
    (netstring(block([HEAD[0], (b"SCGI", b"2")])), [("NoVersion", 20)], ["SCGI"]),
    (netstring(block([HEAD[0], (b"scgi", b"1")])), [("NoVersion", 3)], ["headers"]),
]


@pytest.mark.parametrize(("data", "problems", "marks"), BREACHES, ids=range(len(BREACHES)))
def test_a_broken_rule_leaves_the_request_whole(data: bytes, problems: list[tuple[str, int]], marks: list[str]) -> None:
    events = same_in_any_pieces(requests, data)
    assert isinstance(events[0], Variables)
    assert events[-1] == End(len(data), 0)
    broken = [(event.note.split(":")[0], event.offset) for event in events if isinstance(event, Breach)]
    assert broken == problems
    fields = conversation.annotate(WIRES, "SCGI", data)[0]
    check_agrees(events, fields)
    tiles(SCGI.annotate("request", data), len(data))
    assert [field.name for field in fields if field.fault] == marks


def test_bytes_behind_the_body_are_surplus() -> None:
    data = netstring(block([(b"CONTENT_LENGTH", b"2"), HEAD[1]])) + b"abcd"
    events = same_in_any_pieces(requests, data)
    (fault,) = [event for event in events if isinstance(event, Fault)]
    assert (fault.offset, fault.note) == (30, "Surplus: expected nothing behind the body: one request a connection")
    assert [event.data for event in events if isinstance(event, Data)] == [b"ab"]
    marks = [(field.name, field.offset) for field in conversation.annotate(WIRES, "SCGI", data)[0] if field.fault]
    assert marks == [("surplus", 30)]


@pytest.mark.parametrize(
    ("way", "data", "name"),
    [
        ("request", b"\x16\x03\x01\x02\x00\x01", "TLS"),
        ("response", b"\x15\x03\x03\x00\x02\x02", "TLS"),
        ("response", b"HTTP/1.1 200 OK\r\n\r\n\x00", ""),
        ("response", b"Status: 200 OK\n\n\x00\x01", ""),
        ("response", b"\n\n", ""),
    ],
)
def test_another_protocol_is_named_however_its_bytes_are_cut(way: Direction, data: bytes, name: str) -> None:
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        talk = Conversation(WIRES, "SCGI")
        if way == "response":
            talk.feed("request", SCGI.request([]))
        events = [each.event for piece in pieces for each in talk.feed(way, piece)]
        assert talk.speaks(way) == name
        assert [event.note for event in events if isinstance(event, Fault)][:1] == (
            [f"these bytes are {name}, not SCGI"] if name else []
        )


def test_requests_tell_themselves() -> None:
    begins = SCGI.BEGINS["request"]
    assert all(begins.match(specimen.request) for specimen in SPECIMENS.values())
    assert not begins.match(b"GET / HTTP/1.1")
    assert begins.match(netstring(block(HEAD[::-1]))[:4])


def test_a_limit_reached_is_no_limit_broken() -> None:
    pairs = [*HEAD, (b"N" * 1024, b"v" * 65_536), *[(b"M%d" % number, b"") for number in range(997)]]
    events, error = decode(requests(), [netstring(block(pairs))])
    assert error is None
    assert events[0] == Variables(0, 0, pairs)
    small = Limits(name=14, value=3, variables=2)
    assert decode(requests(small), [netstring(block(HEAD))])[1] is None
    for limits, kind in ((Limits(name=13), TooLong), (Limits(value=0), TooLong), (Limits(variables=1), TooMany)):
        assert type(decode(requests(limits), [netstring(block(HEAD))])[1]) is kind


def test_zeros_before_content_length_are_allowed() -> None:
    """Section 3 asks for digits; only a netstring forbids zeros in front."""
    data = netstring(block([(b"CONTENT_LENGTH", b"003"), HEAD[1]])) + b"abc"
    assert Data(30, 0, "body", b"abc") in same_in_any_pieces(requests, data)
    assert SCGI.annotate("request", data).fields[-1].value == "3 of 3 bytes"


def test_a_value_may_look_like_a_name() -> None:
    pairs = [*HEAD, (b"X", b"CONTENT_LENGTH"), (b"CONTENT_LENGTH_", b"SCGI")]
    assert same_in_any_pieces(requests, netstring(block(pairs)))[0] == Variables(0, 0, pairs)


def test_truncation_is_named() -> None:
    data = SCGI.request(HEAD[:0], b"body")
    for end in range(1, len(data)):
        _, error = decode(requests(), [data[:end]])
        assert type(error) is Truncated
    assert "1 bytes more: 3 of 4 bytes of the body came" in str(error)
    assert decode(requests(), []) == ([], None)


def test_settled_never_beyond_an_unfinished_head() -> None:
    decoder, data = requests(), SCGI.request([(b"HTTP_COOKIE", b"secret")])
    for byte in data[:-1]:
        decoder.feed(bytes([byte]))
        assert decoder.settled == 0
    decoder.feed(data[-1:])
    assert decoder.settled == len(data)


def test_annotate_marks_secrets_without_their_nul() -> None:
    data = SCGI.request([(b"HTTP_COOKIE", b"a=1"), (b"HTTP_ACCEPT", b"x"), (b"HTTP_AUTHORIZATION", b"")])
    secrets = [field for field in SCGI.annotate("request", data).fields if field.secret]
    assert [data[field.offset : field.offset + field.length] for field in secrets] == [b"a=1", b""]


def test_a_secret_that_is_cut_off_is_one() -> None:
    data = netstring(block([*HEAD, (b"HTTP_COOKIE", b"abc")]))
    place = data.index(b"abc")
    for end in range(place, len(data)):
        (field,) = [field for field in SCGI.annotate("request", data[:end]).fields if field.secret]
        assert field.spans == ((place, min(end - place, 3)),)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ([(b"A", b"1"), (b"A", b"2")], "a name stands twice"),
        ([(b"CONTENT_LENGTH", b"+1")], "CONTENT_LENGTH b'[+]1' is no decimal number"),
        ([(b"SCGI", b"2")], "SCGI has the value 1, not b'2'"),
        ([(b"", b"2")], "a name that is empty"),
        ([(b"A", b"\0")], "a NUL in a name or value"),
    ],
)
def test_cannot_encode(variables: Pairs, message: str) -> None:
    with pytest.raises(CannotEncode, match=message):
        SCGI.request(variables)


@pytest.mark.parametrize(("status", "header"), [(99, b"x"), (1000, b"x"), (200, b"x\ny"), (200, b"\r"), (200, b"\0")])
def test_cannot_encode_a_response(status: int, header: bytes) -> None:
    with pytest.raises(CannotEncode):
        SCGI.response(status, [(b"X", header)])


# --- other people's implementations ---


def by_sioscgi(data: bytes) -> tuple[dict[str, bytes], bytes]:
    reader = sioscgi.request.SCGIReader()
    reader.receive_data(data)
    found: dict[str, bytes] = {}
    body = b""
    while (event := reader.next_event()) is not None:
        if isinstance(event, sioscgi.request.Headers):
            found = event.environment
        elif isinstance(event, sioscgi.request.Body):
            body += event.data
    assert reader.state is sioscgi.request.State.DONE
    return found, body


class _Sent(io.BytesIO):
    """As much of a socket as flup reads from."""

    def recv(self, size: int) -> bytes:
        return self.read(size)


NAMES = st.binary(min_size=1, max_size=300).filter(lambda name: b"\0" not in name and name not in dict(HEAD))
VALUES = st.binary(max_size=300).filter(lambda value: b"\0" not in value)


@given(st.dictionaries(NAMES, VALUES, max_size=20), st.binary(max_size=100))
def test_sioscgi_and_flup_read_what_we_write(variables: dict[bytes, bytes], body: bytes) -> None:
    wire: Codec = SCGI
    data = wire.request(list(variables.items()), body)
    pairs = [(b"CONTENT_LENGTH", b"%d" % len(body)), *variables.items(), HEAD[1]]
    environ, read = by_sioscgi(data)
    assert ([(name.encode("latin-1"), value) for name, value in environ.items()], read) == (pairs, body)
    connection = _Sent(data)
    assert scgi_base.readNetstring(connection) == block(pairs)
    assert connection.read() == body
    events, error = decode(requests(), [data])
    assert error is None
    assert events[0] == Variables(0, 0, pairs)


def test_sioscgi_reads_the_specimens_as_we_do() -> None:
    for name, specimen in SPECIMENS.items():
        if name.endswith("/twice"):
            with pytest.raises(sioscgi.request.DuplicateHeaderError):
                by_sioscgi(specimen.request)
            continue
        first = decode(requests(), [specimen.request])[0][0]
        assert isinstance(first, Variables)
        assert by_sioscgi(specimen.request)[0] == {name.decode(): value for name, value in first.pairs}


@pytest.mark.parametrize(
    "data",
    [
        b"+" + netstring(block(HEAD)),
        b"0" + netstring(block(HEAD)),
        netstring(block(HEAD[::-1])),
        netstring(block([(b"CONTENT_LENGTH", b"+0"), HEAD[1]])),
        netstring(block(HEAD)) + b"more",
    ],
)
def test_where_sioscgi_is_laxer(data: bytes) -> None:
    """Python's int() takes signs and zeros; the order is not looked at; what comes behind is dropped."""
    assert by_sioscgi(data)[0]["SCGI"] == b"1"
    events, error = decode(requests(), [data])
    assert error or [event for event in events if isinstance(event, Problem)]


@pytest.mark.parametrize("exhibit", ["scgi", "scgi-fork", "scgi-modern", "uwsgi-scgi"])
def test_gateways_understand_us(zoo: Zoo, exhibit: str) -> None:
    variables = [
        (b"REQUEST_METHOD", b"POST"),
        (b"REQUEST_URI", b"/%b/echo" % exhibit.encode()),
        (b"SCRIPT_NAME", b"/" + exhibit.encode()),
        (b"PATH_INFO", b"/echo"),
        (b"QUERY_STRING", b"a=1"),
        (b"SERVER_NAME", b"localhost"),
        (b"SERVER_PORT", b"80"),
        (b"SERVER_PROTOCOL", b"HTTP/1.1"),
        (b"REMOTE_ADDR", b"127.0.0.1"),
        (b"CONTENT_TYPE", b"text/plain"),
        (b"HTTP_HOST", b"localhost"),
    ]
    data = SCGI.request(variables, b"the body")
    answer = ask(zoo, exhibit, data)
    assert b"Status: 200 OK\r\n" in answer.partition(b"\r\n\r\n")[0] + b"\r\n", answer
    assert b'"body":"the body"' in answer
    assert b'"QUERY_STRING":"a=1"' in answer


def test_sioscgi_writes_such_answers() -> None:
    """The same answer as that of somebody else's encoder, but for the order of its headers."""
    writer = sioscgi.response.SCGIWriter()
    sent = writer.send(sioscgi.response.Headers("404 Not Found", [("Content-Type", "text/plain")])) or b""
    sent += writer.send(sioscgi.response.Body(b"gone")) or b""
    sent += writer.send(sioscgi.response.End()) or b""
    ours = SCGI.response(404, [(b"Content-Type", b"text/plain")], b"gone")
    assert sorted(sent.split(b"\r\n")) == sorted(ours.split(b"\r\n"))


def test_a_long_number_is_judged_when_it_is_whole() -> None:
    """Found by the fuzzer: too many digits, then something else, was another error when it came byte by byte."""
    data = b"21636320\x12"
    errors = [decode(WIRES["SCGI"].decoders()[0], pieces)[1] for pieces in ([data], [data[:8], data[8:]])]
    assert [type(error).__name__ for error in errors] == ["BadNetstring"] * 2
