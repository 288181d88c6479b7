"""Give the servers paths that every configuration can hold, and find files that they cannot read or run.

Apache, uWSGI, php-fpm and the shell read a path again, each in its own way: a space, `$`, `[`, `%` or `:` breaks
another directive, and Python inside Apache dies over bytes outside ASCII. So no configuration gets such a path. If
the checkout or its .venv has one, the run directory gets a link with a plain name, and every server gets the link.
$ZOO_RUN itself must be plain: the links are there.

`problems` finds before a start what cannot work; `up` and `doctor` both ask it.
"""

import contextlib
import os
import pwd
import re
import shlex
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gateway_zoo.registry.installed import SYSTEM_PATH, VENV
from gateway_zoo.safe_io import own_files
from gateway_zoo.set_up import cannot_hold
from gateway_zoo.settings import Settings, user_of_the_zoo

COPY = "use a copy of the checkout on another: cp -r . ~/zoo"
#: Folders of the checkout that are no cages, and that the servers or the keeper read.
FOLDERS = ("app", "apache", "gateway_zoo", "nginx", "traits", "web")
#: Every other character means something to one of the readers. Our paths are absolute, so `-` is never the first.
PLAIN = re.compile(r"[A-Za-z0-9/._-]+")


def is_plain(path: Path) -> bool:
    """Does every configuration, and every shell, take this path as it is?"""
    return PLAIN.fullmatch(str(path)) is not None


def checkout(settings: Settings) -> Path:
    """The path of the checkout for the servers."""
    return settings.root if is_plain(settings.root) else settings.run / "checkout"


def venv(settings: Settings) -> Path:
    """The path of .venv for the servers. Python looks for pyvenv.cfg beside the path that started it."""
    return VENV if is_plain(VENV) else settings.run / "venv"


def search_path(settings: Settings) -> str:
    """The search path of the servers; those of the virtual environment come first."""
    return f"{venv(settings)}/bin:{SYSTEM_PATH}"


def program(settings: Settings, name: str) -> list[str]:
    """The first words of a command.

    A script of .venv names its interpreter in a line that cannot quote, so a path that is not plain needs `python`.
    """
    script = VENV / "bin" / name
    if is_plain(VENV) or not script.is_file() or not script.read_bytes().startswith(b"#!"):
        return [name]
    return ["python", str(venv(settings) / "bin" / name)]


def link(settings: Settings) -> None:
    """Make the links of this run directory; an old link may lead to another checkout. Raises OSError, InTheWay."""
    for there, here in ((settings.root, checkout(settings)), (VENV, venv(settings))):
        if here != there:
            own_files.link(here, there)


@contextlib.contextmanager
def linked_for_now(settings: Settings) -> Iterator[Settings]:
    """Yield settings whose links exist, for a program that may run without a zoo.

    Needed links are in a temporary directory, which every user may read.
    """
    if is_plain(settings.root) and is_plain(VENV):
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="zoo-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        temporary = replace(settings, run=Path(folder))
        link(temporary)
        yield temporary


# --- what cannot work -------------------------------------------------------------------------------------------------


def problems(settings: Settings) -> Iterator[tuple[str, str]]:
    """Find what prevents every start: (problem, cure that suffices). As root, ask before root is given up."""
    for path in (settings.root, VENV):
        if wrong := cannot_hold(path):
            yield f"the path {str(path)!a} has {wrong}", "rename the directory"
    if not is_plain(settings.run):
        odd = sorted({ascii(c) for c in str(settings.run) if not is_plain(Path(c))})
        what = f"ZOO_RUN={ascii(str(settings.run))[1:-1]} has {' '.join(odd)} in it"
        yield (
            f"{what}, which some server would read its own way",
            "set ZOO_RUN to a path of letters, digits and . _ - only",
        )
    for here, there in ((checkout(settings), settings.root), (venv(settings), VENV)):
        if here != there and os.path.lexists(here) and not here.is_symlink():
            yield f"{here} is not ours, and a link must go there", "move it away, or set ZOO_RUN to another directory"
    with contextlib.suppress(KeyError):  # no such user: `up` says so
        user = user_of_the_zoo()
        folders = what_we_read(settings)
        with acting_as(user):
            closed = first_unreadable(settings, folders)
        if closed:
            yield f"{closed} cannot be read by {user.pw_name}, the user of the servers", cure(settings, closed)


