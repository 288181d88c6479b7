"""`up`, `down`, `restart`: from nothing to every open cell answering, and back.

`up` looks before it leaps: everything that could go wrong (a port held, a directory that the servers may not read,
another zoo) is found before the first process starts. The keeper is a process of its own; in the foreground `up`
holds a pipe to it, so that it stops with us however we end.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from gateway_zoo.commands.tables import exhibits
from gateway_zoo.errors import fail, known_ids, nearest, printable
from gateway_zoo.keeper import leftovers, privileges, process, ready, run_directory, state, trial
from gateway_zoo.measure import problems
from gateway_zoo.registry import places, plans, why_closed
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.registry.plans import Cell, Plan
from gateway_zoo.safe_io import bounded
from gateway_zoo.serving import listen
from gateway_zoo.settings import Settings, SettingsError, environment, kind
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import say

READY_S = 60.0  # until every cell must have answered
HOPELESS = 4  # deaths in a row of a family that `up` does not wait for any longer; the keeper goes on trying
AGAIN = 2  # deaths in a row that `up` says at once
LONG_S = 10.0  # after so long `up` says which cells it waits for
STOP_S = 30.0  # until everything must be down
ANSWER = 65536  # bytes that the keeper may answer
TIDY_S = 15.0  # for a start, a stop or a sentinel that is at work in the run directory


def run(settings: Settings, ids: list[str] | None, groups: list[str], *, detach: bool, echo: bool) -> int:
    """Start, wait, show. In the foreground, stay until Ctrl-C. 1: some cells do not answer; 3: nothing runs."""
    began = time.monotonic()
    if settings.compose:
        fail("in containers Compose starts the zoo: docker compose up --wait", 3)
    _end_like_ctrl_c()
    registry = load(settings.root)
    only = known_ids(ids, list(registry.exhibits))
    for group in set(groups).difference(plans.groups(registry)):
        there = ", ".join(plans.groups(registry))
        fail(f"unknown group '{group}'; {nearest(group, plans.groups(registry), f'there is {there}')}", 2)
    if groups:
        only = list(dict.fromkeys([*only, *plans.with_groups(registry, groups)]))
    chosen = {registry.exhibits[id].family for id in only or plans.with_groups(registry, [])}
    privileges.install_what_is_missing(settings, [f for f in registry.families.values() if f.id in chosen or f.serves])
    _put_run_bits_back(registry)
    _note_holders(settings, only, registry)
    privileges.give_up(settings)
    plan = plans.make(settings, only, registry)
    for error in plan.registry.errors:
        say(str(error))
    if plan.fronts and not plan.open_cells:
        _refuse_closed(plan, only)
    lock = _take(settings)
    refuse_if_blocked(plan)
    plan = _tried(plan)
    keeper, terminal = _start_keeper(plan, lock, only, detach, echo)
    try:
        silent = ready.wait(plan, plan.open_cells, READY_S, _Patience(plan, keeper).may_come)
    except KeyboardInterrupt:
        _stop_keeper(keeper)
        return 3
    if silent or keeper.poll() is not None:
        _complain(plan, keeper, silent)
    if len(silent) == len(plan.open_cells) or keeper.poll() is not None:
        _stop_keeper(keeper)
        return 3
    count = len(plan.open_cells) - len(silent)
    say(f"{count} {'cell answers' if count == 1 else 'cells answer'} after {time.monotonic() - began:.1f} s")
    _show(plan)
    return int(bool(silent)) if detach else _stay(keeper, terminal)


def _put_run_bits_back(registry: Registry) -> None:
    programs = [registry.cage_of(e.id).path / e.program for e in registry.exhibits.values() if e.program]
    if changed := places.put_run_bits_back(programs):
        say(f"run bits put back, which a copy had lost: {', '.join(map(str, changed))}")


def _end_like_ctrl_c() -> None:
    """SIGTERM and a terminal that hangs up stop the zoo as Ctrl-C does (nohup asks us not to)."""

    def interrupt(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, interrupt)


class _Patience:
    """Decides how long to wait for the cells, and says why it takes long."""

    def __init__(self, plan: Plan, keeper: subprocess.Popen[bytes]) -> None:
        self.plan = plan
        self.keeper = keeper
        self.told: set[str] = set()  # families and fronts whose deaths were said
        self.speak_at: float | None = time.monotonic() + LONG_S

    def may_come(self, cells: list[Cell]) -> bool:
        """Is any of the cells worth waiting for? Not if its server dies again and again."""
        if self.keeper.poll() is not None:
            return False
        failures = now.failures if (now := state.read(self.plan.settings)) else {}
        self._say_deaths(failures)
        self._say_waiting(cells)
        hopeless = {name for name, deaths in failures.items() if deaths >= HOPELESS}
        return any(hopeless.isdisjoint(_servers(self.plan, cell)) for cell in cells)

    def _say_deaths(self, failures: dict[str, int]) -> None:
        for name, deaths in failures.items():
            if deaths >= AGAIN and name not in self.told:
                self.told.add(name)
                log = self.plan.settings.logs / f"{name}.log"
                say(f"{name} has died {deaths} times; its last words: {_last_words(log)}")

    def _say_waiting(self, cells: list[Cell]) -> None:
        if self.speak_at and time.monotonic() > self.speak_at:
            self.speak_at = None
            say(f"still waiting for {', '.join(sorted({cell.exhibit for cell in cells}))}; {READY_S:.0f} s at most")


def _last_words(log: Path) -> str:
    """The line that tells of an error, else the last one."""
    said = log.read_bytes()[-10000:] if log.exists() else b""
    return trial.last_words(said) or printable(said.decode("utf-8", "replace").strip().rpartition("\n")[2])


def _servers(plan: Plan, cell: Cell) -> list[str]:
    family = plan.registry.family_of(cell.exhibit)
    return [cell.front] if kind(cell.front) == family.runs_in else [cell.front, family.id]


def _refuse_closed(plan: Plan, only: list[str]) -> NoReturn:
    """Exit 3: nothing of this start could open. Says why, before anything starts."""
    for why in why_closed.sentences(plan.registry, plan.cells, only or plan.registry.exhibits):
        say(why)
    fail("nothing that was asked for can open here", 3)


def _take(settings: Settings) -> int:
    """Make the run directory ready and lock it; exit 3 if that cannot be, or another zoo has it.

    Everything that follows is done by one `up` only: tidying, looking at ports, starting. The keeper inherits the lock.
    """
    deadline = time.monotonic() + TIDY_S
    already = f"a zoo is already running in {settings.run}; ./zoo down stops it"
    try:
        if not os.path.lexists(settings.run) and process.keepers(settings.run):
            fail(f"{already} (the directory was removed)", 3)
        run_directory.take(settings)
        while True:
            try:
                lock = state.hold(settings)
                if process.keepers(settings.run):  # whose lock is on a directory that was removed
                    fail(f"{already} (the directory was removed, or replaced)", 3)
                run_directory.prepare(settings)
                return lock
            except state.Locked:
                # Somebody starts, stops or tidies there: that passes. A keeper that listens stays.
                if listen.answers(str(settings.control)) or time.monotonic() > deadline:
                    fail(already, 3)
            time.sleep(0.02)
    except SettingsError as error:
        fail(str(error), 3)
    except OSError as error:  # removed in this moment
        fail(f"{settings.run} cannot be used: {error.strerror}; set ZOO_RUN to a directory of yours", 3)


def _note_holders(settings: Settings, only: list[str], registry: Registry) -> None:
    """Root sees who holds a port; the user that we become may not."""
    if os.geteuid() == 0:
        problems.note_holders(plans.make(settings, only, registry))


def refuse_if_blocked(plan: Plan) -> None:
    """Exit 3 if something stands in the way, naming it and the way out."""
    leftovers.end(plan.settings)  # before ports are looked at: an orphan of a killed start may hold one
    for problem in (blockers := problems.blockers(plan))[:-1]:
        say(problem.text)
    if blockers:
        fail(blockers[-1].text, 3)


def _tried(plan: Plan) -> Plan:
    """The plan without what the fronts cannot live with; exit 3 if no front starts."""
    tried = plans.without(plan, trial.broken(plan))
    for problem in problems.closed_fronts(tried):
        fail(f"{problem.what}; {problem.fix}", 3)
    return tried


def _start_keeper(
    plan: Plan, lock: int, only: list[str], detach: bool, echo: bool
) -> tuple[subprocess.Popen[bytes], socket.socket | None]:
    """Start it with the lock. In the foreground it gets a socket too, which closes when we end, and which brings us
    what the keeper tells; returns our end of it."""
    settings = plan.settings
    here, there = socket.socketpair()
    environ = environment(replace(settings, echo=echo or settings.echo)) | {"LANG": "C.UTF-8"}
    environ |= {"ZOO_LOCK": str(lock), "ZOO_TERMINAL": "" if detach else str(there.fileno())}
    environ["ZOO_BROKEN"] = json.dumps(plan.broken)
    with open(settings.logs / "keeper.log", "ab", opener=process.no_link) as log:
        keeper = subprocess.Popen(
            [sys.executable, "-I", "-m", "gateway_zoo.keeper", *only],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            pass_fds=(lock,) if detach else (lock, there.fileno()),
        )
    os.close(lock)
    there.close()
    if detach:
        here.close()
    return keeper, None if detach else here


# --- what people see --------------------------------------------------------------------------------------------------


def _complain(plan: Plan, keeper: subprocess.Popen[bytes], silent: list[Cell]) -> None:
    """Which cells did not come up, and the last lines of what should have answered."""
    for cell in silent:
        say(f"{cell.exhibit} behind {cell.front} does not answer")
    if keeper.poll() is not None:
        say(f"the keeper ended with {keeper.returncode}")
    names = {cell.exhibit for cell in silent} | {cell.front for cell in silent} | {"keeper"}
    for name in sorted(names):
        log = plan.settings.logs / f"{name}.log"
        if log.exists():
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-6:]:
                say(f"{name}: {printable(line)}")


def _show(plan: Plan) -> None:
    for line in exhibits.lines(plan, tables.console().width):
        print(line)


def _stay(keeper: subprocess.Popen[bytes], terminal: socket.socket | None) -> int:
    try:
        say("Ctrl-C stops everything.")
        if terminal:
            _listen(terminal)
        ended = keeper.wait()
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):  # the terminal may be gone
            say("stopping")
        _stop_keeper(keeper)
        ended = 0
    if terminal:
        terminal.close()
    if ended:
        fail(f"the keeper ended with {ended}, and everything with it; ./zoo up starts it again", 3)
    return 0


def _listen(keeper: socket.socket) -> None:
    """Tell the keeper that everything answers, then print its words until it ends. It writes a line in one piece."""
    with contextlib.suppress(OSError):
        keeper.sendall(b"ready\n")
        while text := keeper.recv(65536):
            for line in text.decode(errors="replace").splitlines():
                with contextlib.suppress(OSError):  # the terminal may be gone
                    say(printable(line))


# --- stopping ---------------------------------------------------------------------------------------------------------


def _stop_keeper(keeper: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        keeper.send_signal(signal.SIGTERM)
    keeper.wait(timeout=STOP_S)


def down(settings: Settings) -> int:
    """Stop the keeper of this run directory, then whatever a killed one left; both may be absent, and so may the
    directory. In a directory that is not the zoo's nothing is removed."""
    if settings.compose:
        fail("in containers Compose stops the zoo: docker compose down", 3)
    privileges.become_owner(settings)
    refused = run_directory.refusal(settings)
    was_running = bool(process.keepers(settings.run)) or (not refused and state.running(settings))
    lock = _locked_when_stopped(settings, usable=not refused)
    ended = process.end(None, set(), settings.run, everything=True)
    if lock is not None:
        leftovers.clean(settings)
        os.close(lock)
    if refused and not was_running and not ended:
        fail("; ".join(refused), 3)
    print("stopped" if was_running else "no zoo was running" + (f"; ended {ended} leftovers" if ended else ""))
    return 0


