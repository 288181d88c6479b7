"""Adding a wire protocol adds a cage with a wire.py and edits no file: an option, a port, a label, masks, variables."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from own_checkout import checkout, fingerprints, zoo_of
from zoo_in_test import Zoo

from gateway_zoo.registry.cages import load
from gateway_zoo.wire import labels, specimen
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange, fields_of
from gateway_zoo.wire.recording import VERSION, AnyEntry, Bytes, Closed, Opened, Recorded, line
from gateway_zoo.wire.view.variables import variables_of

CAGE = """
title = "Lines"
year = 2026
specification = "this test"
interface = "WSGI"
protocol = "Lines"

[[family]]
id = "lines"
server = "none"
model = "threads"
processes = 1
threads = 1
command = ["cat"]

[[exhibit]]
id = "lines"
family = "lines"
about = "a protocol of lines"
unix = "lines.sock"
fronts = []
closed = { nginx = "cannot speak it", apache = "cannot speak it" }
"""
WIRE = '''"""Lines NAME=VALUE and an empty line; back comes a CGI response. The byte 1 stands for HTTP_COOKIE."""

import re

from gateway_zoo.wire.codecs import Message, Places
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Variables
from gateway_zoo.wire.faults import LIMITS, CannotEncode, Malformed
from gateway_zoo.wire.fields import Annotated, Field, Stream, text
from gateway_zoo.wire.heads import cgi_head

INNER = {"RESPONSE": "CGI"}
PORT = 4711
PLACES = Places({"PATH": "REQUEST_URI"})
SECRET_CODES = (b"\\1",)


class BadLine(Malformed):
    """A line without =."""


class Requests(Decoder):
    def _decode(self, data, events):
        end = data.find(b"\\n\\n")
        if end < 0:
            return 0
        pairs = []
        for each in data[:end].split(b"\\n"):
            if b"=" not in each:
                raise BadLine(data.find(each), each, "NAME=VALUE")
            pairs.append(tuple(each.split(b"=", 1)))
        events += [Variables(0, 0, pairs), End(end + 2, 0)]
        return end + 2


class Responses(Decoder):
    def _decode(self, data, events):
        events.append(Data(self.offset, 0, "RESPONSE", data))
        return len(data)

    def _close(self, events):
        events.append(End(self.offset, 0))


def decoders(limits=LIMITS):
    return Requests(limits), Responses(limits)


def annotate(direction, data, methods=()):
    if direction == "response":
        return Annotated([], [Stream("CGI", ((0, len(data)),), 0)])
    fields, at = [], 0
    for each in data.splitlines(keepends=True):
        name, _, value = each.strip().partition(b"=")
        fields.append(Field(at, len(each), text(name) or "end", text(value), fault=each[:1] == b"\\1"))
        at += len(each)
    return Annotated(fields, [])


def request(variables, body=b""):
    given = dict(variables)
    lines = [b"PATH=" + given[b"REQUEST_URI"]]
    lines += [b"\\1" + given[name] for name in (b"HTTP_COOKIE",) if name in given]
    return b"\\n".join(lines) + b"\\n\\n"


def response(status, headers, body=b""):
    return cgi_head(status, headers) + body


def asking_again(variables, body, value):
    if value == b"never":
        raise CannotEncode("it is asked once at least")
    return b"AGAIN=" + value + b"\\n\\n"


BEGINS = {"response": re.compile(b"Sta")}
REQUESTS = {"ASK_AGAIN": Message(asking_again, "Lines: the lines once more"), "QUIT": Message(asking_again, "the end")}
'''
ANSWER = b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nlines\n"


@pytest.fixture(scope="module")
def zoo() -> Iterator[Zoo]:
    """A zoo that is not started, in a checkout with one cage more."""
    with checkout() as root:
        before = fingerprints(root)
        (root / "lines/specimens").mkdir(parents=True)
        asked = specimen.Specimen(about="GET /lines/", by="this test", request=b"PATH=/lines/\n\n", response=ANSWER)
        (root / "lines/specimens/hello.toml").write_text(specimen.dumps(asked), encoding="utf-8")
        for name, contents in (("cage.toml", CAGE), ("wire.py", WIRE), ("README.md", "# Lines\n\n**Try it.**\n")):
            (root / "lines" / name).write_text(contents, encoding="utf-8")
        with zoo_of(root) as zoo:
            yield zoo
        after = fingerprints(root)
        assert {path: after.get(path) for path in before} == before, "a file was edited"


@contextmanager
def gateway(path: Path, answer: bytes = ANSWER) -> Iterator[None]:
    """Answers one request, and closes."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(answer)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(20)
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def test_the_registry_takes_it(zoo: Zoo) -> None:
    registry = load(zoo.root)
    assert registry.errors == []
    assert Codecs(registry)["Lines"].PORT == 4711


def test_wire_has_an_option_for_its_sockets(zoo: Zoo, tmp_path: Path) -> None:
    assert "  --lines ADDRESS  " in zoo.cli("wire", "--help").stdout
    with gateway(tmp_path / "s"):
        done = zoo.cli("wire", "--lines", f"unix:{tmp_path}/s", "/hello")
    assert done.returncode == 0, done.stderr
    assert "PATH = /hello" in done.stdout
    assert "Content-Type = text/plain" in done.stdout


