"""FastCGI that breaks a rule: what is a breach, what is a fault, and what ends the decoding.

Each case is decoded whole and byte by byte, with a right message behind it.
"""

import pytest
from wire_fastcgi_in_test import BEGIN, NO_PARAMS, NO_STDIN, decoded, make, tiles, wire, wrong
from wire_in_test import WIRES, joined

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.conversation import Conversation, Findings, annotate
from gateway_zoo.wire.events import Begin, Breach, Data, End, Event, Fault, Pairs, Problem, Values, Variables
from gateway_zoo.wire.exchange import Exchange, fields_of
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.faults import Limits, Malformed, TooLong, TooMany, WireError
from gateway_zoo.wire.fields import cut
from gateway_zoo.wire.recording import Bytes, Closed, Ended, Opened
from gateway_zoo.wire.secrets import masked

# --- what is wrong -----------------------------------------------------------------------------------------

NO_HEADER = bytes.fromhex("02 63 0001 0000 00 00")  # version 2 and an unknown type
#: Nothing is decoded behind these: where the next record begins is not known.
LOST: list[tuple[Direction, bytes, str]] = [
    (
        "request",
        NO_HEADER,
        "BadVersion at offset 0: b'\\x02c\\x00\\x01\\x00\\x00\\x00\\x00'; expected version 1, not 2",
    ),
    ("request", b"\0" + make.end()[1:], "expected version 1, not 0"),
    ("response", b"\2" + BEGIN[1:], "expected version 1, not 2"),
    ("request", b"\0" + BEGIN, "expected version 1, not 0"),  # a byte too many before it
    ("response", b"\2" + make.record(3, 1)[1:], "expected version 1, not 2"),
    ("response", b"HTTP/1.1 200 OK\r\n", "expected version 1, not 72"),
]


@pytest.mark.parametrize(("direction", "data", "message"), LOST, ids=range(len(LOST)))
def test_bytes_that_are_no_header_end_the_decoding(direction: Direction, data: bytes, message: str) -> None:
    before = {"request": wire.request([(b"A", b"1")]), "response": wire.response(200, [])}[direction]
    for start in (b"", before):
        error = wrong(direction, start + data + before)
        assert type(error).__name__ == "BadVersion"
        assert isinstance(error, Malformed)
        assert message.partition("expected")[2] in str(error)
        assert (start + data).startswith(error.seen, error.offset)
        with pytest.raises(type(error)) as bytewise:
            decoded(direction, [bytes([byte]) for byte in start + data])
        assert bytewise.value.offset == error.offset == len(start)
        fields = wire.annotate(direction, start + data + before).fields
        tiles(fields, len(start + data + before))
        (mark,) = [field for field in fields if field.fault]
        assert (mark.offset, mark.length, mark.name) == (len(start), len(data + before), "rest")


def test_what_is_settled_stays_so_where_the_bytes_are_another_protocol() -> None:
    """A record with another version, to be ignored; with the tenth byte it is uwsgi."""
    talk = Conversation(WIRES, "FastCGI")
    talk.feed("request", b"\x0f\x08CRI\0ROT")
    before = talk.settled("request")
    talk.feed("request", b"A")
    assert talk.speaks("request") == "uwsgi"
    assert before <= talk.settled("request") <= 10


def behind(direction: Direction) -> bytes:
    """A whole exchange with id 2, which must be decoded behind each broken rule."""
    if direction == "request":
        whole = make.begin(2) + make.params(2, [(b"LAST", b"1")]) + make.stream(5, 2, b"in")
    else:
        whole = make.stream(6, 2, b"Status: 204 No Content\r\n\r\n") + make.end(2)
    assert isinstance(whole, bytes)
    return whole


def broken(direction: Direction, data: bytes) -> tuple[list[Problem], list[Event]]:
    """Problems and other events: the same whole and byte by byte; all that follows is decoded; one field is marked."""
    whole = data + behind(direction)
    events = decoded(direction, [whole])
    assert events == decoded(direction, [bytes([byte]) for byte in whole])
    assert joined(events)[-1] == End(len(whole), 2, (0, 0) if direction == "response" else ())
    tiles(wire.annotate(direction, whole).fields, len(whole))
    assert not any(field.fault for field in wire.annotate(direction, whole).fields)
    problems = [event for event in events if isinstance(event, Problem)]
    return problems, [event for event in events if not isinstance(event, Problem) and event.id != 2]


