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
from typing import Any

from gateway_zoo import leftovers, plan, ready, root, state
from gateway_zoo.plan import Cell, Plan
from gateway_zoo.registry import FRONTS
from gateway_zoo.settings import Settings
from gateway_zoo.speak import fail, known, printable, say

READY_S = 60.0  # until every cell must have answered


def run(made: Settings, ids: list[str] | None, *, detach: bool, echo: bool) -> int:
    """Start, wait, show. In the foreground, stay until Ctrl-C."""
    began = time.monotonic()
    if made.compose:
        fail("in containers Compose starts the zoo: docker compose up --wait", 3)
    root.install_what_is_missing(made)
    root.give_up(made)
    the_plan = plan.make(made)
    only = known(ids, list(the_plan.registry.exhibits))
    the_plan = plan.make(made, only) if only else the_plan
    for error in the_plan.registry.errors:
        say(str(error))
    refuse_if_blocked(the_plan)
    keeper, pipe = _start_keeper(made, only, detach, echo)
    try:
        silent = ready.wait(the_plan, the_plan.open_cells, READY_S, lambda: keeper.poll() is None)
    except KeyboardInterrupt:
        _stop_keeper(keeper)
        return 3
    if silent or keeper.poll() is not None:
        _complain(the_plan, keeper, silent)
        _stop_keeper(keeper)
        return 3
    say(f"{len(the_plan.open_cells)} cells answer after {time.monotonic() - began:.1f} s")
    _show(the_plan)
    return 0 if detach else _stay(keeper, pipe)


def refuse_if_blocked(made: Plan) -> None:
    """Exit 3 if something stands in the way, naming it and the way out."""
    from gateway_zoo import doctor

    if state.running(made.settings):
        fail(f"a zoo is already running in {made.settings.run}; ./zoo down stops it", 3)
    leftovers.end(made.settings)  # before ports are looked at: an orphan of a killed start may hold one
    for problem in doctor.blockers(made):
        fail(f"{problem.what}; {problem.fix}", 3)


def _start_keeper(
    made: Settings, only: list[str], detach: bool, echo: bool
) -> tuple[subprocess.Popen[bytes], int | None]:
    try:
        made.run.mkdir(mode=0o750, exist_ok=True)
        made.logs.mkdir(mode=0o750, exist_ok=True)
    except OSError as error:
        fail(f"cannot make {made.run}: {error.strerror}; set ZOO_RUN to a directory of yours", 3)
    environ = {name: value for name, value in os.environ.items() if name.startswith("ZOO_")}
    environ |= {"ZOO_RUN": str(made.run), "ZOO_ECHO": str(int(echo or made.echo)), "LANG": "C.UTF-8"}
    read, write = os.pipe()
    if not detach:
        environ["ZOO_TERMINAL"] = str(read)
    with (made.logs / "keeper.log").open("ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-P", "-m", "gateway_zoo.keeper", *only],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            pass_fds=() if detach else (read,),
        )
    os.close(read)
    if detach:
        os.close(write)
    return keeper, None if detach else write


# --- what people see ------------------------------------------------------------------------------


def _complain(made: Plan, keeper: subprocess.Popen[bytes], silent: list[Cell]) -> None:
    """Which cells did not come up, and the last lines of what should have answered."""
    for cell in silent:
        say(f"{cell.exhibit} behind {cell.front} does not answer")
    if keeper.poll() is not None:
        say(f"the keeper ended with {keeper.returncode}")
    names = {cell.exhibit for cell in silent} | {cell.front for cell in silent} | {"keeper"}
    for name in sorted(names):
        log = made.settings.logs / f"{name}.log"
        if log.exists():
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-6:]:
                say(f"{name}: {printable(line)}")


def _show(made: Plan) -> None:
    """One copy-ready line per exhibit, and where else it answers: two lines side by side do not fit 80 columns."""
    for exhibit in made.registry.exhibits.values():
        cells = [cell for front in FRONTS if (cell := made.cell(exhibit.id, front)).closed is None]
        line = f"curl {cells[0].url.replace('http://127.0.0.1', 'localhost')}/hello" if cells else "closed"
        also = f"also {cells[1].front} on {made.settings.port(cells[1].front)}" if len(cells) > 1 else ""
        print(f"{exhibit.id:17} {line:43} {also}".rstrip())
    for cell in made.cells:
        if cell.closed and not made.registry.exhibits[cell.exhibit].closed.get(cell.front):
            print(f"{cell.exhibit} behind {cell.front} is closed: {cell.closed}")
    print("\nNext: ./zoo check   ./zoo compare   ./zoo ps   ./zoo logs   ./zoo down")


def _stay(keeper: subprocess.Popen[bytes], pipe: int | None) -> int:
    say("Ctrl-C stops everything.")
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    try:
        keeper.wait()
    except KeyboardInterrupt:
        say("stopping")
        _stop_keeper(keeper)
    if pipe is not None:
        os.close(pipe)
    return 0


# --- stopping -------------------------------------------------------------------------------------


def _stop_keeper(keeper: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        keeper.send_signal(signal.SIGTERM)
    keeper.wait(timeout=30)


def down(made: Settings) -> int:
    """Stop the keeper of this run directory, then whatever a killed one left; both may be absent."""
    if made.compose:
        fail("in containers Compose stops the zoo: docker compose down", 3)
    was_running = state.running(made)
    if was_running:
        _ask_keeper(made, {"do": "stop"})
        deadline = time.monotonic() + 30
        while state.running(made) and time.monotonic() < deadline:
            time.sleep(0.02)
        if state.running(made):
            fail(f"the keeper in {made.run} does not stop", 1)
    ended = leftovers.end(made)
    print("stopped" if was_running else "no zoo was running" + (f"; ended {ended} leftovers" if ended else ""))
    return 0


def restart(made: Settings, name: str) -> int:
    """Restart the family of an exhibit, or a front."""
    the_plan = plan.make(made)
    known([name], list(the_plan.registry.exhibits), ("nginx", "apache"))
    if made.compose:
        hint = the_plan.start_hint(name).split()[-1] if name in the_plan.registry.exhibits else name
        fail(f"in containers: docker compose restart {hint}", 3)
    if not state.running(made):
        fail("the zoo is not running; ./zoo up starts it", 3)
    exhibit = the_plan.registry.exhibits.get(name)
    family = the_plan.registry.families[exhibit.family] if exhibit else None
    child = (family.id if family.command else family.runs_in) if family else name
    answer = _ask_keeper(made, {"do": "restart", "restart": child})
    if "error" in answer:
        fail(str(answer["error"]), 3)
    mine = [cell for cell in running_cells(made) if cell.closed is None and name in (cell.exhibit, cell.front)]
    if ready.wait(the_plan, mine, 30, lambda: state.running(made)):
        fail(f"{child} was restarted, but {name} does not answer; ./zoo logs {name}", 1)
    print(f"restarted {child}")
    return 0


def running_cells(made: Settings) -> list[Cell]:
    """The cells of the zoo that runs here; none if it does not."""
    running = state.read(made)
    return [Cell(**cell) for cell in running["cells"]] if running else []


def _ask_keeper(made: Settings, question: dict[str, str]) -> dict[str, Any]:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(made.control))
            connection.sendall(json.dumps(question).encode() + b"\n")
            answer: dict[str, Any] = json.loads(connection.makefile("rb").readline())
    except (OSError, ValueError) as error:
        fail(f"the keeper in {made.run} does not answer: {error}", 3)
    return answer


