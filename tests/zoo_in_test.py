"""A zoo of one's own for a test: a run directory in /tmp (short, for the sockets' paths), free ports, real servers.

Whatever it starts it stops, and `leftovers` tells what is still there: a process, a listening port or a socket file
that outlives a test is a leak and fails it.
"""

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import psutil
import pytest
import requests
from typer.testing import CliRunner, Result

from gateway_zoo.cli import app
from gateway_zoo.registry.cages import load

ROOT = Path(__file__).resolve().parent.parent
FRONTS = ("nginx", "apache")
REGISTRY = load(ROOT)
TCP_PORTS = tuple(e.tcp for e in REGISTRY.exhibits.values() if e.tcp)  # shifted for every zoo
#: (exhibit, front) that a plain start opens where everything is installed, as CI does.
CELLS = [
    (e.id, front)
    for e in REGISTRY.exhibits.values()
    for front in FRONTS
    if front in e.fronts and not REGISTRY.family_of(e.id).group
]
#: How many answers `check` then wants: the contract's, the exhibits' own, the pages', one over https of each front.
ANSWERS = sum(3 + len(REGISTRY.questions(exhibit)) for exhibit, _ in CELLS)
ANSWERS += len(FRONTS) * (1 + sum(len(cage.file.pages) for cage in REGISTRY.cages))

TLS = 400  # from a front's port to its port for https
APACHES = 4  # ports from the first one's on: with `--mpm all` there are several