def marks(direction: Direction, data: bytes) -> list[tuple[str, int, int]]:
    """Name, offset and length of the fields that are marked: of the records alone, nothing is asked."""
    request, response = (data, b"") if direction == "request" else (b"", data)
    problems = [event for event in decoded(direction, [data]) if isinstance(event, Problem)]
    found = Findings({"request": [], "response": []}, {}, [])
    found.problems[direction] += [(None, problem) for problem in problems]
    fields = annotate(WIRES, "FastCGI", request, response, found)[direction == "response"]
    return [(field.name, field.offset, field.length) for field in fields if field.fault]


#: direction, bytes, class of the error, its text, name of the marked field, its offset, names of the other events
BREACHES: list[tuple[Direction, bytes, str, str, str, int, str]] = [
    (
        "request",
        b"\2" + BEGIN[1:] + NO_PARAMS + NO_STDIN,
        "BadVersion",
        "version 1, not 2",
        "version",
        0,
        "Begin Variables End",
    ),
    ("response", b"\0" + make.end()[1:], "BadVersion", "version 1, not 0", "version", 0, "End"),
    (
        "response",
        b"\7" + make.record(6, 1, b"Status: 204 No Content\r\n\r\n")[1:] + make.end(),
        "BadVersion",
        "version 1, not 7",
        "version",
        0,
        "Data End",
    ),
    (
        "request",
        b"\1\x09\0\1" + bytes(4),
        "BadRequestId",
        "requestId 0 for GET_VALUES, not 1",
        "requestId",
        2,
        "Values End",
    ),
    (
        "response",
        b"\1\x0a\1\0" + bytes(4),
        "BadRequestId",
        "requestId 0 for GET_VALUES_RESULT, not 256",
        "requestId",
        2,
        "Values End",
    ),
    (
        "response",
        b"\1\x0b\0\1" + make.unknown_type(99)[4:],
        "BadRequestId",
        "requestId 0 for UNKNOWN_TYPE, not 1",
        "requestId",
        2,
        "Other End",
    ),
    (
        "response",
        b"\1\3\0\0" + make.end()[4:],
        "BadRequestId",
        "a requestId other than 0 for END_REQUEST, not 0",
        "requestId",
        2,
        "End",
    ),
    (
        "request",
        make.record(1, 1, b"\0\1\0") + NO_PARAMS + NO_STDIN,
        "BadLength",
        "8 bytes of content for BEGIN_REQUEST, not 3",
        "contentLength",
        4,
        "Begin Variables End",
    ),
    (
        "request",
        make.record(1, 1, b"\0\2" + b"\xff" * 20) + NO_PARAMS,
        "BadLength",
        "8 bytes of content for BEGIN_REQUEST, not 22",
        "contentLength",
        4,
        "Begin Variables End",
    ),
    (
        "request",
        make.record(1, 1) + NO_PARAMS + NO_STDIN,
        "BadLength",
        "8 bytes of content for BEGIN_REQUEST, not 0",
        "contentLength",
        4,
        "Begin Variables End",
    ),
    (
        "request",
        BEGIN + make.record(2, 1, b"x"),
        "BadLength",
        "0 bytes of content for ABORT_REQUEST, not 1",
        "contentLength",
        20,
        "Begin Abort End",
    ),
    (
        "response",
        make.record(3, 1, bytes(9)),
        "BadLength",
        "8 bytes of content for END_REQUEST, not 9",
        "contentLength",
        4,
        "End",
    ),
    (
        "response",
        make.record(3, 1, b"\0"),
        "BadLength",
        "8 bytes of content for END_REQUEST, not 1",
        "contentLength",
        4,
        "End",
    ),
    (
        "response",
        make.record(11, 0, b"\xc8"),
        "BadLength",
        "8 bytes of content for UNKNOWN_TYPE, not 1",
        "contentLength",
        4,
        "Other End",
    ),
    (
        "request",
        BEGIN + make.stream(4, 1, b"\1\1AB\5\1CD") + NO_STDIN,
        "BadPairs",
        "a name of 5 and a value of 1 bytes in the 2 that are left",
        "pairs",
        28,
        "Begin Variables End",
    ),
    (
        "request",
        BEGIN + make.stream(4, 1, b"\1") + NO_STDIN,
        "BadPairs",
        "the length of a name and of a value",
        "contentData",
        24,
        "Begin Variables End",
    ),
    (
        "request",
        BEGIN + make.stream(4, 1, b"\1\x80\0") + NO_STDIN,
        "BadPairs",
        "the length of a name and of a value",
        "contentData",
        24,
        "Begin Variables End",
    ),
    (
        "request",
        make.record(9, 0, b"\1\0A\1\2BCD"),
        "BadPairs",
        "names with empty values in GET_VALUES (4.1)",
        "valueData",
        14,
        "Values End",
    ),
    (
        "request",
        make.record(9, 0, b"\1\0A\7"),
        "BadPairs",
        "the length of a name and of a value",
        "pairs",
        11,
        "Values End",
    ),
    (
        "response",
        make.record(10, 0, b"\1\1A"),
        "BadPairs",
        "a name of 1 and a value of 1 bytes in the 1 that are left",
        "contentData",  # all of it
        8,
        "Values End",
    ),
    (
        "response",
        make.end()[:12] + b"\4\0\0\0",
        "BadStatus",
        "a protocolStatus from 0 to 3, not 4",
        "protocolStatus",
        12,
        "End",
    ),
    (
        "request",
        wire.request([(b"A", b"1"), (b"CONTENT_LENGTH", b"+0")]),
        "BadContentLength",
        "CONTENT_LENGTH in digits, and only one",
        "valueData",
        44,
        "Begin Variables End",
    ),
    (
        "request",
        wire.request([(b"CONTENT_LENGTH", b"1" * 21)]),
        "BadContentLength",
        "CONTENT_LENGTH in digits, and only one",
        "valueData",
        40,
        "Begin Variables End",
    ),
    (
        "request",
        wire.request([(b"CONTENT_LENGTH", b"0"), (b"CONTENT_LENGTH", b"1")]),
        "BadContentLength",
        "CONTENT_LENGTH in digits, and only one",
        "valueData",
        57,
        "Begin Variables End",
    ),
]


