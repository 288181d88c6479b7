"""FastCGI's wire.py against the specification, and against everybody else's FastCGI, both ways on the same bytes.

Judges without a process: flup, fcgisgi, fcgiproto. With one: libfcgi's cgi-fcgi as a client, tshark as a reader, and
the zoo's own servers (flup, fcgisgi, uWSGI, fcgiwrap) and web servers (nginx, Apache), which send and answer for real.
"""

import importlib
import io
import json
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests
from wire_fastcgi_in_test import BEGIN, NO_STDIN, decoded, make, tiles, wire, wrong
from wire_in_test import WIRES, joined, specimens
from zoo_in_test import ROOT, Zoo

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.conversation import annotate
from gateway_zoo.wire.events import (
    Abort,
    Begin,
    Breach,
    Data,
    End,
    Event,
    Other,
    Pairs,
    Values,
    Variables,
)
from gateway_zoo.wire.faults import CannotEncode, Truncated
from gateway_zoo.wire.fields import Field, cut
from gateway_zoo.wire.specimen import Specimen, load

# No types, or none that name these.
flup: Any = importlib.import_module("flup.server.fcgi_base")
sansio: Any = importlib.import_module("fcgisgi.sansio")
fcgiproto: Any = importlib.import_module("fcgiproto")

SPECIMENS = sorted((ROOT / "fastcgi/specimens").glob("*.toml"))
PAIRS: Pairs = [
    (b"REQUEST_METHOD", b"POST"),
    (b"EMPTY", b""),
    (b"SHORT", b"s" * 127),
    (b"LONG", b"l" * 128),
    (b"N" * 300, b"v"),
    (b"HTTP_COOKIE", b"secret=1"),
]
BODY = bytes(range(256)) * 600  # three records
END_OK = End(0, 1, (0, 0))


def encoded(events: Iterable[Event]) -> bytes:
    """The events of a direction, said again: `Data` as records, and the ends of streams where they are due."""
    out, roles = b"", dict[int, int]()
    pending: dict[int, list[int]] = {}
    for event in events:
        match event:
            case Begin(id=id, role=role, keep=keep):
                roles[id], pending[id] = role, [5, 8][: {1: 1, 2: 0, 3: 2}[role]]
                out += make.begin(id, role, keep)
            case Variables(id=id, pairs=pairs):
                out += make.params(id, pairs)
            case Data(id=id, stream=stream, data=data):
                type = {"STDIN": 5, "STDOUT": 6, "STDERR": 7, "DATA": 8}[stream]
                out += make.stream(type, id, data)[: -8 if type in (6, 7) else None]
                pending[id] = [left for left in pending.get(id, []) if left != type]
            case End(id=id, status=()) if id in pending:
                out += b"".join(make.record(type, id) for type in pending.pop(id))
            case End(id=id, status=status) if status:
                out += make.end(id, *status)
            case Values(asked=True, pairs=pairs):
                out += make.get_values([name for name, _ in pairs])
            case Values(pairs=pairs):
                out += make.values_result(pairs)
    return out


def said(events: Iterable[Event]) -> list[tuple[object, ...]]:
    """Events without their offsets."""
    return [
        (type(event).__name__, *(getattr(event, name) for name in event.__struct_fields__[1:]))
        for event in joined(events)
    ]


# --- specimens -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SPECIMENS, ids=lambda path: path.stem)
@pytest.mark.parametrize("direction", ["request", "response"])
def test_specimens_in_any_pieces(path: Path, direction: Direction) -> None:
    data: bytes = getattr(load(path), direction)
    whole = decoded(direction, [data])
    assert whole
    assert decoded(direction, [data[at : at + 1] for at in range(len(data))]) == whole
    for at in range(len(data)):
        assert decoded(direction, [data[:at], data[at:]]) == whole
    again = encoded(whole)
    assert said(decoded(direction, [again])) == said(whole)


@pytest.mark.parametrize("path", SPECIMENS, ids=lambda path: path.stem)
def test_specimens_cut_off_anywhere(path: Path) -> None:
    """Truncated, unless the cut is between one request and the next."""
    data = load(path).request
    ends = {0, *(event.offset for event in decoded("request", [data]) if isinstance(event, End))}
    for at in set(range(len(data))) - ends:
        if path.stem != "multiplexed" or at not in ends:
            assert type(wrong("request", data[:at])) is Truncated


