"""Bystanders: whatever a process looks like, and whatever state.json says, only what the zoo started is signalled."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from zoo_in_test import Zoo, eventually, needs_sight, slow

pytestmark = needs_sight

USER = "www-data" if os.geteuid() == 0 else None
FEW = ("wsgi", "fastcgi-fork", "mod_wsgi")
FORGED = "0" * 32  # a token that no start has


def sleeper(**options: Any) -> subprocess.Popen[bytes]:
    """A process of the zoo's user, in a session of its own."""
    return subprocess.Popen(["sleep", "300"], user=USER, start_new_session=True, **options)


@pytest.fixture
def bystanders(fresh_zoo: Zoo) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes of the zoo's user that look like its own: by environment, by directory, by log, by session."""
    if "NoNewPrivs:\t1" in Path("/proc/self/status").read_text(encoding="utf-8"):
        pytest.skip("here every process is without new privileges, which is the mark of ours")
    folders = [fresh_zoo.run, fresh_zoo.run / "sock", fresh_zoo.run / "logs"]
    for folder in folders:
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        if USER:
            shutil.chown(folder, USER, USER)
    env = fresh_zoo.env | {"ZOO_FAMILY": "fastcgi", "ZOO_START": FORGED}
    with (fresh_zoo.run / "logs" / "somebody.log").open("ab") as log:
        made = [sleeper(env=env), sleeper(cwd=fresh_zoo.run), sleeper(env=env, cwd=fresh_zoo.run / "sock", stderr=log)]
    yield made
    for process in made:
        process.kill()
        process.wait()


def forge(zoo: Zoo, pids: list[int]) -> None:
    """state.json as somebody may have left it: our bystanders' numbers, their token."""
    names = ["nginx", "wsgi", "sentinel"]
    sessions = dict(zip(names, pids, strict=True))
    text = json.dumps({"pid": pids[0], "token": FORGED, "sessions": sessions, "cells": []})
    (zoo.run / "state.json").write_text(text, encoding="utf-8")
    if USER:
        shutil.chown(zoo.run / "state.json", USER, USER)


@pytest.mark.slow
def test_nothing_that_the_zoo_did_not_start_is_signalled(
    fresh_zoo: Zoo, bystanders: list[subprocess.Popen[bytes]]
) -> None:
    def unhurt() -> bool:
        return all(process.poll() is None for process in bystanders)

    pids = [process.pid for process in bystanders]
    forge(fresh_zoo, pids)
    fresh_zoo.cli("down")
    assert unhurt(), "down, over a forged state.json"
    forge(fresh_zoo, pids)
    fresh_zoo.up(*FEW)
    assert unhurt(), "up, over a forged state.json"
    genuine = fresh_zoo.state()
    forge(fresh_zoo, pids)
    fresh_zoo.cli("restart", "wsgi")
    os.kill(genuine["sessions"]["nginx"], signal.SIGKILL)
    eventually(lambda: fresh_zoo.state()["token"] == genuine["token"], 5, "the keeper wrote the truth again")
    assert unhurt(), "restart, and a death"
    forge(fresh_zoo, pids)
    os.kill(genuine["pid"], signal.SIGKILL)
    owned = [process for process in fresh_zoo.processes() if process.pid not in pids]
    psutil.wait_procs(owned, timeout=5)
    time.sleep(0.5)
    assert unhurt(), "the sentinel, over a forged state.json"
    for one in owned:
        with contextlib.suppress(psutil.Error):
            assert one.status() == psutil.STATUS_ZOMBIE, f"{one} lives on, because its token was forged"
    for process in bystanders:
        process.kill()
        process.wait()


def test_a_bystander_with_a_stolen_token_is_left_alone(fresh_zoo: Zoo) -> None:
    """Somebody runs a gateway by hand with the environment of a running one, to debug it."""
    fresh_zoo.up("wsgi")
    environ = psutil.Process(fresh_zoo.session("wsgi")).environ()
    assert environ["ZOO_START"] == fresh_zoo.state()["token"]
    with sleeper(env=environ) as copy:
        fresh_zoo.cli("restart", "wsgi")
        fresh_zoo.down()
        assert copy.poll() is None
        copy.kill()


@pytest.mark.parametrize(
    "text", ["[]", *slow("", "{}", "null", '{"token": 1}', "[" * 100_000, '{"pid": 1, "token": "x"}')]
)
def test_a_broken_state_file_stops_nobody(fresh_zoo: Zoo, text: str) -> None:
    (fresh_zoo.run / "state.json").write_text(text, encoding="utf-8")
    for words in (["ls"], ["ps"], ["check"], ["restart", "wsgi"]):
        done = fresh_zoo.cli(*words)
        assert done.returncode == (0 if words == ["ls"] else 3), (words, done.stderr)
        assert "Traceback" not in done.stderr
    assert fresh_zoo.cli("down").returncode == 0
    assert not (fresh_zoo.run / "state.json").exists()


@pytest.mark.slow
def test_no_server_runs_as_root(fresh_zoo: Zoo) -> None:
    fresh_zoo.up("wsgi")
    assert {Path(f"/proc/{process.pid}").stat().st_uid for process in fresh_zoo.processes()} == {
        pwd.getpwnam(USER).pw_uid if USER else os.geteuid()
    }