@pytest.mark.parametrize(
    ("direction", "data", "kind", "text", "name", "at", "others"), BREACHES, ids=range(len(BREACHES))
)
def test_a_rule_that_moves_nothing(
    direction: Direction, data: bytes, kind: str, text: str, name: str, at: int, others: str
) -> None:
    (problem,), events = broken(direction, data)
    assert isinstance(problem, Breach)
    assert problem.note == f"{kind}: expected {text}"
    assert [type(event).__name__ for event in events] == others.split()
    ((marked, offset, _),) = marks(direction, data + behind(direction))
    assert (marked, offset) == (name, at)


def test_what_a_broken_record_still_says() -> None:
    """Content of fixed layout is cut, or padded with zeros; the pairs before a broken one are variables."""
    (_,), events = broken("request", make.record(1, 1, b"\0\2" + b"\xff" * 20) + NO_PARAMS)
    assert events[0] == Begin(0, 1, 2, keep=True)
    (_,), events = broken("request", make.record(1, 1, b"\0\1\0") + NO_PARAMS + NO_STDIN)
    assert events[0] == Begin(0, 1, 1, keep=False)
    (_,), events = broken("response", make.record(3, 1, bytes.fromhex("00000007 00 000000 00")))
    assert events == [End(24, 1, (7, 0))]
    (_,), events = broken("request", BEGIN + make.stream(4, 1, b"\1\1AB\5\1CD") + NO_STDIN)
    assert events[1] == Variables(16, 1, [(b"A", b"B")])
    (_,), events = broken("response", make.record(10, 0, b"\1\1AB\1\1C"))
    assert events[0] == Values(0, 0, False, [(b"A", b"B")])


def test_a_whole_request_with_the_id_0() -> None:
    data = b"".join(b"\1" + type + bytes(6) for type in (b"\4", b"\5"))
    problems, events = broken("request", BEGIN[:3] + b"\0" + BEGIN[4:] + data)
    assert [problem.note.partition(",")[0] for problem in problems] == [
        f"BadRequestId: expected a requestId other than 0 for {name}" for name in ("BEGIN_REQUEST", "PARAMS", "STDIN")
    ]
    assert [type(event) for event in events] == [Begin, Variables, End]