@pytest.mark.parametrize("path", SPECIMENS, ids=lambda path: path.stem)
def test_every_byte_of_a_specimen_has_a_name(path: Path) -> None:
    specimen = load(path)
    for fields, data in zip(both(specimen), (specimen.request, specimen.response), strict=True):
        for size in range(len(data) + 1):
            direction: Direction = "request" if data is specimen.request else "response"
            tiles(wire.annotate(direction, data[:size]).fields, size)
        tiles(fields, len(data))
        assert not any(field.fault for field in fields)


def both(specimen: Specimen) -> tuple[list[Field], list[Field]]:
    return annotate(WIRES, "FastCGI", specimen.request, specimen.response)


# --- what is said ----------------------------------------------------------------------------------------


def test_a_request_in_full() -> None:
    data = wire.request(PAIRS, BODY)
    events = decoded("request", [data])
    assert [type(event) for event in events] == [Begin, Variables, Data, End]
    begin, variables, body, end = events
    assert begin == Begin(0, 1, 1, keep=False)
    assert variables == Variables(16, 1, PAIRS)
    assert isinstance(body, Data)
    assert (body.stream, body.data) == ("STDIN", BODY)
    assert end == End(len(data), 1)


def test_records_are_padded_to_eight_bytes_and_split_at_65535() -> None:
    data = make.stream(5, 1, BODY)
    lengths = []
    at = 0
    while at < len(data):
        _, _, _, length, padding = struct.unpack_from(">BBHHBx", data, at)
        lengths.append(length)
        at += 8 + length + padding
        assert at % 8 == 0
    assert lengths == [65_535, 65_535, 22_530, 0]


@pytest.mark.parametrize(("role", "streams"), [(1, [4, 5]), (2, [4]), (3, [4, 5, 8])])
def test_roles_end_with_their_last_stream(role: int, streams: list[int]) -> None:
    data = make.begin(7, role) + b"".join(make.stream(type, 7, b"\1\1ab") for type in streams)
    events = decoded("request", [data])
    assert isinstance(events[0], Begin)
    assert events[0].role == role
    assert [type(event) for event in events[1:]] == [Variables, *[Data] * (len(streams) - 1), End]
    assert events[-1] == End(len(data), 7)


def test_a_pair_may_be_cut_at_any_byte() -> None:
    block = make.encoded(PAIRS)
    for at in range(1, len(block)):
        data = make.begin() + make.record(4, 1, block[:at]) + make.record(4, 1, block[at:]) + make.record(4, 1)
        events = decoded("request", [data + make.record(5, 1)])
        assert isinstance(events[1], Variables)
        assert events[1].pairs == PAIRS


def test_a_split_value_is_one_field_in_two_pieces() -> None:
    block = make.encoded(PAIRS)
    at = block.index(b"secret=1") + 3
    data = make.begin() + make.record(4, 1, block[:at]) + make.record(4, 1, block[at:]) + make.record(4, 1)
    fields, _ = wire.annotate("request", data)
    (value,) = [field for field in fields if field.secret]
    assert value.rest
    assert value.name == "valueData"
    assert cut(data, value.spans) == b"secret=1"


def test_variables_in_records_of_six_bytes_are_named_in_time() -> None:
    """A thousand of them in 1,600 records: looking at every piece for every field took 1.5 s, and takes 0.04."""
    pairs = [(b"NAME%d" % number, b"v" * (number % 3)) for number in range(1000)]
    block = make.encoded(pairs)
    pieces = [make.record(4, 1, block[at : at + 6]) for at in range(0, len(block), 6)]
    data = make.begin() + b"".join(pieces) + make.record(4, 1)
    started = time.process_time()
    fields, _ = wire.annotate("request", data)
    assert time.process_time() - started < 0.8
    values = [cut(data, field.spans) for field in fields if field.name == "valueData"]
    assert values == [value for _, value in pairs]


def test_a_secret_that_is_cut_off_is_marked() -> None:
    data = wire.request([(b"HTTP_COOKIE", b"secret=1")])
    data = data[: data.index(b"secret") + 4]
    (value,) = [field for field in wire.annotate("request", data).fields if field.secret]
    assert cut(data, value.spans) == b"secr"