def _locked_when_stopped(settings: Settings, *, usable: bool) -> int | None:
    """Ask until no keeper is left and the run directory is ours: the keeper may still be starting, or be gone and its
    sentinel tidying. Returns the lock; None where there is no directory to lock, or it is not the zoo's."""
    deadline = time.monotonic() + STOP_S
    asked = False
    while True:
        lock, free = None, True
        try:
            lock = state.hold(settings) if usable else None
        except state.Locked:
            free = False
        except FileNotFoundError:
            pass
        except OSError as error:
            fail(f"{settings.run} cannot be used: {error.strerror}", 3)
        if free and not process.keepers(settings.run):
            return lock
        if lock is not None:
            os.close(lock)
        if time.monotonic() > deadline:
            fail(f"the keeper in {settings.run} does not stop", 1)
        asked = asked or process.stop_keepers(settings.run) or "error" not in _ask_keeper(settings, {"do": "stop"}, 5)
        time.sleep(0.05)


def restart(settings: Settings, name: str) -> int:
    """Restart the family of an exhibit, or a front."""
    plan = plans.make(settings)
    helpers = [family.id for family in plan.registry.families.values() if family.serves]
    known_ids([name], list(plan.registry.exhibits), (*settings.fronts, *helpers))
    if settings.compose:
        service = plan.start_hint(name).split()[-1] if name in plan.registry.exhibits else name
        fail(f"in containers: docker compose restart {service}", 3)
    if not state.running(settings):
        fail("the zoo is not running; ./zoo up starts it", 3)
    cells = [cell for cell in state.running_cells(settings) if name in (cell.exhibit, cell.front)]
    mine = [cell for cell in cells if cell.closed is None]
    exhibit = plan.registry.exhibits.get(name)
    if cells and not mine:
        shut = why_closed.fronts(plan.registry, cells).get(name) or "it has no open exhibit in this start"
        fail(why_closed.sentence(exhibit, cells) if exhibit else f"{name} is closed: {shut}", 3)
    family = plan.registry.family_of(name) if exhibit else None
    child = (family.id if family.command else family.runs_in) if family else name
    answer = _ask_keeper(settings, {"do": "restart", "restart": child})
    if "error" in answer:
        fail(str(answer["error"]), 3)
    if ready.wait(plan, mine, STOP_S, lambda _: state.running(settings)):
        fail(f"{child} was restarted, but {name} does not answer; ./zoo logs {name}", 1)
    print(f"restarted {child}")
    return 0


def _ask_keeper(settings: Settings, question: dict[str, str], seconds: float = 30) -> dict[str, Any]:
    """Its answer; {"error": …} where there is none within this time, or more than a line of it."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(str(settings.control))
            connection.sendall(json.dumps(question).encode())
            answer: dict[str, Any] = json.loads(bounded.line(connection, seconds, ANSWER))
            if not isinstance(answer, dict):
                raise ValueError("no object")
    except (OSError, ValueError, RecursionError) as error:
        return {"error": f"the keeper in {settings.run} does not answer: {error}"}
    return answer
