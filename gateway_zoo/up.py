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

from gateway_zoo import leftovers, listen, plan, ready, root, state
from gateway_zoo.plan import Cell, Plan
from gateway_zoo.registry import load
from gateway_zoo.settings import VARIABLES, Settings, SettingsError, kind
from gateway_zoo.speak import fail, hint, known, printable, say

EVERYWHERE = "0.0.0.0"  # noqa: S104 - compared with
READY_S = 60.0  # until every cell must have answered
HOPELESS = 4  # deaths in a row of a family that `up` does not wait for any longer; the keeper goes on trying
STOP_S = 30.0  # until everything must be down
TIDY_S = 15.0  # for a start, a stop or a sentinel that is at work in the run directory


def run(made: Settings, ids: list[str] | None, groups: list[str], *, detach: bool, echo: bool) -> int:
    """Start, wait, show. In the foreground, stay until Ctrl-C. 1: some cells do not answer; 3: nothing runs."""
    began = time.monotonic()
    if made.compose:
        fail("in containers Compose starts the zoo: docker compose up --wait", 3)
    _end_like_ctrl_c()
    registry = load(made.root)
    only = known(ids, list(registry.exhibits))
    for group in set(groups).difference(plan.groups(registry)):
        there = ", ".join(plan.groups(registry))
        fail(f"unknown group '{group}'; {hint(group, plan.groups(registry), f'there is {there}')}", 2)
    if groups:
        only = list(dict.fromkeys([*only, *plan.with_groups(registry, groups)]))
    chosen = {registry.exhibits[id].family for id in only or plan.with_groups(registry, [])}
    root.install_what_is_missing(made, [f for f in registry.families.values() if f.id in chosen or f.helps])
    root.give_up(made)
    the_plan = plan.make(made, only, registry)
    for error in the_plan.registry.errors:
        say(str(error))
    lock = _take(made)
    refuse_if_blocked(the_plan)
    keeper, pipe = _start_keeper(made, lock, only, detach, echo)
    try:
        silent = ready.wait(the_plan, the_plan.open_cells, READY_S, lambda cells: _may_come(the_plan, keeper, cells))
    except KeyboardInterrupt:
        _stop_keeper(keeper)
        return 3
    if silent or keeper.poll() is not None:
        _complain(the_plan, keeper, silent)
    if len(silent) == len(the_plan.open_cells) or keeper.poll() is not None:
        _stop_keeper(keeper)
        return 3
    say(f"{len(the_plan.open_cells) - len(silent)} cells answer after {time.monotonic() - began:.1f} s")
    _show(the_plan)
    return int(bool(silent)) if detach else _stay(keeper, pipe)


def _end_like_ctrl_c() -> None:
    """SIGTERM and a terminal that hangs up stop the zoo as Ctrl-C does (nohup asks us not to)."""

    def interrupt(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, interrupt)


def _may_come(made: Plan, keeper: subprocess.Popen[bytes], cells: list[Cell]) -> bool:
    """Is any of the cells worth waiting for? Not if what serves it dies again and again."""
    if keeper.poll() is not None:
        return False
    failures = (state.read(made.settings) or {}).get("failures", {})
    hopeless = {name for name, deaths in failures.items() if deaths >= HOPELESS}
    return any(hopeless.isdisjoint(_servers(made, cell)) for cell in cells)


def _servers(made: Plan, cell: Cell) -> list[str]:
    family = made.registry.families[made.registry.exhibits[cell.exhibit].family]
    return [cell.front] if kind(cell.front) == family.runs_in else [cell.front, family.id]


def _take(made: Settings) -> int:
    """Make the run directory ready and lock it; exit 3 if that cannot be, or another zoo has it.

    Everything that follows is done by one `up` only: tidying, looking at ports, starting. The keeper inherits the lock.
    """
    deadline = time.monotonic() + TIDY_S
    try:
        state.prepare(made)
        while True:
            try:
                return state.hold(made)
            except state.Locked:
                # Somebody starts, stops or tidies there: that passes. A keeper that listens stays.
                if listen.answers(str(made.control)) or time.monotonic() > deadline:
                    fail(f"a zoo is already running in {made.run}; ./zoo down stops it", 3)
            time.sleep(0.02)
    except SettingsError as error:
        fail(str(error), 3)


