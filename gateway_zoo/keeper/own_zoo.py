"""A zoo for a lab: a run directory in /tmp, free ports on loopback, `zoo up` in the foreground as a child.

The zoo ends with the lab, in whatever way the lab ends: the kernel sends `up` a signal (PR_SET_PDEATHSIG), the socket
of `up` to the keeper closes, and the keeper ends the servers. A lab may change a configuration file in its run
directory (`rewrite`), never in the checkout.
"""

import contextlib
import ctypes
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from gateway_zoo.errors import fail
from gateway_zoo.keeper import ports, privileges, process, run_directory, state
from gateway_zoo.keeper.process import ENDINGS
from gateway_zoo.registry import plans
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import Settings, read_settings
from gateway_zoo.terminal.messages import say

PR_SET_PDEATHSIG = 1  # prctl(2)
START_S = 90.0
STOP_S = 40.0
IMPATIENT_S = 1.0


def stop_like_ctrl_c() -> None:
    """Make SIGTERM and SIGHUP end a lab as Ctrl-C does, through each `finally`.

    A second signal within IMPATIENT_S changes nothing.
    """
    last = -IMPATIENT_S

    def interrupt(signum: int, frame: object) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if last > before + IMPATIENT_S:
            raise KeyboardInterrupt

    for number in ENDINGS:
        signal.signal(number, interrupt)


@contextlib.contextmanager
def signals_ignored() -> Iterator[None]:
    """Ignore Ctrl-C, SIGTERM and SIGHUP in the block, which tidies."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def child(argv: list[str], death_signal: int, **options: Any) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, which a Ctrl-C in our terminal does not reach.

    The kernel sends it `death_signal` when we end, in whatever way. The program must not change its user later: then
    the kernel would forget the signal, so labs give root up first. No thread of ours may run yet.
    """
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def between() -> None:  # fork and exec
        libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # we died before the kernel knew
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)

    with process.signals_deferred():
        return subprocess.Popen(argv, start_new_session=True, preexec_fn=between, **options)  # noqa: PLW1509


def free_ports(count: int) -> int:
    """Find the first of `count` free ports in a row. Raises Stop."""
    try:
        return ports.first_free(count)
    except ports.NoFreePorts as error:
        fail(str(error), 3)


