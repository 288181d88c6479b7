"""`zoo wire`: what a person types, what the gateway answers, what is shown. The gateways are the judges."""

import json
import os
import random
import re
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from recordings import Film
from zoo_in_test import REGISTRY, ROOT, Zoo, python_of

from gateway_zoo.wire import recording
from gateway_zoo.wire.ask import client, request
from gateway_zoo.wire.ask.request import ClientRequest, Target
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.conversation import Conversation
from gateway_zoo.wire.events import Data
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened, Recorded

HELLO = b"Hello from the Gateway Zoo\n"
WIRES = Codecs(REGISTRY)
PLAIN = [id for id in REGISTRY.exhibits if not REGISTRY.family_of(id).group]
WITH_SOCKET = [id for id in PLAIN if REGISTRY.socket_protocol(id) != "none"]
WITHOUT = [id for id in REGISTRY.exhibits if REGISTRY.socket_protocol(id) == "none"]
PHP = ["php-fpm", "php-fpm-dynamic", "php-fpm-ondemand", "php-cgi"]


@pytest.fixture(scope="module")
def php_zoo() -> Iterator[Zoo]:
    with Zoo() as made:
        yield made.up(*PHP)


def asked(zoo: Zoo, *words: str, status: int = 0) -> Any:
    """What `zoo wire … --json` says."""
    if "--via" not in words:
        return inside(zoo, *words, status=status)
    done = zoo.cli("wire", *words, "--json")  # a process of its own, because it becomes the zoo's user for good
    assert done.returncode == status, done.stderr + done.stdout
    return json.loads(done.stdout)


def body(exchange: dict[str, Any]) -> bytes:
    """The body of an exchange's answer, by the decoders."""
    talk = Conversation(WIRES, exchange["protocol"])
    talk.feed("request", bytes.fromhex(exchange["request"]["bytes"]))
    said = talk.feed("response", bytes.fromhex(exchange["response"]["bytes"])) + talk.close("response")
    assert talk.errors == {}
    inner = [
        event for protocol, event, *_ in said if isinstance(event, Data) and event.stream not in WIRES[protocol].INNER
    ]
    return b"".join(event.data for event in inner)


# --- every exhibit with a socket answers ------------------------------------------------------------------------------


def inside(zoo: Zoo, *words: str, status: int = 0) -> Any:
    """The same, without a process for each."""
    done = zoo.inside("wire", *words, "--json")
    assert done.exit_code == status, done.output
    return json.loads(done.stdout)


def assert_it_answers(zoo: Zoo, id: str) -> None:
    exchange = inside(zoo, id, "/hello")
    assert (exchange["status"], exchange["errors"], exchange["method"]) == (200, [], "GET")
    assert exchange["protocol"] == REGISTRY.socket_protocol(id)
    assert body(exchange) == HELLO


@pytest.mark.parametrize("id", WITH_SOCKET)
def test_every_exhibit_answers_in_its_own_protocol(zoo: Zoo, id: str) -> None:
    assert_it_answers(zoo, id)


@pytest.mark.parametrize("id", PHP)
def test_php_answers_when_told_which_file_to_run(php_zoo: Zoo, id: str) -> None:
    assert_it_answers(php_zoo, id)


@pytest.mark.parametrize("id", WITH_SOCKET)
def test_the_app_is_told_what_a_front_would_tell(zoo: Zoo, id: str) -> None:
    facts = json.loads(body(inside(zoo, id, "/status?json")))
    assert (facts["exhibit"], facts["script_name"], facts["path_info"]) == (id, f"/{id}", "/status")
    assert (facts["front"], len(facts["request_id"])) == (request.FRONT, 32)


@pytest.mark.parametrize("program", [id for id, e in REGISTRY.exhibits.items() if e.program and id in PLAIN])
def test_a_cgi_program_runs_without_fcgiwrap(zoo: Zoo, program: str) -> None:
    done = zoo.cli("wire", program, "/hello", "--program", "--json", env={"OF_MY_SHELL": "1"})
    exchange = json.loads(done.stdout)
    assert (done.returncode, exchange["status"], exchange["protocol"]) == (0, 200, "CGI")
    assert body(exchange) == HELLO
    names = {field["name"] for field in exchange["request"]["fields"] if not field.get("depth")}
    assert {"PATH", "PYTHONPATH", "ZOO_RUN", "PATH_INFO", "HTTP_HOST", "GATEWAY_INTERFACE"} <= names
    assert "OF_MY_SHELL" not in names