@contextlib.contextmanager
def acting_as(user: pwd.struct_passwd) -> Iterator[None]:
    """As root, act with the rights of a user in the block. Another user is that user already."""
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.initgroups(user.pw_name, user.pw_gid)
    os.setegid(user.pw_gid)
    os.seteuid(user.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(os.getgid())
        os.setgroups(groups)


def what_we_read(settings: Settings) -> list[Path]:
    """Folders that the zoo or the servers read whole. A user may keep private files beside them."""
    cages = [path.parent for path in settings.root.glob("*/cage.toml")]
    return [*(settings.root / name for name in FOLDERS), *cages, VENV / "bin", VENV / "lib"]


def first_unreadable(settings: Settings, folders: list[Path]) -> Path | None:
    """Find the first file or directory that is needed and unreadable.

    It is tried, because a mode is not all (access control lists, network file systems).
    """
    targets = (settings.root, VENV, (VENV / "bin/python").resolve(), Path(sysconfig.get_path("stdlib")))
    above = [path for target in targets for path in reversed(target.parents)]
    closed = (path for path in above if not _may(path, os.X_OK))
    if path := next(closed, None):
        return path
    below = _below([settings.root, *targets[3:]], folders)
    return next((Path(name) for name, wanted in below if not _may(name, wanted)), None)


def _may(path: Path | str, wanted: int) -> bool:
    return os.access(path, wanted, effective_ids=True) or not os.path.exists(path)  # a link that dangles is no matter


def _below(listed: list[Path], folders: list[Path]) -> Iterator[tuple[str, int]]:
    """Paths with the rights that are needed there. Bytecode is not needed.

    They are thousands, at each start, so they are texts: a Path takes longer to make than a file to try.
    """
    enter = os.R_OK | os.X_OK
    yield from ((str(path), enter) for path in (*listed, *folders))
    for top in folders:
        for folder, inside, files in os.walk(top):
            inside[:] = [name for name in inside if name != "__pycache__"]
            yield from ((f"{folder}/{name}", enter) for name in inside)
            yield from ((f"{folder}/{name}", os.R_OK) for name in files)


def _owner_who_reads(settings: Settings) -> str:
    """The name of the checkout's owner, if that user could run the zoo; else empty."""
    try:
        owner = pwd.getpwuid(settings.root.stat().st_uid)
    except KeyError:
        return ""
    folders = what_we_read(settings)
    with acting_as(owner):
        fine = owner.pw_uid != 0 and first_unreadable(settings, folders) is None
    return owner.pw_name if fine else ""


def cure(settings: Settings, closed: Path) -> str:
    """One command that suffices and opens no home: rights inside the checkout, or a copy if its directory is closed."""
    root = settings.root
    if not root.is_relative_to(closed) and not closed.is_relative_to(root):
        return f"rm -r {shlex.quote(str(root))}/.venv (the next command makes it, with a Python that they can read)"
    homes = {entry.pw_dir for entry in pwd.getpwall()}
    if closed.is_relative_to(root) and str(root) not in homes:
        return f"chmod -R a+rX {shlex.quote(str(root))}"
    if owner := _owner_who_reads(settings):
        return f"runuser -u {owner} -- {shlex.quote(str(root))}/zoo up"
    copy = next(path for n in range(1, 99) if not (path := Path(f"/opt/gateway-zoo{n if n > 1 else ''}")).exists())
    if str(root) in homes:  # the other files of the home stay private
        return f"git clone {shlex.quote(str(root))} {copy} && chmod -R a+rX {copy} && {copy}/zoo up"
    return f"cp -r {shlex.quote(str(root))} {copy} && chmod -R a+rX {copy} && {copy}/zoo up"


# --- run bits ---------------------------------------------------------------------------------------------------------


def put_run_bits_back(programs: list[Path]) -> list[Path]:
    """Give CGI programs back the run bits that a ZIP archive or a stick has lost. Returns the changed paths."""
    changed = []
    for path in programs:
        mode = path.stat().st_mode
        if not mode & 0o111:
            with contextlib.suppress(OSError):  # another's file, or a file system without such bits: the cell is closed
                path.chmod(mode | (mode & 0o444) >> 2)
                changed.append(path)
    return changed


def not_run(path: Path) -> str | None:
    """Why a CGI program cannot be started, and the cure; None if it can."""
    if os.access(path, os.X_OK):
        return None
    if path.stat().st_mode & 0o111:
        return f"{path.name} lies on a file system that runs no programs (noexec); {COPY}"
    return f"{path.name} has lost its run bit; chmod +x {shlex.quote(str(path))}"
