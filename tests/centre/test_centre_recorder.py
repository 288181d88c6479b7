"""The centre's recorder: it starts at the first need, is masked, finds an exchange, keeps recordings within bounds, and
ends with the centre."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from centre_in_test import CentreZoo, a_centre, a_fresh_centre  # noqa: F401 - fixtures
from centre_tab import SEEN, fits, opened
from msgspec.structs import replace
from recordings import HEAD, Film
from wire_record_in_test import SHIFT, runs_in
from zoo_in_test import Zoo, eventually, words_of

from gateway_zoo.centre.page import Refused
from gateway_zoo.centre.recorder import Recorder
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import environment, read_settings
from gateway_zoo.wire.recorder import shelf
from gateway_zoo.wire.recording import Bytes, Closed, Opened, line, read

SECRET = "s3cr3t-b1scu1t"  # noqa: S105 - that is the point


@pytest.fixture(scope="module")
def zoo() -> Iterator[Zoo]:
    with Zoo() as made:
        yield made.up("fastcgi", "wsgi", "mod_wsgi")


@contextlib.contextmanager
def recorder_of(zoo: Zoo, idle: float = 60) -> Iterator[Recorder]:
    """A recorder as the centre has it, in this process; its child has the zoo's variables."""
    settings = read_settings(zoo.env | {"ZOO_ROOT": str(zoo.root)})
    made = Recorder(settings, load(zoo.root), idle)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(settings).items():
            patch.setenv(name, value)
        try:
            yield made
        finally:
            made.close()
    assert recording_processes(zoo) == []


def answers(zoo: CentreZoo) -> bool:
    try:
        return zoo.ask("/nothing").status == 404
    except OSError:
        return False


def recording_processes(zoo: Zoo) -> list[int]:
    return [p.pid for p in zoo.processes() if runs_in(p, zoo.run / "wire") or "session" in " ".join(words_of(p))]


def test_it_starts_at_the_first_need_and_finds_each_exchange(zoo: Zoo) -> None:
    with recorder_of(zoo) as recorder:
        assert recorder.state().under_way == ""
        for front, exhibit in (("nginx", "fastcgi"), ("apache", "wsgi")):
            url = recorder.url(front, exhibit)
            assert url == f"http://127.0.0.1:{zoo.ports[front] + SHIFT}/{exhibit}"
            answer = requests.get(f"{url}/hello", headers={"Cookie": SECRET}, timeout=10)
            began = time.monotonic()
            exchange = recorder.exchange(answer.headers["X-Request-ID"], 5)
            assert time.monotonic() - began < 5
            assert exchange
            assert (exchange.exhibit, exchange.front, exchange.status) == (exhibit, front, 200)
            assert exchange.response.endswith(b"Hello from the Gateway Zoo\n") or front == "nginx"
            assert SECRET.encode() not in exchange.request
        assert recorder.exchange("no-such-id", 0.1) is None
        state = recorder.state()
        assert state.fronts == {front: f"http://127.0.0.1:{port + SHIFT}" for front, port in zoo.ports.items()}
        file = recorder.path(state.under_way)
        assert file
        assert SECRET.encode() not in file.read_bytes()
        with pytest.raises(Refused, match="lives inside apache"):
            recorder.url("apache", "mod_wsgi")
        with pytest.raises(Refused, match="no such cell"):
            recorder.url("apache", "../x")
        with pytest.raises(Refused, match="under way"):
            recorder.start()
        recorder.end()
        assert recording_processes(zoo) == []
        after = recorder.state()
        assert (after.under_way, after.fronts) == ("", {})
        assert [kept.name for kept in after.recordings] == [state.under_way], "an ended one stays"
        with file.open("rb") as lines:
            opened = [entry.exhibit for entry in read(lines, "it") if isinstance(entry, Opened)]
        assert opened == ["fastcgi", "wsgi"]
        with pytest.raises(Refused, match="no recording is under way"):
            recorder.end()
        assert recorder.path("../state") is None


def test_it_takes_other_ports_and_ends_when_idle(zoo: Zoo) -> None:
    with contextlib.ExitStack() as held, recorder_of(zoo, idle=1.5) as recorder:
        held.enter_context(socket.create_server(("127.0.0.1", zoo.ports["nginx"] + SHIFT)))
        recorder.start()
        url = recorder.url("nginx", "fastcgi")
        assert f":{zoo.ports['nginx'] + SHIFT}/" not in url
        assert requests.get(f"{url}/ping", timeout=10).text == "pong\n"
        eventually(lambda: not recorder.state().fronts, 15, "it ends by itself")
        assert recorder.state().why == "it ended by itself after 0.025 minutes without a request"
        assert recorder.url("nginx", "fastcgi"), "and comes back"


def test_a_zoo_that_does_not_run_is_said() -> None:
    zoo = Zoo()
    with recorder_of(zoo) as recorder, pytest.raises(Refused, match="the zoo is not running"):
        recorder.start()
    assert shelf.numbers(zoo.run / "recordings") == [], "a recording of nothing is not kept"
    zoo.close()


def test_recordings_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MOST", 10_000)
    made = shelf.Shelf(tmp_path / "recordings")
    facts = {"exhibit": "fastcgi", "front": "nginx", "protocol": "FastCGI", "address": "x.sock"}
    for number in range(1, 200):
        made.entry(Opened(connection=number, at=1, **facts))
        made.entry(Bytes(connection=number, at=1, direction="request", data=b"x" * 1000))
        made.entry(Closed(connection=number, at=2))
        made.pause()
    made.close()
    numbers = shelf.numbers(made.folder)
    assert len(numbers) == shelf.KEPT
    assert numbers == list(range(numbers[0], numbers[0] - shelf.KEPT, -1))
    assert numbers[0] > 20
    assert all(shelf.file(made.folder, number).stat().st_size < 13_000 for number in numbers)
    (tmp_path / "recordings" / "recording-99.jsonl").symlink_to("/etc/passwd")
    assert shelf.kept(shelf.file(made.folder, 99)) is None
    assert shelf.kept(Film(tmp_path / "secret.jsonl").path) is not None