def test_requests_are_told_apart() -> None:
    data = make.begin(1, keep=True) + make.begin(2) + make.params(2, [(b"A", b"2")]) + make.params(1, [(b"A", b"1")])
    data += make.record(5, 1, b"one") + make.record(5, 2, b"two") + make.record(5, 1, b"more")
    data += make.record(5, 2) + make.record(5, 1)
    events = said(decoded("request", [data]))
    assert events[:4] == [
        ("Begin", 1, 1, True),
        ("Begin", 2, 1, False),
        ("Variables", 2, [(b"A", b"2")]),
        ("Variables", 1, [(b"A", b"1")]),
    ]
    assert events[4:] == [
        ("Data", 1, "STDIN", b"one"),
        ("Data", 2, "STDIN", b"two"),
        ("Data", 1, "STDIN", b"more"),
        ("End", 2, ()),
        ("End", 1, ()),
    ]


def test_each_request_has_a_stdout_of_its_own() -> None:
    first, second = make.record(6, 1, b"Status: 200 OK\r\n"), make.record(6, 2, b"Status: 404 Not Found\r\n\r\n")
    data = first + second + make.record(6, 1, b"\r\n") + make.end(2) + make.end(1)
    data += make.record(6, 1, b"Status: 204\r\n\r\n") + make.end(1)
    streams = wire.annotate("response", data).streams
    texts = [cut(data, stream.spans) for stream in streams]
    assert texts == [b"Status: 404 Not Found\r\n\r\n", b"Status: 200 OK\r\n\r\n", b"Status: 204\r\n\r\n"]


@pytest.mark.parametrize("protocol_status", range(4))
def test_statuses_of_end_request(protocol_status: int) -> None:
    data = make.end(3, 0xFFFFFFFF, protocol_status)
    assert decoded("response", [data]) == [End(16, 3, (0xFFFFFFFF, protocol_status))]


def test_abort_ends_what_is_not_complete() -> None:
    half = make.begin() + make.record(4, 1, b"\1\1A")
    events = decoded("request", [half + make.abort()])
    assert events[1:] == [Abort(len(half), 1), End(len(half) + 8, 1)]
    whole = wire.request([])  # complete, and the application still at work: only the wish is told
    assert decoded("request", [whole + make.abort()])[-1] == Abort(len(whole), 1)
    again = half + make.abort() + wire.request([(b"B", b"2")])
    assert [field.name for field in wire.annotate("request", again).fields if field.name == "B"] == ["B"]


def test_management() -> None:
    asked = make.get_values([b"FCGI_MAX_CONNS", b"FCGI_MPXS_CONNS"])
    data = asked + make.record(200, 0, b"what?")
    pairs = [(b"FCGI_MAX_CONNS", b""), (b"FCGI_MPXS_CONNS", b"")]
    assert decoded("request", [data]) == [
        Values(0, 0, True, pairs),
        End(len(asked), 0),
        Other(len(asked), 0, "type 200", b"what?"),
        End(len(data), 0),
    ]
    answer = make.values_result([(b"FCGI_MPXS_CONNS", b"1")])
    assert decoded("response", [answer + make.unknown_type(200)]) == [
        Values(0, 0, False, [(b"FCGI_MPXS_CONNS", b"1")]),
        End(len(answer), 0),
        Other(len(answer), 0, "UNKNOWN_TYPE", b"\xc8" + bytes(7)),
        End(len(answer) + 16, 0),
    ]


def test_data_comes_out_before_its_record_is_complete() -> None:
    decoder = wire.decoders()[1]
    data = make.record(6, 1, b"x" * 1000, padding=255)
    assert said(decoder.feed(data[:108])) == [("Data", 1, "STDOUT", b"x" * 100)]
    assert decoder.offset == 108
    assert said(decoder.feed(data[108:])) == [("Data", 1, "STDOUT", b"x" * 900)]


def test_nothing_is_settled_while_variables_are_half_there() -> None:
    decoder = wire.decoders()[0]
    data = wire.request(PAIRS, b"body")
    settled = []
    for at in range(len(data)):
        decoder.feed(data[at : at + 1])
        settled.append(decoder.settled)
    complete = len(make.begin() + make.params(1, PAIRS))
    assert set(settled[15 : complete - 1]) == {16}
    assert settled[complete - 1] == complete


