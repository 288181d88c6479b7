"""The traits of the axis Trouble answer what theory predicts; a measurement that is ended early leaves nothing."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from traits_in_test import answer, kept_natively, measured
from zoo_in_test import ROOT, eventually, needs_sight

from gateway_zoo.traits.endings import ending
from gateway_zoo.traits.exchange import Exchange, Piece
from gateway_zoo.traits.records import Matrix

ENV = {name: value for name, value in os.environ.items() if not name.startswith("ZOO_")}
IDS = ("cgi", "fastcgi", "scgi", "uwsgi", "wsgi", "mod_wsgi")
NONE_LOST = "none lost"
#: trait -> its answers, in the order of IDS: behind nginx, but of mod_wsgi behind Apache.
THEORY = {
    "exception_before": [*["500, traceback in log"] * 3, "502, traceback in log", *["500, traceback in log"] * 2],
    "exception_mid_body": [*["looks complete"] * 4, "last chunk missing", "looks complete"],
    "killed_before_headers": [*["502"] * 5, "500"],
    "killed_mid_body": [
        "looks complete",
        "last chunk missing",
        "looks complete",
        "looks complete",
        "last chunk missing",
        "looks complete",
    ],
    "back_after_kill": [*["away, 502"] * 5, "no request failed"],
    "client_gone": ["yes, close() is called"] * 6,
    "gateway_reload": [*["not asked"] * 3, *[NONE_LOST] * 3],
    "gateway_stopped": [*["nginx: 504"] * 5, "apache: 504"],
}


def argv(traits: list[str], ids: list[str], front: str = "") -> list[str]:
    words = [*(word for name in traits for word in ("-t", name)), *(["--front", front] if front else []), *ids]
    return [sys.executable, "-I", "-m", "gateway_zoo", "traits", "--json", *words]


@pytest.mark.parametrize(
    ("data", "end", "words"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\nsorry", "closed", "502"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "closed", "short of its length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "closed", "last chunk missing"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n\r\n", "closed", "looks complete"),
        (b"HTTP/1.1 200 OK\r\n\r\nhalf", "closed", "looks complete"),
        (b"HTTP/1.1 200 OK\r\n\r\nhalf", "reset", "connection reset"),
        (b"", "reset", "no answer, reset"),
    ],
)
def test_how_an_answer_ended(data: bytes, end: str, words: str) -> None:
    assert ending(Exchange(pieces=[Piece(1.0, data)], ended=end)) == words


@pytest.mark.slow
def test_a_killed_worker_is_a_bad_gateway() -> None:
    matrix = measured(["killed_before_headers"], ["fastcgi"], "nginx")
    assert [a.text for a in matrix.answers] == ["502"]
    assert ("runs of the program", "1") in [(e.title, e.text) for e in matrix.answers[0].evidence]


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return kept_natively()


@pytest.mark.parametrize("trait", THEORY)
def test_theory(matrix: Matrix, trait: str) -> None:
    fronts = {"mod_wsgi": "apache"}
    assert [answer(matrix, trait, id, fronts.get(id, "nginx")) for id in IDS] == THEORY[trait]


def test_what_the_front_decides(matrix: Matrix) -> None:
    outside = [
        a for a in matrix.answers if a.trait == "front_reload" and a.exhibit in ("fastcgi", "scgi", "uwsgi", "wsgi")
    ]
    assert {a.text for a in outside} == {NONE_LOST}, "a gateway outside notices nothing"
    assert answer(matrix, "overload", "cgi", "apache") == "all 16 run at once", "mod_cgid has no limit"
    assert answer(matrix, "overload", "uwsgi", "nginx") == "some: 502, at once", "a backlog of 100"
    assert answer(matrix, "client_gone", "cgi", "apache") == "no, it is killed", "mod_cgid kills the program"
    waited = {a.exhibit: a.figure for a in matrix.answers if a.trait == "gateway_stopped" and a.figure is not None}
    assert waited.pop("fcgid") < 60, "mod_fcgid has a limit of its own"
    assert len(waited) >= 10
    assert min(waited.values()) >= 60, "both fronts wait for a minute"


# --- ended early ------------------------------------------------------------------------------------------------------


class Running:
    """A measurement that runs: pid_each_time is measured, and a stopped gateway keeps its front waiting."""

    def __init__(self) -> None:
        traits = ["pid_each_time", "gateway_stopped"]
        self.process = subprocess.Popen(
            argv(traits, ["fastcgi", "wsgi"]),
            cwd=ROOT,
            env=ENV,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.words, found = "", None
        assert self.process.stderr
        while not found and (line := self.process.stderr.readline()):
            self.words += line
            found = re.search(r"/tmp/zlab-\w+", self.words)  # noqa: S108 - its own
        assert found, self.words
        self.run = Path(found[0])
        eventually(lambda: len(self.stopped()) >= 4, 120, "fastcgi's process and wsgi's three are stopped")

    def processes(self) -> list[psutil.Process]:
        """All that lives in its run directory, or was started with it."""
        living = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                environ = Path(f"/proc/{process.pid}/environ").read_bytes()
                if process.status() != "zombie" and f"ZOO_RUN={self.run}\0".encode() in environ:
                    living.append(process)
        return living

    def stopped(self) -> list[psutil.Process]:
        stopped = []
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                stopped += [process] if process.status() == "stopped" else []
        return stopped

    def nothing_left(self) -> None:
        eventually(lambda: not self.processes(), 30, f"a process is left: {self.processes()}")


@pytest.fixture
def running() -> Iterator[Running]:
    run = Running()
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.terminate()
        run.process.communicate(timeout=100)


@needs_sight
@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_ended_early_it_keeps_what_was_measured(running: Running, signum: signal.Signals) -> None:
    running.process.send_signal(signum)
    output, errors = running.process.communicate(timeout=45)  # the fronts would wait for 60 s
    assert (running.process.returncode, "Traceback" in errors) == (3, False), errors
    matrix = json.loads(output)
    assert matrix["complete"] is False
    assert {a["trait"] for a in matrix["answers"]} == {"pid_each_time"}
    assert len(matrix["answers"]) == 4
    running.nothing_left()
    assert not running.run.exists()


@needs_sight
@pytest.mark.slow
def test_killed_it_leaves_no_process(running: Running) -> None:
    running.process.kill()
    running.process.wait()
    running.nothing_left()
    subprocess.run(["rm", "-r", str(running.run)], check=True)
