"""cgi_bin/wire.py, judged by those who write CGI (wsgiref, php-cgi, the zoo's own program) and by who reads it (email,
nginx, the kernel's idea of an environment)."""

import email
import io
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any
from wsgiref.handlers import BaseCGIHandler

import pytest
from wire_contract import check_agrees, check_fields, check_tiles
from wire_in_test import WIRES, decode, decoded
from zoo_in_test import ROOT, python_of

from gateway_zoo.wire import conversation
from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.events import Breach, Data, End, Event, Head, Problem, Variables, asking, status_of
from gateway_zoo.wire.exchange import Exchange, fields_of
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.faults import CannotEncode, Limits, TooLong, TooMany, Truncated, WireError
from gateway_zoo.wire.fields import Span, secret
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened
from gateway_zoo.wire.specimen import Specimen, load

CGI: Any = WIRES["CGI"]
SPECIMENS = {path.stem: load(path) for path in sorted((ROOT / "cgi_bin/specimens").glob("*.toml"))}
OK = b"Content-Type: text/plain\r\n\r\n"

WITH_DOCUMENT = "client redirect response with document"

each_specimen = pytest.mark.parametrize("specimen", SPECIMENS.values(), ids=list(SPECIMENS))


def answer(data: bytes) -> list[Event]:
    return decoded(CGI.decoders()[1], data)


def head_of(data: bytes) -> Head:
    head = answer(data)[0]
    assert isinstance(head, Head)
    return head


# --- real bytes -----------------------------------------------------------------------------------------------------


@each_specimen
def test_specimens_are_the_same_however_they_are_cut(specimen: Specimen) -> None:
    for index, data in enumerate((specimen.request, specimen.response)):
        whole = decoded(CGI.decoders()[index], data)
        assert decoded(CGI.decoders()[index], *(data[at : at + 1] for at in range(len(data)))) == whole
        for at in range(len(data)):
            assert decoded(CGI.decoders()[index], data[:at], data[at:]) == whole


@each_specimen
def test_specimens_are_encoded_as_they_were(specimen: Specimen) -> None:
    variables, *rest = decoded(CGI.decoders()[0], specimen.request)
    assert isinstance(variables, Variables)
    body = b"".join(event.data for event in rest if isinstance(event, Data))
    assert CGI.request(variables.pairs, body) == specimen.request
    head, *rest = answer(specimen.response)
    assert isinstance(head, Head)
    (name, status), *headers = head.headers
    assert name == b"Status"
    body = b"".join(event.data for event in rest if isinstance(event, Data))
    assert CGI.response(int(status[:3]), headers, body) == specimen.response


@each_specimen
def test_specimens_have_a_name_for_every_byte(specimen: Specimen) -> None:
    sides: tuple[tuple[Direction, bytes], ...] = (("request", specimen.request), ("response", specimen.response))
    for direction, data in sides:
        for end in range(len(data) + 1):
            top = [field for field in CGI.annotate(direction, data[:end]).fields if field.depth == 0]
            assert b"".join(data[:end][field.offset : field.offset + field.length] for field in top) == data[:end]
        assert not any(field.fault for field in CGI.annotate(direction, data).fields)


def test_the_hello_specimen_says_hello() -> None:
    request = decoded(CGI.decoders()[0], SPECIMENS["hello"].request)
    assert isinstance(request[0], Variables)
    assert dict(request[0].pairs)[b"PATH_INFO"] == b"/hello"
    head, body, end = answer(SPECIMENS["hello"].response)
    assert isinstance(head, Head)
    assert isinstance(body, Data)
    assert (b"Status", b"200 OK") in head.headers
    assert body.data == b"Hello from the Gateway Zoo\n"
    assert end == End(len(SPECIMENS["hello"].response), 0)


# --- judges ---------------------------------------------------------------------------------------------------------


def test_the_kernel_lays_an_environment_out_like_this() -> None:
    variables = [(b"REQUEST_METHOD", b"GET"), (b"EMPTY", b""), (b"SUM", b"1+1=2"), (b"LATIN1", b"\xe9")]
    shown = subprocess.run(
        ["cat", "/proc/self/environ"], env=dict(variables), stdout=subprocess.PIPE, check=True
    ).stdout
    assert CGI.request(variables) == shown + b"\0"


