"""Deaths and returns that a foreground `up` tells in its terminal."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from zoo_in_test import Zoo, eventually, needs_sight

FEW = ("fastcgi", "wsgi")


class Foreground:
    """`zoo up` in the foreground; its lines in a file."""

    def __init__(self, zoo: Zoo, path: Path, *words: str) -> None:
        self.path = path
        with path.open("wb") as out:
            argv = [str(zoo.root / "zoo"), "up", *words]
            self.process = subprocess.Popen(argv, env=zoo.env, stdout=out, stderr=out, start_new_session=True)
        eventually(lambda: self.lines("Ctrl-C stops everything") or self.process.poll() is not None, 90, "it runs")

    def lines(self, part: str) -> list[str]:
        return [line for line in self.path.read_text(encoding="utf-8").splitlines() if part in line]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(40) == 0, self.path.read_text(encoding="utf-8")


@pytest.mark.slow
@needs_sight
def test_a_death_and_a_return_have_a_line_each(fresh_zoo: Zoo, tmp_path: Path) -> None:
    up = Foreground(fresh_zoo, tmp_path / "lines", *FEW)
    names = ("fastcgi", "wsgi", "nginx", "apache")
    for name in names:
        os.kill(fresh_zoo.session(name), signal.SIGKILL)
        eventually(lambda name=name: up.lines(f"{name} is back"), 20, f"the return of {name}")  # type: ignore[misc]
        assert len(up.lines(f"{name} ended (signal 9)")) == 1
    fresh_zoo.cli("restart", "wsgi")
    up.stop()
    assert len(up.lines(" ended (")) == len(names), "neither restart nor the end is a death"
    assert len(up.lines(" is back")) == len(names)


@pytest.mark.slow
@needs_sight
def test_a_worker_that_its_master_replaces_has_its_lines_too(fresh_zoo: Zoo, tmp_path: Path) -> None:
    up = Foreground(fresh_zoo, tmp_path / "lines", *FEW)
    time.sleep(0.5)  # the keeper is told that all is ready at the moment at which we see it
    for name in ("wsgi", "nginx"):
        workers = psutil.Process(fresh_zoo.session(name)).children()
        assert workers
        workers[0].kill()
        back = f"a worker of {name} is back"
        eventually(lambda back=back: up.lines(back), 20, back)  # type: ignore[misc]
        assert len(up.lines(f"a worker of {name} ended (pid {workers[0].pid})")) == 1
    up.stop()
    assert len(up.lines(" ended (")) == 2


@needs_sight
@pytest.mark.slow
def test_deaths_without_end_do_not_flood_the_terminal(fresh_zoo: Zoo, tmp_path: Path) -> None:
    up = Foreground(fresh_zoo, tmp_path / "said", *FEW)
    for _ in range(6):
        now = fresh_zoo.session("fastcgi")
        os.kill(now, signal.SIGKILL)
        eventually(lambda now=now: fresh_zoo.state()["sessions"].get("fastcgi", now) != now, 30, "it starts again")  # type: ignore[misc]
    assert len(up.lines("fastcgi ended")) <= 3, up.lines("fastcgi")
    up.stop()