#: As BREACHES. `length` of the marked record; a record that is to be ignored says so.
SURPLUS: list[tuple[Direction, bytes, str, str, int, str]] = [
    (
        "request",
        make.record(4, 9, b"\xff\xff"),
        "NotActive",
        "no PARAMS of request 9: it is not active, and the record is to be ignored",
        0,
        "",
    ),
    (
        "request",
        make.record(5, 9, b"late"),
        "NotActive",
        "no STDIN of request 9: it is not active, and the record is to be ignored",
        0,
        "",
    ),
    (
        "request",
        make.record(5, 9),
        "NotActive",
        "no STDIN of request 9: it is not active, and the record is to be ignored",
        0,
        "",
    ),
    (
        "request",
        make.record(8, 9, b"x" * 300),
        "NotActive",
        "no DATA of request 9: it is not active, and the record is to be ignored",
        0,
        "",
    ),
    (
        "request",
        make.record(2, 9),
        "NotActive",
        "no ABORT_REQUEST of request 9: it is not active, and the record is to be ignored",
        0,
        "",
    ),
    (
        "request",
        BEGIN + NO_PARAMS + NO_STDIN + NO_STDIN,
        "NotActive",
        "no STDIN of request 1: it is not active, and the record is to be ignored",
        32,
        "Begin Variables End",
    ),
    (
        "request",
        BEGIN + BEGIN + NO_PARAMS + NO_STDIN,
        "AlreadyActive",
        "the rest of request 1 before another one of this id: its state is PARAMS",
        16,
        "Begin Variables End",
    ),
    (
        "request",
        BEGIN + NO_PARAMS * 2 + NO_STDIN,
        "OutOfOrder",
        "STDIN of request 1, not PARAMS: its state is STDIN",
        24,
        "Begin Variables End",
    ),
    (
        "request",
        BEGIN + NO_PARAMS + make.record(8, 1, b"x") + NO_STDIN,
        "OutOfOrder",
        "STDIN of request 1, not DATA: its state is STDIN",
        24,
        "Begin Variables End",
    ),
    (
        "request",
        make.begin(1, 2) + make.record(5, 1, b"x") + NO_PARAMS,
        "OutOfOrder",
        "PARAMS of request 1, not STDIN: its state is PARAMS",
        16,
        "Begin Variables End",
    ),
    ("request", make.end(), "WrongDirection", "no END_REQUEST: only the other side sends it", 0, ""),
    (
        "request",
        make.record(6, 1, b"Status: 200 OK\r\n\r\n"),
        "WrongDirection",
        "no STDOUT: only the other side sends it",
        0,
        "",
    ),
    ("request", make.values_result([]), "WrongDirection", "no GET_VALUES_RESULT: only the other side sends it", 0, ""),
    ("request", make.record(99, 1, b"x"), "UnknownType", "requestId 0 for type 99, not 1", 0, ""),
    ("response", BEGIN, "WrongDirection", "no BEGIN_REQUEST: only the other side sends it", 0, ""),
    ("response", make.record(5, 1, b"in"), "WrongDirection", "no STDIN: only the other side sends it", 0, ""),
    (
        "response",
        make.record(6, 1) * 2 + make.end(),
        "OutOfOrder",
        "END_REQUEST of request 1, its STDOUT has ended",
        8,
        "End",
    ),
    (
        "response",
        make.record(6, 1) + make.record(6, 1, b"more") + make.end(),
        "OutOfOrder",
        "END_REQUEST of request 1, its STDOUT has ended",
        8,
        "End",
    ),
    (
        "response",
        make.record(7, 1) + make.record(7, 1, b"more") + make.end(),
        "OutOfOrder",
        "END_REQUEST of request 1, its STDERR has ended",
        8,
        "End",
    ),
]


@pytest.mark.parametrize(("direction", "data", "kind", "text", "at", "others"), SURPLUS, ids=range(len(SURPLUS)))
def test_a_surplus_record(direction: Direction, data: bytes, kind: str, text: str, at: int, others: str) -> None:
    """One fault covers it; its content is nothing."""
    (problem,), events = broken(direction, data)
    assert isinstance(problem, Fault)
    assert problem.note == f"{kind}: expected {text}"
    assert [type(event).__name__ for event in events] == others.split()
    record = next(f for f in wire.annotate(direction, data).fields if f.depth == 0 and f.offset == at)
    assert marks(direction, data + behind(direction)) == [(record.name, at, record.length)]
    assert record.value.endswith(": not active, to be ignored" if kind == "NotActive" else ": to be ignored")


