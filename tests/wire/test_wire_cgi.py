"""cgi_bin/wire.py, judged by those who write CGI (wsgiref, php-cgi, the zoo's own program) and by who reads it (email,
nginx, the kernel's idea of an environment)."""

import email
import io
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from wsgiref.handlers import BaseCGIHandler

import pytest
from wire_in_test import decoded
from zoo_in_test import REGISTRY, ROOT, python_of

from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.events import Data, End, Event, Head, Variables
from gateway_zoo.wire.faults import CannotEncode, Limits, TooLong, TooMany, Truncated, WireError
from gateway_zoo.wire.specimen import Specimen, load

CGI: Any = Codecs(REGISTRY)["CGI"]
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
    with pytest.raises(CGI.faults.BadStatus, match="Status as three digits, a space and a reason"):
        answer(written[299])


# --- what the specification wants -------------------------------------------------------------------------------------


def test_lf_and_cr_lf_end_a_line() -> None:
    assert head_of(b"Status: 200 OK\nA: b\r\nC:d \n\n").headers == [(b"Status", b"200 OK"), (b"A", b"b"), (b"C", b"d")]


def test_a_non_parsed_header_is_http() -> None:
    head, body, _ = answer(b"HTTP/1.1 200 OK\r\nX: y\r\nX: z\r\n\r\nbody")
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


@pytest.mark.parametrize(
    ("data", "error", "offset", "message"),
    [
        (b"Traceback (most recent call last):\n", "BadHeader", 0, "a name, a colon and a value"),
        (b"A: b\nno colon\n\n", "BadHeader", 5, "a name, a colon and a value"),
        (b"A : b\n\n", "BadHeader", 0, "a name, a colon and a value"),
        (b"A: b\x00c\n\n", "BadHeader", 0, "a name, a colon and a value"),
        (b"Status: 200 OK\nA: b\r c\n\n", "BadHeader", 15, "a name, a colon and a value"),
        (b"Status: 200 OK\n continued\n\n", "ContinuedLine", 15, "CGI continues no lines"),
        (b"Status: 200 OK\nstatus: 404 No\n\n", "RepeatedField", 15, "each of Content-Type, Location and Status once"),
        (b"A: b\nStatus:\n\n", "NoCGIField", 13, "Content-Type, Location or Status before the empty line"),
        (b"\r\nbody", "NoCGIField", 0, "Content-Type, Location or Status before the empty line"),
        (b"Status: 200\n\n", "BadStatus", 0, "three digits, a space and a reason, which may be empty"),
        (b"Status: +20 OK\n\n", "BadStatus", 0, "three digits, a space and a reason, which may be empty"),
        (b"Status: 2000 OK\n\n", "BadStatus", 0, "three digits, a space and a reason, which may be empty"),
        (b"HTTP/1 200 OK\n\n", "BadStatusLine", 0, "HTTP/digit.digit, a space, three digits, a space, a reason"),
        (b"Status: 200 OK\nSet-Co", "Truncated", 15, "the empty line that ends the headers"),
    ],
)
def test_wrong_responses(data: bytes, error: str, offset: int, message: str) -> None:
    expected = Truncated if error == "Truncated" else getattr(CGI.faults, error)
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        with pytest.raises(expected, match=message) as raised:
            decoded(CGI.decoders()[1], *pieces)
        assert raised.value.offset == offset
    last = CGI.annotate("response", data).fields[-1]
    assert last.fault
    assert last.offset + last.length == len(data)


def test_a_status_may_have_an_empty_reason() -> None:
    assert head_of(b"Status: 299 \r\n\r\n").headers == [(b"Status", b"299")]


@pytest.mark.parametrize(
    ("data", "error", "offset", "message"),
    [
        (b"A=b\0CD\0\0", "BadVariable", 4, "a name, an equals sign and a value"),
        (b"=b\0\0", "BadVariable", 0, "a name, an equals sign and a value"),
        (b"A=\0CONTENT_LENGTH=+5\0\0", "BadContentLength", 3, "CONTENT_LENGTH once, as a decimal number"),
        (b"CONTENT_LENGTH=5\0CONTENT_LENGTH=5\0\0", "BadContentLength", 17, "once, as a decimal number"),
        (b"CONTENT_LENGTH=2\0\0abc", "AfterTheBody", 20, "the end of standard input"),
        (b"\0a", "AfterTheBody", 1, "the end of standard input"),
        (b"CONTENT_LENGTH=2\0\0a", "Truncated", 19, "1 more bytes of the body"),
        (b"A=b\0", "Truncated", 0, "the end of the environment"),
    ],
)
def test_wrong_requests(data: bytes, error: str, offset: int, message: str) -> None:
    expected = Truncated if error == "Truncated" else getattr(CGI.faults, error)
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        with pytest.raises(expected, match=message) as raised:
            decoded(CGI.decoders()[0], *pieces)
        assert raised.value.offset == offset


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
        (20, (b"A", b"b"), "BadStatus"),
        (200, (b"A B", b"c"), "BadHeader"),
        (200, (b"A", b"b\r\nC: d"), "line break"),
        (200, (b"A", b" b"), "spaces around"),
        (200, (b"Status", b"404 No"), "RepeatedField"),
    ],
)
def test_no_response_says_this(status: int, header: tuple[bytes, bytes], message: str) -> None:
    with pytest.raises(CannotEncode, match=message):
        CGI.response(status, [header])