# --- what it begins with, and what else can be asked -------------------------------------------------------


@pytest.mark.parametrize("direction", ["request", "response"])
def test_its_first_bytes_are_no_other_protocol(direction: Direction) -> None:
    own = [load(path) for path in SPECIMENS]
    begins = wire.BEGINS[direction]
    for data in [getattr(specimen, direction) for specimen in own if getattr(specimen, direction)]:
        assert begins.match(data[:4])
    for protocol in set(WIRES.protocols) - {"FastCGI"}:
        for specimen in specimens(protocol).values():
            assert not begins.match(getattr(specimen, direction))
    messages = {"request": [make.get_values([b"A"])], "response": [make.values_result([]), make.unknown_type(9)]}
    assert all(begins.match(data) for data in messages[direction])


ASKED: Pairs = [(b"REQUEST_METHOD", b"POST"), (b"REQUEST_URI", b"/hello"), (b"CONTENT_LENGTH", b"4")]


def test_other_messages_that_can_be_asked() -> None:
    messages = {name: message.encode for name, message in wire.REQUESTS.items()}
    names = [b"FCGI_MAX_CONNS", b"FCGI_MAX_REQS", b"FCGI_MPXS_CONNS"]
    assert messages["GET_VALUES"](ASKED, b"", b"") == make.get_values(names)
    assert messages["GET_VALUES"](ASKED, b"", b"A,B") == make.get_values([b"A", b"B"])
    begin, variables, end = decoded(
        "request", [messages["AUTHORIZER"]([*ASKED, (b"SCRIPT_NAME", b"/x")], b"body", b"")]
    )
    assert isinstance(begin, Begin)
    assert isinstance(variables, Variables)
    assert (begin.role, variables.pairs, type(end)) == (2, ASKED[:2], End)  # 6.3 takes the others away
    begin, variables, *streams, end = decoded("request", [messages["FILTER"](ASKED, b"body", b"file")])
    assert isinstance(begin, Begin)
    assert isinstance(variables, Variables)
    assert begin.role == 3
    assert variables.pairs == [*ASKED, (b"FCGI_DATA_LAST_MOD", b"0"), (b"FCGI_DATA_LENGTH", b"4")]
    assert said(streams) == [("Data", 1, "STDIN", b"body"), ("Data", 1, "DATA", b"file")]
    own = [*ASKED, (b"FCGI_DATA_LENGTH", b"5"), (b"FCGI_DATA_LAST_MOD", b"6")]
    data = messages["FILTER"](own, b"body", b"file!")
    assert next(event.pairs for event in decoded("request", [data]) if isinstance(event, Variables)) == own
    assert all(message.means.startswith("FastCGI: ") for message in wire.REQUESTS.values())


# --- what cannot be said ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make.record(5, 1, bytes(65_536)), "contentLength 65536: a FastCGI record has room for 0 to 65535"),
        (lambda: make.record(5, 1, b"", 256), "paddingLength 256"),
        (lambda: make.record(256, 1), "type 256"),
        (lambda: make.begin(65_536), "requestId 65536"),
        (lambda: make.begin(0), "requestId 0: BEGIN_REQUEST has another"),
        (lambda: make.record(9, 1), "requestId 1: GET_VALUES has 0"),
        (lambda: make.begin(1, 65_536), "role 65536: it has two bytes"),
        (lambda: make.end(1, -1), "appStatus -1: it has four bytes"),
        (lambda: make.end(1, 0, 4), "protocolStatus 4: 0 to 3 are defined (5.5)"),
        (lambda: make.unknown_type(256), "type 256: it has one byte"),
        (lambda: make.get_values([b"N" * 66_000]), "contentLength 66005"),
        (lambda: wire.response(200, [(b"A", b"b\r\nSet-Cookie: c")]), "is no header (RFC 3875 6.3)"),
        (lambda: wire.response(200, [(b"", b"b")]), "is no header (RFC 3875 6.3)"),
        (lambda: wire.response(20, []), "status 20: it has three digits"),
    ],
)
def test_what_cannot_be_said(make: Any, message: str) -> None:
    with pytest.raises(CannotEncode) as caught:
        make()
    assert message in str(caught.value)