@pytest.mark.parametrize("content", [b"", b"body"])
def test_the_end_of_a_stream_is_missing(content: bytes) -> None:
    """The next stream ends it. uWSGI reads it so, too."""
    rest = make.record(5, 1, content) + (NO_STDIN if content else b"")
    data = BEGIN + make.record(4, 1, b"\1\1AB") + rest
    (problem,), events = broken("request", data)
    assert isinstance(problem, Fault)
    assert problem.note == "OutOfOrder: expected the end of PARAMS of request 1 before its STDIN"
    assert events[1] == Variables(16, 1, [(b"A", b"B")])
    assert [type(event) for event in events[2:]] == [Data, End] if content else [End]
    assert marks("request", data) == [("STDIN", 32, 8 + len(content) + -len(content) % 8)]
    data = make.begin(1, 3) + NO_PARAMS + make.record(8, 1, b"file") + make.record(8, 1)
    (problem,), events = broken("request", data)
    assert problem.note == "OutOfOrder: expected the end of STDIN of request 1 before its DATA"
    assert [type(event) for event in events] == [Begin, Variables, Data, End]


@pytest.mark.parametrize(
    ("length", "note"),
    [
        (b"4", ""),
        (b"004", ""),
        (b"", ""),  # nginx, of a body in chunks
        (None, ""),
        (b"40", "Truncated: expected 36 bytes more: 4 of 40 bytes of the body came"),
        (b"3", "BehindTheBody: expected the end of {} behind 3 bytes, not 4"),
    ],
)
@pytest.mark.parametrize(("name", "stream"), [(b"CONTENT_LENGTH", 5), (b"FCGI_DATA_LENGTH", 8)])
def test_a_stream_is_compared_with_its_length(length: bytes | None, note: str, name: bytes, stream: int) -> None:
    variables = [(b"A", b"1"), *([] if length is None else [(name, length)])]
    data = make.begin(1, 3) + make.params(1, variables)
    pieces = {5: b"", 8: b""} | {stream: make.record(stream, 1, b"bo") + make.record(stream, 1, b"dy")}
    at = len(data + pieces[5] + (NO_STDIN + pieces[8] if stream == 8 else b""))
    data += b"".join(piece + make.record(type, 1) for type, piece in pieces.items())
    problems, events = broken("request", data)
    assert [problem.note for problem in problems] == ([note.format({5: "STDIN", 8: "DATA"}[stream])] if note else [])
    assert all(isinstance(problem, Fault) for problem in problems)
    assert isinstance(events[-1], End)
    name_of = {5: "STDIN", 8: "DATA"}[stream]
    assert marks("request", data) == ([(name_of, at, 8)] if note else [])


def test_a_request_that_is_cut_off_tells_how_much_of_its_body_came() -> None:
    data = BEGIN + make.params(1, [(b"CONTENT_LENGTH", b"40")]) + make.record(5, 1, b"0123456789")
    assert str(wrong("request", data)).endswith("expected 30 bytes more: 10 of 40 bytes of the body came")
    assert str(wrong("request", data[:-1])).endswith("expected the rest of a record")


def test_an_error_in_a_split_pair_points_at_the_pair() -> None:
    data = make.begin() + make.record(4, 1, b"\1\1AB\1") + make.record(4, 1, b"\x09C") + NO_PARAMS + NO_STDIN
    (problem,), events = broken("request", data)
    assert problem.error == (
        "BadPairs at offset 28: b'\\x01'; expected a name of 1 and a value of 9 bytes in the 1 that are left"
    )
    assert events[1] == Variables(16, 1, [(b"A", b"B")])
    (field,) = [field for field in wire.annotate("request", data).fields if field.name == "pairs"]
    assert (field.spans, field.value) == (((28, 1), (40, 2)), "3 bytes")


