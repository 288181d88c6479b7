"""Decide whether a run directory is the zoo's; only then may the zoo change it.

It is the zoo's if it has the mark (a file that says so), is empty, or does not exist yet. It is also the zoo's if an
earlier version, which made no mark, has filled it: then it has only files that the zoo makes. Any other directory is
refused before any change: ZOO_RUN=$HOME must not cost a user files, nor change their mode.
"""

import contextlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from gateway_zoo.safe_io import own_files
from gateway_zoo.settings import Settings, SettingsError, user_of_the_zoo

MARK = "made-by-the-gateway-zoo"
TEXT = "The Gateway Zoo made this directory for its sockets and logs. It may remove what it made in here.\n"
LEAST = 5_000_000  # bytes that a start may write: pages, certificates, the first lines of logs
CURE = "set ZOO_RUN to a directory of your own"
ELSEWHERE = "set ZOO_RUN to an empty directory, or to one that is not there yet"
HEAD = b"# Written by the zoo"  # of local.conf, see fronts.HEAD


def refusal(settings: Settings, user: int | None = None) -> tuple[str, str] | None:
    """Why this run directory cannot be the zoo's, and the cure; None if it can. It must belong to us, or to `user`."""
    run = settings.run
    try:
        return _kind_of_refusal(run, run.lstat(), os.geteuid() if user is None else user)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{run} cannot be used: {error.strerror}", "set ZOO_RUN to a directory of yours"


def _kind_of_refusal(run: Path, facts: os.stat_result, user: int) -> tuple[str, str] | None:
    """May raise OSError."""
    if stat.S_ISLNK(facts.st_mode):
        return f"{run} is a link", f"remove it, or {CURE}"
    if not stat.S_ISDIR(facts.st_mode):
        return f"{run} is not a directory", CURE
    if facts.st_uid != user and (facts.st_uid != os.geteuid() or any(run.iterdir())):
        return f"{run} belongs to another user", CURE
    if strange := foreign(run):
        return f"{run} has files that the zoo did not make, for example {strange}", ELSEWHERE
    return None


def user_of_a_start() -> int:
    """The user that must own the directory. Root hands over an empty directory of its own."""
    try:
        return user_of_the_zoo().pw_uid
    except KeyError:
        return os.geteuid()


def foreign(run: Path) -> str:
    """Name a file that the zoo did not make in a directory without the mark; empty if the zoo may have it."""
    names = sorted(path.name for path in run.iterdir())
    mark = run / MARK  # looked at last: another start may make it now
    if mark.is_file() and not mark.is_symlink():
        return ""
    strange = next((name for name in names if not _of_ours(run / name)), "")
    some_proof = {"sock", "state.json", "nginx", "apache", "keeper.sock"}.intersection(names)
    return strange or ("" if some_proof or not names else names[0])


def _of_ours(path: Path) -> bool:
    """Did a version without a mark make this file or folder?"""
    if path.is_symlink():
        return False
    if path.name in ("nginx", *(name for name in [path.name] if name.startswith("apache"))):
        file = path / "local.conf"
        return file.is_file() and file.read_bytes()[: len(HEAD)] == HEAD
    if path.name == "sock":
        return path.is_dir() and all(
            p.is_socket() or p.name.startswith("tls") or p.suffix == ".lock" for p in path.iterdir()
        )
    if path.name == "logs":
        return path.is_dir() and all(p.suffix == ".log" for p in path.iterdir())
    if path.name.startswith("wire"):
        return path.suffix == ".jsonl" or path.is_dir()
    return (path.name == "board" and path.is_dir()) or path.name in ("state.json", "state.new", "keeper.sock")


def obstacles(settings: Settings, fronts: Sequence[str], cages: Sequence[str]) -> list[Path]:
    """List the paths where a start must make a folder, file or link, and something of another kind is."""
    run = settings.run
    folders = [settings.sockets, settings.logs, settings.tls]
    files = [settings.state, *(run / front / "local.conf" for front in fronts)]
    links = [run / "nginx" / name for name in ("nginx.conf", "server.conf", "params")]
    for front in fronts:
        here = run / front
        links += [here / "cages" / f"{cage}.conf" for cage in cages]
        folders += [
            here,
            here / "pages",
            here / "pages/closed",
            here / "pages/down",
            here / ("tmp" if front == "nginx" else "fcgid"),
        ]
    wanted = [((stat.S_IFDIR,), folders), ((stat.S_IFREG, stat.S_IFLNK), files)]  # a file replaces a link
    wanted += [((stat.S_IFLNK,), links), ((stat.S_IFSOCK,), [settings.control])]
    return [path for kinds, paths in wanted for path in paths if _stands(path) not in (0, *kinds)]


def _stands(path: Path) -> int:
    """The kind of a file; 0 if it is missing, or behind an unreadable link (which is in the list itself)."""
    try:
        return own_files.kind_of(path)
    except OSError:
        return 0


def full(settings: Settings) -> str:
    """Why the file system of the run directory is full; empty if there is room."""
    existing = next(path for path in (settings.run, *settings.run.parents) if path.exists())
    room = os.statvfs(existing)
    if room.f_bavail * room.f_frsize < LEAST:
        return f"only {room.f_bavail * room.f_frsize:,} bytes are free"
    return "no file can be added (no inodes are free)" if room.f_files and not room.f_favail else ""


def take(settings: Settings) -> None:
    """Make the run directory: the user's, mode 0750, with the mark. Raises SettingsError.

    It touches nothing else there: a zoo may be running.
    """
    run = settings.run
    if problem := refusal(settings):
        raise SettingsError("; ".join(problem))
    try:
        run.mkdir(mode=0o750, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError), open(run / MARK, "x", encoding="ascii") as mark:
            mark.write(TEXT)  # made under its own name: another start must see no file that is not the zoo's
        run.chmod(0o750)
    except OSError as error:
        raise unusable(run, error) from None


def prepare(settings: Settings) -> None:
    """Do the same, and make the folders for sockets and logs. Raises SettingsError."""
    take(settings)
    try:
        for path in (settings.sockets, settings.logs):
            own_files.folder(path)
    except OSError as error:
        raise unusable(settings.run, error) from None


def unusable(run: Path, error: OSError) -> SettingsError:
    """The error for a run directory that the system refuses."""
    return SettingsError(f"{run} cannot be used: {error.strerror}; set ZOO_RUN to a directory of yours")
