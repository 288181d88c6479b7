"""`up`: start the zoo, and wait until every open cell answers.

Every obstacle (a port in use, a directory that the servers may not read, another zoo) is found before the first
process starts. The keeper is a process of its own (keeper/client.py). In the foreground `up` holds a socket to it, so
the keeper stops when `up` ends, in whatever way.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from gateway_zoo.commands.tables import exhibits
from gateway_zoo.errors import fail, known_ids, nearest, printable
from gateway_zoo.keeper import client, leftovers, ports, privileges, ready, state, trial
from gateway_zoo.measure import problems
from gateway_zoo.registry import installed, places, plans, why_closed
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.registry.plans import Cell, Plan
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import say

READY_S = 60.0  # until every cell must have answered
HOPELESS = 4  # deaths in a row of a family that `up` does not wait for any longer; the keeper goes on trying
AGAIN = 2  # deaths in a row that `up` says at once
LOOK_S = 1.0  # between two looks of a waiting `up` for a signal
CENTRE_S = 10.0  # for the visitor centre, once all cells answer
OTHER_PORTS = 100  # that are tried for the visitor centre
LONG_S = 10.0  # after so long `up` says which cells it waits for


def run(settings: Settings, ids: list[str] | None, groups: list[str], *, detach: bool, echo: bool) -> int:
    """Start, wait, show; in the foreground, stay until Ctrl-C.

    `ids` and `groups`: what to start (none: a plain start). Returns 1 if some cells do not answer, 3 if nothing runs.
    """
    began = time.monotonic()
    settings.only_natively("in containers Compose starts the zoo: docker compose up --wait")
    _end_like_ctrl_c()
    registry = load(settings.root)
    only = known_ids(ids, list(registry.exhibits))
    parts = [*plans.groups(registry), *installed.APT_ON_REQUEST]
    for group in set(groups).difference(parts):
        there = ", ".join(parts)
        fail(f"unknown group '{group}'; {nearest(group, parts, f'there is {there}')}", 2)
    tools = _tools(groups)
    groups = [group for group in groups if group not in installed.APT_ON_REQUEST]
    if groups:
        only = list(dict.fromkeys([*only, *plans.with_groups(registry, groups)]))
    chosen = {registry.exhibits[id].family for id in only or plans.with_groups(registry, [])}
    families = [f for f in registry.families.values() if f.id in chosen or f.serves]
    privileges.install_what_is_missing(settings, families, tools)
    _put_run_bits_back(registry)
    if os.geteuid() == 0:  # the zoo's user may not see which processes hold ports
        problems.note_holders(plans.make(settings, only, registry))
    privileges.give_up(settings)
    plan = plans.make(settings, only, registry)
    settings = replace(settings, centre_port=_centre_port(plan))
    plan = replace(plan, settings=settings)
    say(*map(str, plan.registry.errors))
    if plan.fronts and not plan.open_cells:
        _refuse_closed(plan, only)
    lock = client.take(settings)
    refuse_if_blocked(plan)
    plan = _without_broken(plan)
    keeper, terminal = client.start(plan, lock, only, detach=detach, echo=echo)
    try:
        silent = ready.wait(plan, plan.open_cells, READY_S, _Patience(plan, keeper).may_come)
        _await_centre(settings)
    except KeyboardInterrupt:
        client.stop(keeper)
        return 3
    if silent or keeper.poll() is not None:
        _complain(plan, keeper, silent)
    if len(silent) == len(plan.open_cells) or keeper.poll() is not None:
        client.stop(keeper)
        return 3
    count = len(plan.open_cells) - len(silent)
    say(f"{count} {'cell answers' if count == 1 else 'cells answer'} after {time.monotonic() - began:.1f} s")
    for line in exhibits.lines(plan, tables.console().width):
        print(line)
    return int(bool(silent)) if detach else _stay(keeper, terminal)


def _tools(groups: list[str]) -> tuple[str, ...]:
    """The packages of tools that were asked for and are missing. Only root can install them: else it says how."""
    packages = [p for group in groups if group in installed.APT_ON_REQUEST for p in installed.missing_on_request(group)]
    if packages and os.geteuid() != 0:
        say(f"only root installs tools: sudo apt-get install -y {' '.join(packages)}")
    return tuple(packages)


def _centre_port(plan: Plan) -> int:
    """The port of the visitor centre, or the next one that is free and no other server's; 0 stays 0: no centre."""
    port = plan.settings.centre_port
    others = {number for _, (_, number) in problems.addresses(plan)}
    trials = range(port, min(port + OTHER_PORTS, ports.HIGHEST + 1)) if port else ()
    return next((number for number in trials if number not in others and ports.free(number)), port)


def _await_centre(settings: Settings) -> None:
    """Wait until the visitor centre listens, but not long: without it the zoo is whole."""
    if settings.centre_port and not ready.listens(f"127.0.0.1:{settings.centre_port}", CENTRE_S):
        say("the visitor centre does not answer yet; ./zoo logs centre may say why")