def test_a_body_reaches_the_program(zoo: Zoo, tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(bytes(range(256)) * 300)
    for id in ("fastcgi", "uwsgi", "scgi", "wsgi", "ajp"):
        exchange = inside(zoo, id, "/echo", "--data", f"@{file}")
        assert (exchange["status"], exchange["method"]) == (200, "POST"), id
        assert json.loads(body(exchange))["length"] == 76_800, id


def test_a_websocket_is_opened_and_its_first_frames_are_shown(zoo: Zoo) -> None:
    exchange = asked(zoo, "asgi", "/news/socket")
    assert (exchange["status"], exchange["errors"]) == (101, [])
    assert any(field["name"] == "opcode" for field in exchange["response"]["fields"])


@pytest.mark.slow
def test_it_is_quick(zoo: Zoo) -> None:
    """A processor's time: on the clock, other tests count too."""
    assert min(cpu_s(zoo, "wire", "uwsgi", "/hello") for _ in range(5)) < 0.6


def cpu_s(zoo: Zoo, *words: str) -> float:
    """Seconds of a processor, from the launcher to the end."""
    before = os.times()
    assert zoo.cli(*words).returncode == 0
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def test_other_commands_do_not_pay_for_it() -> None:
    code = "import sys, gateway_zoo.cli; print([name for name in sys.modules if 'wire' in name or 'rich.' in name])"
    done = subprocess.run(
        [python_of(), "-P", "-c", code], capture_output=True, text=True, check=True, env={"ZOO_ROOT": str(ROOT)}
    )
    assert done.stdout.strip() == "[]"


# --- who cannot be asked ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", WITHOUT)
def test_an_exhibit_inside_apache_has_no_socket(zoo: Zoo, id: str) -> None:
    done = zoo.inside("wire", id, "/hello")
    assert done.exit_code == 2
    assert done.stderr == f"zoo: {id} has no socket: it lives inside Apache, and only Apache can ask it\n"


def test_a_part_that_was_left_out_says_how_to_open_it(zoo: Zoo) -> None:
    done = zoo.cli("wire", "php-fpm", "/hello")
    assert (done.returncode, done.stderr) == (
        3,
        "zoo: php-fpm is closed: an optional part; ./zoo up --with php opens it\n",
    )


def test_without_a_zoo_nobody_is_asked(fresh_zoo: Zoo) -> None:
    done = fresh_zoo.cli("wire", "uwsgi", "/hello")
    assert (done.returncode, done.stderr) == (3, f"zoo: no zoo is running in {fresh_zoo.run}; ./zoo up starts one\n")


def test_a_container_without_sockets_names_one_that_has_them(fresh_zoo: Zoo) -> None:
    done = fresh_zoo.cli("wire", "uwsgi", "/hello", env={"ZOO_COMPOSE": "1"})
    assert done.returncode == 3
    assert "docker compose run --rm zoo wire uwsgi /hello" in done.stderr


def test_in_a_container_the_sockets_are_enough(zoo: Zoo) -> None:
    """The keeper's state is not asked for."""
    assert zoo.cli("wire", "uwsgi", "/hello", env={"ZOO_COMPOSE": "1"}).returncode == 0


WRONG = [
    ([], "no exhibit given; expected zoo wire ID [/PATH]"),
    (["/hello"], "no exhibit given"),
    (["uwsgi", "hello"], "one exhibit is asked, not 2: uwsgi hello; a path begins with /"),
    (["uwsgi", "scgi", "/hello"], "one exhibit is asked, not 2: uwsgi scgi"),
    (["--diff", "uwsgi", "/hello"], "two gateways are compared, not 1: uwsgi"),
    (["--diff", "uwsgi"], "two gateways are compared, not 1: uwsgi"),
    (["uwsgi", "--uwsgi", "unix:/a", "/hello"], "an address needs no exhibit, not 1: uwsgi"),
    (["--uwsgi", "unix:/a", "hello"], "an address needs no exhibit, not 1: hello; a path begins with /"),
    (["uwsig"], "unknown exhibit 'uwsig'; did you mean 'uwsgi'?"),
    (["uwsig", "/hello"], "unknown exhibit 'uwsig'; did you mean 'uwsgi'?"),
    (["--fastcgi", "unix:", "/hello"], "unix:: expected unix:PATH or HOST:PORT"),
    (["--fastcgi", "localhost", "/hello"], "localhost: expected unix:PATH or HOST:PORT"),
    (["--uwsgi", "localhost:http", "/hello"], "localhost:http: expected unix:PATH or HOST:PORT"),
    (["--ajp", "localhost:70000", "/hello"], "localhost:70000: expected unix:PATH or HOST:PORT"),
    (["--scgi", "unix:/a", "--uwsgi", "unix:/b", "/hello"], "these options do not go together"),
    (["--scgi", "unix:/a", "--via", "nginx", "/hello"], "these options do not go together"),
    (["--diff", "--show", "x", "a", "b", "/hello"], "these options do not go together"),
    (["uwsgi", "/hello", "--param", "=x"], "--param =x: expected NAME=VALUE, or NAME alone to leave it out"),
    (["uwsgi", "/hello", "--header", "Cookie"], "--header Cookie: expected 'Name: value', or 'Name:' to leave it out"),
    (["uwsgi", "/hello", "--header", "A : b"], "--header A : b: expected 'Name: value'"),
    (["uwsgi", "/hello", "--data", "@/none"], "--data @/none: No such file or directory; expected a file"),
    (["uwsgi", "/hello", "--program"], "uwsgi is no program that is run for a request; these are: cgi, php-cgi"),
    (["uwsgi", "/hello", "--pcap", "x"], "--pcap exports a recording: --show FILE --pcap OUT"),
    (["--show", "x", "3", "--pcap", "y"], "--pcap exports all of a recording, not one exchange"),
    (["--show", "x", "--header", "A: b"], "--show shows what was recorded; it asks no gateway"),
    (["--show", "x", "--program"], "--show shows what was recorded; it asks no gateway"),
    (["--show", "x", "--via", "nginx"], "--show shows what was recorded; it asks no gateway"),
    (["uwsgi", "/hello", "--via", "nginx", "--param", "A=b"], "--param is for a gateway"),
    (["uwsgi", "/hello", "--via", "ngnix"], "unknown front 'ngnix'; expected nginx or apache"),
    (["uwsgi", "/a b", "--via", "nginx"], "an ordinary client cannot say this: "),
    (["uwsgi", "/hello", "--via", "nginx", "--header", "Cookie"], "--header Cookie: expected 'Name: value'"),
    (["wsgi", "/hello", "--param", "FOO=bar"], "HTTP has no place for --param FOO=bar; --header is what it can say"),
    (["wsgi", "/a b"], "HTTP cannot say this: "),
    (["wsgi", "/hello", "--method", "GET IT"], "HTTP cannot say this: "),
    (["--show", "/none"], "--show /none: No such file or directory; expected a file that can be read"),
    (["--show", "/none", "first"], "--show takes the number of one exchange, not 'first'"),
    (["--show", "/etc/hostname"], "/etc/hostname: text, and no recording; expected a recording: zoo record makes one"),
    (["uwsgi", "--wait", "0"], "--wait 0: expected seconds, more than 0 and at most 3600"),
    (["uwsgi", "--wait", "-1"], "--wait -1: expected seconds, more than 0 and at most 3600"),
    (["uwsgi", "--wait", "nan"], "--wait nan: expected seconds"),
    (["cgi", "--program", "--wait", "3601"], "--wait 3601: expected seconds"),
    (["uwsgi", "--wait", "long"], "Invalid value for '--wait'"),
    (["--show", "x", "--wait", "3"], "--show shows what was recorded; it asks no gateway"),
    (["--show", "x", "--watch"], "--show shows what was recorded; it asks no gateway"),
    (["--show", "x", "--ask", "PING"], "--show shows what was recorded; it asks no gateway"),
    (["cgi", "--program", "--watch"], "--watch reads a socket"),
    (["uwsgi", "scgi", "--diff", "--watch"], "--watch shows one answer; --diff compares two"),
    (["uwsgi", "scgi", "--diff", "--ask", "PING"], "--ask asks one gateway"),
    (["cgi", "--program", "--ask", "PING"], "--ask is for a gateway's socket"),
    (["uwsgi", "--via", "nginx", "--ask", "PING"], "--ask is for a gateway; with --via the front makes"),
    (["wsgi", "--ask", "PING"], "HTTP has no other messages for --ask; "),
    (["scgi", "/hello", "--param", "CONTENT_LENGTH=+5"], "SCGI cannot say this: CONTENT_LENGTH"),
    (["uwsgi", "/hello", "--param", "X=" + "x" * 70_000], "uwsgi cannot say this: "),
]


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[" ".join(words)[:60] for words, _ in WRONG])
def test_wrong_usage_exits_2_with_what_would_be_right(zoo: Zoo, words: list[str], said: str) -> None:
    if "--via" in words:  # becomes the zoo's user, for good
        process = zoo.cli("wire", *words)
        status, shown, why = process.returncode, process.stdout, process.stderr
    else:
        done = zoo.inside("wire", *words)
        status, shown, why = done.exit_code, done.stdout, done.stderr
    assert (status, shown) == (2, ""), why
    assert said in why


