"""ajp/wire.py, judged by flup (both ways), by tshark's dissector ajp13, and by the zoo's own exhibit. The specimens are
what Apache's mod_proxy_ajp has sent."""

import importlib
import shutil
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from recordings import WIRES
from test_wire_faulty_peers import Step, both, exchanges, faults
from test_wire_masking import masked
from wire_contract import bounded
from wire_in_test import decoded
from zoo_in_test import REGISTRY, ROOT, Zoo

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.events import Data, End, Event, Head, Other, Pairs, Values
from gateway_zoo.wire.exchange import fields_of
from gateway_zoo.wire.faults import CannotEncode, Limits, TooLong, TooMany, Truncated, WireError
from gateway_zoo.wire.specimen import Specimen, load
from gateway_zoo.wire.view.mask_exchange import mask

ajp_base: Any = importlib.import_module("flup.server.ajp_base")  # has no types
AJP: Any = WIRES["AJP"]
SPECIMENS = {path.stem: load(path) for path in sorted((ROOT / "ajp/specimens").glob("*.toml"))}
CODED = {name: specimen for name, specimen in SPECIMENS.items() if name != "brew"}  # flup knows no other methods

each_specimen = pytest.mark.parametrize("specimen", SPECIMENS.values(), ids=list(SPECIMENS))
each_coded = pytest.mark.parametrize("specimen", CODED.values(), ids=list(CODED))

ASKED = [
    (b"REQUEST_METHOD", b"GET"),
    (b"REQUEST_URI", b"/ajp/hello?a=1"),
    (b"SERVER_PROTOCOL", b"HTTP/1.1"),
    (b"REMOTE_ADDR", b"127.0.0.1"),
    (b"SERVER_NAME", b"localhost"),
    (b"SERVER_PORT", b"8081"),
    (b"HTTP_HOST", b"localhost:8081"),
    (b"HTTP_X_ANIMAL", b"okapi"),
]


def posted(length: int) -> Pairs:
    return [(b"REQUEST_METHOD", b"POST"), *ASKED[1:], (b"CONTENT_LENGTH", b"%d" % length)]


def asked(data: bytes) -> list[Event]:
    return decoded(AJP.decoders()[0], data)


def head_of(events: list[Event]) -> Head:
    (head,) = [event for event in events if isinstance(event, Head)]
    return head


def body_of(events: list[Event]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Data))


def values_of(events: list[Event]) -> dict[bytes, bytes]:
    return {name: value for event in events if isinstance(event, Values) for name, value in event.pairs}


# --- real bytes -----------------------------------------------------------------------------------------------------


@each_specimen
def test_specimens_are_the_same_however_they_are_cut(specimen: Specimen) -> None:
    for index, data in enumerate((specimen.request, specimen.response)):
        whole = decoded(AJP.decoders()[index], data)
        assert decoded(AJP.decoders()[index], *(data[at : at + 1] for at in range(len(data)))) == whole
        for at in range(len(data)):
            assert decoded(AJP.decoders()[index], data[:at], data[at:]) == whole


@each_specimen
def test_specimens_are_read_again_as_they_were(specimen: Specimen) -> None:
    """Bytes may differ: Apache writes some attributes in another order."""
    events = asked(specimen.request)
    again = asked(AJP.request(variables_of(events), body_of(events)))
    assert head_of(again).start == head_of(events).start
    assert head_of(again).headers == [(name.lower(), value) for name, value in head_of(events).headers]
    assert body_of(again) == body_of(events)
    assert values_of(again) == values_of(events)
    if specimen.response:
        answer = decoded(AJP.decoders()[1], specimen.response)
        head = head_of(answer)
        made = AJP.response(int(head.start.split()[1]), head.headers, body_of(answer))
        assert made.lower() == specimen.response.lower()  # flup writes NOT FOUND


def variables_of(events: list[Event]) -> Pairs:
    """CGI's names for what a Forward Request says."""
    head, values = head_of(events), values_of(events)
    method, uri, protocol = head.start.split(b" ")
    pairs = [(b"REQUEST_METHOD", method), (b"REQUEST_URI", uri), (b"SERVER_PROTOCOL", protocol)]
    for name, value in values.items():
        if name in (b"server_port", *AJP.codes.VARIABLES):
            pairs.append((AJP.codes.VARIABLES.get(name, b"SERVER_PORT"), value))
        elif name not in (b"is_ssl", b"query_string", b"stored_method"):
            pairs.append((name, value))
    pairs.append((b"HTTPS", b"on" if values[b"is_ssl"] == b"1" else b""))
    for name, value in head.headers:
        known = name in (b"content-type", b"content-length")
        pairs.append((name.replace(b"-", b"_").upper() if known else b"HTTP_" + name, value))
    return [(n if n.startswith(b"AJP_") or n.islower() else n.upper(), v) for n, v in pairs]


@each_specimen
def test_specimens_have_a_name_for_every_byte(specimen: Specimen) -> None:
    sides: tuple[tuple[Direction, bytes], ...] = (("request", specimen.request), ("response", specimen.response))
    for direction, data in sides:
        for end in range(len(data) + 1):
            top = [field for field in AJP.annotate(direction, data[:end]).fields if field.depth == 0]
            assert b"".join(data[:end][field.offset : field.offset + field.length] for field in top) == data[:end]
        assert not any(field.fault for field in AJP.annotate(direction, data).fields)