def test_what_stands_around_a_broken_pair_is_named() -> None:
    """Of two interleaved requests the first has wrong PARAMS, which shows when they end."""
    wrong_pair = make.begin(id=1) + make.record(4, 1, b"\1\1AB\1\x09C")
    other = make.begin(id=2) + make.params(2, [(b"NAME", b"value")]) + make.stream(5, 2, b"")
    data = wrong_pair + other + NO_PARAMS + make.record(5, 1, b"body") + NO_STDIN
    fields = wire.annotate("request", data).fields
    assert [(f.name, f.value) for f in fields if f.name in ("A", "NAME")] == [("A", "B"), ("NAME", "value")]
    assert marks("request", data) == [("pairs", 28, 3)]
    assert [field.name for field in fields if field.depth == 0][-3:] == ["PARAMS", "STDIN", "STDIN"]
    tiles(fields, len(data))


@pytest.mark.parametrize("change", [1, -1, 6, -3, 20, 60, 100])
@pytest.mark.parametrize("which", ["name", "value", "name before", "value before"])
def test_a_wrong_length_shows_no_secret(change: int, which: str) -> None:
    """It moves the pairs behind, and then a secret's name may stand anywhere."""
    pairs = [
        (b"REQUEST_METHOD", b"GET"),
        (b"HTTP_A", b"a" * 20),
        (b"HTTP_COOKIE", b"secret-" * 5),
        (b"HTTP_Z", b"z" * 9),
    ]
    block = bytearray(make.encoded(pairs))
    at = block.index(b"HTTP_COOKIE" if "before" not in which else b"HTTP_A") - (2 if "name" in which else 1)
    if not 0 < block[at] + change < 128:
        return
    block[at] += change
    data = BEGIN + make.stream(4, 1, bytes(block)) + NO_STDIN
    problems, (_, variables, *_) = broken("request", data)
    assert [type(problem) for problem in problems] == [Breach]
    assert isinstance(variables, Variables)
    assert variables.pairs[0] == (b"REQUEST_METHOD", b"GET")
    fields = wire.annotate("request", data).fields
    shown = masked(data, [span for field in fields if field.secret for span in field.spans])
    assert not any(b"secret-"[:4] in shown[i : i + 4] for i in range(len(shown)))
    clear = [field for field in fields if "secr" in field.name + field.value]
    assert all(any(inside.secret and inside.offset >= field.offset for inside in fields) for field in clear)


def test_an_ignored_secret_is_marked() -> None:
    """Its name may stand in the record before."""
    pieces = make.record(4, 9, b"\x0b\6HTTP_COO"), make.record(4, 9, b"KIEgeh"), make.record(5, 9, b"eim")
    data = b"".join(pieces) + behind("request")
    secrets = [field for field in wire.annotate("request", data).fields if field.secret]
    assert [(field.name, cut(data, field.spans)) for field in secrets] == [
        ("contentData", b"KIEgeh"),
        ("contentData", b"eim"),
    ]
    data = make.record(4, 9, b"\x0b\1HTTP_ACCEPTx")
    assert not any(field.secret for field in wire.annotate("request", data).fields)


# --- exchanges ---------------------------------------------------------------------------------------------

ASKED: Pairs = [(b"REQUEST_METHOD", b"POST"), (b"REQUEST_URI", b"/hello"), (b"CONTENT_LENGTH", b"4")]
GOOD = wire.response(200, [(b"Content-Type", b"text/plain")], b"hello")


def exchanges(*pieces: tuple[Direction, bytes], bytewise: bool = False) -> list[Exchange]:
    """What a recording of these bytes holds."""
    recorded = Exchanges(WIRES)
    recorded.feed(Opened(connection=1, at=1, exhibit="x", front="apache", protocol="FastCGI", address="x.sock"))
    for direction, data in pieces:
        for piece in [bytes([byte]) for byte in data] if bytewise else [data]:
            recorded.feed(Bytes(connection=1, at=2, direction=direction, data=piece))
    recorded.feed(Ended(connection=1, at=3, direction="response"))
    recorded.feed(Closed(connection=1, at=3))
    return list(recorded.all.values())


def keeping(id: int = 1) -> bytes:
    """A request that keeps the connection open."""
    whole = make.begin(id, keep=True) + make.params(id, ASKED) + make.stream(5, id, b"body")
    assert isinstance(whole, bytes)
    return whole


