"""Start, recognise and end processes: none is left behind, and no other process is touched.

Every family runs in a session of its own (setsid(2)), started through setpriv(1): without new privileges, and with a
death signal, so that its first process dies with the keeper. Whatever it forks stays in the session.

A process is ours if it can gain no privileges (no login shell is like that, and every child inherits it), and if it
carries the mark of a start: the path of the run directory, and 128 random bits that only our processes are given. Two
places hold the mark, because each server may lose one of them:

* the environment (nginx and php-fpm overwrite theirs with their title);
* an open descriptor, a nameless file in memory that every child inherits: `ls -l /proc/PID/fd` shows
  "/memfd:zoo /tmp/zoo-1000 TOKEN (deleted)" (a program may close its descriptors, and then keeps its environment).

Neither lies in the run directory: a directory that was removed, renamed or made again changes nothing.

No pid and no session number from a file or a client is ever believed: both are used again for other processes.
"""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
PR_SET_NO_NEW_PRIVS = 38
TOKEN = "ZOO_START"  # noqa: S105 - the name of a variable, unique per start, not a secret
TOKEN_FORM = re.compile(r"[0-9a-f]{32}")
KEEPER = "gateway_zoo.keeper"
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def signals_deferred() -> Iterator[None]:
    """Defer SIGINT, SIGTERM and SIGHUP until the end of the block, so that what it makes is never lost."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def adopt_orphans() -> None:
    """Adopt the orphans of our families in place of init, and let no child gain privileges. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    for option in (PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS):
        if libc.prctl(option, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"prctl({option})")


def mark(run: str | Path, token: str) -> int:
    """Open a descriptor whose name in /proc/PID/fd has the run directory and the token of a start."""
    return os.memfd_create(_mark(run, token), 0)


def _mark(run: str | Path, token: str = "") -> str:
    return f"zoo {os.path.realpath(run)} {token}"


def spawn(argv: list[str], environment: dict[str, str], cwd: Path, log: Path, outlives: tuple[int, ...] = ()) -> int:
    """Start a family; returns the pid, which is also its session. Output is appended to `log`.

    It dies with this process, unless it gets descriptors to watch this process by (`outlives`). Raises OSError.
    """
    guard = ["setpriv", "--no-new-privs", *([] if outlives else ["--pdeathsig", "KILL"]), "--"]
    marked = mark(environment.get("ZOO_RUN", ""), environment[TOKEN])
    try:
        with open(log, "ab", opener=no_link) as out:
            child = subprocess.Popen(
                guard + argv,
                env=environment,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                umask=0o027,
                pass_fds=(marked, *outlives),
            )
    finally:
        os.close(marked)
    child.returncode = 0  # the keeper reaps every child itself (os.waitpid(-1)); Popen must not try
    return child.pid


def no_link(path: str, flags: int) -> int:
    """Open a log for open(), but follow no link: it would lead to a file of a user."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o640)


def pids() -> Iterator[int]:
    """The numbers of all processes."""
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def is_from_this_start(pid: int, token: str | None, run: Path) -> bool:
    """Was the process started by the start with this token; without one, by any start of this run directory?"""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            if "\nNoNewPrivs:\t1\n" not in file.read():
                return False
        return _environment_marks(pid, token, run) or _descriptor_marks(pid, token, run)
    except OSError:  # gone, or another user's and so not ours
        return False


def _environment_marks(pid: int, token: str | None, run: Path) -> bool:
    """May raise OSError."""
    variables = environment(pid)
    if token:
        return variables.get(TOKEN) == token
    here = variables.get("ZOO_RUN", "")
    return bool(TOKEN_FORM.fullmatch(variables.get(TOKEN, ""))) and os.path.realpath(here) == os.path.realpath(run)


def _descriptor_marks(pid: int, token: str | None, run: Path) -> bool:
    """May raise OSError."""
    wanted = f"/memfd:{_mark(run)}"
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed since
            name = os.readlink(f"/proc/{pid}/fd/{number}").removesuffix(" (deleted)")
            rest = name.removeprefix(wanted)
            if rest != name and (rest == token if token else TOKEN_FORM.fullmatch(rest)):
                return True
    return False


def environment(pid: int) -> dict[str, str]:
    """The environment with which a process was started. Raises OSError."""
    with open(f"/proc/{pid}/environ", "rb") as file:
        words = [os.fsdecode(word).partition("=") for word in file.read().split(b"\0")]
    return {name: value for name, _, value in words}


def keepers(run: Path) -> list[int]:
    """Find the running keepers of this run directory by their mark, even if the directory is gone."""
    keepers = []
    for pid in pids():
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            if words[2:4] == [b"-m", KEEPER.encode()] and _descriptor_marks(pid, None, run):
                keepers.append(pid)
    return keepers


def stop_keepers(run: Path) -> bool:
    """Send SIGTERM to the keepers of this run directory; False if there is none."""
    running = keepers(run)
    for pid in running:
        with contextlib.suppress(OSError):
            descriptor = os.pidfd_open(pid)  # it pins the process: no other process gets the number in between
            if pid in keepers(run):
                signal.pidfd_send_signal(descriptor, signal.SIGTERM)
            os.close(descriptor)
    return bool(running)


def send(pid: int, signum: int, token: str | None, run: Path) -> None:
    """Send a signal to a process of ours. The pidfd pins it: no other process gets the number in between."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if is_from_this_start(pid, token, run):
            signal.pidfd_send_signal(descriptor, signum)
    except ProcessLookupError:
        pass
    finally:
        os.close(descriptor)


def session(pid: int) -> int | None:
    """The session of a process; None if it is gone."""
    try:
        return os.getsid(pid)
    except OSError:
        return None


def zombie(pid: int) -> bool:
    """Has a process ended with all its threads? If only the first has, others still hold its sockets."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()  # from the third field on (proc(5))
    except OSError:
        return True
    state, threads = fields[0], fields[17]
    return state in "ZX" and int(threads) <= 1


def members(token: str | None, sessions: set[int], run: Path, everything: bool = False) -> list[int]:
    """List living processes of ours in these sessions, or in any with `everything`; never this process."""
    return [
        pid
        for pid in pids()
        if pid != os.getpid()
        and (everything or session(pid) in sessions)
        and not zombie(pid)
        and is_from_this_start(pid, token, run)
    ]


def end(token: str | None, sessions: set[int], run: Path, everything: bool = False) -> int:
    """Send SIGKILL until no process is left; returns how many were ended. The next round finds new forks.

    An ending process has lost the environment that identifies it, but still has its sockets: wait for it.
    """
    ended: dict[int, int | None] = {}  # pid -> session, in case another process gets the number
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