def test_what_apache_sent_for_hello() -> None:
    events = asked(SPECIMENS["hello"].request)
    assert head_of(events).start == b"GET /ajp/hello HTTP/1.1"
    assert head_of(events).headers[:2] == [(b"host", b"localhost:8081"), (b"user-agent", b"curl/7.88.1")]
    assert values_of(events)[b"AJP_LOCAL_ADDR"] == b"127.0.0.1"
    assert b"remote_host" not in values_of(events)  # null


def test_a_method_without_a_code() -> None:
    assert head_of(asked(SPECIMENS["brew"].request)).start == b"BREW /ajp/hello HTTP/1.1"
    assert head_of(asked(AJP.request([(b"REQUEST_METHOD", b"BREW"), *ASKED[1:]]))).start.startswith(b"BREW ")


# --- flup -----------------------------------------------------------------------------------------------------------


class FlupRequest(ajp_base.Request):  # type: ignore[misc]
    """Only read, not run."""

    def run(self) -> None:
        pass

    def addAttribute(self, name: bytes, value: bytes | str) -> None:
        """flup's reader gives ssl_key_size as text, which its own next step cannot take."""
        super().addAttribute(name, value.encode() if isinstance(value, str) else value)


class FlupConnection(ajp_base.Connection):  # type: ignore[misc]
    """flup's reader, fed by hand."""

    def __init__(self, sock: Any = None) -> None:
        server = SimpleNamespace(requestClass=FlupRequest, inputStreamShrinkThreshold=1)
        super().__init__(sock, ("", 0), server, None)

    def environ(self, data: bytes) -> tuple[dict[str, str], bytes]:
        """What flup makes of a Forward Request and the first body packet."""
        request = FlupRequest(self)
        self.server.requestClass = lambda _: request
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.sendall(data)
            self._sock = theirs
            self.processInput()
        return request.environ, b"".join(request.input._bufList)


@each_coded
def test_flup_reads_the_same(specimen: Specimen) -> None:
    events = asked(specimen.request)
    environ, body = FlupConnection().environ(specimen.request)
    assert body == body_of(events)
    method, uri, protocol = head_of(events).start.decode().split(" ")
    said = (environ["REQUEST_METHOD"], environ["REQUEST_URI"], environ["SERVER_PROTOCOL"])
    assert said == (method, uri.partition("?")[0], protocol)
    for name, value in head_of(events).headers:
        key = name.decode().upper().replace("-", "_")
        assert environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] == value.decode()
    for name, value in values_of(events).items():
        if name == b"is_ssl":
            assert environ.get("HTTPS", "") == ("on" if value == b"1" else "")
        else:
            key = name.decode()
            assert environ[key if key.startswith("AJP_") else key.upper()] == value.decode()


def test_flup_reads_what_we_write() -> None:
    environ, body = FlupConnection().environ(AJP.request(posted(5), b"okapi"))
    assert (environ["REQUEST_METHOD"], environ["QUERY_STRING"], body) == ("POST", "a=1", b"okapi")
    assert (environ["HTTP_X_ANIMAL"], environ["CONTENT_LENGTH"], environ["SERVER_PORT"]) == ("okapi", "5", "8081")


def test_we_read_what_flup_writes() -> None:
    ours, theirs = socket.socketpair()
    headers = [(b"Content-Type", b"text/plain"), (b"Set-Cookie", b"a=b"), (b"X-Animal", b"okapi")]
    with ours, theirs:
        request = ajp_base.Request(FlupConnection(theirs))
        request.startResponse(404, b"NOT FOUND", headers)
        request.write(b"x" * 10_000)
        theirs.shutdown(socket.SHUT_WR)
        with ours.makefile("rb") as stream:
            data = stream.read()
    events = decoded(AJP.decoders()[1], data + b"AB\0\2\5\1")  # which only its run() adds
    assert head_of(events) == Head(0, 0, b"HTTP/1.1 404 NOT FOUND", headers)
    assert body_of(events) == b"x" * 10_000
    assert AJP.response(404, headers, b"x" * 10_000).startswith(data[:4])


# --- tshark ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("text2pcap"), reason="tshark is not installed")
@each_coded
def test_tshark_reads_the_same(specimen: Specimen, tmp_path: Path) -> None:
    events = asked(specimen.request)
    (found,) = tshark(tmp_path, first_packet(specimen.request), "40000,8009", "method uri ver raddr srv port nhdr host")
    head, values = head_of(events), values_of(events)
    method, uri, protocol = head.start.decode().split(" ")
    code = next(code for code, name in AJP.codes.METHODS.items() if name.decode() == method)
    port, address, server = (values[name].decode() for name in (b"server_port", b"remote_addr", b"server_name"))
    count = str(len(head.headers))
    expected = [str(code), uri.partition("?")[0], protocol, address, server, port, count]
    assert found == [*expected, dict(head.headers)[b"host"].decode()]
    answer = decoded(AJP.decoders()[1], specimen.response)
    (told,) = tshark(
        tmp_path, first_packet(specimen.response), "8009,40000", f"rstatus {message_field()} nhdr content_type"
    )
    status, reason = head_of(answer).start.decode().split(" ", 2)[1:]
    headers = head_of(answer).headers
    assert told == [status, reason, str(len(headers)), dict(headers)[b"Content-Type"].decode()]