class OwnZoo:
    """`with OwnZoo(settings, ids, mpm) as zoo:` runs a zoo with these exhibits, and removes it afterwards.

    It gives root up for good, as `up` does: do before what needs root. `more`: further variables of the zoo.
    `in_a_container`: it may also run in a container, which then has everything that a machine has. Raises Stop.
    """

    def __init__(
        self,
        settings: Settings,
        ids: list[str],
        mpm: str = "event",
        more: dict[str, str] | None = None,
        *,
        in_a_container: bool = False,
    ) -> None:
        if not in_a_container:
            settings.only_natively(
                "this lab starts a zoo of its own, which a container cannot: run ./zoo lab on the machine itself"
            )
        self.ids = ids
        self.up: subprocess.Popen[bytes] | None = None
        registry = load(settings.root)
        privileges.install_what_is_missing(settings, [registry.family_of(id) for id in ids])
        own = chosen_ports(sorted({e.tcp for e in registry.exhibits.values() if e.tcp})) | {"ZOO_CENTRE_PORT": "0"}
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("ZOO_")}
        self.env |= {"ZOO_ROOT": str(settings.root), "ZOO_MPM": mpm, **own, **(more or {})}
        self.run = Path(tempfile.mkdtemp(prefix="zlab-", dir="/tmp"))
        self.env["ZOO_RUN"] = str(self.run)
        self.settings = read_settings(self.env)
        try:
            privileges.give_up(self.settings)
            run_directory.prepare(self.settings)  # its mark: `up` finds our log in it
            self.plan = plans.make(self.settings, ids)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "OwnZoo":
        try:
            say(f"starting a zoo of its own in {self.run}")
            with (self.run / "up.log").open("wb") as log:
                self.up = self._zoo("up", *self.ids, stdout=log, stderr=log)
            self._wait()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _zoo(self, *words: str, **options: Any) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-I", "-m", "gateway_zoo", *words]
        return child(argv, signal.SIGTERM, env=self.env, stdin=subprocess.DEVNULL, **options)

    def _wait(self) -> None:
        """Wait until `up` says that everything answers."""
        deadline = time.monotonic() + START_S
        while b"Ctrl-C stops everything" not in self._output():
            if self.up is None or self.up.poll() is not None or time.monotonic() > deadline:
                fail(f"its own zoo does not start:\n{self._output().decode(errors='replace')}", 3)
            time.sleep(0.05)

    def _output(self) -> bytes:
        return (self.run / "up.log").read_bytes()

    def close(self) -> None:
        """Stop everything and remove the run directory."""
        with signals_ignored():
            if self.up and self.up.poll() is None:
                self.up.terminate()
                try:
                    self.up.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    self.up.kill()  # the keeper sees the pipe close, and ends everything
                    self.up.wait()
            deadline = time.monotonic() + STOP_S
            while state.running(self.settings) and time.monotonic() < deadline:
                time.sleep(0.05)
            shutil.rmtree(self.run, ignore_errors=True)

    def restart(self, front: str) -> None:
        """Restart a front, so that its memory is as small as at first; wait until it answers."""
        restarted = self._zoo("restart", front, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, _ = restarted.communicate(timeout=STOP_S)
        if restarted.returncode:
            fail(f"its own zoo: {output.decode(errors='replace').strip()}", 3)

    def rewrite(self, name: str, text: str) -> None:
        """Replace a file in the run directory, which may be a link into the checkout."""
        path = self.run / name
        path.unlink(missing_ok=True)
        path.write_text(text, encoding="utf-8")

    def closed(self, front: str) -> str | None:
        """Why a front does not answer in this zoo; None if it does."""
        return self.plan.cell(self.ids[0], front).closed if front in self.settings.fronts else "not started"

    def processes(self, name: str) -> list[psutil.Process]:
        """The living processes of a front or a family."""
        now = state.read(self.settings)
        processes = []
        for pid in process.members(now.token, {now.sessions.get(name, -1)}, self.run) if now else []:
            with contextlib.suppress(psutil.Error):
                processes.append(psutil.Process(pid))
        return processes

    def log(self, name: str) -> Path:
        return self.settings.logs / f"{name}.log"


def chosen_ports(tcp: list[int]) -> dict[str, str]:
    """Choose free ports for the fronts, and a shift that gives the TCP gateways free ports.

    They are random: another lab may be starting, whose ports still look free.
    """
    first = free_ports(8)
    names = ("ZOO_NGINX_PORT", "ZOO_NGINX_TLS_PORT", "ZOO_APACHE_TLS_PORT", "ZOO_APACHE_PORT")  # the last takes four
    chosen = {name: str(first + number) for number, name in enumerate(names)}
    # Ports of four digits: the columns of the lab's tables are as wide as in its lesson.
    trials = (random.randrange(100, 900) for _ in range(200))  # noqa: S311 - not a secret
    shift = next((s for s in trials if all(ports.free(p + s) for p in tcp)), None)
    if shift is None:
        fail("no free ports on 127.0.0.1 for the TCP gateways", 3)
    return chosen | {"ZOO_PORT_SHIFT": str(shift)}


def exhibit_for_pings(settings: Settings) -> str:
    """Choose the exhibit for `ping`: behind both fronts, with several processes of several threads."""
    registry = load(settings.root)
    for exhibit in registry.exhibits.values():
        family = registry.family_of(exhibit.id)
        if family.model == "prefork x threads" and exhibit.unix and not family.group and len(exhibit.fronts) == 2:
            return exhibit.id
    raise LookupError("no exhibit behind both fronts has several processes with threads")
