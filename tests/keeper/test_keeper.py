"""Start and stop: killed keepers, two starts at once, Ctrl-C."""

import contextlib
import errno
import os
import pty
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from zoo_in_test import Zoo, eventually, needs_sight, slow, words_of

from gateway_zoo.keeper import process

pytestmark = needs_sight

GONE_S = 5.0  # after the death of the keeper
FEW = ("wsgi", "fastcgi-fork", "cgi", "mod_wsgi")  # exhibits whose workers outlive their master, and both fronts


def keeper_of(zoo: Zoo) -> psutil.Process | None:
    """The keeper of this run directory, as soon as it exists."""
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.Error):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            if b"gateway_zoo.keeper" in words and f"ZOO_RUN={zoo.run}".encode() in environ:
                return psutil.Process(pid)
    return None


def kill(process: psutil.Process | None) -> None:
    assert process
    process.kill()


def gone(zoo: Zoo, seconds: float) -> None:
    """Nothing of this zoo is left after so long."""

    def left() -> list[str]:
        with contextlib.suppress(psutil.Error):  # a process that ends while it is looked at
            return zoo.leftovers()
        return ["something"]

    deadline = time.monotonic() + seconds
    while (found := left()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not found


def foreground(zoo: Zoo, *words: str) -> subprocess.Popen[bytes]:
    """`zoo up` in a session of its own, running until it is told to stop."""
    argv = [str(zoo.root / "zoo"), "up", *words]
    made = subprocess.Popen(argv, env=zoo.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    assert made.stdout
    for line in made.stdout:
        if b"Ctrl-C" in line:
            return made
    raise AssertionError(f"zoo up ended with {made.wait()}: {zoo.logs()}")


def finish(process: subprocess.Popen[bytes]) -> int:
    """Read what it still says, and wait for it."""
    assert process.stdout
    process.stdout.read()
    process.stdout.close()
    return process.wait(15)


# --- killed -----------------------------------------------------------------------------------------------------------


def test_a_killed_keeper_leaves_nothing_and_the_next_start_works(fresh_zoo: Zoo) -> None:
    for _ in range(2):
        fresh_zoo.up(*FEW)
        kill(keeper_of(fresh_zoo))
        gone(fresh_zoo, GONE_S)
    fresh_zoo.up(*FEW)
    assert fresh_zoo.get("wsgi", "nginx").text == "pong\n"


@pytest.mark.slow
def test_a_killed_keeper_and_its_next_start_at_once(fresh_zoo: Zoo) -> None:
    """The sentinel of the old start and the new start meet: what is new lives."""
    fresh_zoo.up(*FEW)
    for _ in range(3):
        kill(keeper_of(fresh_zoo))
        fresh_zoo.up(*FEW)
        assert fresh_zoo.get("wsgi", "nginx").text == "pong\n"
    time.sleep(1)
    assert fresh_zoo.get("fastcgi-fork", "apache").text == "pong\n"
    assert fresh_zoo.cli("check", *FEW).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("word", ["up", "down"])
def test_after_keeper_and_sentinel_are_killed_the_next_command_tidies_up(fresh_zoo: Zoo, word: str) -> None:
    fresh_zoo.up(*FEW)
    old = {process.pid for process in fresh_zoo.processes()}
    os.kill(fresh_zoo.session("sentinel"), signal.SIGSTOP)  # so that it sees nothing before it dies too
    kill(keeper_of(fresh_zoo))
    os.kill(fresh_zoo.session("sentinel"), signal.SIGKILL)
    eventually(lambda: not keeper_of(fresh_zoo), 2, "the keeper is gone")
    assert fresh_zoo.processes(), "workers that nobody ends: what this test is about"
    if word == "up":
        fresh_zoo.up(*FEW)
        assert not old & {process.pid for process in fresh_zoo.processes()}
        assert fresh_zoo.get("wsgi", "nginx").text == "pong\n"
    else:
        done = fresh_zoo.cli("down")
        assert (done.returncode, done.stdout[:26]) == (0, "no zoo was running; ended "), done.stderr
        gone(fresh_zoo, 0)


@pytest.mark.parametrize("number", [0, 1, *slow(*range(2, 6))])
def test_a_keeper_killed_at_any_moment_of_its_start_leaves_nothing(fresh_zoo: Zoo, number: int) -> None:
    """Even numbers: the sentinel goes with it, and `down` tidies up."""
    argv = [str(fresh_zoo.root / "zoo"), "up", "-d", *FEW]
    with subprocess.Popen(argv, env=fresh_zoo.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as up:
        eventually(lambda: keeper_of(fresh_zoo), 10, "a keeper")
        time.sleep(random.uniform(0, 0.5))  # noqa: S311 - no secret
        kill(keeper_of(fresh_zoo))
        if number % 2 == 0:
            for process in fresh_zoo.processes():
                with contextlib.suppress(psutil.Error):
                    if "gateway_zoo.keeper.sentinel" in process.cmdline():
                        process.kill()
        assert up.stdout
        said = up.stdout.read().decode()
        assert up.wait() in (0, 3), said  # 0: all had answered just before
        assert "Traceback" not in said
    if number % 2 == 0:
        fresh_zoo.down()
        gone(fresh_zoo, 0)
    else:
        gone(fresh_zoo, GONE_S)


# --- in the foreground ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL", *slow("SIGTERM", "SIGHUP")])
def test_the_foreground_stops_everything_however_it_ends(fresh_zoo: Zoo, name: str) -> None:
    up = foreground(fresh_zoo, *FEW)
    up.send_signal(signal.Signals[name])
    assert finish(up) == {"SIGKILL": -signal.SIGKILL}.get(name, 0)
    gone(fresh_zoo, GONE_S if name == "SIGKILL" else 0)
    assert "Traceback" not in fresh_zoo.logs()


@pytest.mark.slow
def test_a_terminal_that_hangs_up_stops_everything(fresh_zoo: Zoo) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(fresh_zoo.root / "zoo", ["zoo", "up", *FEW], fresh_zoo.env)  # noqa: S606
    seen = b""
    while b"Ctrl-C" not in seen:
        seen += os.read(terminal, 4096)
    assert fresh_zoo.get("wsgi", "nginx").text == "pong\n"
    os.close(terminal)
    os.waitpid(pid, 0)
    gone(fresh_zoo, GONE_S)


@pytest.mark.slow
def test_the_foreground_says_when_its_keeper_is_killed(fresh_zoo: Zoo) -> None:
    up = foreground(fresh_zoo, *FEW)
    kill(keeper_of(fresh_zoo))
    assert up.stdout
    assert b"the keeper ended with -9" in up.stdout.read()
    assert finish(up) == 3
    gone(fresh_zoo, GONE_S)


@pytest.mark.slow
def test_ctrl_c_during_the_start_stops_everything(fresh_zoo: Zoo) -> None:
    argv = [str(fresh_zoo.root / "zoo"), "up", "-d", *FEW]
    for number in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen(argv, env=fresh_zoo.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as up:
            eventually((fresh_zoo.run / "state.json").exists, 10, "children")
            up.send_signal(number)
            assert up.wait(15) == 3
            assert up.stdout
            assert b"Traceback" not in up.stdout.read()
        gone(fresh_zoo, 0)


# --- twice ------------------------------------------------------------------------------------------------------------


def test_a_second_start_is_refused_and_disturbs_nothing(fresh_zoo: Zoo) -> None:
    fresh_zoo.up("wsgi")
    before = fresh_zoo.state()
    done = fresh_zoo.cli("up", "-d", "cgi")
    assert done.returncode == 3
    assert f"a zoo is already running in {fresh_zoo.run}; ./zoo down stops it" in done.stderr
    assert fresh_zoo.state() == before
    assert fresh_zoo.get("wsgi", "apache").text == "pong\n"


@pytest.mark.slow
def test_of_starts_at_the_same_moment_one_wins(fresh_zoo: Zoo) -> None:
    argv = [str(fresh_zoo.root / "zoo"), "up", "-d", "wsgi", "cgi"]
    for _ in range(2):
        ups = [
            subprocess.Popen(argv, env=fresh_zoo.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for _ in range(4)
        ]
        said = [up.communicate(timeout=60)[0] for up in ups]
        assert sorted(up.returncode for up in ups) == [0, 3, 3, 3], said
        assert sum("a zoo is already running" in text for text in said) == 3, said
        assert fresh_zoo.get("wsgi", "nginx").text == "pong\n"
        assert len([p for p in fresh_zoo.processes() if "gateway_zoo.keeper.sentinel" in words_of(p)]) == 1
        fresh_zoo.down()


@pytest.mark.slow
def test_down_twice_and_down_without_a_zoo(fresh_zoo: Zoo) -> None:
    assert (fresh_zoo.cli("down").returncode, fresh_zoo.cli("down").stdout) == (0, "no zoo was running\n")
    fresh_zoo.up("wsgi")
    assert fresh_zoo.cli("down").stdout == "stopped\n"
    assert (fresh_zoo.cli("down").returncode, fresh_zoo.cli("down").stdout) == (0, "no zoo was running\n")
    shutil.rmtree(fresh_zoo.run)
    assert (fresh_zoo.cli("down").returncode, fresh_zoo.cli("down").stdout) == (0, "no zoo was running\n")
    assert not fresh_zoo.run.exists(), "down makes nothing"


HEAVY = """
import socket, sys, threading, time
door = socket.socket(socket.AF_UNIX)
door.bind(sys.argv[1])
door.listen()
for _ in range(8):
    threading.Thread(target=time.sleep, args=[60]).start()
held = bytearray(b"x") * (200 << 20)
print("full", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("attempt", [0, *slow(1, 2)])
def test_who_is_ended_is_gone(tmp_path: Path, attempt: int) -> None:
    """Much memory takes a while to be given back; meanwhile /proc says nothing by which the process could be known, and
    of one with threads, that it is a zombie. Its socket still takes connections."""
    log, door = tmp_path / "log", tmp_path / "door"
    pid = process.spawn([sys.executable, "-c", HEAVY, str(door)], {process.TOKEN: "of-this-test"}, tmp_path, log)
    eventually(lambda: log.read_bytes() == b"full\n", 20, "it holds much memory")
    assert process.end("of-this-test", {pid}, tmp_path) == 1
    with socket.socket(socket.AF_UNIX) as client:
        assert client.connect_ex(str(door)) == errno.ECONNREFUSED
    assert os.waitpid(pid, os.WNOHANG)[0] == pid, "it is still there"