# --- other people's FastCGI, without a process ------------------------------------------------------------------


class Bytes:
    """What flup's Record reads from and writes to instead of a socket."""

    def __init__(self, data: bytes = b"") -> None:
        self.file, self.sent = io.BytesIO(data), b""
        self.recv = self.file.read

    def send(self, data: bytes) -> int:
        self.sent += data
        return len(data)

    def fileno(self) -> int:
        return -1


def flup_records(data: bytes) -> Iterator[Any]:
    source = Bytes(data)
    while source.file.tell() < len(data):
        record = flup.Record()
        record.read(source)
        yield record


def test_flup_reads_what_we_write() -> None:
    records = list(flup_records(wire.request(PAIRS, BODY)))
    assert [record.type for record in records] == [1, 4, 4, 5, 5, 5, 5]
    block, at, pairs = records[1].contentData, 0, []
    while at < len(block):
        at, pair = flup.decode_pair(block, at)
        pairs.append(pair)
    assert pairs == PAIRS
    assert b"".join(record.contentData for record in records if record.type == 5) == BODY


def test_flup_and_we_write_the_same_bytes() -> None:
    assert b"".join(flup.encode_pair(*pair) for pair in PAIRS) == make.encoded(PAIRS)
    for content in (b"", b"x", b"x" * 8, b"x" * 65_535):
        record, sink = flup.Record(6, 1), Bytes()
        record.contentData, record.contentLength = content, len(content)
        record.write(sink)
        assert sink.sent == make.record(6, 1, content)


def test_fcgisgi_reads_what_we_write() -> None:
    events = sansio.FastCGIConnection().feed_data(wire.request(PAIRS, BODY) + make.abort() + make.begin(2, 3, True))
    started, params, *body, end, aborted, second = events
    assert (started.request_id, started.role, started.flags) == (1, 1, 0)
    assert params.params == PAIRS
    assert b"".join(piece.data for piece in body) == BODY
    assert (type(end), type(aborted)) == (sansio.EndOfStdin, sansio.AbortRequest)
    assert (second.request_id, second.role, second.flags) == (2, 3, 1)


def test_we_read_what_fcgisgi_writes() -> None:
    peer = sansio.FastCGIConnection()
    data = peer.send_stdout(1, BODY) + peer.send_stdout(1, b"") + peer.send_stderr(1, b"log")
    data += peer.send_end_request(1, 938, 0)
    assert data == make.stream(6, 1, BODY) + make.record(7, 1, b"log") + make.end(1, 938)
    assert said(decoded("response", [data])) == [
        ("Data", 1, "STDOUT", BODY),
        ("Data", 1, "STDERR", b"log"),
        ("End", 1, (938, 0)),
    ]


def test_fcgiproto_and_we_understand_each_other() -> None:
    ascii_pairs = [(name, value) for name, value in PAIRS if name.isascii()]
    peer = fcgiproto.FastCGIConnection(roles=(1, 3))
    begun, *rest = peer.feed_data(
        make.begin(1, 3) + make.params(1, ascii_pairs) + make.stream(5, 1, b"in") + make.stream(8, 1, b"file")
    )
    assert (begun.role, len(begun.params)) == (3, len(ascii_pairs))
    assert [event.data for event in rest] == [b"in", b"", b"file", b""]
    peer.send_headers(1, [(b"A", b"b")], 404)
    peer.send_data(1, b"body", end_request=True)
    assert said(decoded("response", [peer.data_to_send()])) == [
        ("Data", 1, "STDOUT", b"Status: 404\r\nA: b\r\n\r\nbody"),
        ("End", 1, (0, 0)),
    ]


def test_fcgiproto_answers_management_records() -> None:
    peer = fcgiproto.FastCGIConnection(fcgi_values={"FCGI_MAX_REQS": "4"})
    peer.feed_data(make.record(200, 0))
    other = ("Other", 0, "UNKNOWN_TYPE", b"\xc8" + bytes(7))
    assert said(decoded("response", [peer.data_to_send()])) == [other, ("End", 0, ())]