def refuse_if_blocked(made: Plan) -> None:
    """Exit 3 if something stands in the way, naming it and the way out."""
    from gateway_zoo import doctor

    leftovers.end(made.settings)  # before ports are looked at: an orphan of a killed start may hold one
    for problem in doctor.blockers(made):
        fail(f"{problem.what}; {problem.fix}", 3)


def _start_keeper(
    made: Settings, lock: int, only: list[str], detach: bool, echo: bool
) -> tuple[subprocess.Popen[bytes], int | None]:
    """Start it with the lock; in the foreground also with a pipe that closes when we end. Returns our end of it."""
    read, write = os.pipe()
    environ = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    environ |= {
        "ZOO_MPM": made.mpm,
        "ZOO_RUN": str(made.run),
        "ZOO_ECHO": str(int(echo or made.echo)),
        "LANG": "C.UTF-8",
    }
    environ |= {"ZOO_LOCK": str(lock), "ZOO_TERMINAL": "" if detach else str(read)}
    with (made.logs / "keeper.log").open("ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-P", "-m", "gateway_zoo.keeper", *only],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            pass_fds=(lock,) if detach else (lock, read),
        )
    os.close(lock)
    os.close(read)
    if detach:
        os.close(write)
    return keeper, None if detach else write


# --- what people see --------------------------------------------------------------------------------------------------


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
        cells = [c for front in made.settings.fronts if (c := made.cell(exhibit.id, front)).closed is None]
        line = f"curl {cells[0].url.replace('http://127.0.0.1', 'localhost')}/hello" if cells else "closed"
        also = f"also {cells[1].front} on {made.settings.port(cells[1].front)}" if len(cells) > 1 else ""
        print(f"{exhibit.id:17} {line:43} {also}".rstrip())
    for page in plan.pages(made, made.fronts[0]):
        print(f"{'in a browser':17} http://localhost:{made.settings.port(made.fronts[0])}{page}")
    for reason, names in _closed(made).items():
        print(f"closed: {', '.join(names)}: {reason}")
    for line in for_the_class(made):
        print(line)
    print("\nNext: ./zoo check   ./zoo compare   ./zoo ps   ./zoo logs   ./zoo down")


def for_the_class(made: Plan) -> list[str]:
    """With ZOO_LISTEN, what an instructor writes on the board: where others reach each front."""
    if not made.settings.listen:
        return []
    addresses = _own_addresses() if made.settings.listen == EVERYWHERE else [made.settings.listen]
    lines = [
        f"  http://{address}:{made.settings.port(front)}/  {front}" for address in addresses for front in made.fronts
    ]
    return ["", "For the class (hello, ping and pages; status is for this machine only):", *lines]


def _own_addresses() -> list[str]:
    """IPv4 addresses at which another machine may reach this one; Docker's own bridges lead nowhere."""
    import psutil

    found = [
        address.address
        for name, addresses in psutil.net_if_addrs().items()
        for address in addresses
        if address.family == socket.AF_INET and not name.startswith(("docker", "br-", "veth"))
    ]
    return [address for address in found if not address.startswith(("127.", "169.254."))]


def _closed(made: Plan) -> dict[str, list[str]]:
    """Reason -> exhibits, or a whole front, of what could be open in another start and was not left out on purpose."""
    found: dict[str, list[str]] = {}
    for cell in made.cells:
        own = made.registry.exhibits[cell.exhibit].closed.get(kind(cell.front))
        if cell.closed and not own and cell.closed != plan.LEFT_OUT:
            name = cell.front if cell.front not in made.fronts else cell.exhibit
            names = found.setdefault(cell.closed, [])
            names += [name] if name not in names else []
    return found


