"""Ladders: each step answers, has processes whose cost counts, and leaves nothing behind, also after SIGKILL."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import report_in_test
from servers_in_test import tools_or_skip
from zoo_in_test import ROOT, SEES, Zoo, eventually, needs_sight

from gateway_zoo.bench import document, ladder
from gateway_zoo.bench.records import Comparison, Report, Target

NAMES = sorted(ladder.catalogue())
#: Starts a ladder, asks each step, tells what it saw, and waits until it may end. It gives root up, so it is a process.
LOOK = """
import json, sys
from gateway_zoo.bench import ladder
from gateway_zoo.bench.ground import Ground
from gateway_zoo.keeper import process
from gateway_zoo.measure import probe
from gateway_zoo.settings import read_settings

wanted = ladder.find(sys.argv[1])
with Ground(read_settings()) as ground:
    rows = []
    for target in ladder.targets(wanted, ground):
        answers = [probe.ask(target.url, timeout=30) for _ in range(2)]
        sides = [side.sessions for side in (target.gateway, target.front)]
        rows.append([target.name, target.base, target.change, sides, [a.body.decode() for a in answers]])
    print(json.dumps(rows), flush=True)
    sys.stdin.readline()
"""


def look(name: str) -> "subprocess.Popen[str]":
    env = {"PATH": os.environ["PATH"], "ZOO_ROOT": str(ROOT), "LANG": "C.UTF-8"}
    argv = [sys.executable, "-c", LOOK, name]
    return subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def rows_of(child: "subprocess.Popen[str]") -> list[Any]:
    assert child.stdout
    line = child.stdout.readline()
    assert line, child.wait()
    rows: list[Any] = json.loads(line)
    return rows


def leaders(rows: list[Any]) -> set[int]:
    return {pid for _, _, _, sides, _ in rows for sessions in sides for pid in sessions or []}


def left(sessions: set[int]) -> list[int]:
    """The living processes of these sessions."""
    alive = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if os.getsid(int(entry.name)) in sessions and state != "Z":
                alive.append(int(entry.name))
        except OSError:
            continue
    return alive


@pytest.mark.parametrize(
    "name", [name if name == "keepalive" else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_each_step_answers_and_nothing_is_left(name: str) -> None:
    with look(name) as child:
        rows = rows_of(child)
        steps = ladder.find(name).steps
        assert [(row[0], row[2]) for row in rows] == [(step.name, step.change) for step in steps]
        assert [row[1] for row in rows] == ["", *(step.name for step in steps[:-1])]
        bodies = {body for row in rows for body in row[4]}
        assert len(bodies) == 1, "all steps give the same answer"
        assert name == "static" or bodies == {"pong\n"}
        sessions = leaders(rows)
        assert sessions
        assert not SEES or len({os.getsid(pid) for pid in left(sessions)}) == len(sessions), "each is the leader"
        child.communicate("\n", timeout=60)
        assert child.returncode == 0
    assert not left(sessions)


@needs_sight
@pytest.mark.slow
@pytest.mark.parametrize("name", ["cgi", "sockets"])
def test_a_killed_ladder_leaves_no_process(name: str) -> None:
    with look(name) as child:
        sessions = leaders(rows_of(child))
        child.send_signal(signal.SIGKILL)
    eventually(lambda: not left(sessions), 30, "the servers end with the ladder")


def test_the_list_has_every_ladder_and_wrong_words_are_refused() -> None:
    zoo = Zoo()
    with zoo:
        listed = json.loads(zoo.inside("bench", "--ladder", "list", "--json").stdout)
        assert [each["name"] for each in listed] == NAMES
        assert all(len({step["name"] for step in each["steps"]}) == len(each["steps"]) for each in listed)
        done = zoo.inside("bench", "--ladder", "keepaliv")
        assert (done.exit_code, "keepalive" in done.stderr) == (2, True)
        assert zoo.inside("bench", "wsgi", "--ladder", "cgi").exit_code == 2


@pytest.mark.slow
def test_a_ladder_is_measured_step_by_step() -> None:
    tools_or_skip()
    with Zoo() as zoo:
        done = zoo.cli("bench", "--ladder", "keepalive", "--busy", "--json", "--seed", "3")
        report = msgspec.json.decode(done.stdout, type=Report)
    assert (report.ladder, report.method.mode, report.method.seed) == ("keepalive", "ladder", 3)
    assert [row.target for row in report.rows] == ["off", "on"]
    assert {(each.target, each.base) for each in report.comparisons} == {("on", "off")}
    assert all(row.gateway_cpu_ms and row.front_cpu_ms for row in report.rows if not row.failed)
    steps = document.of(report).tables[0]
    assert steps.rows == [[step.name, step.change] for step in ladder.find("keepalive").steps]


@pytest.mark.parametrize(
    ("verdicts", "knee"),
    [(["faster", "faster", "no difference shown"], "4"), (["no difference shown", "faster", "faster"], "1")],
)
def test_the_knee_is_the_last_step_with_a_gain(verdicts: list[Any], knee: str) -> None:
    names = ["1", "2", "4", "8"]
    targets = [Target(name, "http://127.0.0.1/", connections=int(name)) for name in names]
    report = msgspec.structs.replace(report_in_test.report(), targets=targets)
    compared = [
        Comparison(name, base, "rps", 5, 1.5, 1.4, 1.6, verdict)
        for name, base, verdict in zip(names[1:], names, verdicts, strict=False)
    ]
    told = document.notes(msgspec.structs.replace(report, comparisons=compared))
    assert any(note.startswith(f"Knee: {knee}.") for note in told)