def _put_run_bits_back(registry: Registry) -> None:
    programs = [registry.cage_of(e.id).path / e.program for e in registry.exhibits.values() if e.program]
    if changed := places.put_run_bits_back(programs):
        say(f"run bits put back, which a copy had lost: {', '.join(map(str, changed))}")


def _end_like_ctrl_c() -> None:
    """Make SIGTERM and SIGHUP stop the zoo as Ctrl-C does, but not a SIGHUP that nohup ignores."""

    def interrupt(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, interrupt)


class _Patience:
    """Decides how long `up` waits for the cells, and says why it waits long."""

    def __init__(self, plan: Plan, keeper: subprocess.Popen[bytes]) -> None:
        self.plan = plan
        self.keeper = keeper
        self.reported: set[str] = set()  # families and fronts whose deaths were said
        self.speak_at: float | None = time.monotonic() + LONG_S

    def may_come(self, cells: list[Cell]) -> bool:
        """Is any of the cells worth the wait? Not one whose server dies again and again."""
        if self.keeper.poll() is not None:
            return False
        failures = now.failures if (now := state.read(self.plan.settings)) else {}
        self._say_deaths(failures)
        self._say_waiting(cells)
        hopeless = {name for name, deaths in failures.items() if deaths >= HOPELESS}
        return any(hopeless.isdisjoint(_servers(self.plan, cell)) for cell in cells)

    def _say_deaths(self, failures: dict[str, int]) -> None:
        for name, deaths in failures.items():
            if deaths >= AGAIN and name not in self.reported:
                self.reported.add(name)
                log = self.plan.settings.logs / f"{name}.log"
                say(f"{name} has died {deaths} times; its last words: {_last_words(log)}")

    def _say_waiting(self, cells: list[Cell]) -> None:
        if self.speak_at and time.monotonic() > self.speak_at:
            self.speak_at = None
            say(f"still waiting for {', '.join(sorted({cell.exhibit for cell in cells}))}; {READY_S:.0f} s at most")


def _last_words(log: Path) -> str:
    """The last line of a log that reports an error, else the last line."""
    text = log.read_bytes()[-10000:] if log.exists() else b""
    return trial.last_words(text) or printable(text.decode("utf-8", "replace").strip().rpartition("\n")[2])


def _servers(plan: Plan, cell: Cell) -> list[str]:
    inside = plan.registry.runs_inside(cell.exhibit, cell.front)
    return [cell.front] if inside else [cell.front, plan.registry.family_of(cell.exhibit).id]


def _refuse_closed(plan: Plan, only: list[str]) -> NoReturn:
    """Say why nothing of this start can open. Raises Stop."""
    say(*why_closed.sentences(plan.registry, plan.cells, only or plan.registry.exhibits))
    fail("nothing that was asked for can open here", 3)


def refuse_if_blocked(plan: Plan) -> None:
    """Raise Stop if a problem prevents the start; it names the problem and the fix."""
    leftovers.end(plan.settings)  # first: a process of a killed start may hold a port
    if blockers := [problem.text for problem in problems.blockers(plan)]:
        say(*blockers[:-1])
        fail(blockers[-1], 3)


def _without_broken(plan: Plan) -> Plan:
    """Leave out what prevents a front from starting. Raises Stop if no front starts."""
    plan = plans.without(plan, trial.broken(plan))
    for problem in problems.closed_fronts(plan):
        fail(problem.text, 3)
    return plan


# --- output ----------------------------------------------------------------------------------------------------------


def _complain(plan: Plan, keeper: subprocess.Popen[bytes], silent: list[Cell]) -> None:
    for cell in silent:
        say(f"{cell.exhibit} behind {cell.front} does not answer")
    if keeper.poll() is not None:
        say(f"the keeper ended with {keeper.returncode}")
    names = {cell.exhibit for cell in silent} | {cell.front for cell in silent} | {"keeper"}
    for name in sorted(names):
        log = plan.settings.logs / f"{name}.log"
        if log.exists():
            last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-6:]
            say(*(f"{name}: {printable(line)}" for line in last))


def _stay(keeper: subprocess.Popen[bytes], terminal: socket.socket | None) -> int:
    try:
        say("Ctrl-C stops everything.")
        if terminal:
            _listen(terminal)
        ended = keeper.wait()
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):  # the terminal may be gone
            say("stopping")
        client.stop(keeper)
        ended = 0
    if terminal:
        terminal.close()
    if ended:
        fail(f"the keeper ended with {ended}, and everything with it; ./zoo up starts it again", 3)
    return 0


def _listen(keeper: socket.socket) -> None:
    """Tell the keeper that everything answers, then print its lines until it ends. A line comes in one piece."""
    keeper.settimeout(LOOK_S)
    text = b"ready\n"
    with contextlib.suppress(ConnectionError):
        keeper.sendall(text)
        while text:
            with contextlib.suppress(TimeoutError):  # a signal just before recv(2) does not interrupt it
                text = keeper.recv(65536)
                for line in text.decode(errors="replace").splitlines():
                    with contextlib.suppress(OSError):  # the terminal may be gone
                        say(printable(line))