@pytest.mark.parametrize("bytewise", [False, True])
def test_the_end_of_stdin_twice_shifts_no_exchange(bytewise: bool) -> None:
    """As some Apaches send it: it is surplus of the exchange before."""
    pieces: list[tuple[Direction, bytes]] = [("request", keeping() + NO_STDIN), ("response", GOOD)] * 2
    first, second = exchanges(*pieces, bytewise=bytewise)
    for exchange in (first, second):
        assert (exchange.method, exchange.target, exchange.status) == ("POST", "/hello", 200)
        (error,) = exchange.errors
        assert "no STDIN of request 1: it is not active, and the record is to be ignored" in error
        assert bytes(exchange.request) == keeping() + NO_STDIN
        assert not exchange.warnings


@pytest.mark.parametrize("bytewise", [False, True])
def test_an_answer_with_another_id(bytewise: bool) -> None:
    answer = make.stream(6, 7, b"Status: 200 OK\r\n\r\nhello") + make.end(7)
    (exchange,) = exchanges(("request", keeping()), ("response", answer), bytewise=bytewise)
    assert exchange.status is None
    assert exchange.errors[0].startswith("request 7 was not asked")
    fields = fields_of(exchange, WIRES)[1]
    assert [field.name for field in fields if field.name == "Status"] == ["Status"]  # as CGI all the same


@pytest.mark.parametrize("bytewise", [False, True])
def test_end_request_twice(bytewise: bool) -> None:
    (exchange,) = exchanges(("request", keeping()), ("response", GOOD + make.end()), bytewise=bytewise)
    assert exchange.status == 200
    (error,) = exchange.errors
    assert error.startswith("request 1 was not asked again: it is answered")
    (mark,) = [field for field in fields_of(exchange, WIRES)[1] if field.fault]
    assert (mark.name, mark.offset) == ("END_REQUEST", len(GOOD))


@pytest.mark.parametrize("bytewise", [False, True])
def test_a_breach_leaves_the_exchange_whole(bytewise: bool) -> None:
    request = b"\2" + keeping()[1:]
    answer = GOOD[:-4] + b"\x09" + GOOD[-3:]
    (exchange,) = exchanges(("request", request), ("response", answer), bytewise=bytewise)
    assert (exchange.method, exchange.status, exchange.errors) == ("POST", 200, [])
    assert [warning.partition(" ")[0] for warning in exchange.warnings] == ["BadVersion", "BadStatus"]


@pytest.mark.parametrize("bytewise", [False, True])
@pytest.mark.parametrize("second", [make.record(1, 1) + NO_PARAMS + NO_STDIN, make.record(9, 0, b"\1\1A")])
def test_a_breach_in_the_first_record_is_one_of_its_own_exchange(second: bytes, bytewise: bool) -> None:
    """It is known before the event that begins the exchange."""
    pieces: list[tuple[Direction, bytes]] = [("request", keeping() + second), ("response", GOOD)]
    first, later = exchanges(*pieces, bytewise=bytewise)
    assert (bytes(first.request), bytes(later.request)) == (keeping(), second)
    assert (first.warnings, len(later.warnings)) == ([], 1)
    assert [field.fault for field in fields_of(later, WIRES)[0]].count(True) == 1


@pytest.mark.parametrize("bytewise", [False, True])
def test_a_short_body_is_an_error(bytewise: bool) -> None:
    request = BEGIN + make.params(1, [*ASKED[:2], (b"CONTENT_LENGTH", b"40")]) + make.stream(5, 1, b"0123456789")
    (exchange,) = exchanges(("request", request), ("response", GOOD), bytewise=bytewise)
    (error,) = exchange.errors
    assert error.endswith("30 bytes more: 10 of 40 bytes of the body came")
    assert exchange.status == 200


@pytest.mark.parametrize("bytewise", [False, True])
def test_management_is_an_exchange_of_its_own(bytewise: bool) -> None:
    """Between two requests; each has its answer."""
    asked = make.get_values([b"FCGI_MAX_CONNS"]), make.record(200, 0, b"what?")
    answered = make.values_result([(b"FCGI_MAX_CONNS", b"1")]), make.unknown_type(200)
    pieces: list[tuple[Direction, bytes]] = [("request", keeping()), ("response", GOOD)]
    for question, answer in zip(asked, answered, strict=True):
        pieces += [("request", question), ("response", answer)]
    found = exchanges(*pieces, ("request", keeping()), ("response", GOOD), bytewise=bytewise)
    assert [(bytes(exchange.request), bytes(exchange.response)) for exchange in found] == [
        (keeping(), GOOD),
        *zip(asked, answered, strict=True),
        (keeping(), GOOD),
    ]
    assert not any(exchange.errors or exchange.warnings for exchange in found)
    (unasked,) = exchanges(("request", keeping()), ("response", GOOD + answered[0]), bytewise=bytewise)
    (error,) = unasked.errors
    assert error.startswith("an answer that was not asked for")


