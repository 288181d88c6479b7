"""How a lab ends: interrupted or killed, it leaves nothing behind."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from zoo_in_test import ROOT, eventually, free, needs_sight

pytestmark = pytest.mark.slow

ENV = {name: value for name, value in os.environ.items() if not name.startswith("ZOO_")} | {"COLUMNS": "80"}


class Running:
    """A lab that runs, up to the line on standard error that says what it is doing."""

    def __init__(self, words: str, until: str) -> None:
        self.process = subprocess.Popen(
            [str(ROOT / "zoo"), "lab", *words.split()],
            cwd=ROOT,
            env=ENV,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.said = ""
        assert self.process.stderr
        for line in self.process.stderr:
            self.said += line
            if until in line:
                break
        found = re.search(r"/tmp/zlab-\w+", self.said)  # noqa: S108 - its own
        assert found, self.said
        self.run = Path(found[0])
        state = json.loads((self.run / "state.json").read_text(encoding="utf-8"))
        self.ports = {int(cell["url"].split(":")[2].split("/")[0]) for cell in state["cells"]}

    def processes(self) -> list[psutil.Process]:
        """Whoever lives in its run directory, or was started with it."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                environ = Path(f"/proc/{process.pid}/environ").read_bytes()
                here = os.readlink(f"/proc/{process.pid}/cwd").startswith(f"{self.run}/")
                if process.status() != "zombie" and (here or f"ZOO_RUN={self.run}\0".encode() in environ):
                    found.append(process)
        return found

    def nothing_left(self) -> None:
        eventually(lambda: not self.processes(), 15, f"no process of the lab is left: {self.processes()}")
        assert free(*self.ports)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        if self.process.stderr:
            self.process.stderr.close()


@pytest.fixture
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    made = Running(*request.param)
    try:
        yield made
    finally:
        made.close()


IN_THE_MIDDLE = [
    ("c10k --connections 200 --against nginx", "nginx: visitors among 200 idle"),
    ("sockets --pings 20", "overload"),
]
MIDDLE = pytest.mark.parametrize("running", IN_THE_MIDDLE, indirect=True, ids=["c10k", "sockets"])


@needs_sight
@pytest.mark.parametrize(
    ("running", "signum"),
    list(zip(IN_THE_MIDDLE, (signal.SIGINT, signal.SIGTERM), strict=True)),
    indirect=["running"],
    ids=["c10k-SIGINT", "sockets-SIGTERM"],
)
def test_interrupted_a_lab_leaves_nothing(running: Running, signum: signal.Signals) -> None:
    assert running.processes()
    running.process.send_signal(signum)
    time.sleep(0.05)
    running.process.send_signal(signum)  # impatient
    _, said = running.process.communicate(timeout=60)
    assert (running.process.returncode, "what the lab had opened is closed" in said) == (3, True), said
    assert "Traceback" not in said
    running.nothing_left()
    assert not running.run.exists()


@needs_sight
@MIDDLE
def test_killed_a_lab_leaves_no_server(running: Running) -> None:
    assert running.processes()
    running.process.kill()
    running.process.wait()
    running.nothing_left()
    subprocess.run(["rm", "-r", str(running.run)], check=True)


@needs_sight
@pytest.mark.parametrize("running", IN_THE_MIDDLE[:1], indirect=True, ids=["c10k"])
def test_nobody_but_loopback_is_spoken_to(running: Running) -> None:
    everybody = [psutil.Process(running.process.pid), *running.processes()]
    seen = [c for process in everybody for c in process.net_connections("inet")]
    guests = [c.laddr.ip for c in seen if c.raddr]
    assert {c.laddr.ip.split(".")[0] for c in seen} == {"127"}
    assert {c.raddr.ip.split(".")[0] for c in seen if c.raddr} == {"127"}
    assert len(set(guests)) >= 4, "several sources"