@pytest.mark.slow
def test_its_other_messages_can_be_asked(zoo: Zoo, tmp_path: Path) -> None:
    assert "Lines ASK_AGAIN, QUIT" in re.sub(r"\s+", " ", zoo.cli("wire", "--help").stdout)
    (tmp_path / "value").write_text("from a file", encoding="utf-8")
    for name in ("ASK_AGAIN=5", "ask-again=5", "AskAgain=@value"):
        with gateway(tmp_path / "s"):
            done = zoo.cli("wire", "--lines", f"unix:{tmp_path}/s", "--ask", name.replace("@", f"@{tmp_path}/"))
        (tmp_path / "s").unlink()
        assert (done.returncode, done.stderr) == (0, "")
        assert f"AGAIN = {'from a file' if '@' in name else 5}" in done.stdout
    every = "Lines has\n  ASK_AGAIN: the lines once more\n  QUIT: the end\n"
    for word, why in (
        ("", f"--ask: {every}"),
        ("ask", f"--ask ASK: unknown; {every}"),
        ("ask-agian", f"--ask ASK_AGIAN: did you mean 'ASK_AGAIN'?; {every}"),
        ("ask-again=never", "Lines cannot say this: it is asked once at least\n"),
        ("ask-again=@/none", "--ask @/none: No such file or directory; expected a file that can be read\n"),
    ):
        done = zoo.cli("wire", "--lines", "unix:/none", "--ask", word)
        assert (done.returncode, done.stderr) == (2, f"zoo: {why}")
    done = zoo.cli("wire", "--lines", "unix:/none", "--ask", "quit", "--param", "A=b")
    assert (done.returncode, done.stderr) == (2, "zoo: QUIT has no place for --param A=b\n")


def test_a_message_without_an_answer_may_not_be_known(zoo: Zoo, tmp_path: Path) -> None:
    with gateway(tmp_path / "s", b""):
        done = zoo.cli("wire", "--lines", f"unix:{tmp_path}/s", "--ask", "quit", "--json")
    may = (
        "closed the connection without a byte: it may not know QUIT, or speak another protocol than Lines, such as AJP"
    )
    assert (done.returncode, may in json.loads(done.stdout)["errors"][-1]) == (1, True), done.stdout


def test_another_protocol_is_told_from_it(zoo: Zoo, tmp_path: Path) -> None:
    with gateway(tmp_path / "s", b"\x15\x03\x01\0\2\2\x28"):
        done = zoo.cli("wire", "--lines", f"unix:{tmp_path}/s", "--json")
    errors = json.loads(done.stdout)["errors"]
    assert done.returncode == 1
    assert errors[:2] == ["these bytes are TLS, not Lines", "zoo wire does not speak TLS; ask a socket without it"]


def test_its_codes_for_secrets_are_masked(zoo: Zoo, tmp_path: Path) -> None:
    words = ("wire", "--lines", f"unix:{tmp_path}/s", "--header", "Cookie: hunter2", "/hello")
    for more, shown in ((), False), (("--secrets",), True):
        with gateway(tmp_path / "s"):
            done = zoo.cli(*words, *more)
        (tmp_path / "s").unlink()
        assert "BadLine at offset 12" in done.stdout, done.stderr
        assert ("hunter2" in done.stdout) == shown


def test_its_port_stands_in_a_pcap_file(zoo: Zoo, tmp_path: Path) -> None:
    entries: list[AnyEntry] = [
        Recorded(version=VERSION, made=1e9, secrets=False),
        Opened(connection=1, at=1e9, exhibit="lines", front="nginx", protocol="Lines", address="lines.sock"),
        Bytes(connection=1, at=1e9, direction="request", data=b"PATH=/\n\n"),
        Closed(connection=1, at=1e9),
    ]
    (tmp_path / "recording").write_bytes(b"".join(line(entry) for entry in entries))
    done = zoo.cli("wire", "--show", str(tmp_path / "recording"), "--pcap", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert b"\x7f\0\x02\x01\x80\x01" + (4711).to_bytes(2) in (tmp_path / "out").read_bytes()  # from port 32,769


def test_its_label_has_the_lesson(zoo: Zoo) -> None:
    texts = {path.parent.name: text for path, text in labels.written(load(zoo.root))}
    assert "  PATH = /lines/\n" in texts["lines"]
    assert "  Status = 200 OK\n" in texts["lines"]
    assert texts["lines"].endswith("<!-- /wire -->\n\n**Try it.**\n")


def test_its_places_are_compared_with_variables(zoo: Zoo) -> None:
    request = bytearray(b"PATH=/lines/\n\n")
    exchange = Exchange(1, 1, "lines", "me", "Lines", began=0.0, request=request, response=bytearray(ANSWER))
    codecs = Codecs(load(zoo.root))
    (path,) = variables_of("Lines", fields_of(exchange, codecs), codecs)["request"]
    assert (path.variable, path.name, path.value, path.bytes) == ("REQUEST_URI", "PATH", "/lines/", 13)