# --- sockets that are not the zoo's -----------------------------------------------------------------------------------


@contextmanager
def gateway(path: Path, answer: bytes, closes: bool = True) -> Iterator[list[bytes]]:
    """A program on a unix socket that answers one connection with these bytes, whatever is asked; what it heard."""
    heard: list[bytes] = []
    over = threading.Event()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            heard.append(connection.recv(65_536))
            connection.sendall(answer)
            if not closes:
                over.wait(20)

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield heard
        over.set()
        thread.join(20)


def test_somebody_elses_socket_is_asked_with_variables_of_ones_own(zoo: Zoo) -> None:
    words = ("--uwsgi", f"unix:{zoo.run}/sock/uwsgi.sock", "--param", "SCRIPT_NAME=/uwsgi", "--param", "HTTP_ACCEPT")
    exchange = asked(zoo, *words, "--header", "X-One: two", "--method", "HEAD", "/hello")
    assert (exchange["status"], exchange["method"], body(exchange)) == (200, "HEAD", b"")
    names = {field["name"]: field.get("value") for field in exchange["request"]["fields"]}
    assert (names["SCRIPT_NAME"], names["HTTP_X_ONE"], names["PATH_INFO"]) == ("/uwsgi", "two", "/hello")
    assert "HTTP_ACCEPT" not in names
    port = 9001 + zoo.shift
    assert body(asked(zoo, "--fastcgi", f"127.0.0.1:{port}", "--param", "SCRIPT_NAME=/fastcgi-tcp", "/hello")) == HELLO


