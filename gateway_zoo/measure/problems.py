"""What is missing or in the way, each with its fix. `doctor` shows it; `up` asks the same before it starts."""

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gateway_zoo.keeper import ports, privileges, run_directory, state, trial
from gateway_zoo.keeper.ports import HIGHEST, LOWEST
from gateway_zoo.registry import installed, places, plans
from gateway_zoo.registry.cagefile import FRONTS
from gateway_zoo.registry.plans import Plan
from gateway_zoo.settings import MAX_SOCKET_PATH, kind

VARIABLE_OF = {
    "nginx": "ZOO_NGINX_PORT",
    "apache": "ZOO_APACHE_PORT",
    "nginx with TLS": "ZOO_NGINX_TLS_PORT",
    "apache with TLS": "ZOO_APACHE_TLS_PORT",
}


@dataclass(frozen=True)
class Problem:
    """`blocks`: nothing can start until it is mended. Otherwise only some cells are closed, or a risk is open."""

    what: str
    fix: str
    blocks: bool = False

    @property
    def text(self) -> str:
        """The one sentence for it, here and in `up`."""
        return f"{self.what}; {self.fix}"


def everything(plan: Plan, running: bool) -> list[Problem]:
    """All questions, cheapest first. A zoo that runs here is asked how it is; else what would be in its way."""
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
    """What is wrong with the zoo that runs here."""
    from gateway_zoo.measure import wellbeing

    return [Problem(what, fix) for what, fix in wellbeing.ills(plan.settings, plan.registry)]


def closed_fronts(plan: Plan) -> list[Problem]:
    """That no front starts, of those that are there (trial.py)."""
    reasons = [parts[plans.ALL] for parts in plan.broken.values() if plans.ALL in parts]
    return [] if plan.fronts else [Problem(*reason.rpartition("; ")[::2], True) for reason in reasons]


def _away(plan: Plan) -> list[Problem]:
    """In containers: services that do not answer."""
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
    """What prevents any start: a port held, a path too long, no front, a directory that we may not write."""
    found = []
    longest = max([len(str(p)) for p in plans.socket_paths(plan)], default=0)
    if longest > MAX_SOCKET_PATH:
        what = f"the run directory {plan.settings.run} is too long: a socket's path would have {longest} bytes"
        found.append(Problem(what, f"set ZOO_RUN to a shorter one (limit {MAX_SOCKET_PATH})", True))
    if not plan.fronts:
        found.append(Problem("neither nginx nor Apache is there", installed.install_command("nginx"), True))
    if not shutil.which("setpriv"):
        found.append(Problem("setpriv is not there", "sudo apt-get install util-linux", True))
    wanted: dict[tuple[str, int], str] = {}
    for name, address in _addresses(plan):
        if other := wanted.get(address):
            what = f"{name} and {other} both want port {address[1]}"
            found.append(Problem(what, "set ZOO_NGINX_PORT, ZOO_APACHE_PORT or ZOO_PORT_SHIFT", True))
        wanted[address] = name
        if not LOWEST <= address[1] <= HIGHEST:
            what = f"port {address[1]} for {name} is out of range"
            found.append(Problem(what, f"set ZOO_PORT_SHIFT so that it falls between {LOWEST} and {HIGHEST}", True))
        elif wrong := ports.held(address):
            what = f"port {address[1]} on {address[0]} ({name}) {wrong}"
            variable = VARIABLE_OF.get(name, "ZOO_APACHE_PORT" if name.startswith("apache-") else "ZOO_PORT_SHIFT")
            found.append(Problem(what, f"stop it, or set {variable}", True))
    return [*found, *_run_directory(plan)]


def _run_directory(plan: Plan) -> list[Problem]:
    """What is wrong with $ZOO_RUN besides its path, in the words of `up`."""
    run = plan.settings.run
    refused = _unreachable(run) or run_directory.refusal(plan.settings, run_directory.user_of_a_start())
    if refused:
        return [Problem(*refused, True)]
    found = [
        Problem(f"{path} is in the way: the zoo makes something of another kind there", "move it elsewhere", True)
        for path in run_directory.obstacles(plan.settings, plan.fronts, [cage.name for cage in plan.registry.cages])
    ]
    if why := run_directory.full(plan.settings):
        found.append(Problem(f"{run}: {why}", "make room, or set ZOO_RUN to a directory elsewhere", True))
    return found


def _unreachable(run: Path) -> tuple[str, str] | None:
    """Why the run directory cannot be entered by the servers' user, or, where it is missing, not be made: tried."""
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


