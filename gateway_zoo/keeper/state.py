"""Read and write $ZOO_RUN/state.json, in which the keeper describes the running zoo for the other commands.

The file informs; no process gets a signal because its number is in the file (process.py).

The zoo runs as long as its keeper does, even if the run directory is removed: `running` looks for the lock, then for
the keeper itself. `lost` says what a running zoo misses in its directory. `running_settings` has the addresses of the
running zoo.
"""

import fcntl
import os
from pathlib import Path

import msgspec

from gateway_zoo.keeper import process
from gateway_zoo.registry.cagefile import FRONTS
from gateway_zoo.registry.plans import Cell
from gateway_zoo.safe_io import own_files
from gateway_zoo.settings import Settings, SettingsError, kind, read_settings

MOST = 4_000_000  # bytes of state.json that are read; a zoo of 40 exhibits writes 20,000


class State(msgspec.Struct, frozen=True, kw_only=True):
    """The content of state.json. A `name` is the id of a family, a front, or `sentinel`."""

    pid: int  # of the keeper
    token: str  # the mark of this start (process.py)
    sessions: dict[str, int]  # name -> pid of its first process, which is also its session
    failures: dict[str, int] = {}  # name -> deaths in a row
    settings: dict[str, str] = {}  # the variables of settings.environment
    cells: list[Cell]


def write(settings: Settings, state: State) -> None:
    """Replace the file as a whole. Raises OSError, SettingsError."""
    own_files.write(settings.state, msgspec.json.encode(state))


def read(settings: Settings) -> State | None:
    """Return the last state that was written; None if there is none, or its form is wrong."""
    try:
        return msgspec.json.decode(_text(settings.state), type=State)
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError):
        return None


def of_running(settings: Settings) -> State | None:
    """Return the state of the zoo that runs here; None if no zoo runs."""
    return read(settings) if running(settings) else None


def _text(path: Path) -> bytes:
    """Read a file that is no pipe (which would never end) and no longer than MOST. Raises OSError, ValueError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    with open(descriptor, "rb") as file:
        text = file.read(MOST + 1)
    if len(text) > MOST:
        raise ValueError(f"{path} has more than {MOST} bytes")
    return text


def running_settings(settings: Settings) -> Settings:
    """Return the settings of the zoo that runs in this run directory; the given ones if none runs.

    Raises SettingsError if the zoo has lost what a command needs, or if another checkout has started it: its code and
    its exhibits may differ from ours.
    """
    if settings.compose or not running(settings):
        return settings
    if problem := lost(settings):
        raise SettingsError(f"{problem}; {LOST_CURE}")
    state = read(settings)
    if state is None or not state.settings:  # it is starting, or stopping
        return settings
    root = state.settings.get("ZOO_ROOT", "")
    if os.path.realpath(root) != os.path.realpath(settings.root):
        raise SettingsError(f"the zoo in {settings.run} was started from {root}; use {root}/zoo, or another ZOO_RUN")
    return read_settings(state.settings | {"ZOO_ROOT": str(settings.root), "ZOO_RUN": str(settings.run)})


LOST_CURE = "./zoo down ends it, ./zoo up starts it again"


def lost(settings: Settings) -> str:
    """Say what the running zoo misses in its run directory; empty if nothing, or while it starts."""
    state = read(settings)
    wanted = {
        "state.json": state is not None,
        "keeper.sock": settings.control.is_socket(),
        "sock": settings.sockets.is_dir(),
        "logs": settings.logs.is_dir(),
    }
    sessions = state.sessions if state else {}
    wanted |= {front: (settings.run / front).is_dir() for front in sessions if kind(front) in FRONTS}
    held = _held(settings)
    if (held and all(wanted.values())) or not process.keepers(settings.run):
        return ""
    if not held:
        return f"a zoo runs, but its run directory {settings.run} was removed, or replaced by another"
    missing = ", ".join(name for name, there in wanted.items() if not there)
    return f"a zoo runs in {settings.run}, but {missing} was removed there, or spoilt"


class Locked(Exception):
    """Another zoo holds this run directory, or another container this file."""


def hold(settings: Settings, wait: bool = False) -> int:
    """Lock the run directory until this process ends; returns the descriptor to keep. Raises Locked, or waits.

    The lock is on the directory, not on a file in it: that needs no right to write, and systemd-tmpfiles, which empties
    /tmp after some days, leaves a locked directory alone.
    """
    return _locked(settings.run, os.O_RDONLY | os.O_DIRECTORY, wait)


def lock(path: Path) -> int:
    """Lock a file, which is made if missing, until this process ends. Returns the descriptor to keep. Raises Locked."""
    return _locked(path, os.O_RDWR | os.O_CREAT, wait=False)


def _locked(path: Path, flags: int, wait: bool) -> int:
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        raise Locked(str(path)) from None
    return descriptor


def running(settings: Settings) -> bool:
    """Does a zoo run here? Also while it starts or stops, and without its directory."""
    return _held(settings) or bool(process.keepers(settings.run))


def _held(settings: Settings) -> bool:
    """Does a zoo hold the run directory?"""
    try:
        descriptor = os.open(settings.run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: many may ask at once
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def running_cells(settings: Settings) -> list[Cell]:
    """Return the cells of the zoo that runs here; empty if no zoo runs."""
    state = of_running(settings)
    return state.cells if state else []
