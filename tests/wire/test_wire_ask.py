"""`zoo wire` and peers that are slow, endless, silent, too talkative, or speak another protocol."""

import gzip
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from zoo_in_test import REGISTRY, ROOT, Zoo

from gateway_zoo.wire.ask import client
from gateway_zoo.wire.ask.client import Patience, Piece
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange
from gateway_zoo.wire.page.follow import Follow

WIRES = Codecs(REGISTRY)
HTTP = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FASTCGI = WIRES["FastCGI"].response(200, [(b"Content-Type", b"text/plain")], b"ok")
END = FASTCGI[-16:]  # END_REQUEST
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nSet-Cookie: a=geheim\r\n\r\n"
ON_SOCKETS = list(WIRES.with_port())

Steps = Sequence[bytes | float | None]  # bytes to send, seconds to wait; None: keep the connection open


@contextmanager
def peer(path: Path, *steps: bytes | float | None) -> Iterator[str]:
    """A program on a unix socket that does these steps for one connection, then closes. Returns its address."""
    over = threading.Event()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65_536)
            try:
                for step in steps:
                    if isinstance(step, bytes):
                        connection.sendall(step)
                    else:
                        over.wait(step)
            except OSError:
                pass

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        server.settimeout(20)
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"unix:{path}"
        over.set()
        thread.join(20)


def ask(path: Path, protocol: str, steps: Steps, patience: Patience = client.USUAL) -> Exchange:
    """The exchange with such a peer."""
    request = WIRES[protocol].request([(b"REQUEST_METHOD", b"GET"), (b"REQUEST_URI", b"/"), (b"SERVER_NAME", b"x")])
    with peer(path, *steps) as address:
        return client.ask(WIRES, client.address(address), request, protocol, "it", "zoo wire", patience)


def exchange_of(zoo: Zoo, *words: str, status: int = 0) -> Any:
    done = zoo.inside("wire", *words, "--json")
    assert done.exit_code == status, done.output
    return json.loads(done.stdout)


# --- how long it waits ------------------------------------------------------------------------------------------------


def test_an_answer_that_takes_longer_has_a_hint_and_an_option(zoo: Zoo, tmp_path: Path) -> None:
    steps = (0.5, HTTP)
    with peer(tmp_path / "s", *steps) as address:
        errors = exchange_of(zoo, "--http", address, "--wait", "0.2", status=1)["errors"]
    assert errors[:2] == [
        "no end of the answer within 0.2 s, our limit; 0 bytes of it came",
        "--wait 60 waits longer, --watch shows a stream as it comes",
    ]
    (tmp_path / "s").unlink()
    with peer(tmp_path / "s", *steps) as address:
        assert exchange_of(zoo, "--http", address, "--wait", "5")["status"] == 200