def test_nobody_there_exits_3(zoo: Zoo, tmp_path: Path) -> None:
    done = zoo.cli("wire", "--scgi", f"unix:{tmp_path}/none", "/hello")
    assert (done.returncode, done.stderr) == (
        3,
        f"zoo: unix:{tmp_path}/none does not answer: No such file or directory\n",
    )


@pytest.mark.parametrize("host", [".", "a..b", "x" * 64])
def test_what_is_no_host_is_said_to_be_none(zoo: Zoo, host: str) -> None:
    done = zoo.cli("wire", "--http", f"{host}:80", "/")
    assert (done.returncode, done.stderr.startswith(f"zoo: {host}:80 does not answer: ")) == (3, True), done.stderr


def test_what_is_no_socket_is_said_to_be_none(zoo: Zoo, tmp_path: Path) -> None:
    """The kernel says "Connection refused"."""
    file = tmp_path / "file"
    file.touch()
    for path in (tmp_path, file):
        done = zoo.cli("wire", "--scgi", f"unix:{path}", "/hello")
        assert (done.returncode, done.stderr) == (3, f"zoo: unix:{path} does not answer: it is no socket\n")


@pytest.mark.parametrize("id", ["uwsgi", "ajp"])
def test_a_large_binary_body_is_shown_and_nothing_hidden(zoo: Zoo, tmp_path: Path, id: str) -> None:
    """Random bytes have the codes in them that AJP has for the names of secrets."""
    data = random.Random(1).randbytes(3 << 20)  # noqa: S311 - not a secret
    assert b"\xa0\x09" in data
    (tmp_path / "body").write_bytes(data)
    exchange = asked(zoo, id, "/echo", "--data", f"@{tmp_path}/body", "--header", f"Cookie: a={SECRET}")
    assert exchange["errors"] == []
    sent = bytes.fromhex(exchange["request"]["bytes"])
    assert len(sent) > len(data)
    assert SECRET.encode() not in sent
    text = zoo.cli("wire", id, "/echo", "--data", f"@{tmp_path}/body").stdout
    assert re.search(r" 3,1\d\d,\d{3} bytes to the gateway", text.splitlines()[0])
    assert "hidden" not in text
    assert "cut off" not in text


def test_bytes_that_are_not_the_protocol_are_shown_with_the_error(zoo: Zoo, tmp_path: Path) -> None:
    with gateway(tmp_path / "s", b"HTTP/1.1 400 Bad Request\r\n\r\n", closes=False):
        done = zoo.cli("wire", "--fastcgi", f"unix:{tmp_path}/s", "/hello")
    assert done.returncode == 1
    assert "\nthese bytes are HTTP, not FastCGI\n" in done.stdout
    assert "48 54 54 50" in done.stdout


def test_an_answer_that_ends_too_early_is_an_error(zoo: Zoo, tmp_path: Path) -> None:
    whole = WIRES["FastCGI"].response(200, [(b"Content-Type", b"text/plain")], HELLO)
    with gateway(tmp_path / "s", whole[:-20]):
        exchange = asked(zoo, "--fastcgi", f"unix:{tmp_path}/s", "/hello", status=1)
    assert exchange["errors"]
    assert exchange["response"]["bytes"] == whole[:-20].hex()


def test_a_silent_gateway_is_given_up(tmp_path: Path) -> None:
    with gateway(tmp_path / "s", b"", closes=False):
        to = client.Address(path=str(tmp_path / "s"))
        exchange = client.ask(WIRES, to, b"x", "uwsgi", "it", "zoo wire", client.Patience(0.3, hint="wait longer"))
    assert exchange.errors == ["no end of the answer within 0.3 s, our limit; 0 bytes of it came", "wait longer"]


def test_an_answer_before_the_request_was_read_counts(tmp_path: Path) -> None:
    answer = WIRES["uwsgi"].response(413, [(b"Content-Length", b"0")])
    with gateway(tmp_path / "s", answer) as heard:
        request = WIRES["uwsgi"].request([(b"CONTENT_LENGTH", b"9000000")], bytes(9_000_000))
        to = client.Address(path=str(tmp_path / "s"))
        exchange = client.ask(WIRES, to, request, "uwsgi", "it", "zoo wire")
    assert exchange.status == 413
    assert len(heard[0]) < len(request)


# --- what is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_piped_it_is_plain_and_fits_80_columns(zoo: Zoo) -> None:
    for words in (["uwsgi", "/hello"], ["wsgi", "/hello", "--hex"], ["cgi", "/status", "--all"], ["ajp", "/hello"]):
        text = zoo.cli("wire", *words, "--header", f"X-Long: {'long ' * 60}").stdout
        assert "\x1b" not in text
        assert max(len(line) for line in text.splitlines()) <= 80
        assert len(text.splitlines()) > 20


