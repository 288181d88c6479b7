"""`zoo record` and `zoo replay` on a running zoo: under load, with everything killed at some time, nothing left over.

The gateway's side of `uwsgi` is counted by a gateway of the test's in its place, which hashes what it hears.
"""

import base64
import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from recordings import WIRES
from wire_record_in_test import Recording, as_owner, recording, runs_in
from zoo_in_test import Zoo, eventually, needs_sight

from gateway_zoo.wire.exchange import Exchange
from gateway_zoo.wire.recorder.difference import ReplayAnswer
from gateway_zoo.wire.recorder.recorder import WAITING, Printer, Recorder
from gateway_zoo.wire.recorder.replay import answer_of, compare
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Opened, Recorded, read

needs_wrk = pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed: apt-get install wrk")
SECRET = "s3cr3t-b1scu1t"  # noqa: S105 - that is the point


def record(zoo: Zoo, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `zoo record` to its end, as the zoo's user."""
    argv = [str(zoo.root / "zoo"), "record", *words]
    return subprocess.run(
        argv, env=zoo.env, capture_output=True, text=True, check=False, timeout=60, cwd="/", **as_owner(zoo)
    )


@pytest.fixture(scope="module")
def zoo() -> Iterator[Zoo]:
    with Zoo() as made:
        yield made.up("uwsgi", "uwsgi-micro", "fastcgi", "fastcgi-tcp", "scgi", "ajp", "asgi", "wsgi", "mod_wsgi")


def wrk(url: str, seconds: float, *words: str) -> subprocess.Popen[str]:
    argv = ["wrk", "-t1", "-c16", f"-d{seconds}s", *words, url]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def connections(entries: list[AnyEntry]) -> dict[int, dict[str, bytes]]:
    """Bytes of each connection by their direction."""
    found: dict[int, dict[str, list[bytes]]] = {}
    for entry in entries:
        if isinstance(entry, Opened):
            found[entry.connection] = {"request": [], "response": []}
        elif isinstance(entry, Bytes):
            found[entry.connection][entry.direction].append(entry.data)
    return {number: {d: b"".join(pieces) for d, pieces in both.items()} for number, both in found.items()}


def test_what_the_fronts_send_is_recorded(zoo: Zoo) -> None:
    """Every protocol, both fronts; answers are those of the zoo, secrets are not in the file."""
    with recording(zoo) as made:
        asked = [(id, front) for id, front in zoo.open_cells() if id != "mod_wsgi"]
        for id, front in asked:
            answer = made.get(id, front, "hello", headers={"Cookie": SECRET, "Authorization": f"Bearer {SECRET}"})
            assert (answer.status_code, answer.text) == (200, "Hello from the Gateway Zoo\n"), (id, front)
        assert "lives inside apache" in made.get("mod_wsgi", "apache", "hello").text
        eventually(lambda: sum(isinstance(e, Bytes) for e in made.entries()) >= 2 * len(asked), 5, "all of it written")
        assert made.stop() == 0
        entries, said = made.entries(), made.text()
        mode = stat.S_IMODE(made.file.stat().st_mode)
    assert mode == 0o600
    assert isinstance(entries[0], Recorded)
    assert not entries[0].secrets
    assert sorted((e.exhibit, e.front) for e in entries if isinstance(e, Opened)) == sorted(asked)
    assert {e.protocol for e in entries if isinstance(e, Opened)} == {"uwsgi", "FastCGI", "SCGI", "AJP", "HTTP"}
    assert [e.why for e in entries if isinstance(e, Closed) and e.why not in ("", "the relay ended")] == []
    for both in connections(entries).values():
        assert SECRET.encode() not in both["request"]
        assert b"*" * len(SECRET) in both["request"]
        assert b"Hello from the Gateway Zoo\n" in both["response"]
    assert said.count(" 200 ") == len(asked)
    assert "inside apache, with no socket to record: mod_wsgi" in said
    assert f"{len(asked)} connections" in said


def test_secrets_are_recorded_with_the_option(zoo: Zoo) -> None:
    file = zoo.run / "all.jsonl"
    with recording(zoo, "--secrets", "--front", "nginx", "-o", str(file), "uwsgi") as made:
        made.file = file
        assert made.get("uwsgi", headers={"Cookie": SECRET}).status_code == 200
        assert made.get("fastcgi").status_code == 404  # left out
        made.stop()
        entries = made.entries()
    assert isinstance(entries[0], Recorded)
    assert entries[0].secrets
    assert SECRET.encode() in connections(entries)[1]["request"]
    before = file.read_bytes()
    again = record(zoo, "-o", str(file))
    assert again.returncode == 2
    assert "no recording is overwritten" in again.stderr
    assert file.read_bytes() == before


class Judge:
    """A gateway in uWSGI's place: answers each packet, and remembers a hash of what it heard and what it said."""

    def __init__(self, path: Path) -> None:
        self.heard: list[tuple[str, str]] = []
        self.path, self.real = path, path.with_suffix(".real")
        path.rename(self.real)
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        os.chown(path, self.real.stat().st_uid, self.real.stat().st_gid)
        self.server.listen(128)
        self.threads = [threading.Thread(target=self._serve) for _ in range(4)]
        for thread in self.threads:
            thread.start()

    def _serve(self) -> None:
        while True:
            try:
                visitor, _ = self.server.accept()
            except OSError:  # it is closed
                return
            with visitor, contextlib.suppress(OSError):  # at its end wrk leaves
                self._answer(visitor)

    def _answer(self, visitor: socket.socket) -> None:
        heard = b""
        while len(heard) < 4 or len(heard) < 4 + int.from_bytes(heard[1:3], "little"):
            if not (piece := visitor.recv(65536)):
                return
            heard += piece
        body = hashlib.sha256(heard).hexdigest().encode() * (1 + heard[-1] % 40)
        said = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        visitor.sendall(said)
        self.heard.append((_hash(heard), _hash(said)))

    def close(self) -> None:
        self.server.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(10)
        self.server.close()
        self.path.unlink()
        self.real.rename(self.path)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.slow
@needs_wrk
def test_ten_thousand_exchanges_without_a_lost_or_changed_byte(zoo: Zoo) -> None:
    """What the gateway heard and said, exchange by exchange, is what the recording has; and wrk got every answer."""
    with recording(zoo, "--front", "nginx", "uwsgi") as made:
        judge = Judge(zoo.run / "sock" / "uwsgi.sock")
        try:
            runs = 0
            while len(judge.heard) < 10_300:
                runs += 1
                out, _ = wrk(made.url("uwsgi"), 2).communicate(timeout=60)
                assert "Non-2xx" not in out, out
                assert "Socket errors" not in out, out
            eventually(lambda: isinstance(made.entries()[-1], Closed), 20, "the last of it")
        finally:
            judge.close()
        made.stop()
        entries = made.entries()
    recorded = [(_hash(both["request"]), _hash(both["response"])) for both in connections(entries).values()]
    heard = set(judge.heard)
    whole = [hashes for hashes in recorded if hashes in heard]
    # At its end wrk leaves, and so nginx: up to 16 connections on which the answer did not come through.
    assert len(recorded) - len(whole) <= 16 * runs
    cut_off = {asked for asked, _ in set(recorded) - set(whole)}
    assert {asked for asked, _ in heard - set(whole)} <= cut_off
    assert len(set(whole)) == len(whole) >= 10_000


@pytest.mark.slow
@needs_sight
@needs_wrk
def test_killed_under_load(zoo: Zoo) -> None:
    """Gateway and front, SIGKILL at random moments: soon the next request works again. Then the recorder itself:
    nothing of it is left, and the next one starts."""
    chance = random.Random(5)  # noqa: S311 - not a secret
    with recording(zoo, "--front", "nginx", "uwsgi") as made:
        load = wrk(made.url("uwsgi"), 30)
        try:
            for _ in range(3):
                time.sleep(chance.uniform(0.1, 0.4))
                with contextlib.suppress(ProcessLookupError):  # it has not been started again yet
                    os.kill(zoo.session("uwsgi"), signal.SIGKILL)
                eventually(lambda: _works(made), 15, "an answer after the gateway's death")
            for _ in range(2):
                time.sleep(chance.uniform(0.1, 0.4))
                for process in zoo.processes():
                    if runs_in(process, zoo.run / "wire" / "nginx") and process.name() == "nginx":
                        process.kill()
                eventually(lambda: _works(made), 15, "an answer after the front's death")
            time.sleep(chance.uniform(0.1, 0.4))
            made.process.kill()
            assert made.stop() == -signal.SIGKILL
        finally:
            load.kill()
            load.communicate()
        assert len(made.entries()) > 100  # good up to where it was cut off
    assert zoo.get("uwsgi", "nginx").status_code == 200
    with recording(zoo, "uwsgi") as made:
        assert _works(made)


def _works(made: Recording) -> bool:
    with contextlib.suppress(requests.RequestException):
        return made.get("uwsgi").status_code == 200
    return False


def test_a_gateway_that_is_down_is_a_502(zoo: Zoo) -> None:
    with recording(zoo, "uwsgi") as made:
        path = zoo.run / "sock" / "uwsgi.sock"
        path.rename(path.with_suffix(".away"))
        try:
            assert made.get("uwsgi", "nginx").status_code in (502, 503)
            # Apache's mod_proxy_uwsgi says 500 wherever a gateway closes without an answer.
            assert made.get("uwsgi", "apache").status_code in (500, 502, 503)
        finally:
            path.with_suffix(".away").rename(path)
        assert made.get("uwsgi", "nginx").status_code == 200
        assert made.get("uwsgi", "apache").status_code == 200


def test_events_are_in_the_file_as_they_come(zoo: Zoo) -> None:
    with recording(zoo, "asgi") as made, made.get("asgi", path="news/events", stream=True) as answer:
        assert answer.status_code == 200
        stream = answer.iter_content(1)  # kept: without it the connection is closed
        next(stream)

        def told() -> bool:
            return any(isinstance(e, Bytes) and e.direction == "response" for e in made.entries())

        eventually(told, 10, "the beginning of the stream in the file")
        assert not any(isinstance(e, Closed) for e in made.entries()), made.entries()


@pytest.mark.slow
def test_two_recorders_and_a_zoo_that_stays_as_it_is(zoo: Zoo) -> None:
    """A second one of the same zoo finds the ports taken and says so. The zoo's own fronts never change."""
    pids = (zoo.session("nginx"), zoo.session("apache"))
    with recording(zoo, "uwsgi") as made:
        for _ in range(2):
            second = record(zoo, "fastcgi", "-o", str(zoo.run / "second"))
            assert second.returncode == 3, second.stderr
            assert not (zoo.run / "second").exists()
        second = zoo.cli("record", "fastcgi")
        assert second.returncode == 3
        assert "in use; a recording may be running already" in second.stderr
        assert made.get("uwsgi").status_code == 200
        assert zoo.get("uwsgi", "nginx").status_code == 200
        assert made.stop(signal.SIGTERM) == 0, made.text()
    assert (zoo.session("nginx"), zoo.session("apache")) == pids
    assert zoo.get("uwsgi", "apache").status_code == 200


@pytest.mark.slow
def test_two_recorders_of_two_fronts_have_a_file_each(zoo: Zoo) -> None:
    """And a front that is named twice is one. Whoever read what the second one says is gone by then: it goes on."""
    argv = [str(zoo.root / "zoo"), "record", "--front", "apache", "--front", "apache", "scgi"]
    with recording(zoo, "--front", "nginx", "scgi") as made:
        second = subprocess.Popen(argv, env=zoo.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, err = second.stdout, second.stderr
        assert out
        assert err
        try:
            eventually(lambda: "Ctrl-C ends" in err.readline(), 20, "the second one")
            out.close()
            for front in ("nginx", "apache", "apache"):
                assert made.get("scgi", front).text == "pong\n"
        finally:
            second.send_signal(signal.SIGINT)
            said = err.read()
            err.close()
            assert second.wait(20) == 0, said
        assert f"--show {zoo.run}/wire2.jsonl lists them" in said
        made.file.with_name("wire2.jsonl").rename(made.file.with_name("other"))
        made.stop()
        with made.file.with_name("other").open("rb") as lines:
            of_second = [entry.front for entry in read(lines, "it") if isinstance(entry, Opened)]
        assert of_second == ["apache", "apache"]
        assert [entry.front for entry in made.entries() if isinstance(entry, Opened)] == ["nginx"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives root up")
def test_a_file_of_roots_is_refused(zoo: Zoo, tmp_path: Path) -> None:
    for words in ([], ["--page"]):
        done = zoo.cli("record", *words, "-o", str(tmp_path / "r"))
        assert (done.returncode, "-o cannot name a file of root's" in done.stderr) == (2, True), done.stderr
        assert not (tmp_path / "r").exists()


def test_a_terminal_that_takes_nothing_costs_no_memory(capsys: pytest.CaptureFixture[str]) -> None:
    recorder = Recorder(io.BytesIO(), secrets=False)
    for number in (1, 2):
        recorder.entry(Opened(connection=number, at=1, exhibit="x", front="nginx", protocol="HTTP", address="x.sock"))
        recorder.entry(Bytes(connection=number, at=1, direction="request", data=b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
    recorder.entry(Closed(connection=2, at=1))
    for _ in range(3 * WAITING):
        recorder.entry(Bytes(connection=1, at=1, direction="response", data=b"x"))
        assert recorder.to_print.qsize() <= WAITING
    printer = Printer(recorder, WIRES)
    printer.print_rest()
    assert capsys.readouterr().out == "… and 2 more connections, recorded too\n"


def test_a_recording_that_is_ended_before_it_begins_is_not_told_of(zoo: Zoo) -> None:
    file = zoo.run / "r.jsonl"
    argv = [str(zoo.root / "zoo"), "record", "-o", str(file)]
    process = subprocess.Popen(
        argv, env=zoo.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **as_owner(zoo)
    )
    while not file.exists() and process.poll() is None:
        pass
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=20)[0]
    began = file.exists()
    assert process.returncode == (0 if began else 130), said
    assert ("Ctrl-C ends" in said, "--show" in said) == (began, began), said


@pytest.mark.slow
def test_without_a_zoo(fresh_zoo: Zoo) -> None:
    for words in (["record"], ["replay", "/dev/null"]):
        done = fresh_zoo.cli(*words)
        assert done.returncode == (3 if words == ["record"] else 2), done.stderr
    assert "the zoo is not running" in fresh_zoo.cli("record").stderr
    assert fresh_zoo.cli("record", "nobody").returncode == 2


@pytest.mark.slow
def test_replay(zoo: Zoo) -> None:
    """To the exhibit itself, and to another protocol."""
    file = zoo.run / "wire.jsonl"
    with recording(zoo, "--front", "nginx") as made:
        for id in ("uwsgi", "scgi", "asgi"):
            made.get(id, path="hello?a=%20b")
        made.get("uwsgi", path="nothing")
        made.stop()
    same = zoo.cli("replay", str(file))
    assert same.returncode == 0, same.stdout + same.stderr
    assert same.stdout.splitlines()[-1] == "4 of 4 as recorded"
    for to in ("fastcgi", "ajp", "wsgi", "scgi", "uwsgi", "asgi", "fastcgi-tcp"):
        rows = json.loads(zoo.cli("replay", str(file), "--to", to, "--json").stdout)
        assert [(row["status"], row["same"]) for row in rows[:3]] == [(200, True)] * 3, (to, rows)
        assert (rows[3]["status"], rows[3]["why"]) == (404, None)
    one = zoo.cli("replay", str(file), "--only", "2")
    assert one.stdout.splitlines() == [
        "2: GET /scgi/hello?a=%20b to scgi: same status, same body",
        "1 of 1 as recorded",
    ]
    inside = zoo.cli("replay", str(file), "--only", "1", "--to", "mod_wsgi")
    assert inside.returncode == 1
    assert "mod_wsgi has no socket in this zoo" in inside.stdout
    assert zoo.cli("replay", str(file), "--only", "9").returncode == 2


@pytest.mark.slow
def test_a_body_that_nginx_counted_twice(zoo: Zoo) -> None:
    """It tells CONTENT_LENGTH, and HTTP_CONTENT_LENGTH too; whoever speaks HTTP or AJP says it once."""
    file = zoo.run / "wire.jsonl"
    with recording(zoo, "--front", "nginx", "uwsgi") as made:
        refused = requests.post(made.url("uwsgi", path="status"), data={"a": "1"}, timeout=20)
        made.stop()
    for to in ("ajp", "wsgi", "asgi", "fastcgi"):
        (told,) = json.loads(zoo.cli("replay", str(file), "--to", to, "--json").stdout)
        assert (told["recorded"], told["status"], told["why"]) == (refused.status_code, refused.status_code, None), to


def test_what_cannot_be_recorded_is_not_waited_for(zoo: Zoo) -> None:
    done = record(zoo, "mod_wsgi", "-o", str(zoo.run / "r"))
    assert (done.returncode, "mod_wsgi: it lives inside apache" in done.stderr) == (3, True), done.stderr
    assert not (zoo.run / "r").exists()


def test_frames_of_a_websocket_are_compared() -> None:
    wire = WIRES["HTTP"]
    upgrade = [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
    switched = wire.response(101, [*upgrade, (b"Sec-WebSocket-Accept", b"x")])
    ask = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    for frame in (b"\x81\x02hi", b"\x81\x02ho"):
        given = Exchange(
            1, 1, "asgi", "nginx", "HTTP", 1.0, request=bytearray(ask), response=bytearray(switched + frame)
        )
        assert answer_of(WIRES, given).body == frame


@pytest.mark.slow
def test_an_answer_that_breaks_off_is_not_the_same() -> None:
    exchange = Exchange(1, 1, "wsgi", "nginx", "HTTP", 1.0, method="GET", target="/wsgi/hello", status=200)
    whole, broken = (
        ReplayAnswer(200, b"hello", []),
        ReplayAnswer(200, b"hello", ["Truncated at offset 9: b'geheim'; expected more"]),
    )
    assert compare(exchange, "wsgi", (whole, whole))["same"]
    assert compare(exchange, "wsgi", (broken, broken))["same"], "as recorded"
    told = compare(exchange, "wsgi", (whole, broken))
    assert (told["same"], told["same_body"]) == (False, True)
    assert told["errors"] == ["Truncated at offset 9: (hidden); expected more"]


@pytest.mark.slow
def test_a_changed_answer_is_told(zoo: Zoo) -> None:
    """A recording that says something else than the zoo."""
    file = zoo.run / "wire.jsonl"
    with recording(zoo, "--front", "nginx", "scgi") as made:
        made.get("scgi", path="hello")
        made.stop()
    lines = file.read_text(encoding="ascii").splitlines()
    for index, text in enumerate(lines):
        entry = json.loads(text)
        if entry["is"] == "bytes" and entry["direction"] == "response":
            changed = base64.b64decode(entry["data"]).replace(b"Hello", b"Jello")
            lines[index] = json.dumps(entry | {"data": base64.b64encode(changed).decode()})
    file.write_text("\n".join(lines) + "\n", encoding="ascii")
    done = zoo.cli("replay", str(file))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "1: GET /scgi/hello to scgi: same status, another body (27 bytes) from byte 0: 'Hello from the G', not "
        "'Jello from the G'",
        "0 of 1 as recorded",
    ]