def test_the_longest_time_has_no_hint_at_a_longer_one(
    zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_zoo.wire.ask.command.LONGEST_S", 0.2)
    with peer(tmp_path / "s", None) as address:
        errors = exchange_of(zoo, "--http", address, "--wait", "0.2", status=1)["errors"]
    assert errors[1] == "--watch shows a stream as it comes"


def test_a_program_is_waited_for_as_long(zoo: Zoo) -> None:
    done = zoo.cli("wire", "cgi", "/hello", "--program", "--wait", "0.001", "--json")
    errors = json.loads(done.stdout)["errors"]
    assert (done.returncode, errors[-2:]) == (
        1,
        ["the program did not end within 0.001 s, our limit", "--wait 60 waits longer"],
    )


def test_a_front_is_waited_for_as_long(zoo: Zoo) -> None:
    done = zoo.cli("wire", "--via", "nginx", "wsgi", "/news/events", "--wait", "0.5", "--json")
    errors = json.loads(done.stdout)["errors"]
    assert done.returncode == 1
    assert errors[0].startswith("no end of the answer within 0.5 s, our limit; ")
    assert errors[1].startswith("--wait 60 waits longer")


def test_a_slow_record_behind_a_surplus_record_is_waited_for(tmp_path: Path) -> None:
    """Only a decoder that has stopped makes more waiting useless."""
    surplus = END[:3] + b"\x07" + END[4:]  # of request 7
    exchange = ask(tmp_path / "s", "FastCGI", [surplus, 0.6, FASTCGI])
    assert (exchange.status, len(exchange.errors)) == (200, 1)
    assert "request 7 was not asked" in exchange.errors[0]


# --- a stream is watched ----------------------------------------------------------------------------------------------


def test_pieces_are_shown_as_they_come(tmp_path: Path) -> None:
    pieces = list[Piece]()
    steps = (EVENTS + b"data: 1\n\n", 0.3, b"data: 2\n\n")
    exchange = ask(tmp_path / "s", "uwsgi", steps, Patience(watch=pieces.append))
    assert [(piece.stream, piece.data) for piece in pieces] == [("body", b"data: 1\n\n"), ("body", b"data: 2\n\n")]
    assert pieces[1].seconds - pieces[0].seconds >= 0.2
    assert (exchange.status, exchange.errors) == (200, [])


def test_records_are_shown_decoded_with_the_name_of_another_stream(tmp_path: Path) -> None:
    pieces = list[Piece]()
    stderr = b"\1\7\0\1\0\4\0\0warn"
    ask(tmp_path / "s", "FastCGI", [stderr + FASTCGI], Patience(watch=pieces.append))
    assert [(piece.stream, piece.data) for piece in pieces] == [("STDERR", b"warn"), ("body", b"ok")]


def test_watching_ends_with_the_wait_and_is_no_error(zoo: Zoo, tmp_path: Path) -> None:
    for more in ((), ("--hex", "--all")):
        with peer(tmp_path / "s", EVENTS + b"data: 1\n\n", None) as address:
            done = zoo.inside("wire", "--http", address, "--watch", "--wait", "0.4", *more)
        (tmp_path / "s").unlink()
        assert done.exit_code == 0, done.output
        assert re.match(r" +0\.\d{3} s +9  data: 1\\x0a\\x0a\n\nREQUEST  GET / ", done.stdout)
        assert "geheim" not in done.stdout


def test_an_error_in_a_watched_stream_is_one(zoo: Zoo, tmp_path: Path) -> None:
    chunked = EVENTS.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    began = time.monotonic()
    with peer(tmp_path / "s", chunked + b"3\r\nabc\r\nx\r\n", None) as address:
        done = zoo.inside("wire", "--http", address, "--watch")
    assert (done.exit_code, time.monotonic() - began < 5) == (1, True), done.output
    (tmp_path / "s").unlink()
    with peer(tmp_path / "s") as address:
        assert zoo.inside("wire", "--http", address, "--watch").exit_code == 1, "nothing came"


def test_the_limit_of_bytes_holds_for_a_watched_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LIMIT", 100_000)
    steps = [EVENTS, *[bytes(50_000)] * 4, None]
    exchange = ask(tmp_path / "s", "HTTP", steps, Patience(watch=lambda _: None))
    assert exchange.errors == ["the answer is longer than 100,000 bytes, our limit"]


@pytest.mark.parametrize("as_json", [False, True])
def test_a_person_ends_watching_with_ctrl_c(zoo: Zoo, tmp_path: Path, as_json: bool) -> None:
    words = [str(zoo.root / "zoo"), "wire", "--watch", *["--json"] * as_json, "--http"]
    with peer(tmp_path / "s", EVENTS, *(b"data: tick\n\n", 0.1) * 3, None) as address:
        argv = [*words, address]
        with subprocess.Popen(argv, env=zoo.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout
            seen = [process.stdout.readline() for _ in range(3)]
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    if not as_json:
        assert all(line.endswith("  data: tick\\x0a\\x0a\n") for line in seen)
        assert "RESPONSE status 200 " in rest
        return
    pieces = [json.loads(line) for line in seen]
    assert [(piece["stream"], piece["length"], piece["text"]) for piece in pieces] == [
        ("body", 12, "data: tick\\x0a\\x0a")
    ] * 3
    assert bytes.fromhex(pieces[0]["bytes"]) == b"data: tick\n\n"
    exchange = json.loads(rest.splitlines()[-1])
    assert (exchange["status"], exchange["errors"]) == (200, [])


def test_a_websocket_is_watched_beyond_its_first_seconds(zoo: Zoo) -> None:
    began = time.monotonic()
    done = zoo.inside("wire", "asgi", "/news/socket", "--watch", "--json", "--wait", "3")
    assert (done.exit_code, 3 <= time.monotonic() - began < 6) == (0, True), done.output
    *pieces, exchange = map(json.loads, done.stdout.splitlines())
    assert (exchange["status"], exchange["errors"]) == (101, [])
    assert pieces
    assert {piece["stream"] for piece in pieces} == {"TEXT"}


# --- behind the end of an answer --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "steps", "error"),
    [
        ("HTTP", [HTTP, 0.03, HTTP], "an answer that was not asked for"),
        ("HTTP", [HTTP + HTTP, None], "an answer that was not asked for"),
        ("FastCGI", [FASTCGI, 0.03, END], "request 1 was not asked again"),
        ("FastCGI", [FASTCGI, 0.03, END[:3] + b"\x07" + END[4:], None], "request 7 was not asked"),
    ],
)
def test_what_follows_an_answer_is_an_error(tmp_path: Path, protocol: str, steps: Steps, error: str) -> None:
    exchange = ask(tmp_path / "s", protocol, steps)
    assert exchange.status == 200
    assert any(error in each for each in exchange.errors), exchange.errors


@pytest.mark.parametrize(("protocol", "answer"), [("HTTP", HTTP), ("FastCGI", FASTCGI)])
def test_a_peer_that_closes_at_once_costs_no_time(tmp_path: Path, protocol: str, answer: bytes) -> None:
    for steps, least, most in (([answer], 0.0, client.LINGER_S), ([answer, None], client.LINGER_S, 5.0)):
        took = list[float]()
        for number in range(3):  # another process may have the processor
            began = time.monotonic()
            exchange = ask(tmp_path / f"{len(steps)}{number}", protocol, steps)
            took.append(time.monotonic() - began)
            assert (exchange.status, exchange.errors) == (200, [])
        assert least <= min(took) < most


# --- the path ---------------------------------------------------------------------------------------------------------


def test_without_a_path_it_is_a_slash(zoo: Zoo, tmp_path: Path) -> None:
    assert exchange_of(zoo, "uwsgi")["target"] == "/uwsgi/"
    assert re.search("REQUEST_URI +/uwsgi/ +/scgi/ *\n", zoo.inside("wire", "--diff", "uwsgi", "scgi").stdout)
    with peer(tmp_path / "s", FASTCGI) as address:
        assert exchange_of(zoo, "--fastcgi", address)["target"] == "/"


# --- another protocol -------------------------------------------------------------------------------------------------


#: What programs answer, whatever they are asked. An answer of uwsgi is HTTP, or CGI as SCGI's.
SPOKEN = {
    "AJP": WIRES["AJP"].response(200, [], b"ok"),
    "FastCGI": FASTCGI,
    "HTTP": HTTP.replace(b"200 OK", b"400 Bad Request"),
    "TLS": b"\x15\x03\x01\0\2\2\x28",
}


@pytest.mark.parametrize("spoken", SPOKEN)
@pytest.mark.parametrize("protocol", ON_SOCKETS)
def test_another_protocol_is_named_with_the_option_for_it(zoo: Zoo, tmp_path: Path, protocol: str, spoken: str) -> None:
    sound = spoken == protocol or (protocol, spoken) in (("SCGI", "HTTP"), ("uwsgi", "HTTP"))
    answer = SPOKEN[spoken]
    for number, pieces in enumerate(([answer], [answer[at : at + 1] for at in range(len(answer))])):
        with peer(tmp_path / str(number), *pieces) as address:
            exchange = exchange_of(zoo, f"--{protocol.lower()}", address, "/hello", status=not sound)
        right = f"zoo wire --{spoken.lower()} {address} /hello asks in {spoken}"
        if protocol == spoken:
            assert (exchange["errors"], exchange["warnings"]) == ([], [])
        elif sound:
            assert (exchange["status"], exchange["warnings"][-1]) == (400, f"the peer may speak HTTP: {right}")
        elif spoken == "TLS":
            assert "zoo wire does not speak TLS; ask a socket without it" in exchange["errors"]
        else:
            assert right in exchange["errors"]
        if not sound:
            assert f"these bytes are {spoken}, not {protocol}" in exchange["errors"]


@pytest.mark.parametrize("protocol", ON_SOCKETS)
def test_a_peer_that_sends_nothing_may_speak_another_protocol(zoo: Zoo, tmp_path: Path, protocol: str) -> None:
    others = ", ".join(f"{name} (--{name.lower()})" for name in ON_SOCKETS if name != protocol)
    for number, (steps, did) in enumerate((([], "closed the connection without a byte"), ([None], "sent no byte"))):
        with peer(tmp_path / str(number), *steps) as address:
            exchange = exchange_of(zoo, f"--{protocol.lower()}", address, "--wait", "0.3", status=1)
        hint = f"{address} {did}: it may speak another protocol than {protocol}, such as {others}, TLS"
        assert exchange["errors"][-1] == hint


def test_an_exhibit_that_sends_nothing_has_a_log(zoo: Zoo, tmp_path: Path) -> None:
    from gateway_zoo.wire.ask import hints
    from gateway_zoo.wire.ask.request import ClientRequest

    exchange = ask(tmp_path / "s", "uwsgi", [])
    exchange.exhibit = "uwsgi"
    hints.add(WIRES, exchange, client.address("unix:/a"), ClientRequest("/"), known=True)
    assert exchange.errors[-1] == "unix:/a closed the connection without a byte; zoo logs uwsgi may say why"


def test_a_400_in_uwsgi_may_be_of_an_http_server(zoo: Zoo, tmp_path: Path) -> None:
    """A sound answer in uwsgi: an HTTP response."""
    with peer(tmp_path / "s", HTTP.replace(b"200 OK", b"400 Bad Request")) as address:
        exchange = exchange_of(zoo, "--uwsgi", address, "/a?b")
    hint = f"the peer may speak HTTP: zoo wire --http {address} '/a?b' asks in HTTP"
    assert (exchange["errors"], exchange["warnings"]) == ([], [hint])


# --- files that are no recordings -------------------------------------------------------------------------------------

MAKE = "expected a recording: zoo record makes one"
PCAP = "a pcap; Wireshark or tshark -r FILE opens it. zoo wire --show RECORDING --pcap OUT makes such a file"
FILES = [
    *((f"pcap {n}", bytes.fromhex(n) + bytes(20), PCAP) for n in ("a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1")),
    ("pcapng", bytes.fromhex("0a0d0d0a 1c000000 4d3c2b1a") + bytes(20), PCAP),
    ("gzip", gzip.compress(b"a recording"), "compressed by gzip; gunzip it first"),
    ("zip", b"PK\3\4" + bytes(20), "compressed; unpack it first"),
    (
        "HAR",
        b'{\n  "log": {\n    "version": "1.2"',
        f"a HAR: a browser wrote it, and it has no bytes of a gateway; {MAKE}",
    ),
    ("JSON", b'{\n "number": 1,\n', f"JSON, and no recording; {MAKE}"),
    ("a list", b"[]", f"JSON, and no recording; {MAKE}"),
    (
        "specimen",
        (ROOT / "scgi/specimens/hello.toml").read_bytes(),
        f"a specimen: one exchange, from which a label is made; {MAKE}",
    ),
    ("empty", b"", f"empty; {MAKE}"),
    ("text", b"# Lines\n\nof text, \xc3\xa4", f"text, and no recording; {MAKE}"),
    ("PNG", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", f"binary, and no recording; {MAKE}"),
    ("ELF", Path(sys.executable).read_bytes(), f"binary, and no recording; {MAKE}"),
]


@pytest.mark.parametrize(("data", "sentence"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_a_file_that_is_no_recording_is_named(zoo: Zoo, tmp_path: Path, data: bytes, sentence: str) -> None:
    file = tmp_path / "a file"
    file.write_bytes(data)
    said = f"zoo: {file}: {sentence}\n".replace("FILE", f"'{file}'")
    for words in (["wire", "--show"], ["wire", "--pcap", str(tmp_path / "out"), "--show"], ["replay"]):
        done = zoo.inside(*words, str(file))
        assert (done.exit_code, done.stderr) == (2, said), words
    follow = Follow(file)
    follow.look()
    assert follow.problem == said[5:-1] * bool(data), "an empty file may become a recording"
    follow.close()


def test_the_page_of_a_file_that_is_no_recording_is_not_served(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(FILES[0][1])
    assert page_of(tmp_path / "a") == (2, f"zoo: {tmp_path}/a: {PCAP}\n".replace("FILE", f"{tmp_path}/a"))
    assert page_of(tmp_path) == (2, f"zoo: {tmp_path}: no regular file; expected a recording\n")


def page_of(file: Path) -> tuple[int, str]:
    argv = [sys.executable, "-P", "-m", "gateway_zoo.wire.page", str(file)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env={"ZOO_ROOT": str(ROOT)})
    return done.returncode, done.stderr


def test_a_directory_is_no_recording(zoo: Zoo, tmp_path: Path) -> None:
    done = zoo.inside("wire", "--show", str(tmp_path))
    assert (done.exit_code, f"{tmp_path}: Is a directory; expected" in done.stderr) == (2, True)
    done = zoo.inside("replay", str(tmp_path))
    assert (done.exit_code, done.stderr) == (2, f"zoo: {tmp_path}: Is a directory; expected a recording\n")
