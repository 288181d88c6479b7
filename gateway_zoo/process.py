"""Starting, recognising and ending processes, so that none is left behind and none that is not ours is touched.

Every family runs in a session of its own (setsid(2)), started through setpriv(1): without new privileges, and with a
death signal, so that its first process dies with the keeper. Whatever it forks stays in the session.

A process is ours if it can gain no privileges (nobody's shell is like that, and all that we start stays so), and

* its environment holds the token of the start, 128 random bits that only our processes are given; or
* it runs where we start processes, and complains where we make them complain: its working directory is $ZOO_RUN/sock,
  its standard error a file in $ZOO_RUN/logs (nginx overwrites its environment with its title); or
* it holds a socket that is bound in $ZOO_RUN/sock (php-fpm overwrites its environment too; the standard error of its
  children is a pipe to their master, and while they run a program they work in its folder).

No pid and no session number from a file or a client is ever believed: both are used again for other processes.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
PR_SET_NO_NEW_PRIVS = 38
TOKEN = "ZOO_START"  # noqa: S105 - the name of a variable, unique per start, not a secret
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def told_later() -> Iterator[None]:
    """What would end us waits until the block is over: an exception in its middle would lose what it makes."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def become_keeper() -> None:
    """Orphans of our families become our children, instead of init's, and nothing that we start gains privileges."""
    libc = ctypes.CDLL(None, use_errno=True)
    for option in (PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS):
        if libc.prctl(option, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"prctl({option})")


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


def ours(pid: int, token: str | None, run: Path) -> bool:
    """Was the process started in this run directory by the start with this token, or (nginx) by any of its starts?"""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            if "\nNoNewPrivs:\t1\n" not in file.read():
                return False
        with open(f"/proc/{pid}/environ", "rb") as file:
            if token and f"{TOKEN}={token}".encode() in file.read().split(b"\0"):
                return True
        here = os.path.realpath(run)
        placed = os.readlink(f"/proc/{pid}/cwd") == f"{here}/sock"
        if placed and os.readlink(f"/proc/{pid}/fd/2").startswith(f"{here}/logs/"):
            return True
        return _listens(pid, f"{here}/sock/")
    except OSError:  # gone, or another user's and so not ours
        return False


def _listens(pid: int, directory: str) -> bool:
    """Does it hold a unix socket that is bound below the directory? proc(5), /proc/net/unix: the inode is the seventh
    word, the path the eighth. A client's end of a connection has no path."""
    held = set()
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed since
            held.add(os.readlink(f"/proc/{pid}/fd/{number}"))
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
        rows = [line.split(maxsplit=7) for line in file]
    return any(f"socket:[{row[6]}]" in held for row in rows if len(row) == 8 and row[7].startswith(directory))


def send(pid: int, signum: int, token: str | None, run: Path) -> None:
    """Signal a process of ours. The pidfd pins it first, so that the number cannot change hands in between."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if ours(pid, token, run):
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
    """Has all of it ended? A process whose first thread has is called a zombie, too, while others hold its sockets."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            said = file.read().rpartition(")")[2].split()  # from the third field on (proc(5))
    except OSError:
        return True
    state, threads = said[0], said[17]
    return state in "ZX" and int(threads) <= 1


def members(token: str | None, sessions: set[int], run: Path, everything: bool = False) -> list[int]:
    """Living processes of ours in these sessions, or with `everything` in any. Never ourselves."""
    return [
        pid
        for pid in pids()
        if pid != os.getpid() and (everything or session(pid) in sessions) and not zombie(pid) and ours(pid, token, run)
    ]


def end(token: str | None, sessions: set[int], run: Path, everything: bool = False) -> int:
    """SIGKILL until nobody is left; returns how many were ended. What forks while we look is met in the next round.

    A process that is ending has no environment any more by which we know it, but still its sockets: wait for it.
    """
    ended: dict[int, int | None] = {}  # its session, in case somebody else gets the number
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        left = members(token, sessions, run, everything)
        ended |= {pid: session(pid) for pid in left if pid not in ended}
        if not left and not any(of and session(pid) == of and not zombie(pid) for pid, of in ended.items()):
            break
        for pid in left:
            send(pid, signal.SIGKILL, token, run)
        time.sleep(0.01)
    return len(ended)