def test_a_wider_terminal_shows_characters_and_meanings(zoo: Zoo) -> None:
    wide = zoo.cli("wire", "fastcgi", "/hello", env={"COLUMNS": "120"}).stdout
    row = next(line for line in wide.splitlines() if "GATEWAY_INTERFACE" in line)
    assert re.search(r"  11 07 47 41 54 45 57 … +\.\.GATEW… +GATEWAY_INTERFACE = CGI/1.1  the dialect of CGI, RFC", row)
    assert max(len(line) for line in wide.splitlines()) <= 120


def test_colour_is_for_terminals_only(zoo: Zoo) -> None:
    colours = zoo.typescript("wire uwsgi /hello", {"TERM": "xterm-256color", "COLUMNS": "80"})
    assert "\x1b[36m" in colours
    none = zoo.typescript("wire uwsgi /hello", {"TERM": "xterm-256color", "COLUMNS": "80", "NO_COLOR": "1"})
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", none)


@pytest.mark.slow
def test_nothing_from_the_wire_controls_the_terminal(zoo: Zoo, tmp_path: Path) -> None:
    evil = b"\x1b]0;title\x07\x1b[2J\x9b31m\r\n[bold]markup[/bold]\xe2\x80\xae"
    answer = WIRES["uwsgi"].response(
        200, [(b"Content-Type", b"text/plain"), (b"Content-Length", b"%d" % len(evil))], evil
    )
    for words in ([], ["--all"], ["--hex"]):
        with gateway(tmp_path / "s", answer):
            target = "/\x1b[31mred"
            done = zoo.cli("wire", "--uwsgi", f"unix:{tmp_path}/s", *words, target, "--param", "A\x1b[1m=\x1b[2m")
        (tmp_path / "s").unlink()
        assert done.returncode == 0, done.stdout + done.stderr
        assert all(character.isprintable() or character == "\n" for character in done.stdout)
        assert "\\x1b" in done.stdout


SECRET = "geheim-und-lang"  # noqa: S105 - a password to look for


@pytest.mark.parametrize("id", ["uwsgi", "fastcgi", "scgi", "wsgi", "ajp"])
def test_passwords_and_cookies_are_stars(zoo: Zoo, id: str) -> None:
    words = [id, "/hello", "--header", f"Authorization: {SECRET}", "--header", f"Cookie: a={SECRET}"]
    for how in ([], ["--all"], ["--hex"], ["--all", "--hex"], ["--json"], ["--json", "--all"]):
        text = zoo.inside("wire", *words, *how).output
        assert SECRET not in text
        assert SECRET.encode().hex() not in text
        assert SECRET.encode().hex(" ")[:17] not in text
        assert "*" * len(SECRET) in text or "2a" * len(SECRET) in text
    assert SECRET in zoo.inside("wire", *words, "--secrets").stdout
    assert SECRET.encode().hex() in zoo.inside("wire", *words, "--secrets", "--json").stdout


def test_secrets_of_an_answer_are_stars_also_where_it_breaks(zoo: Zoo, tmp_path: Path) -> None:
    broken = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=" + SECRET.encode() + b"\x00\r\n\r\n"
    with gateway(tmp_path / "s", broken):
        done = zoo.cli("wire", "--http", f"unix:{tmp_path}/s", "/", "--hex")
    assert done.returncode == 0
    assert "warning: BadHeader" in done.stdout
    assert SECRET[:8] not in done.stdout
    assert "2a 2a 2a" in done.stdout


def test_json_has_the_shape_of_the_web_page(zoo: Zoo) -> None:
    exchange = asked(zoo, "uwsgi", "/hello?x=1")
    assert set(exchange) == {
        *("number", "connection", "exhibit", "front", "protocol", "began", "seconds", "method", "target", "status"),
        *("errors", "warnings", "request", "response"),
    }
    assert (exchange["target"], exchange["front"]) == ("/uwsgi/hello?x=1", "zoo wire")
    for side in ("request", "response"):
        assert set(exchange[side]) == {"bytes", "left_out", "fields"}
        named = sum(field["length"] for field in exchange[side]["fields"] if not field.get("depth"))
        assert named == len(bytes.fromhex(exchange[side]["bytes"]))


# --- two exhibits side by side ----------------------------------------------------------------------------------------


def test_a_comparison_counts_what_is_there(zoo: Zoo) -> None:
    """Truth: both protocols, counted by hand. FastCGI: a BEGIN_REQUEST of 16 bytes, three headers of 8 (PARAMS, its
    end, STDIN), padding, two bytes of lengths for a short pair. uwsgi: a header of 4, and 4 for each pair."""
    found = asked(zoo, "--diff", "fastcgi", "uwsgi", "/hello")
    fastcgi, uwsgi = found["sides"]
    for side in (fastcgi, uwsgi):
        cost = side["request"]
        assert cost["names"] == sum(len(each["sent_as"]) for each in side["carried"])
        assert cost["values"] == sum(len(each["value"]) for each in side["carried"])
        assert cost["total"] == cost["names"] + cost["values"] + cost["framing"] + cost["body"]
        assert (cost["body"], side["response"]["body"]) == (0, len(HELLO))
    count = len(uwsgi["carried"])
    assert uwsgi["request"]["framing"] == 4 + 4 * count
    content = fastcgi["request"]["names"] + fastcgi["request"]["values"] + 2 * count
    assert fastcgi["request"]["framing"] == 16 + 3 * 8 + 2 * count + -content % 8
    where = {row["name"]: row["where"] for row in found["variables"]}
    assert {name for name, word in where.items() if word == "differ"} == {"REQUEST_URI", "SCRIPT_NAME"}
    assert set(where.values()) == {"differ", "both"}