def _addresses(plan: Plan) -> list[tuple[str, tuple[str, int]]]:
    """Every TCP address that a start will listen on."""
    extra = plan.settings.listen
    hosts = [extra] if extra == "0.0.0.0" else dict.fromkeys(["127.0.0.1", extra or "127.0.0.1"])  # noqa: S104 - compared
    found = [(front, (host, plan.settings.port(front))) for host in hosts for front in plan.fronts]
    found += [
        (f"{front} with TLS", (host, plan.settings.tls_port(front)))
        for host in hosts
        for front in plan.fronts
        if plan.settings.tls_port(front)
    ]
    families = {family.id for family in plan.started}
    for exhibit in plan.registry.exhibits.values():
        if exhibit.tcp and exhibit.family in families:
            found.append((exhibit.id, ("127.0.0.1", exhibit.tcp + plan.settings.port_shift)))
    return found


def note_holders(plan: Plan) -> None:
    """Look, as long as we are root, who holds the ports that we want. `up` tells it when root is given up."""
    ports.note_holders(address for _, address in _addresses(plan))


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
    found = []
    for reason, cells in reasons.items():
        what, _, fix = reason.rpartition("; ")
        found.append(Problem(f"{what} (closed: {_few(cells)})", fix))
    return found


# --- versions with known holes --------------------------------------------------------------------


def _old(plan: Plan) -> list[Problem]:
    found = []
    for family in plan.registry.families.values():
        for name, floor in family.floors.items():
            if (version := _installed(name)) and _numbers(version) < _numbers(floor):
                what = f"{name} {version} has known holes; {floor} is the first without"
                found.append(Problem(what, f"{installed.install_command(name)} (requirements.lock has a newer one)"))
    return list(dict.fromkeys([*found, *_old_fronts()]))


def _installed(distribution: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


#: First versions without CVE-2026-42946 (nginx's scgi and uwsgi modules): upstream's, and Debian's package revisions,
#: which mend older ones (debian/changelog of each).
NGINX_FIXED = (1, 30, 1)
NGINX_FIXED_DEBIAN = {"1.22.1": "1.22.1-9+deb12u8", "1.26.3": "1.26.3-3+deb13u6"}
#: mod_proxy_uwsgi's holes, from the first bad version to the first good one.
APACHE_BAD = ((2, 4, 30), (2, 4, 59))


def _old_fronts() -> list[Problem]:
    """A packaged front is judged by its revision, where we know which is mended; one of upstream by its version."""
    found = []
    if binary := installed.apache():
        version = _numbers(_output([binary, "-v"]))[:3]
        if APACHE_BAD[0] <= version < APACHE_BAD[1]:
            what = f"Apache {_dotted(version)}: mod_proxy_uwsgi 2.4.30 to 2.4.58 has known holes"
            found.append(_judged("apache2-bin", what, None))
    if binary := installed.nginx():
        version = _numbers(_output([binary, "-v"]))
        if version and version < NGINX_FIXED:
            what = f"nginx {_dotted(version)}: its scgi and uwsgi modules have a hole (CVE-2026-42946)"
            found.append(_judged("nginx", what, NGINX_FIXED_DEBIAN.get(_dotted(version))))
    return [problem for problem in found if problem]


def _judged(package: str, what: str, fixed: str | None) -> Problem | None:
    """None if Debian's package has the fix; "unknown" if there is a package and we do not know its mended revision."""
    revision = _output(["dpkg-query", "-W", "-f", "${Version}", package])
    if not revision:
        return Problem(what, f"install a newer {package}")
    if fixed is None:
        return Problem(f"{what} unless the distribution has mended {revision}: unknown", "apt-get upgrade")
    if _succeeds(["dpkg", "--compare-versions", revision, "ge", fixed]):
        return None
    return Problem(f"{what}, mended in {fixed}; this is {revision}", f"apt-get install --only-upgrade {package}")


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _succeeds(argv: list[str]) -> bool:
    import subprocess

    return subprocess.run(argv, capture_output=True, timeout=10, check=False).returncode == 0


def _output(argv: list[str]) -> str:
    import subprocess

    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return ""
    return done.stdout + done.stderr if done.returncode == 0 else ""


def _numbers(text: str) -> tuple[int, ...]:
    found = re.search(r"\d+(?:\.\d+)+|\d+", text)
    return tuple(int(n) for n in found.group().split(".")) if found else ()
