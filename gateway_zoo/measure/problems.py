"""Find what is missing or in the way, each with its fix.

`doctor` prints all problems; `up` looks for the blocking ones before it starts.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gateway_zoo.keeper import ports, privileges, run_directory, state, trial
from gateway_zoo.keeper.ports import HIGHEST, LOWEST
from gateway_zoo.registry import installed, places, plans
from gateway_zoo.registry.cagefile import FRONTS
from gateway_zoo.registry.plans import Plan
from gateway_zoo.settings import MAX_SOCKET_PATH, kind, port_variable


@dataclass(frozen=True)
class Problem:
    """A problem and its fix.

    `blocks`: nothing can start before the fix. Otherwise only some cells are closed, or there is a risk.
    """

    what: str
    fix: str
    blocks: bool = False

    @property
    def text(self) -> str:
        """Return both as one sentence."""
        return f"{self.what}; {self.fix}"


def everything(plan: Plan, running: bool) -> list[Problem]:
    """Find all problems, the cheapest questions first.

    A zoo that runs is asked whether it is well; otherwise the obstacles of a start are found.
    """
    if plan.settings.compose:
        first = _away(plan)
    elif lost := state.lost(plan.settings):
        first = [Problem(lost, state.LOST_CURE, True)]
    elif running:
        first = _unwell(plan)
    else:
        first = [*(Problem(*problem, True) for problem in places.problems(plan.settings)), *blockers(plan)]
        if not first:
            plan = plans.without(plan, trial.broken_elsewhere(plan))
            first = closed_fronts(plan)
    return [*first, *_broken_cages(plan), *_missing(plan), *_old(plan)]


def _unwell(plan: Plan) -> list[Problem]:
    from gateway_zoo.measure import wellbeing

    return [Problem(what, fix) for what, fix in wellbeing.ills(plan.settings, plan.registry)]


def closed_fronts(plan: Plan) -> list[Problem]:
    """The reasons, if no installed front starts (trial.py)."""
    reasons = [parts[plans.ALL] for parts in plan.broken.values() if plans.ALL in parts]
    return [] if plan.fronts else [Problem(*reason.rpartition("; ")[::2], True) for reason in reasons]


def _away(plan: Plan) -> list[Problem]:
    from gateway_zoo.measure import away, targets

    return [
        Problem(
            f"the service {' or '.join(names)} does not answer (missed: {_few(cells)})",
            f"docker compose{plan.profile(names[0])} up -d --wait {' '.join(names)}",
            blocks=names[0] in plan.settings.fronts,
        )
        for names, cells in away.services(plan, targets.around(plan.settings))
    ]


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def blockers(plan: Plan) -> list[Problem]:
    """Problems that prevent every start.

    A held port, a path that is too long, no front, a run directory that refuses us.
    """
    problems = []
    longest = max([len(str(p)) for p in plans.socket_paths(plan)], default=0)
    if longest > MAX_SOCKET_PATH:
        what = f"the run directory {plan.settings.run} is too long: a socket's path would have {longest} bytes"
        problems.append(Problem(what, f"set ZOO_RUN to a shorter one (limit {MAX_SOCKET_PATH})", True))
    if not plan.fronts:
        problems.append(Problem("neither nginx nor Apache is there", installed.install_command("nginx"), True))
    if not shutil.which("setpriv"):
        problems.append(Problem("setpriv is not there", "sudo apt-get install util-linux", True))
    wanted: dict[tuple[str, int], str] = {}
    for name, address in addresses(plan):
        if other := wanted.get(address):
            what = f"{name} and {other} both want port {address[1]}"
            problems.append(Problem(what, "set ZOO_NGINX_PORT, ZOO_APACHE_PORT or ZOO_PORT_SHIFT", True))
        wanted[address] = name
        if not LOWEST <= address[1] <= HIGHEST:
            what = f"port {address[1]} for {name} is out of range"
            problems.append(Problem(what, f"set ZOO_PORT_SHIFT so that it falls between {LOWEST} and {HIGHEST}", True))
        elif wrong := ports.held(address):
            what = f"port {address[1]} on {address[0]} ({name}) {wrong}"
            problems.append(Problem(what, f"stop it, or set {port_variable(name)}", True))
    return [*problems, *_run_directory(plan)]


def _run_directory(plan: Plan) -> list[Problem]:
    """Problems of $ZOO_RUN besides its path, in the words of `up`."""
    run = plan.settings.run
    refused = _unreachable(run) or run_directory.refusal(plan.settings, run_directory.user_of_a_start())
    if refused:
        return [Problem(*refused, True)]
    problems = [
        Problem(f"{path} is in the way: the zoo makes something of another kind there", "move it elsewhere", True)
        for path in run_directory.obstacles(plan.settings, plan.fronts, [cage.name for cage in plan.registry.cages])
    ]
    if why := run_directory.full(plan.settings):
        problems.append(Problem(f"{run}: {why}", "make room, or set ZOO_RUN to a directory elsewhere", True))
    return problems


def _unreachable(run: Path) -> tuple[str, str] | None:
    """Try the run directory as the user of the servers. Returns why this user cannot enter it or, if it is missing, why
    it cannot be made; and the fix."""
    try:
        if os.path.lexists(run):
            with privileges.as_zoos_user():
                run.lstat()
            return None
        existing = next(path for path in run.parents if os.path.exists(path))
        os.rmdir(tempfile.mkdtemp(dir=existing))
        with privileges.as_zoos_user():
            os.stat(existing / ".")
    except OSError as error:
        what, _, fix = str(run_directory.unusable(run, error)).partition("; ")
        return what, fix
    return None


def addresses(plan: Plan) -> list[tuple[str, tuple[str, int]]]:
    """Where the fronts and the TCP gateways of a plan listen: (name, (address, port))."""
    extra = plan.settings.listen
    hosts = [extra] if extra == "0.0.0.0" else dict.fromkeys(["127.0.0.1", extra or "127.0.0.1"])  # noqa: S104 - compared
    problems = [(front, (host, plan.settings.port(front))) for host in hosts for front in plan.fronts]
    problems += [
        (f"{front} with TLS", (host, plan.settings.tls_port(front)))
        for host in hosts
        for front in plan.fronts
        if plan.settings.tls_port(front)
    ]
    families = {family.id for family in plan.started}
    for exhibit in plan.registry.exhibits.values():
        if exhibit.tcp and exhibit.family in families:
            problems.append((exhibit.id, ("127.0.0.1", exhibit.tcp + plan.settings.port_shift)))
    return problems


def note_holders(plan: Plan) -> None:
    """Note which processes hold our ports, as long as we are root. `up` prints it after root is given up."""
    ports.note_holders(address for _, address in addresses(plan))


def _broken_cages(plan: Plan) -> list[Problem]:
    return [Problem(str(error), "mend the file; the other cages open without it") for error in plan.registry.errors]


def _missing(plan: Plan) -> list[Problem]:
    reasons: dict[str, list[str]] = {}
    for cell in plan.cells:
        exhibit = plan.registry.exhibits[cell.exhibit]
        if plan.settings.compose and cell.front not in FRONTS:  # profiles, whose own pages say what is closed and why
            continue
        if exhibit.closed.get(kind(cell.front)) or plan.registry.family_of(exhibit.id).group:
            continue
        if cell.closed:
            reasons.setdefault(cell.closed, []).append(f"{cell.exhibit} behind {cell.front}")
    problems = []
    for reason, cells in reasons.items():
        what, _, fix = reason.rpartition("; ")
        problems.append(Problem(f"{what} (closed: {_few(cells)})", fix))
    return problems


def _old(plan: Plan) -> list[Problem]:
    from gateway_zoo.measure import old_versions

    return [Problem(what, fix) for what, fix in old_versions.find(plan.registry)]