def test_a_comparison_with_http_shows_what_has_no_place_there(zoo: Zoo) -> None:
    found = asked(zoo, "--diff", "fastcgi", "wsgi", "/hello", "--header", "X-One: two")
    where = {row["name"]: row["where"] for row in found["variables"]}
    assert {where[name] for name in ("SCRIPT_NAME", "PATH_INFO", "REMOTE_ADDR", "SERVER_SOFTWARE")} == {"fastcgi"}
    assert {where[name] for name in ("REQUEST_METHOD", "SERVER_PROTOCOL", "HTTP_HOST", "HTTP_X_ONE")} == {"both"}
    http = found["sides"][1]["request"]
    lines = [each for each in found["sides"][1]["carried"] if each["sent_as"]]
    # `GET /wsgi/hello HTTP/1.1` has two spaces and a line end; a header a colon, a space, a line end; an empty line.
    assert http["framing"] == 2 + 2 + 4 * len(lines) + 2


def test_a_comparison_as_a_table_fits_80_columns(zoo: Zoo) -> None:
    text = zoo.cli("wire", "--diff", "scgi", "ajp", "/hello", "--header", f"Cookie: {SECRET}").stdout
    assert SECRET not in text
    assert re.search(r"^≠ REQUEST_URI +/scgi/hello +/ajp/hello", text, re.M)
    assert re.search(r"^to the gateway: total +\d+ +\d+ +[-+]\d+ *$", text, re.M)
    assert max(len(line) for line in text.splitlines()) <= 80
    alone = set(re.findall(r"^1 (\w+) +- +\S", text, re.M))
    assert alone == set(), "AJP can carry nothing that SCGI cannot"


# --- through a real front ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("front", "software"), [("nginx", "nginx/"), ("apache", "Apache/")])
@pytest.mark.parametrize("id", ["fastcgi", "scgi-tcp", "uwsgi", "wsgi", "asgi"])
def test_a_front_shows_what_it_makes_of_a_request(zoo: Zoo, id: str, front: str, software: str) -> None:
    exchange = asked(zoo, "--via", front, id, "/echo", "--data", "tell me", "--header", "X-One: two")
    assert (exchange["status"], exchange["front"], exchange["exhibit"]) == (200, front, id)
    sent = bytes.fromhex(exchange["request"]["bytes"])
    assert request.FRONT.encode() in sent, "the client's User-Agent"
    arrived = json.loads(body(exchange))
    assert (arrived["length"], arrived["variables"]["HTTP_X_ONE"]) == (7, "two")
    assert arrived["variables"]["HTTP_X_ZOO_FRONT"] == front
    if exchange["protocol"] != "HTTP":
        names = {field["name"]: field.get("value", "") for field in exchange["request"]["fields"]}
        assert names["SERVER_SOFTWARE"].startswith(software)


def test_ajp_is_spoken_by_apache_only(zoo: Zoo) -> None:
    assert asked(zoo, "--via", "apache", "ajp", "/hello")["status"] == 200
    done = zoo.cli("wire", "--via", "nginx", "ajp", "/hello")
    assert (done.returncode, done.stderr) == (3, "zoo: ajp behind nginx cannot be seen: nginx speaks no AJP\n")


@pytest.mark.parametrize("id", ["cgi", *(id for id in WITHOUT if id in PLAIN)])
def test_what_lives_inside_apache_cannot_be_seen(zoo: Zoo, id: str) -> None:
    done = zoo.cli("wire", "--via", "apache", id, "/hello")
    assert done.returncode == 3
    assert done.stderr.startswith(f"zoo: {id} behind apache cannot be seen: it lives inside "), done.stderr


@pytest.mark.slow
def test_what_a_front_answers_itself_never_reaches_a_gateway(zoo: Zoo) -> None:
    done = zoo.cli("wire", "--via", "nginx", "pages", "/static/")
    assert (done.returncode, done.stderr) == (3, "zoo: the front answered 200 itself: nothing went to pages\n")


def test_both_exhibits_of_a_comparison_go_through_the_same_front(zoo: Zoo) -> None:
    found = asked(zoo, "--via", "apache", "--diff", "scgi", "uwsgi", "/hello", "--header", f"Cookie: {SECRET}")
    assert SECRET not in json.dumps(found)
    where = {row["name"]: row["where"] for row in found["variables"]}
    assert where["SERVER_SOFTWARE"] == "both"
    assert where["SCRIPT_FILENAME"] == "differ"