def test_flup_and_fcgisgi_differ_from_the_specification() -> None:
    """Where they do, so that the list in the docs stays true."""
    half = make.record(4, 1, b"\1\5A")[8:11]
    assert flup.decode_pair(half) == (8, (b"A", b""))  # a pair that is cut off: quietly taken
    assert sansio.FastCGIConnection()._decode_pairs(half) == [(b"A", b"")]
    _, breach, variables, _ = decoded("request", [BEGIN + make.stream(4, 1, half) + NO_STDIN])
    assert isinstance(variables, Variables)
    assert isinstance(breach, Breach)
    assert (variables.pairs, breach.offset, breach.note.partition(":")[0]) == ([], 24, "BadPairs")
    (event,) = sansio.FastCGIConnection().feed_data(b"\x09" + BEGIN[1:])  # no version is refused
    assert event.request_id == 1


# --- programs ----------------------------------------------------------------------------------------------------


def needs(program: str) -> str:
    found = shutil.which(program)
    if not found:
        pytest.skip(f"{program} is not installed")
    return found


class Answering:
    """A FastCGI server of our decoder and encoder: answers with what it was told."""

    STDERR: ClassVar[bytes] = b"a line for the log\n"

    def __init__(self, path: Path) -> None:
        self.seen: list[Event] = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.settimeout(10)
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        with self.listener, self.listener.accept()[0] as connection:
            connection.settimeout(10)
            decoder = wire.decoders()[0]
            while not any(isinstance(event, End) for event in self.seen) and (data := connection.recv(4096)):
                self.seen += decoder.feed(data)
            body = b"".join(event.data for event in self.seen if isinstance(event, Data))
            answer = wire.response(200, [(b"Content-Type", b"text/plain")], body[::-1])
            connection.sendall(make.stream(7, 1, self.STDERR) + answer[:-16] + make.end(1, 7))


def test_cgi_fcgi_talks_to_our_server(tmp_path: Path) -> None:
    program, path = needs("cgi-fcgi"), tmp_path / "s"
    server = Answering(path)
    environment = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "150000", "LONG": "l" * 300}
    body = bytes(range(250)) * 600
    done = subprocess.run(
        [program, "-bind", "-connect", str(path)],
        input=body,
        env=environment,
        capture_output=True,
        timeout=20,
        check=False,
    )
    server.thread.join()
    assert done.stdout == b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n" + body[::-1]
    assert done.stderr == Answering.STDERR
    assert done.returncode == 7  # appStatus
    (variables,) = [event for event in server.seen if isinstance(event, Variables)]
    assert dict(variables.pairs).items() >= {k.encode(): v.encode() for k, v in environment.items()}.items()