def _may_look_into_processes() -> bool:
    """Not root in a container, unless it has CAP_SYS_PTRACE (capabilities(7), bit 19)."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    effective = int(status.partition("\nCapEff:\t")[2].split()[0], 16)
    return os.geteuid() != 0 or bool(effective >> 19 & 1)


SEES = _may_look_into_processes()
needs_sight = pytest.mark.skipif(not SEES, reason="root may not look into other users' processes: no CAP_SYS_PTRACE")


def slow(*values: Any) -> list[Any]:
    """Parameters of the group `slow`: further members of a kind that has a quick one."""
    return [pytest.param(value, marks=pytest.mark.slow, id=getattr(value, "__name__", None)) for value in values]


def free(*ports: int) -> bool:
    """Can all of these be listened on?"""
    for port in ports:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a closed connection's memory is no listener
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def eventually(holds: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until something holds; fail with `what` after the deadline."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def words_of(process: psutil.Process) -> list[str]:
    """The command line of a process; none of a process that has just ended."""
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


class Zoo:
    """One zoo with a run directory and ports of its own."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.run = Path(tempfile.mkdtemp(prefix="zt", dir="/tmp"))
        self.shift, self.ports = self._choose()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
            "ZOO_RUN": str(self.run),
            "ZOO_NGINX_PORT": str(self.ports["nginx"]),
            "ZOO_APACHE_PORT": str(self.ports["apache"]),
            "ZOO_NGINX_TLS_PORT": str(self.ports["nginx"] + TLS),
            "ZOO_APACHE_TLS_PORT": str(self.ports["apache"] + TLS),
            "ZOO_PORT_SHIFT": str(self.shift),
            "ZOO_CENTRE_PORT": "0",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def _choose() -> tuple[int, dict[str, int]]:
        for _ in range(200):
            shift = random.randrange(1000, 20000)  # noqa: S311 - not a secret
            nginx, apache = 8080 + shift + 3000, 8081 + shift + 3000
            fronts = [nginx, *range(apache, apache + APACHES)]
            if free(*fronts, nginx + TLS, apache + TLS, *(port + shift for port in TCP_PORTS)):
                return shift, {"nginx": nginx, "apache": apache}
        raise AssertionError("no free ports found")

    def cli(
        self, *words: str, timeout: float = 120, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run ./zoo as a person would; never raises for its exit status."""
        argv = [str(self.root / "zoo"), *words]
        return subprocess.run(
            argv, env=self.env | (env or {}), capture_output=True, text=True, timeout=timeout, check=False, cwd="/"
        )

    def inside(self, *words: str) -> Result:
        """The same command line in this process: for what a process of its own, half a second each, would not prove.
        Not for a command that becomes the zoo's user, because it stays that."""
        user = os.geteuid()
        env = dict.fromkeys(os.environ) | self.env | {"ZOO_ROOT": str(self.root)}
        done = CliRunner().invoke(app, words, env=env, prog_name="zoo", catch_exceptions=False)
        assert os.geteuid() == user, f"{words} needs a process of its own"
        return done

    def typescript(self, word: str, env: dict[str, str]) -> str:
        """The output of a command as a terminal sees it."""
        argv = ["script", "-qec", f"{self.root}/zoo {word}", "/dev/null"]
        return subprocess.run(
            argv, env=self.env | env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        ).stdout

    def up(self, *words: str, env: dict[str, str] | None = None) -> "Zoo":
        """Start it in the background; fails with the output and the logs."""
        done = self.cli("up", "-d", *words, env=env)
        assert done.returncode == 0, f"zoo up: {done.stdout}\n{done.stderr}\n{self.logs()}"
        return self

    def down(self) -> None:
        done = self.cli("down")
        assert done.returncode == 0, f"zoo down: {done.stdout}\n{done.stderr}\n{self.logs()}"

    def url(self, exhibit: str, front: str, path: str = "ping") -> str:
        return f"http://127.0.0.1:{self.ports[front]}/{exhibit}/{path}"

    def get(self, exhibit: str, front: str, path: str = "ping", **options: Any) -> requests.Response:
        return requests.get(self.url(exhibit, front, path), timeout=20, **options)

    def status(self, exhibit: str, front: str, query: str = "json", **options: Any) -> dict[str, Any]:
        answer = self.get(exhibit, front, f"status?{query}", **options)
        assert answer.status_code == 200, f"{exhibit} behind {front}: {answer.status_code} {answer.text[:200]}"
        facts: dict[str, Any] = answer.json()
        return facts

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.run / "state.json").read_text(encoding="utf-8"))
        return found

    def session(self, family: str) -> int:
        """Pid of the first process of a family (also `nginx`, `apache`)."""
        return int(self.state()["sessions"][family])

    def open_cells(self) -> list[tuple[str, str]]:
        """(exhibit, front) of every cell that is not closed."""
        return [(cell["exhibit"], cell["front"]) for cell in self.state()["cells"] if cell["closed"] is None]

    def processes(self) -> list[psutil.Process]:
        """Every living process of this zoo: by its environment, or by its working directory (nginx has no environ)."""
        found = []
        for process in psutil.process_iter():
            try:
                environ = Path(f"/proc/{process.pid}/environ").read_bytes()
                here = os.readlink(f"/proc/{process.pid}/cwd").startswith(str(self.run))
                if process.status() != "zombie" and (here or f"ZOO_RUN={self.run}\0".encode() in environ):
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return [process for process in found if process.pid != os.getpid()]

    def leftovers(self) -> list[str]:
        """What should be gone after `down`: processes, ports, sockets, state."""
        left = []
        for process in self.processes():
            with contextlib.suppress(psutil.Error):  # gone since
                left.append(f"process {process.pid} {' '.join(process.cmdline())}")
        ports = [*self.ports.values(), *(port + TLS for port in self.ports.values())]
        ports += [port + self.shift for port in TCP_PORTS]
        left += [f"port {port}" for port in ports if not free(port)]
        left += [f"file {path}" for path in self.run.rglob("*") if path.is_socket()]
        return left + [f"file {path}" for path in (self.run / "state.json",) if path.exists()]

    def logs(self) -> str:
        """The last lines of every log, for messages."""
        parts = []
        for path in sorted((self.run / "logs").glob("*.log")):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
            parts += [f"{path.stem}: {line}" for line in lines]
        return "\n".join(parts)

    def close(self) -> None:
        """Stop it, check that nothing is left, remove the run directory. One that is empty was never used."""
        with contextlib.suppress(OSError):
            self.run.rmdir()
            return
        self.cli("down")
        left = self.leftovers()
        logs = self.logs()
        for process in self.processes():
            process.kill()
        shutil.rmtree(self.run, ignore_errors=True)
        assert not left, f"left behind: {left}\n{logs}"


def python_of(root: Path = ROOT) -> str:
    """The interpreter of the zoo's virtual environment."""
    return str(root / ".venv/bin/python") if (root / ".venv").exists() else sys.executable