def message_field() -> str:
    """Wireshark 4.4 has another name for the status message."""
    known = subprocess.run(["tshark", "-G", "fields"], check=True, capture_output=True, timeout=60).stdout
    return "rsmsg" if b"\tajp13.rsmsg\t" in known else "rmsg"


def first_packet(data: bytes) -> bytes:
    return data[: 4 + int.from_bytes(data[2:4], "big")]


def tshark(folder: Path, data: bytes, ports: str, names: str) -> list[list[str]]:
    """What its dissector says of these fields, a row for a packet."""
    dump = "".join(f"{at:06x} {data[at : at + 16].hex(' ')}\n" for at in range(0, len(data), 16))
    capture = folder / "ajp.pcap"
    argv = ["text2pcap", "-q", "-T", ports, "-", str(capture)]
    subprocess.run(argv, input=dump, text=True, check=True, capture_output=True, timeout=60)
    argv = ["tshark", "-r", str(capture), "-d", "tcp.port==8009,ajp13", "-T", "fields"]
    argv += [word for name in names.split() for word in ("-e", f"ajp13.{name}")]
    said = subprocess.run(argv, text=True, check=True, capture_output=True, timeout=60).stdout
    return [line.split("\t") for line in said.splitlines()]


# --- the zoo's exhibit ------------------------------------------------------------------------------------------------


def test_the_exhibit_answers_us(zoo: Zoo) -> None:
    """Two requests on one connection; the second has a body that flup asks for in pieces."""
    tcp = REGISTRY.exhibits["ajp"].tcp
    assert tcp
    body = b"z" * 20_000
    post = [pair if pair[0] != b"REQUEST_URI" else (b"REQUEST_URI", b"/ajp/echo") for pair in posted(len(body))]
    decoder, events = AJP.decoders()[1], list[Event]()
    with socket.create_connection(("127.0.0.1", tcp + zoo.shift), timeout=20) as connection:
        connection.sendall(AJP.cping() + AJP.request(ASKED) + AJP.request(post, body))
        while sum(isinstance(event, End) for event in events) < 3:
            data = connection.recv(65536)
            assert data, events
            events += decoder.feed(data)
    assert [event.start for event in events if isinstance(event, Head)] == [b"HTTP/1.1 200 OK"] * 2
    assert b"Hello from the Gateway Zoo\n" in body_of(events)
    assert body in body_of(events)
    assert [event.status for event in events if isinstance(event, End)] == [(), (1,), (1,)]
    others = [event for event in events if isinstance(event, Other)]
    assert (others[0].name, others[0].data) == ("CPong Reply", b"")
    assert [(event.name, event.data.hex()) for event in others[1:]] == [
        ("Get Body Chunk", f"{20_000 - 8186:04x}"),
        ("Get Body Chunk", f"{20_000 - 2 * 8186:04x}"),
    ]


# --- bodies -----------------------------------------------------------------------------------------------------------


def names(events: list[Event]) -> list[str]:
    return [event.name if isinstance(event, Other) else type(event).__name__ for event in events]


def test_a_body_is_split_into_packets_of_8192_bytes() -> None:
    data = AJP.request(posted(10_000), b"x" * 10_000)
    events = asked(data)
    assert body_of(events) == b"x" * 10_000
    assert events[-1] == End(len(data), 0)
    packets = [field.length for field in AJP.annotate("request", data).fields if field.depth == 0]
    assert packets[1:] == [8192, 10_000 - 8186 + 6]


def test_a_container_need_not_ask_for_the_rest() -> None:
    """Then the next request comes where the next body packet would have been."""
    whole = AJP.request(posted(10_000), b"x" * 10_000)
    events = asked(whole[: -(10_000 - 8186 + 6)] + AJP.request(ASKED))
    assert names(events) == ["Values", "Head", "Values", "Data", "End", "Values", "Head", "Values", "End"]


def test_a_chunked_body_ends_with_an_empty_packet() -> None:
    chunked = [(b"REQUEST_METHOD", b"POST"), *ASKED[1:], (b"HTTP_TRANSFER_ENCODING", b"chunked")]
    data = AJP.request(chunked, b"okapi")
    assert data.endswith(b"\x12\x34\0\7\0\5okapi\x12\x34\0\0")
    for end in (b"", b"\x12\x34\0\2\0\0"):  # an empty packet of the other kind
        made = data[:-4] + end if end else data
        events = asked(made + AJP.cping())
        assert names(events) == ["Values", "Head", "Values", "Data", "End", "CPing", "End"]
        assert events[4] == End(len(made), 0)
    nobody_asked = asked(AJP.request(chunked)[:-4] + AJP.request(ASKED))
    assert names(nobody_asked) == ["Values", "Head", "Values", "End"] * 2


def test_an_empty_packet_behind_the_body_answers_who_asks_for_more() -> None:
    events = asked(AJP.request(posted(5), b"okapi") + b"\x12\x34\0\0" + AJP.request(ASKED))
    assert names(events) == ["Values", "Head", "Values", "Data", "End", "Values", "Head", "Values", "End"]


def test_messages_without_a_request() -> None:
    assert names(asked(b"\x12\x34\0\1\x0a\x12\x34\0\1\7\x12\x34\0\3\x08ab")) == [
        *("CPing", "End", "Shutdown", "End", "Ping", "End")
    ]