def test_nothing_is_left_of_the_front(zoo: Zoo) -> None:
    assert zoo.cli("wire", "--via", "nginx", "uwsgi", "/hello").returncode == 0
    assert not [path for path in zoo.run.iterdir() if path.name.startswith("wire")]


# --- recordings -------------------------------------------------------------------------------------------------------


def a_recording(path: Path, *more: AnyEntry) -> Path:
    request = WIRES["uwsgi"].request([(b"REQUEST_METHOD", b"GET"), (b"REQUEST_URI", b"/uwsgi/hello")])
    answer = WIRES["uwsgi"].response(200, [(b"Content-Length", b"%d" % len(HELLO))], HELLO)
    entries: list[AnyEntry] = [
        Recorded(version=recording.VERSION, made=0.0, secrets=False),
        Opened(connection=1, at=1.0, exhibit="uwsgi", front="nginx", protocol="uwsgi", address="uwsgi.sock"),
        Bytes(connection=1, at=1.0, direction="request", data=request),
        Bytes(connection=1, at=1.002, direction="response", data=answer),
        Ended(connection=1, at=1.003, direction="response"),
        Closed(connection=1, at=1.003),
        *more,
    ]
    path.write_bytes(b"".join(recording.line(entry) for entry in entries))
    return path


def test_a_recording_is_listed_and_one_exchange_shown(zoo: Zoo, tmp_path: Path) -> None:
    file = str(a_recording(tmp_path / "r"))
    listed = zoo.cli("wire", "--show", file)
    assert re.search(r"^1 +\S+ +nginx +uwsgi +GET /uwsgi/hello +200 +3\.0 +52 +66 *$", listed.stdout, re.M), (
        listed.stdout
    )
    assert [row["target"] for row in asked(zoo, "--show", file)] == ["/uwsgi/hello"]
    one = zoo.cli("wire", "--show", file, "1")
    assert one.returncode == 0
    assert "REQUEST_URI = /uwsgi/hello" in one.stdout
    assert asked(zoo, "--show", file, "1")["request"]["fields"][0]["name"] == "modifier1"
    none = zoo.cli("wire", "--show", file, "2")
    assert (none.returncode, none.stderr) == (2, f"zoo: {file}: no exchange 2; it has 1 to 1\n")


def test_on_a_narrow_terminal_only_what_is_long_is_cut(zoo: Zoo, tmp_path: Path) -> None:
    film = Film(tmp_path / "film")
    for number in range(12):
        film.scene(f"/fastcgi-tcp/{'long/' * 30}{number}", protocol="FastCGI", front="apache")
    shown = zoo.cli("wire", "--show", str(film.path)).stdout.splitlines()
    head, *rows = shown[:13]
    assert head.split() == ["#", "time", "front", "exhibit", "request", "status", "ms", "to", "from"]
    for number, row in enumerate(rows, 1):
        cells = row.split()
        assert (int(cells[0]), len(cells[1]), cells[2:6]) == (number, 8, ["apache", "fastcgi-tcp", "GET", cells[5]])
        assert cells[5].startswith("/fastcgi-tcp/lo")
        assert cells[5].endswith("…")
        assert [cells[6], *map(str.isdigit, cells[8:])] == ["200", True, True]
        assert len(row) <= 80
    words = ["wire", "--diff", "uwsgi", "ajp", "/hello?" + "q" * 200]
    table = zoo.cli(*words).stdout.partition("\n\n")[0].splitlines()[1:]
    assert {row[0] for row in table} == {"≠", "=", "1"}
    assert "HTTP_USER_AGENT" in {row.split()[1] for row in table}
    assert not [row for row in table if row.split()[1].endswith("…")]
    assert max(map(len, table)) <= 80


def test_a_recording_becomes_a_pcap_that_tshark_opens(zoo: Zoo, tmp_path: Path) -> None:
    """uwsgi's answer is HTTP, and so tshark says when it is told where."""
    file, out = a_recording(tmp_path / "r"), tmp_path / "r.pcap"
    done = zoo.cli("wire", "--show", str(file), "--pcap", str(out))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    tshark = ["tshark", "-r", str(out), "-T", "fields", "-e", "tcp.payload"]
    seen = subprocess.run(tshark, capture_output=True, text=True, check=True).stdout.split()
    assert bytes.fromhex("".join(seen)).endswith(b"\r\n\r\n" + HELLO)
    full = zoo.cli("wire", "--show", str(file), "--pcap", "/proc/none/out")
    assert (full.returncode, "expected a file that can be written" in full.stderr) == (2, True)


@pytest.mark.slow
def test_a_time_that_no_clock_has_is_no_recording(zoo: Zoo, tmp_path: Path) -> None:
    file = a_recording(tmp_path / "r")
    first, second, rest = file.read_bytes().split(b"\n", 2)
    for at in (b"1e300", b"1e12", b"-1"):
        file.write_bytes(b"\n".join([first, re.sub(rb'"at":[^,}]*', b'"at":' + at, second), rest]))
        for words in ([], ["--pcap", str(tmp_path / "out")]):
            done = zoo.cli("wire", "--show", str(file), *words)
            assert (done.returncode, done.stderr.startswith(f"zoo: {file}: line 2: ")) == (2, True), done.stderr


