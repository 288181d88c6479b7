"""The centre's recorder: it starts at the first need, is masked, finds an exchange, keeps recordings within bounds, and
ends with the centre."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from recordings import Film
from wire_record_in_test import SHIFT, runs_in
from zoo_in_test import Zoo, eventually

from gateway_zoo.centre.page import Refused
from gateway_zoo.centre.recorder import Recorder
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import environment, read_settings
from gateway_zoo.wire.recorder import shelf
from gateway_zoo.wire.recording import Bytes, Closed, Opened, read

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


def recording_processes(zoo: Zoo) -> list[int]:
    return [p.pid for p in zoo.processes() if runs_in(p, zoo.run / "wire") or "session" in " ".join(p.cmdline())]


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
