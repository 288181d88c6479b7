"""What a load costs, children included: programs that burn a known CPU time are measured from outside."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from gateway_zoo.bench import control
from gateway_zoo.bench.control import Control
from gateway_zoo.bench.cost import NoCounter, Watch, _group
from gateway_zoo.bench.records import Side

BURN_S = 0.1
REQUESTS = 6
#: A server in a session of its own: for each line on standard input it burns CPU, and answers a line.
SERVER = f"""
import os, signal, sys, time
mode = sys.argv[1]
if mode == "ignored":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)

def burn():
    until = time.process_time() + {BURN_S}
    while time.process_time() < until:
        pass

print("ready", flush=True)
for _ in sys.stdin:
    if mode == "itself":
        burn()
    elif not (child := os.fork()):
        burn()
        os._exit(0)
    elif mode == "waits":
        os.waitpid(child, 0)
    else:
        while os.path.exists(f"/proc/{{child}}"):
            time.sleep(0.01)
    print("done", flush=True)
"""


@pytest.fixture(params=["itself", "waits", "ignored"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    argv = [sys.executable, "-I", "-c", SERVER, request.param]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield request.param, process
        assert process.stdin
        process.stdin.close()


def why_no_counter() -> str:
    """Why this machine does not count the CPU of ended processes; empty if it does."""
    try:
        _group(os.getpid())
    except NoCounter as error:
        return str(error)
    return ""


def test_cpu_is_counted_wherever_it_is_burnt(server: tuple[str, "subprocess.Popen[str]"]) -> None:
    mode, process = server
    assert process.stdin
    assert process.stdout
    watch = Watch(Side([process.pid]), Side(why="no front here"))
    for _ in range(REQUESTS):
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"
        watch.look()
    gateway, front, forks = watch.end(REQUESTS, own_forks=0)
    assert front.cpu_ms is None
    assert front.why == "no front here"
    assert forks is not None
    assert forks >= (0 if mode == "itself" else 1)
    assert gateway.pss_idle
    assert gateway.pss_peak
    assert gateway.pss_peak >= gateway.pss_idle
    assert gateway.voluntary, "it waited for each line"
    if mode == "ignored":  # other programs of the control group that ended meanwhile count, too
        if why := why_no_counter():
            assert gateway.cpu_ms is None
            assert why in gateway.why
        else:
            assert gateway.cpu_ms
            assert gateway.cpu_ms > 0.8 * BURN_S * 1000
    else:
        assert gateway.cpu_ms == pytest.approx(BURN_S * 1000, rel=0.15)


def test_a_side_without_processes_is_unknown_not_0() -> None:
    watch = Watch(Side(why="it runs inside apache"), Side(sessions=[1 << 30], why="gone"))
    time.sleep(0.01)
    gateway, front, _ = watch.end(10, own_forks=0)
    assert (gateway.cpu_ms, gateway.pss_idle, gateway.why) == (None, None, "it runs inside apache")
    assert (front.cpu_ms, front.why) == (None, "gone")


def test_the_control_leaves_nothing_behind() -> None:
    with Control() as own:
        folder, server = own.folder, own.server
        assert server
        assert own.url.startswith("http://127.0.0.1:")
        assert not folder.exists(), "a SIGKILL of us would leave nothing"
    assert server.returncode == 0


def test_a_control_that_moves_is_flagged() -> None:
    assert not control.moved([100.0, 104.0, 97.0], limit=0.1)
    assert control.moved([100.0, 104.0, 80.0], limit=0.1)
    assert control.moved([100.0, 100.0], limit=0.1), "the round was not whole: nobody knows"
