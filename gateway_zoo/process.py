"""Starting, recognising and ending processes, so that none is left behind and none that is not ours is touched.

Every family runs in a session of its own (setsid(2)), started through setpriv(1): without new privileges, and with a
death signal, so that its first process dies with the keeper. Whatever it forks stays in the session.

A process is ours if the kernel says so twice: its environment holds the token of a start of ours; or its session is
one that we made *and* its working directory is in our run directory (nginx overwrites its environment with its title).
A pid from a file or a client is never believed.
"""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
TOKEN = "ZOO_START"  # noqa: S105 - the name of a variable, unique per start, not a secret


def become_subreaper() -> None:
    """Orphans of our families become our children, instead of init's: we see them, and can end them."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def spawn(argv: list[str], environment: dict[str, str], cwd: Path, log: Path, outlives: tuple[int, ...] = ()) -> int:
    """Start a family; returns the pid, which is also its session. Output is appended to `log`.

    It dies with us, unless it is given descriptors to watch us by (`outlives`).
    """
    guard = ["setpriv", "--no-new-privs", *([] if outlives else ["--pdeathsig", "KILL"]), "--"]
    with log.open("ab") as out:
        child = subprocess.Popen(
            guard + argv,
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            umask=0o027,
            pass_fds=outlives,
        )
    child.returncode = 0  # the keeper reaps every child itself (os.waitpid(-1)); Popen must not try
    return child.pid


def pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def ours(pid: int, token: str, sessions: Iterable[int], run: Path) -> bool:
    """Did a start with this token, or one of these sessions in this run directory, make the process?"""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            if f"{TOKEN}={token}\0".encode() in file.read():
                return True
        if os.getsid(pid) not in sessions:
            return False
        return Path(os.readlink(f"/proc/{pid}/cwd")).is_relative_to(run)
    except OSError:  # gone, or another user's and so not ours
        return False


def send(pid: int, signum: int, token: str, sessions: Iterable[int], run: Path) -> None:
    """Signal a process of ours. The pidfd pins it first, so that the number cannot change hands in between."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if ours(pid, token, sessions, run):
            signal.pidfd_send_signal(descriptor, signum)
    except ProcessLookupError:
        pass
    finally:
        os.close(descriptor)


def session(pid: int) -> int | None:
    """The session of a process, None if it is gone."""
    try:
        return os.getsid(pid)
    except OSError:
        return None


def zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def members(token: str, sessions: set[int], run: Path, everything: bool = False) -> list[int]:
    """Living processes of these sessions, or with `everything` of the whole start. Never ourselves."""
    found = []
    for pid in pids():
        try:
            if pid == os.getpid() or (not everything and os.getsid(pid) not in sessions) or zombie(pid):
                continue
        except OSError:
            continue
        if ours(pid, token, sessions, run):
            found.append(pid)
    return found


def end(token: str, sessions: set[int], run: Path, everything: bool = False) -> int:
    """SIGKILL until nobody is left; returns how many were ended. What forks while we look is met in the next round."""
    ended = set()
    deadline = time.monotonic() + 5
    while (left := members(token, sessions, run, everything)) and time.monotonic() < deadline:
        for pid in left:
            send(pid, signal.SIGKILL, token, sessions, run)
        ended.update(left)
        time.sleep(0.01)
    return len(ended)