# --- limits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pairs", "at"), [([(b"A", b"1"), (b"N" * 1025, b"")], 28), ([(b"A", b"1")] * 1001, 24)])
def test_a_variable_beyond_a_limit_is_marked(pairs: Pairs, at: int) -> None:
    """The variables before it are told."""
    data = make.begin() + make.params(1, pairs) + NO_STDIN
    events, error = wire.decoders()[0].whole(data)
    assert events[-1] == Variables(16, 1, pairs[:-1])
    assert isinstance(error, TooLong | TooMany)
    assert error.offset == at
    named = [(f.name, f.value) for f in wire.annotate("request", data).fields if f.depth == 2 and f.name != "role"]
    assert [pair for pair in named if pair[0] == "A"] == [("A", "1")] * (len(pairs) - 1)
    rest = wire.annotate("request", data).fields[-1]
    assert (rest.offset, rest.length, rest.means, rest.fault) == (len(data) - 8, 8, "not read after a fault", True)


def test_a_limit_in_a_record_that_is_cut_off() -> None:
    """The record ends the variables; most of its content is missing."""
    data = make.begin() + make.record(4, 1, make.encoded([(b"N" * 1025, b"")])) + make.record(5, 1, b"x" * 99)[:20]
    assert isinstance(wrong("request", data), TooLong)
    tiles(wire.annotate("request", data).fields, len(data))


def test_variables_before_a_limit_are_told() -> None:
    limits = Limits(head=60)
    data = (
        make.begin() + make.record(4, 1, make.encoded(ASKED[:1])) + make.record(4, 1, make.encoded([(b"A", b"v" * 60)]))
    )
    events, error = wire.decoders(limits)[0].whole(data)
    assert isinstance(error, TooLong)
    assert events[-1] == Variables(16, 1, [*ASKED[:1], (b"A", b"v" * 60)])


SMALL = Limits(name=10, value=20, head=60, variables=3, pieces=5, requests=2)


@pytest.mark.parametrize(
    ("kind", "direction", "data", "message"),
    [
        (TooLong, "request", wire.request([(b"N" * 11, b"")]), "a name of at most 10 bytes, not 11"),
        (TooLong, "request", wire.request([(b"A", b"v" * 21)]), "a value of at most 20 bytes, not 21"),
        (TooLong, "request", wire.request([(b"A", b"v" * 20)] * 3), "PARAMS of at most 60 bytes, not 69"),
        (TooLong, "request", BEGIN + make.stream(4, 1, b"\xff\xff\xff\xff\1"), "not 2147483647"),
        (TooMany, "request", wire.request([(b"A", b"")] * 4), "at most 3 variables, not 4"),
        (TooMany, "request", BEGIN + make.record(4, 1, b"a") * 6, "PARAMS in at most 5 records"),
        (TooMany, "request", make.begin(1) + make.begin(2) + make.begin(3), "at most 2 requests at once"),
        (TooMany, "response", b"".join(make.record(6, id, b"x") for id in (1, 2, 3)), "at most 2 requests at once"),
        (TooMany, "request", make.get_values([b"A"] * 4), "at most 3 variables, not 4"),
    ],
)
def test_limits(kind: type[WireError], direction: Direction, data: bytes, message: str) -> None:
    error = wrong(direction, data, SMALL)
    assert type(error) is kind
    assert message in str(error)
    assert data.startswith(error.seen, error.offset)


def test_the_end_in_the_middle_says_of_what() -> None:
    assert str(wrong("request", BEGIN)) == "Truncated at offset 16: expected the end of PARAMS of request 1"
    assert str(wrong("response", make.record(6, 5, b"x"))).endswith("expected END_REQUEST of request 5")
    assert str(wrong("response", make.record(6, 5, b"x" * 8)[:-1])).endswith("expected the rest of a record")