def test_the_nul_behind_a_chunk_may_be_missing() -> None:
    head = AJP.response(200, [])[:-6]
    for chunk in (b"AB\0\7\3\0\3abc\0", b"AB\0\6\3\0\3abc"):
        events = decoded(AJP.decoders()[1], head + chunk + b"AB\0\3\3\0\0" + b"AB\0\2\5\0")
        assert body_of(events) == b"abc"
        assert events[-1] == End(len(head + chunk) + 13, 0, (0,))


def test_many_small_chunks_at_once_are_no_problem() -> None:
    """Fed whole: what stands behind a chunk is not copied for it."""
    head, end = AJP.response(200, [])[:-6], AJP.response(200, [])[-6:]
    with bounded(8):
        events = decoded(AJP.decoders()[1], head + b"AB\0\5\3\0\1a\0" * 350_000 + end)
    assert len(body_of(events)) == 350_000


# --- what is wrong ----------------------------------------------------------------------------------------------------


def forward(
    places: bytes = b"\0\1h\0\0\1/\0" + b"\xff\xff" * 3 + b"\0\x50\0",
    headers: bytes = b"\0\0",
    attributes: bytes = b"\xff",
) -> bytes:
    block = b"\2\2" + places + headers + attributes
    return b"\x12\x34" + len(block).to_bytes(2, "big") + block


def test_the_smallest_request() -> None:
    assert names(asked(forward())) == ["Values", "Head", "Values", "End"]


LENGTH_5 = b"\xa0\x08\0\0015\0"
POST_5 = forward(headers=b"\0\1" + LENGTH_5)
HEADERS = b"AB\0\x0a\4\0\xc8\0\2OK\0\0\0"
END = b"AB\0\2\5\1"


def place(protocol: bytes = b"\0\1h\0", uri: bytes = b"\0\1/\0", ssl: bytes = b"\0") -> bytes:
    return forward(places=protocol + uri + b"\xff\xff" * 3 + b"\0\x50" + ssl)


def answer(
    headers: bytes = b"\0\0", status: bytes = b"\0\xc8", message: bytes = b"\0\2OK\0", more: bytes = b""
) -> bytes:
    block = b"\4" + status + message + headers + more
    return b"AB" + len(block).to_bytes(2, "big") + block


def length(value: bytes, *chunks: bytes) -> bytes:
    """An answer with this Content-Length and these chunks, without its End Response."""
    head = answer(b"\0\1\xa0\3" + len(value).to_bytes(2, "big") + value + b"\0")
    return head + b"".join(b"AB\0" + bytes([len(c) + 4]) + b"\3\0" + bytes([len(c)]) + c + b"\0" for c in chunks)


# A packet, the start of its Head, the error and the offset of its breach, the field that is marked, and its value.
WRONG_REQUESTS = [
    (place(protocol=b"\0\3b h\0"), b"GET / b%20h", "BadFirstLine", 6, "protocol", "b h"),
    (place(protocol=b"\0\0\0"), b"GET / ", "BadFirstLine", 6, "protocol", ""),
    (place(protocol=b"\xff\xff"), b"GET / ", "BadString", 6, "protocol", "null"),
    (place(protocol=b"\0\1h\1"), b"GET / h", "BadString", 9, "NUL", ""),
    (place(uri=b"\0\3/ a\0"), b"GET /%20a h", "BadFirstLine", 10, "req_uri", "/ a"),
    (place(uri=b"\xff\xff"), b"GET  h", "BadString", 10, "req_uri", "null"),
    (place(ssl=b"\2"), b"GET / h", "BadBoolean", 22, "is_ssl", "2"),
    (forward().replace(b"\2\2", b"\2\x1c", 1), b"28 / h", "UnknownCode", 5, "method", "28 (unknown)"),
    (forward().replace(b"\2\2", b"\2\xff", 1), b" / h", "BadFirstLine", 5, "method", "255 (stored_method)"),
    (forward(attributes=b"\5\0\3a b\0\xff"), b"GET /?a%20b h", "BadFirstLine", 25, "query_string", "a b"),
    (
        forward(attributes=b"\x0d\0\3A B\0\xff").replace(b"\2\2", b"\2\xff", 1),
        *(b"A%20B / h", "BadFirstLine", 25, "stored_method", "A B"),
    ),
    (forward(headers=b"\0\1\xa0\x0f\0\1a\0"), b"GET / h", "UnknownCode", 25, "sc_req_header_name", "0xA00F (unknown)"),
    (forward(headers=b"\0\1\xa0\1\xff\xff"), b"GET / h", "BadString", 27, "length", "65535"),
    (forward(headers=b"\0\1\xff\xff\0\1a\0"), b"GET / h", "BadString", 25, "length", "65535"),
    (forward(headers=b"\0\1\xa0\1\0\1ab"), b"GET / h", "BadString", 30, "NUL", ""),
    (
        forward(headers=b"\0\2" + LENGTH_5.replace(b"5", b"0") * 2),
        b"GET / h",
        "BadContentLength",
        35,
        "req_header_value",
        "0",
    ),
    (forward(attributes=b"\x0e\0\1a\0\xff"), b"GET / h", "UnknownCode", 25, "attribute_name", "0x0E (unknown)"),
    (forward(attributes=b"\3\xff\xff\xff"), b"GET / h", "BadString", 26, "length", "65535"),
    (forward(attributes=b"\3\0\x09ab\0\xff"), b"GET / h", "BadLength", 26, "length", "9"),
    (forward(attributes=b"\3\0\1a"), b"GET / h", "BadString", 26, "length", "1"),
    (forward(attributes=b""), b"GET / h", "BadLength", 2, "data_length", "21"),
    (forward(attributes=b"\xff\0\0"), b"GET / h", "BadLength", 26, "rest", "2 bytes"),
]