def _stay(keeper: subprocess.Popen[bytes], pipe: int | None) -> int:
    try:
        say("Ctrl-C stops everything.")
        ended = keeper.wait()
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):  # the terminal may be gone
            say("stopping")
        _stop_keeper(keeper)
        ended = 0
    if pipe is not None:
        os.close(pipe)
    if ended:
        fail(f"the keeper ended with {ended}, and everything with it; ./zoo up starts it again", 3)
    return 0


# --- stopping ---------------------------------------------------------------------------------------------------------


def _stop_keeper(keeper: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        keeper.send_signal(signal.SIGTERM)
    keeper.wait(timeout=STOP_S)


def down(made: Settings) -> int:
    """Stop the keeper of this run directory, then whatever a killed one left; both may be absent."""
    if made.compose:
        fail("in containers Compose stops the zoo: docker compose down", 3)
    root.become_owner(made)
    if made.run.exists() and made.run.lstat().st_uid != os.geteuid():
        fail(f"{made.run} belongs to another user, who alone can stop what runs there", 3)
    was_running = state.running(made)
    try:
        lock = _locked_when_stopped(made)
    except FileNotFoundError:
        print("no zoo was running")
        return 0
    except OSError as error:
        fail(f"{made.run} cannot be used: {error.strerror}", 3)
    ended = leftovers.end(made)
    os.close(lock)
    print("stopped" if was_running else "no zoo was running" + (f"; ended {ended} leftovers" if ended else ""))
    return 0


def _locked_when_stopped(made: Settings) -> int:
    """Ask until the run directory is ours: the keeper may still be starting, or be gone and its sentinel tidying."""
    deadline = time.monotonic() + STOP_S
    asked = False
    while True:
        with contextlib.suppress(state.Locked):
            return state.hold(made)
        if time.monotonic() > deadline:
            fail(f"the keeper in {made.run} does not stop", 1)
        asked = asked or "error" not in _ask_keeper(made, {"do": "stop"})
        time.sleep(0.02)


def restart(made: Settings, name: str) -> int:
    """Restart the family of an exhibit, or a front."""
    the_plan = plan.make(made)
    helpers = [family.id for family in the_plan.registry.families.values() if family.helps]
    known([name], list(the_plan.registry.exhibits), (*made.fronts, *helpers))
    if made.compose:
        hint = the_plan.start_hint(name).split()[-1] if name in the_plan.registry.exhibits else name
        fail(f"in containers: docker compose restart {hint}", 3)
    if not state.running(made):
        fail("the zoo is not running; ./zoo up starts it", 3)
    cells = [cell for cell in running_cells(made) if name in (cell.exhibit, cell.front)]
    mine = [cell for cell in cells if cell.closed is None]
    exhibit = the_plan.registry.exhibits.get(name)
    if exhibit and cells and not mine:
        why = [cell.closed for cell in cells if cell.front not in exhibit.closed]  # not those that can never open
        fail(f"{name} is closed: {why[0] if why else cells[0].closed}", 3)
    family = the_plan.registry.families[exhibit.family] if exhibit else None
    child = (family.id if family.command else family.runs_in) if family else name
    answer = _ask_keeper(made, {"do": "restart", "restart": child})
    if "error" in answer:
        fail(str(answer["error"]), 3)
    if ready.wait(the_plan, mine, STOP_S, lambda _: state.running(made)):
        fail(f"{child} was restarted, but {name} does not answer; ./zoo logs {name}", 1)
    print(f"restarted {child}")
    return 0


def running_cells(made: Settings) -> list[Cell]:
    """The cells of the zoo that runs here; none if it does not."""
    running = state.read(made)
    return [Cell(**cell) for cell in running["cells"]] if running else []


def _ask_keeper(made: Settings, question: dict[str, str]) -> dict[str, Any]:
    """Its answer; {"error": …} where there is none."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(made.control))
            connection.sendall(json.dumps(question).encode())
            answer: dict[str, Any] = json.loads(connection.makefile("rb").readline())
    except (OSError, ValueError) as error:
        return {"error": f"the keeper in {made.run} does not answer: {error}"}
    return answer