@pytest.mark.slow
def test_a_pcap_neither_replaces_its_recording_nor_comes_of_none(zoo: Zoo, tmp_path: Path) -> None:
    file, link, out = a_recording(tmp_path / "r"), tmp_path / "l", tmp_path / "r.pcap"
    before = file.read_bytes()
    link.symlink_to(file)
    for name in (file, link):
        done = zoo.cli("wire", "--show", str(file), "--pcap", str(name))
        said = f"zoo: --pcap {name} is the recording itself; expected another file\n"
        assert (done.returncode, done.stderr) == (2, said)
    assert file.read_bytes() == before
    for none in (b"", before[:20], b"no recording\n", before + b"no entry\n"):
        file.write_bytes(none)
        done = zoo.cli("wire", "--show", str(file), "--pcap", str(out))
        assert (done.returncode, done.stderr.startswith(f"zoo: {file}: "), out.exists()) == (2, True, False)
        out.write_bytes(b"precious")
        assert zoo.cli("wire", "--show", str(file), "--pcap", str(out)).returncode == 2
        assert out.read_bytes() == b"precious"
        out.unlink()
    file.write_bytes(before)
    assert zoo.cli("wire", "--show", str(file), "--pcap", str(out)).returncode == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600, "bodies are in it"
    for name in (tmp_path / ("x" * 300), tmp_path, file / "x"):
        done = zoo.cli("wire", "--show", str(file), "--pcap", str(name))
        assert (done.returncode, "expected a file that can be written" in done.stderr) == (2, True), done.stderr


# --- what is told -----------------------------------------------------------------------------------------------------


def test_the_variables_are_those_of_nginx() -> None:
    """As nginx sends them for a plain GET: what is there unless it is empty and if_not_empty says so."""
    text = (ROOT / "nginx/params/fastcgi.conf").read_text(encoding="utf-8")
    lines = re.findall(r"^fastcgi_param +(\w+) +(.+?);", text, re.MULTILINE)
    sent = {name for name, value in lines if "if_not_empty" not in value}
    ours = {name.decode() for name, _ in request.variables(ClientRequest("/hello"), Target("/x", "/x/hello", "h", 1))}
    of_a_client = {"HTTP_HOST", "HTTP_USER_AGENT", "HTTP_ACCEPT"}
    assert ours == sent | of_a_client | {"SCRIPT_NAME"}  # which the fragments set


def value_of(name: bytes, **options: Any) -> list[bytes]:
    pairs = request.variables(ClientRequest("/a%20b?c=%20", **options), Target("/x", "/x/a%20b?c=%20", "h", 1))
    return [value for told_name, value in pairs if told_name == name]


def test_a_client_may_say_what_fronts_say() -> None:
    """What a front makes of a forged X-Forwarded-For is seen only if it gets there."""
    place = Target("/x", "/x/hello", "h", 1, (("HTTPS", "on"),))
    forged = ("X-Forwarded-For: 6.6.6.6", "X-Request-Id: abc", "Accept:", "X-Foo: 1")
    said = dict(request.headers_for_a_front(ClientRequest("/hello", headers=forged), place))
    assert said.pop(b"HTTP_X_FORWARDED_FOR") == b"6.6.6.6"
    assert said.pop(b"HTTP_X_REQUEST_ID") == b"abc"
    assert said.pop(b"HTTP_X_FOO") == b"1"
    assert set(said) <= request.OF_CLIENTS - {b"HTTP_ACCEPT"}


def test_a_path_is_decoded_and_a_query_is_not() -> None:
    assert value_of(b"PATH_INFO") == [b"/a b"]
    assert value_of(b"QUERY_STRING") == [b"c=%20"]
    assert value_of(b"REQUEST_URI") == [b"/x/a%20b?c=%20"]


def test_params_and_headers_add_change_empty_and_remove() -> None:
    assert value_of(b"NEW", params=("NEW=a=b",)) == [b"a=b"]
    assert value_of(b"SERVER_NAME", params=("SERVER_NAME=",)) == [b""]
    assert value_of(b"SERVER_NAME", params=("SERVER_NAME",)) == []
    assert value_of(b"SERVER_NAME", params=("SERVER_NAME=a", "SERVER_NAME=b")) == [b"a", b"b"]
    assert value_of(b"HTTP_ACCEPT", headers=("accept: text/html",)) == [b"text/html"]
    assert value_of(b"HTTP_ACCEPT", headers=("Accept:",)) == []
    assert value_of(b"CONTENT_TYPE", headers=("Content-Type: text/plain",), data=b"x") == [b"text/plain"]
    assert value_of(b"CONTENT_LENGTH", data=b"four") == [b"4"]
    assert value_of(b"REQUEST_METHOD", data=b"four") == [b"POST"]