@pytest.mark.parametrize(("data", "start", "error", "offset", "name", "value"), WRONG_REQUESTS)
@both
def test_a_broken_rule_of_a_request_hides_nothing(
    data: bytes, start: bytes, error: str, offset: int, name: str, value: str, whole: bool
) -> None:
    """The next request is read, too."""
    first, second = exchanges("AJP", [("request", data), ("response", HEADERS + END)] * 2, whole=whole)
    for exchange in (first, second):
        assert (exchange.status, exchange.errors, len(exchange.warnings)) == (200, [], 1), exchange
        assert exchange.warnings[0].startswith(f"{error} at offset {offset + exchange.starts['request']}: ")
        (marked,) = [field for field in fields_of(exchange, WIRES)[0] if field.fault]
        assert (marked.name, marked.value, marked.offset) == (name, value, offset)
    assert head_of(asked(data)).start == start


# The same of an answer; its status.
WRONG_ANSWERS = [
    (answer(status=b"\0\x14") + END, "BadFirstLine", 5, "http_status_code", None),
    (answer(message=b"\0\2O\n\0") + END, "BadFirstLine", 9, "http_status_msg", 200),
    (answer(message=b"\0\2OK\1") + END, "BadString", 11, "NUL", 200),
    (answer(b"\0\1\xa0\x0c\0\1a\0") + END, "UnknownCode", 14, "sc_res_header_name", 200),
    (answer(b"\0\1\xa0\1\xff\xff") + END, "BadString", 16, "length", 200),
    (answer(b"\0\1\xa0\1\0\x09a\0") + END, "BadLength", 16, "length", 200),
    (answer(b"\0\2\xa0\1\0\1a\0") + END, "BadLength", 2, "data_length", 200),
    (answer(b"\0\1\xa0\1\0\1a") + END, "BadString", 16, "length", 200),
    (answer(more=b"\0") + END, "BadLength", 14, "rest", 200),
    (length(b"x", b"ab") + END, "BadContentLength", 18, "res_header_value", 200),
    (HEADERS + b"AB\0\5\3\0\1ab" + END, "BadString", 22, "NUL", 200),
    (HEADERS + b"AB\0\6\3\0\1a\0\0" + END, "BadLength", 19, "chunk_length", 200),
    (HEADERS + b"AB\0\4\3\0\2a" + END, "BadLength", 19, "chunk_length", 200),
    (HEADERS + b"AB\0\2\3\0" + END, "BadLength", 16, "data_length", 200),
    (HEADERS + b"AB\0\2\5\2", "BadBoolean", 19, "reuse", 200),
    (HEADERS + b"AB\0\1\5", "BadLength", 16, "data_length", 200),
    (HEADERS + b"AB\0\3\5\1\0", "BadLength", 20, "rest", 200),
    (HEADERS + b"AB\0\0" + END, "BadLength", 16, "data_length", 200),
    (b"AB\0\2\2x" + HEADERS + END, "UnknownCode", 4, "prefix_code", 200),
    (b"AB\0\2\6\0" + HEADERS + END, "BadLength", 2, "data_length", 200),
]


@pytest.mark.parametrize(("data", "error", "offset", "name", "status"), WRONG_ANSWERS)
@both
def test_a_broken_rule_of_an_answer_hides_nothing(
    data: bytes, error: str, offset: int, name: str, status: int | None, whole: bool
) -> None:
    """Also where it follows another answer."""
    first, second = exchanges("AJP", [("request", forward()), ("response", data)] * 2, whole=whole)
    for exchange in (first, second):
        assert (exchange.status, len(exchange.warnings), bytes(exchange.response)) == (status, 1, data)
        assert exchange.errors == ([] if status else ["the answer has no status"])
        assert exchange.warnings[0].startswith(f"{error} at offset {offset + exchange.starts['response']}: ")
        assert faults(exchange) == [(name, offset)]