def test_tshark_names_the_same(tmp_path: Path) -> None:
    """Every record, and every variable."""
    tshark, text2pcap = needs("tshark"), needs("text2pcap")
    asked = wire.request([(b"REQUEST_METHOD", b"GET"), (b"LONG", b"l" * 200)], b"body") + make.abort(3)
    data = asked + make.get_values([b"FCGI_MAX_CONNS"]) + make.begin(2, 3, True)
    lines = [f"{at:06x} {data[at : at + 16].hex(' ')}" for at in range(0, len(data), 16)]
    (tmp_path / "hex").write_text("\n".join(lines) + "\n")
    subprocess.run(
        [text2pcap, "-q", "-T", "5000,9000", "hex", "pcap"], cwd=tmp_path, capture_output=True, check=True, timeout=60
    )
    names = ("version", "type", "id", "content.length", "padding.length")
    shown = subprocess.run(
        [
            tshark,
            "-r",
            "pcap",
            "-d",
            "tcp.port==9000,fcgi",
            "-T",
            "fields",
            *(w for n in names for w in ("-e", f"fcgi.{n}")),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    ).stdout.rstrip("\n")
    theirs = list(zip(*([int(n) for n in column.split(",")] for column in shown.split("\t")), strict=True))
    fields = wire.annotate("request", data).fields
    columns = [
        [int(field.value.split(" ")[0]) for field in fields if field.name == name and field.depth == 1]
        for name in ("version", "type", "requestId", "contentLength", "paddingLength")
    ]
    assert theirs == list(zip(*columns, strict=True))
    tree = subprocess.run(
        [tshark, "-r", "pcap", "-d", "tcp.port==9000,fcgi", "-O", "fcgi"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    ).stdout
    for word in ("REQUEST_METHOD = GET", f"LONG = {'l' * 200}", "FCGI_ABORT_REQUEST", "FCGI_GET_VALUES", "FCGI_FILTER"):
        assert word in tree


# --- the zoo ----------------------------------------------------------------------------------------------------------

VARIABLES: Pairs = [
    (b"GATEWAY_INTERFACE", b"CGI/1.1"),
    (b"REQUEST_METHOD", b"POST"),
    (b"QUERY_STRING", b"a=b"),
    (b"CONTENT_TYPE", b"text/plain"),
    (b"CONTENT_LENGTH", b"%d" % len(BODY)),
    (b"SERVER_NAME", b"localhost"),
    (b"SERVER_PORT", b"80"),
    (b"SERVER_PROTOCOL", b"HTTP/1.1"),
    (b"REMOTE_ADDR", b"127.0.0.1"),
    (b"PATH_INFO", b"/echo"),
    (b"HTTP_HOST", b"localhost"),
    (b"HTTP_X_LONG", b"l" * 200),
]


def ask(path: Path, data: bytes) -> list[Event]:
    """Send, and decode until END_REQUEST, or until an answer of the connection itself."""
    decoder, events = wire.decoders()[1], list[Event]()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        sender = threading.Thread(target=connection.sendall, args=(data,))
        sender.start()
        while not any(isinstance(event, End | Values | Other) for event in events) and (got := connection.recv(65536)):
            events += decoder.feed(got)
        sender.join()
    return joined(events)


@pytest.mark.parametrize("exhibit", ["fastcgi", "fastcgi-modern", "uwsgi-fastcgi", "cgi"])
def test_real_servers_answer_us(zoo: Zoo, exhibit: str) -> None:
    """flup, fcgisgi, uWSGI and libfcgi (in fcgiwrap); 150 KB in three records there and back."""
    own = [(b"SCRIPT_NAME", b"/" + exhibit.encode()), (b"REQUEST_URI", b"/" + exhibit.encode() + b"/echo?a=b")]
    own += [(b"SCRIPT_FILENAME", str(ROOT / "cgi_bin/app.cgi").encode())]
    body = b"b" * len(BODY)
    events = ask(zoo.run / "sock" / f"{exhibit}.sock", wire.request(VARIABLES + own, body))
    out = b"".join(event.data for event in events if isinstance(event, Data) and event.stream == "STDOUT")
    head, _, content = out.partition(b"\r\n\r\n")
    assert head.startswith(b"Status: 200 OK\r\n")
    echoed = json.loads(content)
    assert (echoed["method"], echoed["length"]) == ("POST", len(body))
    assert echoed["variables"]["HTTP_X_LONG"] == "l" * 200
    assert isinstance(events[-1], End)
    assert events[-1].status == (0, 0)


def test_two_requests_on_one_connection_of_fcgisgi(zoo: Zoo) -> None:
    """Multiplexed, the first one's variables cut in the middle of a name."""

    def block(path: bytes) -> bytes:
        own = [(b"SCRIPT_NAME", b"/fastcgi-modern"), (b"PATH_INFO", path), (b"REQUEST_METHOD", b"GET")]
        encoded: bytes = make.encoded(VARIABLES[5:9] + own)
        return encoded

    one, two = block(b"/hello"), block(b"/ping")
    data = make.begin(1, keep=True) + make.record(4, 1, one[:30]) + make.begin(2, keep=True) + make.stream(4, 2, two)
    data += make.record(4, 1, one[30:]) + make.record(4, 1) + make.record(5, 2) + make.record(5, 1)
    decoder, events = wire.decoders()[1], list[Event]()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(zoo.run / "sock/fastcgi-modern.sock"))
        connection.sendall(data)
        while sum(isinstance(event, End) for event in events) < 2 and (got := connection.recv(65536)):
            events += decoder.feed(got)
    for id, text in ((1, b"Hello from the Gateway Zoo\n"), (2, b"pong\n")):
        out = b"".join(event.data for event in events if isinstance(event, Data) and event.id == id)
        assert out.endswith(b"\r\n\r\n" + text)


def test_management_answers_of_real_servers(zoo: Zoo) -> None:
    question = make.get_values([b"FCGI_MAX_CONNS", b"FCGI_MPXS_CONNS"])
    modern, _ = said(ask(zoo.run / "sock/fastcgi-modern.sock", question))
    everything = [(b"FCGI_MAX_CONNS", b"100"), (b"FCGI_MAX_REQS", b"100"), (b"FCGI_MPXS_CONNS", b"1")]
    assert modern == ("Values", 0, False, everything)  # fcgisgi tells also what nobody asked
    classic, _ = said(ask(zoo.run / "sock/fastcgi.sock", question))
    assert classic == ("Values", 0, False, [])  # flup compares bytes with text: it knows no name
    for exhibit in ("fastcgi", "cgi"):  # flup, libfcgi
        answer = said(ask(zoo.run / f"sock/{exhibit}.sock", make.record(200, 0)))
        assert answer == [("Other", 0, "UNKNOWN_TYPE", b"\xc8" + bytes(7)), ("End", 0, ())]


def test_real_servers_play_one_role(zoo: Zoo) -> None:
    """flup and fcgisgi refuse the others; uWSGI takes a Filter for a Responder."""
    for exhibit in ("fastcgi", "fastcgi-modern", "uwsgi-fastcgi"):
        own = [(b"SCRIPT_NAME", b"/" + exhibit.encode()), (b"PATH_INFO", b"/hello"), (b"REQUEST_METHOD", b"GET")]
        for name in ("AUTHORIZER", "FILTER"):
            data = wire.REQUESTS[name].encode([*VARIABLES[5:9], *own], b"", b"file")
            if exhibit != "uwsgi-fastcgi":
                assert ask(zoo.run / f"sock/{exhibit}.sock", data) == [End(16, 1, (0, 3))]
            elif name == "FILTER":  # to an Authorizer's request it gives no answer
                out, end = ask(zoo.run / f"sock/{exhibit}.sock", data)
                assert isinstance(out, Data)
                assert out.data.endswith(b"Hello from the Gateway Zoo\n")
                assert isinstance(end, End)
                assert end.status == (0, 0)


def test_php_fpm_answers_us(fresh_zoo: Zoo) -> None:
    """It sends no end of STDOUT, and of GET_VALUES it knows one name."""
    if not list(Path("/usr/sbin").glob("php-fpm*")):
        pytest.skip("php-fpm is not installed")
    path = fresh_zoo.up("php-fpm").run / "sock/php-fpm.sock"
    own = [(b"SCRIPT_NAME", b"/php-fpm"), (b"SCRIPT_FILENAME", str(ROOT / "php/app.php").encode())]
    own += [(b"PATH_INFO", b"/hello"), (b"REQUEST_METHOD", b"GET"), (b"REQUEST_URI", b"/php-fpm/hello")]
    out, end = ask(path, wire.request([*VARIABLES[5:9], *own]))
    assert isinstance(out, Data)
    assert out.data.endswith(b"\r\n\r\nHello from the Gateway Zoo\n")
    assert isinstance(end, End)
    answer, _ = said(ask(path, make.get_values([b"FCGI_MAX_CONNS", b"FCGI_MPXS_CONNS"])))
    assert answer == ("Values", 0, False, [(b"FCGI_MPXS_CONNS", b"0")])


LONG = "l" * 5000  # a value with a length of four bytes


@pytest.mark.parametrize("front", ["nginx", "apache"])
def test_we_read_what_web_servers_send(zoo: Zoo, front: str) -> None:
    """We take the place of flup: the socket's file is ours for a moment."""
    path = zoo.run / "sock/fastcgi.sock"
    real = path.rename(path.with_suffix(".real"))
    try:
        server = Answering(path)
        shutil.copymode(real, path)
        os.chown(path, real.stat().st_uid, real.stat().st_gid)
        url = zoo.url("fastcgi", front, "echo")
        answer = requests.post(url, data=BODY, headers={"X-Long": LONG}, timeout=20).content
        server.thread.join()
    finally:
        path.unlink()
        real.rename(path)
    assert answer == BODY[::-1]
    begin, variables, *body, end = joined(server.seen)
    assert (begin, type(end)) == (Begin(0, 1, 1, keep=False), End)
    assert isinstance(variables, Variables)
    assert dict(variables.pairs)[b"HTTP_X_LONG"] == LONG.encode()
    assert b"".join(event.data for event in body if isinstance(event, Data)) == BODY
