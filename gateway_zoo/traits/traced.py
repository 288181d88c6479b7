"""A family under strace(1): the system calls that it makes for one request.

strace may trace what it has started itself, so it starts the family's command anew, in a small run directory of its own
inside that of the zoo of the traits. The zoo's own client asks it, as nginx would; no front takes part.

The processes bear the mark of the zoo of the traits. So its keeper ends them with the zoo, even if this program and
strace were killed: what strace traces would live on.
"""

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median_low

from gateway_zoo.keeper import children, process, run_directory, state
from gateway_zoo.registry import places
from gateway_zoo.registry.cagefile import Exhibit
from gateway_zoo.registry.plans import Plan
from gateway_zoo.serving import listen
from gateway_zoo.traits.cell import Cell
from gateway_zoo.traits.outcome import Unknown
from gateway_zoo.wire.ask import client, direct
from gateway_zoo.wire.ask.request import FRONT, ClientRequest
from gateway_zoo.wire.codecs import Codecs

START_S = 40.0  # strace makes a start several times as long
QUIET_S, LONGEST_S = 0.05, 2.0  # without a line, the request is over; a server that polls is never quiet
WARM, COUNTED = 6, 5  # requests
ADDRESS = "127.0.0.200"  # of a gateway on TCP: its port is taken on 127.0.0.1
CALL = re.compile(r"^\d+ +(\w+)\(", re.MULTILINE)  # not the second half of a call: "<... read resumed>"
#: A new process, and no thread; strace shows flags in the first half of a call.
FORK = re.compile(r"^\d+ +(?:v?fork|clone3?)\((?!.*CLONE_THREAD)", re.MULTILINE)


@dataclass(frozen=True)
class Calls:
    """What one request made the family do. `lines`: strace's."""

    calls: int
    forks: int
    lines: str


@dataclass
class Traced:
    """A running family. `plan` has the settings of its own run directory."""

    plan: Plan
    output: Path
    codecs: Codecs

    def calls(self, exhibit: Exhibit, path: str) -> Calls:
        """The middle one of several requests for /<exhibit><path>, after some that warm the processes up. Raises
        Unknown."""
        windows = [self._window(exhibit, path) for _ in range(WARM + COUNTED)][WARM:]
        middle = median_low([len(CALL.findall(lines)) for lines in windows])
        lines = next(lines for lines in windows if len(CALL.findall(lines)) == middle)
        return Calls(middle, len(FORK.findall(lines)), lines)

    def _window(self, exhibit: Exhibit, path: str) -> str:
        """strace's lines of one request."""
        settings, registry = self.plan.settings, self.plan.registry
        request, protocol = ClientRequest(path), registry.socket_protocol(exhibit.id)
        data = direct.encode(self.codecs, protocol, request, direct.target_of(settings, registry, exhibit.id, request))
        before = self.output.stat().st_size
        address = direct.address_of(settings, exhibit)
        seen = client.ask(self.codecs, address, data, protocol, exhibit.id, FRONT)
        if seen.status != 200:
            raise Unknown(f"under strace the gateway answered {seen.status or 'nothing'}")
        self._wait_until_quiet()
        with self.output.open("rb") as file:
            file.seek(before)
            return file.read().decode("ascii", "replace")

    def _wait_until_quiet(self) -> None:
        deadline = time.monotonic() + LONGEST_S
        size = -1
        while size != (now := self.output.stat().st_size) and time.monotonic() < deadline:
            size = now
            time.sleep(QUIET_S)


@contextlib.contextmanager
def traced(cell: Cell) -> Iterator[Traced]:
    """Run the family of a cell under strace. Raises Unknown."""
    strace = shutil.which("strace")
    if not strace:
        raise Unknown("strace is not installed")
    now = state.read(cell.zoo.settings)
    if now is None:
        raise Unknown("the zoo of the traits has ended")
    hosts = " ".join(f"{id}={ADDRESS}" for id, e in cell.zoo.plan.registry.exhibits.items() if e.tcp)
    run = cell.zoo.run / f"strace-{cell.family.id}"
    settings = replace(cell.zoo.settings, run=run, gateway_hosts=hosts)
    plan, output = replace(cell.zoo.plan, settings=settings), run / "strace"
    run.mkdir(mode=0o750)
    try:
        run_directory.prepare(settings)
        places.link(settings)
        environment = children.environment(settings, cell.family.id, now.token)
        argv = [strace, "-f", "-qq", "-o", str(output), *plan.command(cell.family)]
        log = settings.logs / f"{cell.family.id}.log"
        pid = process.spawn(argv, environment, settings.sockets, log)
        try:
            _wait(plan, cell, pid, log)
            yield Traced(plan, output, Codecs(plan.registry))
        finally:
            process.end(now.token, {pid}, run)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
    finally:
        shutil.rmtree(run, ignore_errors=True)


def _wait(plan: Plan, cell: Cell, pid: int, log: Path) -> None:
    """Wait until the family listens. Raises Unknown with its last words."""
    exhibits = [e for e in plan.registry.exhibits.values() if e.family == cell.family.id]
    addresses = [(e.tcp and plan.address(e)) or str(plan.settings.sockets / e.unix) for e in exhibits]
    deadline = time.monotonic() + START_S
    while not all(map(listen.answers_at, addresses)):
        if process.zombie(pid) or not log.exists() or time.monotonic() > deadline:  # Ctrl-C removes the directory
            words = log.read_text(encoding="utf-8", errors="replace").strip()[-200:]
            raise Unknown(f"the family does not start under strace: {words}")
        time.sleep(0.05)