# What crosses, the errors and the marked fields of both directions, and the statuses.
ANSWER = HEADERS + END
BODY_2 = b"\x12\x34\0\4\0\2ok"
FAULTY: list[Any] = [
    (
        [("request", POST_5 + b"\x12\x34\0\x08\0\6okapis"), ("response", ANSWER)],
        *(["BadBody"], [("data_length", 36)], [], [200]),
    ),
    ([("request", POST_5 + b"\x12\x34\0\0"), ("response", ANSWER)], ["0 of 5"], [("Data", 32)], [], [200]),
    ([("request", POST_5 + b"\x12\x34\0\2\0\0"), ("response", ANSWER)], ["0 of 5"], [("Data", 32)], [], [200]),
    (
        [("request", POST_5 + BODY_2), ("response", HEADERS)],
        ["2 of 5", "End Response"],
        [("data", 38)],
        [("num_headers", 12)],
        [200],
    ),
    (
        [("request", POST_5), ("response", ANSWER), ("request", forward()), ("response", ANSWER)],
        *(["0 of 5"], [("Forward Request", 0)], [], [200, 200]),
    ),
    (
        [
            ("request", POST_5 + BODY_2),
            ("response", b"AB\0\3\6\0\3" + ANSWER),
            ("request", forward()),
            ("response", ANSWER),
        ],
        *(["2 of 5"], [("Data", 32)], [], [200, 200]),
    ),
    (
        [("request", forward() + BODY_2), ("response", ANSWER), ("request", forward()), ("response", ANSWER)],
        *(["BadBody"], [("Data", 26)], [], [200, 200]),
    ),
    ([("request", forward()), ("response", length(b"5", b"ok") + END)], ["2 of 5"], [], [("End Response", 30)], [200]),
    ([("request", forward()), ("response", length(b"5", b"ok"))], ["2 of 5"], [], [("NUL", 29)], [200]),
    (
        [("request", forward()), ("response", length(b"3", b"ok", b"api", b"s") + END)],
        ["BadBody"],
        [],
        [("chunk_length", 35)],
        [200],
    ),
    (
        [("request", forward()), ("response", HEADERS + HEADERS + END)],
        ["OutOfPlace"],
        [],
        [("Send Headers", 14)],
        [200],
    ),
    (
        [("request", forward()), ("response", b"AB\0\5\3\0\1a\0" + ANSWER)],
        ["OutOfPlace"],
        [],
        [("Send Body Chunk", 0)],
        [200],
    ),
    ([("request", forward()), ("response", END)], ["OutOfPlace"], [], [("End Response", 0)], [None]),
    ([("request", forward()), ("response", b"AB\0\1\x09" + ANSWER)], ["OutOfPlace"], [], [("CPong Reply", 0)], [200]),
]


@pytest.mark.parametrize(("steps", "errors", "in_request", "in_answer", "statuses"), FAULTY)
@both
def test_what_is_missing_or_surplus(
    steps: list[Step],
    errors: list[str],
    in_request: list[tuple[str, int]],
    in_answer: list[tuple[str, int]],
    statuses: list[int | None],
    whole: bool,
) -> None:
    """Errors of the first exchange; the next one has none."""
    first, *others = exchanges("AJP", steps, whole=whole)
    assert [exchange.status for exchange in (first, *others)] == statuses
    assert len(first.errors) == len(errors)
    assert all(part in error for part, error in zip(errors, first.errors, strict=True)), first.errors
    assert not first.warnings
    assert (faults(first, "request"), [mark for mark in faults(first) if mark[0] != "packet"]) == (
        in_request,
        in_answer,
    )
    assert not any(exchange.errors + exchange.warnings for exchange in others)


@both
@pytest.mark.parametrize(("status", "method"), [(b"\0\xc8", 3), (b"\0\xcc", 2), (b"\1\x30", 2)])
def test_answers_whose_length_is_not_that_of_their_body(status: bytes, method: int, whole: bool) -> None:
    request = forward().replace(b"\2\2", bytes([2, method]), 1)
    (exchange,) = exchanges(
        "AJP", [("request", request), ("response", answer(b"\0\1\xa0\3\0\0015\0", status) + END)], whole=whole
    )
    assert not exchange.errors + exchange.warnings


@both
@pytest.mark.parametrize(
    ("surplus", "name"),
    [
        (END, "End Response"),
        (b"AB\0\5\3\0\1a\0", "Send Body Chunk"),
        (b"AB\0\1\x09", "CPong Reply"),
        (b"AB\0\0", "packet"),
    ],
)
def test_surplus_behind_an_answer_is_of_its_exchange(surplus: bytes, name: str, whole: bool) -> None:
    steps: list[Step] = [
        ("request", forward()),
        ("response", ANSWER + surplus),
        ("request", forward()),
        ("response", ANSWER),
    ]
    first, second = exchanges("AJP", steps, whole=whole)
    assert [bool("not asked" in error) for error in first.errors] == [True]
    assert (bytes(first.response), bytes(second.response)) == (ANSWER + surplus, ANSWER)
    assert (second.status, second.errors + second.warnings) == (200, [])
    assert (name, len(ANSWER)) in [(field.name, field.offset) for field in fields_of(first, WIRES)[1]]


@both
@pytest.mark.parametrize("message", [b"\x12\x34\0\1\7", b"\x12\x34\0\3\x08ab", b"\x12\x34\0\1\x0a", b"\x12\x34\0\1\3"])
def test_a_message_without_an_answer_moves_no_other_answer(message: bytes, whole: bool) -> None:
    """Shutdown and Ping have none; a container that knows no CPing gives none."""
    first, second = exchanges("AJP", [("request", message + forward()), ("response", ANSWER)], whole=whole)
    assert (bytes(first.request), bytes(first.response), first.status, first.errors) == (message, b"", None, [])
    assert len(first.warnings) == (message[-1] == 3)
    assert (second.method, second.status, bytes(second.response), second.errors) == ("GET", 200, ANSWER, [])


@both
def test_an_early_answer_and_those_behind_it(whole: bool) -> None:
    """The lengths of later answers are still held against their own requests."""
    head = forward().replace(b"\2\2", b"\2\3", 1)
    steps: list[Step] = [
        *(("request", forward()[:-3]), ("response", ANSWER), ("request", forward()[-3:])),
        *(
            ("request", head),
            ("response", length(b"5") + END),
            ("request", forward()),
            ("response", length(b"5") + END),
        ),
    ]
    early, of_head, short = exchanges("AJP", steps, whole=whole)
    assert (early.errors, of_head.errors, len(short.errors)) == ([], [], 1)