def test_the_zoos_program_run_with_a_decoded_environment_answers_as_then() -> None:
    specimen = SPECIMENS["hello"]
    variables = decoded(CGI.decoders()[0], specimen.request)[0]
    assert isinstance(variables, Variables)
    environment = dict(variables.pairs) | {b"PATH": os.fsencode(os.environ["PATH"]), b"PYTHONPATH": bytes(ROOT / "app")}
    argv = [python_of(), str(ROOT / "cgi_bin/app.cgi")]
    done = subprocess.run(argv, env=environment, input=b"", stdout=subprocess.PIPE, check=True, timeout=60)
    assert answer(done.stdout) == answer(specimen.response)


def test_wsgiref_and_email_agree() -> None:
    given = [("Content-Type", "text/plain"), ("X-Colons", "a: b: c"), ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")]

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("418 I'm a teapot", given)
        return [b"short and ", b"stout"]

    out = io.BytesIO()
    BaseCGIHandler(io.BytesIO(), out, io.StringIO(), {"REQUEST_METHOD": "GET"}).run(app)
    head, body, _ = answer(out.getvalue())
    assert isinstance(head, Head)
    read = email.message_from_bytes(out.getvalue())
    assert [(n.decode(), v.decode()) for n, v in head.headers] == read.items()
    assert read.items()[:5] == [("Status", "418 I'm a teapot"), *given]
    assert isinstance(body, Data)
    assert body.data == b"short and stout"


@pytest.mark.skipif(not shutil.which("php-cgi"), reason="php-cgi is not installed")
def test_php_answers_with_what_we_can_read_but_for_a_status_without_reason(tmp_path: Path) -> None:
    script = tmp_path / "hello.php"
    script.write_text(
        '<?php http_response_code((int) $_GET["c"]); header("X-Way: php"); echo file_get_contents("php://input");'
    )
    written = {}
    for code in (404, 299):
        variables = [(b"SCRIPT_FILENAME", bytes(script)), (b"REDIRECT_STATUS", b"200"), (b"REQUEST_METHOD", b"POST")]
        variables += [(b"QUERY_STRING", b"c=%d" % code), (b"CONTENT_LENGTH", b"5"), (b"CONTENT_TYPE", b"text/plain")]
        told = decoded(CGI.decoders()[0], CGI.request(variables, b"okapi"))
        assert isinstance(told[0], Variables)
        assert isinstance(told[1], Data)
        done = subprocess.run(
            ["php-cgi"], env=dict(told[0].pairs), input=told[1].data, stdout=subprocess.PIPE, check=True, timeout=60
        )
        written[code] = done.stdout
    head, body, _ = answer(written[404])
    assert isinstance(head, Head)
    assert {(b"Status", b"404 Not Found"), (b"X-Way", b"php")} <= set(head.headers)
    assert isinstance(body, Data)
    assert body.data == b"okapi"
    head, status, *_ = answer(written[299])
    assert isinstance(head, Head)
    assert dict(head.headers)[b"Status"] == b"299"
    assert isinstance(status, Breach)
    assert "Status as three digits, a space and a reason" in status.error


# --- what the specification wants -------------------------------------------------------------------------------------


def test_lf_and_cr_lf_end_a_line() -> None:
    assert head_of(b"Status: 200 OK\nA: b\r\nC:d \n\n").headers == [(b"Status", b"200 OK"), (b"A", b"b"), (b"C", b"d")]


def test_a_non_parsed_header_is_http() -> None:
    head, breach, body, _ = answer(b"HTTP/1.1 200 OK\r\nX: y\r\nX: z\r\n\r\nbody")
    assert isinstance(breach, Breach)
    assert "these bytes are HTTP" in breach.note
    assert head == Head(0, 0, b"HTTP/1.1 200 OK", [(b"X", b"y"), (b"X", b"z")])
    assert body == Data(31, 0, "body", b"body")
    first = CGI.annotate("response", b"HTTP/1.1 200 OK\r\n\r\n").fields[0]
    assert (first.name, first.section) == ("Status-Line", "RFC 3875 5.2")


LOCAL, CLIENT, DOCUMENT = "local redirect response", "client redirect response", "document response"


@pytest.mark.parametrize(
    ("head", "body", "kind", "section", "breach"),
    [
        (b"Content-Type: text/plain\n", b"b", DOCUMENT, "6.2.1", ""),
        (b"Status: 204 No Content\n", b"", DOCUMENT, "6.2.1", "6.2.1"),
        (b"Location: /there\n", b"", LOCAL, "6.2.2", ""),
        (b"Location: /there\n", b"b", LOCAL, "6.2.2", "6.2.2"),
        (b"Location: /there\nStatus: 302 Found\n", b"", LOCAL, "6.2.2", "6.2.2"),
        (b"location: http://a/\nX-CGI-Y: z\n", b"", CLIENT, "6.2.3", ""),
        (b"Location: x\n", b"", CLIENT, "6.2.3", "6.3.2"),
        (b"Location: ../y:z\n", b"", CLIENT, "6.2.3", "6.3.2"),
        (b"Location: http://a/\n", b"b", WITH_DOCUMENT, "6.2.4", "6.2.4"),
        (b"Location: http://a/\nStatus: 302 Found\n", b"b", WITH_DOCUMENT, "6.2.4", "6.2.4"),
        (b"Location: http://a/\nStatus: 303 So\nContent-Type: a/b\n", b"b", WITH_DOCUMENT, "6.2.4", ""),
        (b"Location: http://a/\nStatus: 200 OK\nContent-Type: a/b\n", b"b", WITH_DOCUMENT, "6.2.4", "6.2.4"),
        (b"Location: x\nStatus: 302 Found\nContent-Type: a/b\n", b"b", WITH_DOCUMENT, "6.2.4", "6.3.2"),
    ],
)
def test_response_types(head: bytes, body: bytes, kind: str, section: str, breach: str) -> None:
    """As it is read and, in the field of the empty line, shown."""
    found, where, broken = CGI.response_type(head_of(head + b"\n").headers, body=bool(body))
    assert (found, where, broken[: len(breach)]) == (kind, section, breach)
    assert bool(broken) == bool(breach)
    (empty,) = (f for f in CGI.annotate("response", head + b"\n" + body).fields if f.name == "NL" and not f.depth)
    assert (empty.value, empty.section) == (kind, f"RFC 3875 {section}")
    assert broken in empty.means


def run(data: bytes, direction: int = 1, method: bytes = b"") -> tuple[list[Event], WireError | None]:
    """The events of a whole stream, which are the same byte by byte, and the error that ended them."""
    runs = []
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        decoder = CGI.decoders()[direction]
        if method:
            decoder.asked(asking(method))
        runs.append(decode(decoder, pieces))
    (events, error), (cut_events, cut_error) = runs
    assert events == cut_events
    assert (type(error), getattr(error, "offset", 0)) == (type(cut_error), getattr(cut_error, "offset", 0))
    way: Direction = "response" if direction else "request"
    check_agrees(events, CGI.annotate(way, data, [method]).fields)
    return events, error


def shown(events: list[Event]) -> list[tuple[str, int, str]]:
    """The problems: name, offset, kind."""
    return [(e.note.split(":")[0], e.offset, type(e).__name__) for e in events if isinstance(e, Problem)]


def marked(data: bytes, way: Direction = "response", method: bytes = b"") -> list[tuple[str, int]]:
    """Name and offset of each field with a fault, in a CGI exchange."""
    request = data if way == "request" else b"REQUEST_METHOD=%b\0\0" % method if method else b""
    fields = conversation.annotate(WIRES, "CGI", request, data if way == "response" else b"")[way == "response"]
    check_fields(fields, len(data))
    check_tiles([span for field in fields if field.depth == 0 for span in field.spans], len(data), way)
    return [(field.name, field.offset) for field in fields if field.fault]


HTTP = "NonParsedHeader"


@pytest.mark.parametrize(
    ("data", "error", "offset", "mark", "status"),
    [
        (b"Status: 410 Gone\nTraceback (most recent call last):\n\n", "BadHeader", 17, None, 410),
        (b"Status: 410 Gone\nno colon\n\n", "BadHeader", 17, "no colon", 410),
        (b"Status: 410 Gone\nA : b\n\n", "BadHeader", 17, "A", 410),
        (b"Status : 410 Gone\nContent-Type: a/b\n\n", "BadHeader", 0, "Status", 410),
        (b"Status: 410 Gone\nA: b\x00c\n\n", "BadHeader", 17, "A", 410),
        (b"Status: 410 Gone\nA: b\r c\n\n", "BadHeader", 17, "A", 410),
        (b"Status: 410 Gone\n: b\n\n", "BadHeader", 17, "", 410),
        (b"Status: 410 Gone\n\r\r\n\n", "BadHeader", 17, "", 410),
        (b"Status: 410 Gone\n and away\n\n", "ContinuedLine", 17, "space", 410),
        (b"Status: 410 Gone\n \t\n\n", "ContinuedLine", 17, "Status", 410),
        (b" Status: 410 Gone\n\n", "ContinuedLine", 0, "Status", 410),
        (b"Status: 410 Gone\nstatus: 404 No\n\n", "RepeatedField", 17, "status", 410),
        (b"Content-Type: a/b\nContent-Type: a/b\n\n", "RepeatedField", 18, "Content-Type", 200),
        (b"A: b\nStatus:\n\n", "NoCGIField", 13, "NL", 200),
        (b"\r\nbody", "NoCGIField", 0, "NL", 200),
        (b"Status: 410\n\n", "BadStatus", 0, "Status", 410),
        (b"Status: 20\n\n", "BadStatus", 0, "Status", None),
        (b"Status: +20 OK\n\n", "BadStatus", 0, "Status", None),
        (b"Status: 2000 OK\n\n", "BadStatus", 0, "Status", None),
        (b"Status: 410\tGone\n\n", "BadStatus", 0, "Status", 410),
        (b"Status: 410 Gone\nContent-Length: x\n\nbody", "BadContentLength", 17, "Content-Length", 410),
        (b"Status: 410 Gone\nContent-Length: 1\nContent-Length: 2\n\nbody", "BadContentLength", 35, None, 410),
        (b"Status: 410 Gone\nContent-Length: 99999999999999999999\n\n", "BadContentLength", 17, None, 410),
    ],
)
def test_a_broken_rule_leaves_the_answer_whole(
    data: bytes, error: str, offset: int, mark: str | None, status: int | None
) -> None:
    events, fatal = run(data)
    assert fatal is None
    assert isinstance(head := events[0], Head)
    assert status_of(head) == status
    assert shown(events) == [(error, offset, "Breach")]
    names, offsets = zip(*marked(data), strict=True)
    assert offsets == (offset,) or error == "ContinuedLine"
    assert mark is None or names == (mark,)
    assert events[-1] == End(len(data), 0)
    assert (
        b"".join(event.data for event in events if isinstance(event, Data)) == data.partition(b"\n\n")[2] or not offset
    )


@pytest.mark.parametrize(
    ("data", "errors", "status"),
    [
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\nbody", [HTTP], 410),
        (b"HTTP/1.1 410\n\n", ["BadStatusLine", HTTP], 410),
        (b"HTTP/1 410 Gone\n\n", ["BadStatusLine", HTTP], 410),
        (b"HTTP/1.1 x\n\n", ["BadStatusLine", HTTP], None),
        (b"HTTP/1.1 410 Gone\nTransfer-Encoding: chunked\nContent-Length: 1\n\n0\r\n\r\n", [HTTP], 410),
    ],
)
def test_an_answer_in_http_is_named(data: bytes, errors: list[str], status: int | None) -> None:
    events, error = run(data)
    assert error is None
    assert isinstance(events[0], Head)
    assert status_of(events[0]) == status
    assert shown(events) == [(name, 0, "Breach") for name in errors]
    assert marked(data) == [("Status-Line", 0)]


@pytest.mark.parametrize(
    ("data", "offset", "status"),
    [
        (b"Status: 410 Gone\nSet-Co", 17, 410),
        (b"Status: 410 Gone\nSet-Cookie: a\r", 17, 410),
        (b"Status: 410 Gone\n and", 17, 410),
        (b"Status: 410 Gone\n", 17, 410),
        (b"HTTP/1.1 410 Gone\n", 18, 410),
        (b"Status: 410", 0, None),
        (b"Content-Type: a/b\nStat", 18, None),
        (b"Traceback (most recent", 0, None),
    ],
)
def test_a_head_that_is_cut_off_tells_its_complete_lines(data: bytes, offset: int, status: int | None) -> None:
    events, error = run(data)
    assert type(error) is Truncated
    assert error.offset == offset
    assert [status_of(event) for event in events if isinstance(event, Head)] == ([status] if status else [])
    assert not [kind for kind, _, _ in shown(events) if kind == "NoCGIField"]
    marked(data)


OF_TEN = b"Status: 200 OK\nContent-Length: 10\n\n"


@pytest.mark.parametrize(
    ("data", "method", "problems", "body"),
    [
        (OF_TEN + b"0123456789", b"GET", [], b"0123456789"),
        (OF_TEN + b"0123456789abc", b"GET", [("Surplus", 45, "Fault")], b"0123456789"),
        (OF_TEN + b"0123", b"HEAD", [("Surplus", 35, "Fault")], b""),
        (OF_TEN, b"HEAD", [], b""),
        (b"Status: 204 No Content\nContent-Length: 10\n\n", b"GET", [], b""),
        (b"Status: 304 Not Modified\nContent-Length: 10\n\nabc", b"GET", [("Surplus", 45, "Fault")], b""),
        (b"Status: 200 OK\nContent-Length:\n\nabc", b"GET", [], b"abc"),
        (b"Status: 200 OK\nContent-Length: 0\n\nabc", b"", [("Surplus", 34, "Fault")], b""),
        (b"Status: 200 OK\nContent-Length: 3\nContent-Length: 03\n\nabc", b"", [], b"abc"),
    ],
)
def test_a_body_is_held_against_its_length(
    data: bytes, method: bytes, problems: list[tuple[str, int, str]], body: bytes
) -> None:
    events, error = run(data, method=method)
    assert error is None
    assert shown(events) == problems
    assert b"".join(event.data for event in events if isinstance(event, Data)) == body
    assert marked(data, method=method) == [("surplus", at) for _, at, _ in problems]


def test_a_body_that_is_too_short_says_by_how_much() -> None:
    events, error = run(OF_TEN + b"0123")
    assert type(error) is Truncated
    assert "4 of 10 bytes of the body came" in str(error)
    assert isinstance(events[0], Head)


@pytest.mark.parametrize(
    ("line", "spans"),
    [
        (b"Set-Cookie: tiger", [(12, 5)]),
        (b"Set-Cookie : tiger", [(13, 5)]),
        (b"Set-Cookie tiger", [(11, 5)]),
        (b"Set-Cookie=tiger", [(10, 6)]),
        (b"x Set-Cookie tiger: a", [(13, 8)]),
        (b"Set-Cookie: ti\n  ger", [(12, 2), (17, 3)]),
        (b"Set-Cookie:\n tiger", [(11, 0), (13, 5)]),
        (b"Set-Cookie: ti\x00ger", [(12, 6)]),
    ],
)
def test_a_secret_in_a_broken_line_is_one(line: bytes, spans: list[Span]) -> None:
    """Also where the line is the last that came."""
    for data in (line + b"\nStatus: 200 OK\n\n", b"%b\n" % line, line):
        hidden = [field for field in CGI.annotate("response", data).fields if field.secret]
        covered = {at for field in hidden for low, size in field.spans for at in range(low, low + size)}
        assert covered >= {at for low, size in spans for at in range(low, low + size)}
        if data is not line:
            assert [field.spans for field in hidden] == [tuple(spans)]
        events, _ = run(data)
        for event in events:
            if isinstance(event, Head):
                assert [name for name, _ in event.headers if secret(name)] == [b"Set-Cookie"]


def cgi_over(protocol: str, answer: bytes, method: bytes = b"GET") -> Exchange:
    """The exchange in which a gateway answers so, byte by byte, and closes."""
    variables = [(b"REQUEST_METHOD", method), (b"REQUEST_URI", b"/x")]
    if protocol == "FastCGI":
        answer = struct.pack(">BBHHBx", 1, 6, 1, len(answer), 0) + answer + struct.pack(">BBHHBx", 1, 6, 1, 0, 0)
        answer += struct.pack(">BBHHBx8x", 1, 3, 1, 8, 0)
    exchanges = Exchanges(WIRES)
    entries: list[AnyEntry] = [
        Opened(connection=1, at=1.0, exhibit="x", front="nginx", protocol=protocol, address="x.sock"),
        Bytes(connection=1, at=1.0, direction="request", data=WIRES[protocol].request(variables)),
        Ended(connection=1, at=1.0, direction="request"),
        *[Bytes(connection=1, at=1.1, direction="response", data=bytes([byte])) for byte in answer],
        Ended(connection=1, at=1.2, direction="response"),
        Closed(connection=1, at=1.2),
    ]
    for entry in entries:
        exchanges.feed(entry)
    (exchange,) = exchanges.all.values()
    return exchange


@pytest.mark.parametrize("protocol", ["SCGI", "FastCGI", "CGI"])
@pytest.mark.parametrize(
    ("answer", "method", "status", "errors", "warnings", "marks"),
    [
        (b"Status: 410\nContent-Type: a/b\n\n", b"GET", 410, 0, ["BadStatus"], ["Status"]),
        (b"HTTP/1.1 410 Gone\r\n\r\n", b"GET", 410, 0, ["NonParsedHeader"], ["Status-Line"]),
        (OF_TEN + b"0123", b"GET", 200, ["4 of 10 bytes of the body"], 0, None),
        (OF_TEN + b"0123", b"HEAD", 200, ["Surplus"], 0, ["surplus"]),
        (OF_TEN, b"HEAD", 200, 0, 0, []),
        (b"Status: 410 Gone\nSet-Co", b"GET", 410, ["Truncated"], 0, None),
    ],
)
def test_an_exchange_with_such_an_answer(
    protocol: str,
    answer: bytes,
    method: bytes,
    status: int,
    errors: list[str] | int,
    warnings: list[str] | int,
    marks: list[str] | None,
) -> None:
    exchange = cgi_over(protocol, answer, method)
    assert exchange.status == status
    for given, expected in ((exchange.errors, errors or []), (exchange.warnings, warnings or [])):
        assert isinstance(expected, list)
        assert len(given) == len(expected)
        assert all(text in error for text, error in zip(expected, given, strict=True))
    if marks is not None:
        assert [field.name for field in fields_of(exchange, WIRES)[1] if field.fault] == marks


def test_a_status_may_have_an_empty_reason() -> None:
    assert head_of(b"Status: 299 \r\n\r\n").headers == [(b"Status", b"299")]


@pytest.mark.parametrize(
    ("data", "problems", "marks"),
    [
        (b"A=b\0CD\0\0", [("BadVariable", 4, "Breach")], [("CD", 4)]),
        (b"=b\0A=b\0\0", [("BadVariable", 0, "Breach")], [("", 0)]),
        (b"CONTENT_LENGTH=2\0CONTENT_LENGTH=02\0\0ab", [("BadContentLength", 17, "Breach")], [("CONTENT_LENGTH", 17)]),
        (b"CONTENT_LENGTH=2\0\0abc", [("Surplus", 20, "Fault")], [("surplus", 20)]),
        (b"\0a", [("Surplus", 1, "Fault")], [("surplus", 1)]),
    ],
)
def test_a_broken_rule_leaves_the_request_whole(
    data: bytes, problems: list[tuple[str, int, str]], marks: list[tuple[str, int]]
) -> None:
    events, error = run(data, 0)
    assert error is None
    assert shown(events) == problems
    assert marked(data, "request") == marks
    assert len([event for event in events if isinstance(event, End)]) == 1


@pytest.mark.parametrize(
    ("data", "error", "offset", "message"),
    [
        (b"A=\0CONTENT_LENGTH=+5\0\0", "BadContentLength", 18, "CONTENT_LENGTH once, as a decimal number"),
        (b"CONTENT_LENGTH=5\0CONTENT_LENGTH=6\0A=b\0\0x", "BadContentLength", 32, "once, as a decimal number"),
        (b"CONTENT_LENGTH=5\0CONTENT_LENGTH=\0\0", "BadContentLength", 15, "once, as a decimal number"),
        (b"CONTENT_LENGTH=2\0\0a", "Truncated", 19, "1 of 2 bytes of the body came"),
        (b"A=b\0", "Truncated", 0, "the end of the environment"),
        (b"A=b\0HTTP_COOKIE=t", "Truncated", 0, "the end of the environment"),
        (b"A=b\0HTTP", "Truncated", 0, "the end of the environment"),
    ],
)
def test_what_ends_the_reading_comes_behind_the_variables(data: bytes, error: str, offset: int, message: str) -> None:
    expected = Truncated if error == "Truncated" else getattr(CGI.faults, error)
    events, raised = run(data, 0)
    assert type(raised) is expected
    assert raised.offset == offset
    assert message in str(raised)
    assert isinstance(events[0], Variables)
    assert (error, offset) == ("Truncated", 19) or marked(data, "request")


def test_a_secret_in_a_broken_variable_is_one() -> None:
    data = b"A=b\0HTTP_COOKIE tiger\0C=d\0\0"
    assert [field.spans for field in CGI.annotate("request", data).fields if field.secret] == [((15, 6),)]
    (variables, *_), _ = run(data, 0)
    assert isinstance(variables, Variables)
    assert [name for name, _ in variables.pairs if secret(name)] == [b"COOKIE"]


def test_an_empty_or_absent_content_length_is_none() -> None:
    for data in (b"\0", b"CONTENT_LENGTH=\0\0", b"CONTENT_LENGTH=0\0\0"):
        assert decoded(CGI.decoders()[0], data)[-1] == End(len(data), 0)


@pytest.mark.parametrize(
    ("direction", "data", "error", "message"),
    [
        (0, b"ABCDEF=g\0\0", TooLong, "a name of at most 5 bytes, not 6"),
        (0, b"A=1234567\0\0", TooLong, "a value of at most 6 bytes, not 7"),
        (0, b"A=b\0C=d\0E=f\0\0", TooMany, "at most 2 variables"),
        (0, b"A" * 31, TooLong, "an environment of at most 30 bytes"),
        (1, b"ABCDEF: g\n\n", TooLong, "a name of at most 5 bytes, not 6"),
        (1, b"A: 1234567\n\n", TooLong, "a value of at most 6 bytes, not 7"),
        (1, b"A: b\nC: d\nE: f\n\n", TooMany, "at most 2 headers"),
        (1, b"A" * 31, TooLong, "headers of at most 30 bytes"),
    ],
)
def test_limits(direction: int, data: bytes, error: type[WireError], message: str) -> None:
    limits = Limits(name=5, value=6, head=30, variables=2)
    with pytest.raises(error, match=message):
        decoded(CGI.decoders(limits)[direction], data)


def test_secrets_are_marked() -> None:
    request = CGI.annotate("request", b"HTTP_COOKIE=tiger\0A=b\0\0").fields
    response = CGI.annotate("response", b"Set-Cookie:  tiger \r\nStatus: 200 OK\r\n\r\n").fields
    assert [(f.offset, f.length) for f in request if f.secret] == [(12, 5)]
    assert [(f.offset, f.length) for f in response if f.secret] == [(13, 5)]


@pytest.mark.parametrize("pair", [(b"", b"v"), (b"A=B", b"v"), (b"A\0", b"v"), (b"A", b"\0")])
def test_no_environment_says_this(pair: tuple[bytes, bytes]) -> None:
    with pytest.raises(CannotEncode, match="a name has no = and no NUL"):
        CGI.request([pair])


@pytest.mark.parametrize(
    ("status", "header", "message"),
    [
        (20, (b"A", b"b"), "three digits"),
        (200, (b"A B", b"c"), "is no header"),
        (200, (b"A", b"b\r\nC: d"), "is no header"),
        (200, (b"A", b" b"), "is no header"),
        (200, (b"Status", b"404 No"), "status stands twice"),
    ],
)
def test_no_response_says_this(status: int, header: tuple[bytes, bytes], message: str) -> None:
    with pytest.raises(CannotEncode, match=message):
        CGI.response(status, [header])