# --- the page of the wire ---------------------------------------------------------------------------------------------


def test_a_recording_is_started_ended_and_taken_along_and_no_kill_leaves_a_front(fresh_centre: CentreZoo) -> None:
    zoo = fresh_centre
    zoo.up("fastcgi")
    begun = zoo.post({}, action="wire/start").json()
    assert zoo.post({}, action="wire/start").status == 409
    assert set(begun["fronts"]) == {"nginx", "apache"}
    name = begun["under_way"]
    assert requests.get(f"{begun['fronts']['nginx']}/fastcgi/hello", timeout=10).status_code == 200
    rows = eventually_json(zoo, f"/api/wire/{name}/exchanges")
    assert [(row["exhibit"], row["front"], row["status"]) for row in rows] == [("fastcgi", "nginx", 200)]
    assert "GATEWAY_INTERFACE" in str(zoo.json(f"/api/wire/{name}/exchanges/1")["request"]["fields"])
    assert zoo.ask("/wire").body.startswith(f"nginx is recorded on {begun['fronts']['nginx']}/\n".encode())
    pcap = zoo.ask(f"/api/wire/{name}/pcap")
    assert pcap.body[:4] == b"\xd4\xc3\xb2\xa1"
    assert pcap.headers["content-disposition"] == f'attachment; filename="{name}.pcap"'
    for wrong in ("recording-9", "..%2f..%2fetc%2fpasswd", "state", "%2e%2e"):
        assert zoo.ask(f"/api/wire/{wrong}/pcap").status == 404
        assert zoo.ask(f"/api/wire/{wrong}/exchanges").status == 404
    for action in ("start", "end"):
        assert zoo.post({}, action=f"wire/{action}", token="x").status == 403  # noqa: S106 - a wrong one
        assert zoo.ask(f"/api/wire/{action}").status in (404, 405)

    os.kill(before := zoo.session("centre"), signal.SIGKILL)
    eventually(lambda: not recording_processes(zoo), 10, "the fronts end with the centre")
    eventually(lambda: zoo.session("centre") != before and answers(zoo), 15, "it comes back")
    after = zoo.json("/api/wire")
    assert (after["under_way"], [kept["name"] for kept in after["recordings"]]) == ("", [name])
    assert len(zoo.json(f"/api/wire/{name}/exchanges")) == 1

    second = zoo.post({}, action="wire/start").json()
    assert second["under_way"] != name
    zoo.down()
    eventually(lambda: not recording_processes(zoo), 10, "and with the zoo; at the latest their watcher ends them")
    assert zoo.leftovers() == []


def eventually_json(zoo: CentreZoo, path: str) -> Any:
    eventually(lambda: zoo.json(path), 10, path)
    return zoo.json(path)


def test_the_page_says_what_to_press_and_follows(centre: CentreZoo) -> None:
    with opened(centre, "/wire") as tab:
        assert "Press Start a recording" in tab.locator("#empty").inner_text()
        tab.click("#start")
        tab.locator("#asked a").first.wait_for(timeout=30_000)
        url = tab.locator("#asked a").first.get_attribute("href")
        for path in ("fastcgi/hello", "uwsgi/hello"):
            requests.get(f"{url}{path}", timeout=10)
            tab.locator("#list .row", has_text=f"/{path}").wait_for()
        assert tab.locator("#fields .row").count() > 5
        assert fits(tab)
        assert [text for text, size, contrast in tab.evaluate(SEEN) if size < 16 or contrast < 4.5] == []
        tab.set_viewport_size({"width": 390, "height": 844})
        assert fits(tab)
        with subprocess.Popen(
            [str(centre.root / "zoo"), "record", "--page", "fastcgi"],
            env=centre.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as second:
            assert "the visitor centre's page /wire" in second.communicate(timeout=30)[1]
        tab.focus("#end")
        tab.keyboard.press("Enter")
        tab.locator("#news", has_text="it stays in the list").wait_for(timeout=15_000)
        tab.locator("#list .row").nth(1).wait_for()
    record = subprocess.Popen(
        [str(centre.root / "zoo"), "record", "--page", "fastcgi"], env=centre.env, stdout=subprocess.PIPE, text=True
    )
    try:
        assert record.stdout
        assert record.stdout.readline() == f"http://localhost:{centre.centre}/wire?recording=wire\n"
        requests.get(f"http://127.0.0.1:{centre.ports['nginx'] + SHIFT}/fastcgi/ping", timeout=10)
        assert eventually_json(centre, "/api/wire/wire/exchanges")[0]["target"] == "/fastcgi/ping"
    finally:
        record.send_signal(signal.SIGINT)
        record.communicate(timeout=20)
    film = Film(centre.run / "next.jsonl")
    film.path.write_bytes(line(replace(HEAD, secrets=True)))
    film.scene("/fastcgi/secret")
    film.path.replace(centre.run / "wire.jsonl")
    assert centre.ask("/api/wire/wire/exchanges").status == 404, "one with passwords is not shown"
    assert "wire" not in [kept["name"] for kept in centre.json("/api/wire")["recordings"]]