# The framing is in doubt: the head is told, then decoding ends.
@pytest.mark.parametrize(
    ("data", "error", "offset", "message"),
    [
        (b"AB\0\2\5\1", "BadMagic", 0, "a packet that begins with"),
        (forward(headers=b"\0\1\xa0\1\0\x09a\0"), "BadLength", 27, "9 bytes, which end within the packet"),
        (forward(headers=b"\0\2\xa0\1\0\1a\0"), "BadLength", 2, "a packet that also holds length"),
        (forward(headers=b"\0\1\xa0\x08\0\2+5\0"), "BadContentLength", 29, "one content-length, a decimal number"),
        (forward(headers=b"\0\1\xa0\x08\0\0\0"), "BadContentLength", 27, "one content-length, a decimal number"),
        (forward(headers=b"\0\2" + LENGTH_5 + b"\xa0\x08\0\0016\0"), "BadContentLength", 35, "one content-length"),
        (b"\x12\x34\0\2\2\2", "BadLength", 2, "a packet that also holds length"),
        (POST_5 + BODY_2, "Truncated", 40, "2 of 5 bytes of the body"),
        (forward()[:-1], "Truncated", 0, "the rest of a packet"),
    ],
)
def test_the_end_of_reading_requests(data: bytes, error: str, offset: int, message: str) -> None:
    check_wrong("request", data, error, offset, message)
    events, _ = AJP.decoders()[0].whole(data)
    told = [event.start[:3] for event in events if isinstance(event, Head)]
    assert told == ([] if data.startswith(b"AB") or data == forward()[:-1] else [b"GET"])
    assert all(isinstance(event, Values | Head | Data) for event in events)


@pytest.mark.parametrize(
    ("data", "error", "offset", "message"),
    [
        (b"\x12\x34\0\1\x0a", "BadMagic", 0, "a packet that begins with"),
        (HEADERS + b"AB\0\5\3\0\1", "Truncated", 21, "2 more bytes of a chunk"),
        (HEADERS, "Truncated", 14, "End Response"),
        (HEADERS + b"AB\0\4\3\0\0\0", "Truncated", 22, "End Response"),
        (length(b"5", b"ok"), "Truncated", 30, "2 of 5 bytes of the body"),
    ],
)
def test_the_end_of_reading_answers(data: bytes, error: str, offset: int, message: str) -> None:
    check_wrong("response", data, error, offset, message)


def check_wrong(direction: Direction, data: bytes, error: str, offset: int, message: str) -> None:
    expected = Truncated if error == "Truncated" else getattr(AJP.faults, error)
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        with pytest.raises(expected, match=message) as raised:
            decoded(AJP.decoders()[direction == "response"], *pieces)
        assert raised.value.offset == offset
        assert data.startswith(raised.value.seen, offset)
    fields = AJP.annotate(direction, data).fields
    assert sum(field.length for field in fields if field.depth == 0) == len(data)
    if error != "Truncated":
        assert any(field.fault for field in fields)


@pytest.mark.parametrize("specimen", SPECIMENS.values(), ids=list(SPECIMENS))
def test_the_first_bytes_tell_the_protocol(specimen: Specimen) -> None:
    sides: tuple[tuple[Direction, bytes], ...] = (("request", specimen.request), ("response", specimen.response))
    for direction, data in sides:
        assert not data or AJP.BEGINS[direction].match(data[:3])


@both
def test_a_cping_is_an_exchange_of_its_own(whole: bool) -> None:
    cping = AJP.REQUESTS["CPING"].encode([], b"", b"")
    steps: list[Step] = [("request", cping), ("response", b"AB\0\1\x09"), ("request", forward()), ("response", ANSWER)]
    first, second = exchanges("AJP", steps, whole=whole)
    assert (bytes(first.request), bytes(first.response), first.errors) == (b"\x12\x34\0\1\x0a", b"AB\0\1\x09", [])
    assert (second.status, second.errors) == (200, [])
    with pytest.raises(CannotEncode, match="CPing has no value"):
        AJP.REQUESTS["CPING"].encode([], b"", b"x")


@pytest.mark.parametrize(
    "data",
    [
        forward(headers=b"\0\2\xa0\x09\0\5tiger\1\xa0\1\0\1a\0"),
        forward(headers=b"\0\1\xa0\x09\0\x09tiger\0"),
        forward(headers=b"\0\1\0\x30Cookie\0\0\5tiger\0"),
        forward(headers=b"\0\2\xa0\1\0\x30abc\0\xa0\x09\0\5tiger\0"),
        forward(attributes=b"\x0c\0\5tiger\1\xff"),
        forward(attributes=b"\x0c\0\x30tiger"),
        forward(attributes=b"\x0e\0\1a\0\x0c\0\5tiger\0\xff"),
        forward(attributes=b"\x0a\0\6secret\1\0\5tiger\0\xff"),
        forward(attributes=b"\x0a\0\x0dAuthorization\0\0\x30tiger\0\xff"),
        forward(attributes=b"\xff\xa0\x09\0\5tiger\0"),
        answer(b"\0\1\xa0\7\0\5tiger\1") + END,
        answer(b"\0\1\xa0\7\0\x30tiger\0") + END,
        answer(b"\0\1\0\x30Set-Cookie\0\0\5tiger\0") + END,
    ],
)
@both
def test_a_secret_in_a_broken_packet_is_hidden(data: bytes, whole: bool) -> None:
    direction: Direction = "request" if data.startswith(b"\x12\x34") else "response"
    at = data.index(b"tiger")
    fields = AJP.annotate(direction, data).fields
    assert [f for f in fields if f.secret and f.offset <= at and at + 5 <= f.offset + f.length]
    before: list[Step] = [("request", forward())] if direction == "response" else []
    behind: list[Step] = [("response", ANSWER)] if direction == "request" else []
    (exchange,) = exchanges("AJP", [*before, (direction, data), *behind], whole=whole)
    shown, _ = mask(exchange, WIRES)
    assert b"tiger" not in shown.request + shown.response
    pieces = [data[at : at + 1] for at in range(len(data))] if not whole else [data]
    request, response, _ = masked("AJP", [*before, *((direction, piece) for piece in pieces)])
    assert b"tiger" not in request + response
    assert exchange.errors + exchange.warnings


@pytest.mark.parametrize("specimen", [*SPECIMENS.values()], ids=list(SPECIMENS))
def test_both_readers_read_the_same(specimen: Specimen) -> None:
    request, response = first_packet(specimen.request), first_packet(specimen.response)
    read = AJP.packet.Packet(request, 0, len(request), Limits()).read("request")
    assert read.forward() == AJP.read.forward_request(request, Limits())
    assert not read.problems
    if response:
        read = AJP.packet.Packet(response, 0, len(response), Limits()).read("response")
        start, headers = AJP.read.send_headers(response, Limits())
        assert (b"HTTP/1.1 %d %b" % (read.number, read.message_of_status), read.headers) == (start, headers)


@pytest.mark.parametrize("data", [row[0] for row in WRONG_REQUESTS])
def test_the_quick_reader_refuses_each_broken_packet(data: bytes) -> None:
    with pytest.raises(AJP.read.WRONG):
        AJP.read.forward_request(data, Limits())


@pytest.mark.parametrize(
    ("headers", "attributes", "error", "message"),
    [
        (b"\0\1\0\6abcdef\0\0\1a\0", b"\xff", TooLong, "at most 5 bytes, not 6"),
        (b"\0\1\xa0\1\0\7abcdefg\0", b"\xff", TooLong, "at most 6 bytes, not 7"),
        (b"\0\3" + b"\xa0\1\0\1a\0" * 3, b"\xff", TooMany, "at most 2 headers"),
        (b"\0\0", b"\3\0\1a\0" * 3 + b"\xff", TooMany, "at most 2 attributes"),
        (b"\0\1\xa0\1\0\x40" + b"a" * 64 + b"\0", b"\xff", TooLong, "a packet of at most 60 bytes"),
    ],
)
def test_limits(headers: bytes, attributes: bytes, error: type[WireError], message: str) -> None:
    limits = Limits(name=5, value=6, head=60, variables=2)
    with pytest.raises(error, match=message):
        decoded(AJP.decoders(limits)[0], forward(headers=headers, attributes=attributes))


def test_secrets_are_marked() -> None:
    data = SPECIMENS["post"].request
    marked = [data[f.offset : f.offset + f.length] for f in AJP.annotate("request", data).fields if f.secret]
    assert marked == [b"session=tiger", b"Basic em9vOnRpZ2Vy"]
    named = forward(headers=b"\0\1\0\6Cookie\0\0\1a\0", attributes=b"\x0c\0\5tiger\0\xff")
    marked = [named[f.offset : f.offset + f.length] for f in AJP.annotate("request", named).fields if f.secret]
    assert marked == [b"a", b"tiger"]
    answer = AJP.response(200, [(b"Set-Cookie", b"lion")])
    marked = [answer[f.offset : f.offset + f.length] for f in AJP.annotate("response", answer).fields if f.secret]
    assert marked == [b"lion"]


@pytest.mark.parametrize(
    ("variables", "body", "message"),
    [
        ([], b"", "BadFirstLine"),
        (ASKED, b"okapi", "5 bytes of body, and CONTENT_LENGTH says 0"),
        (posted(4), b"okapi", "5 bytes of body, and CONTENT_LENGTH says 4"),
        ([*ASKED, (b"CONTENT_LENGTH", b"+5")], b"okapi", "BadContentLength"),
        ([*ASKED, (b"HTTP_X", b"x" * 9000)], b"", "has 9000 bytes; a packet has 8192"),
        ([*ASKED, (b"HTTP_X", b"x" * 8150)], b"", "in a packet; with its header it has at most 8192"),
        ([*ASKED[:5], (b"SERVER_PORT", b"70000")], b"", "a port is a number of two bytes"),
    ],
)
def test_no_request_says_this(variables: Pairs, body: bytes, message: str) -> None:
    with pytest.raises(CannotEncode, match=message):
        AJP.request(variables, body)


def test_no_response_says_this() -> None:
    with pytest.raises(CannotEncode, match="three digits"):
        AJP.response(1000, [])
    with pytest.raises(CannotEncode, match="a packet has 8192"):
        AJP.response(200, [(b"X", b"x" * 8192)])
