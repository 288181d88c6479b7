"""What a running zoo writes down for its other commands: $ZOO_RUN/state.json.

{"pid", "token", "sessions": {family: pid}, "failures": {family: in a row}, "echo", "settings": {…}, "cells":
[{"exhibit", "front", "url", "closed"}]}. It tells; nothing is signalled because a number stands there (process.py).

The zoo runs as long as its keeper does, whatever becomes of the directory: `running` asks for the lock, then for the
keeper itself. `lost` says what a running zoo misses there, and `running_settings` has the addresses of what runs.
"""

import fcntl
import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gateway_zoo.keeper import process
from gateway_zoo.registry.cagefile import FRONTS
from gateway_zoo.registry.plans import Cell
from gateway_zoo.safe_io import own_files
from gateway_zoo.settings import Settings, SettingsError, checked, kind

MOST = 4_000_000  # bytes of state.json that are read; a zoo of 40 exhibits writes 20,000
#: What a command needs to know of the zoo that runs, instead of the environment that the command stands in.
TOLD = (
    *("nginx_port", "apache_port", "nginx_tls_port", "apache_tls_port", "further", "mpm", "port_shift", "listen"),
    *("near", "gateway_hosts", "echo"),
)


def write(settings: Settings, state: dict[str, Any]) -> None:
    """Replace the file as a whole. Raises OSError, SettingsError."""
    own_files.write(settings.state, json.dumps(state))


def read(settings: Settings) -> dict[str, Any] | None:
    """The last state written here; None if there is none, or somebody made it into something else."""
    try:
        state: dict[str, Any] = json.loads(_text(settings.state))
        shapes = [(state["pid"], int), (state["token"], str), (state["sessions"], dict), (state["cells"], list)]
        sound = all(isinstance(value, shape) for value, shape in shapes)
        sound = sound and all(isinstance(pid, int) for pid in state["sessions"].values())
        sound = sound and all(set(cell) == {"exhibit", "front", "url", "closed"} for cell in state["cells"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return state if sound else None


def _text(path: Path) -> bytes:
    """The file, unless it is too long to be ours, or no file (a pipe would never end). Raises OSError, ValueError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    with open(descriptor, "rb") as file:
        text = file.read(MOST + 1)
    if len(text) > MOST:
        raise ValueError(f"{path} has more than {MOST} bytes")
    return text


def told(settings: Settings) -> dict[str, Any]:
    """The part of state.json by which other commands find the zoo's addresses."""
    return {name: value for name, value in asdict(settings).items() if name in TOLD} | {"root": str(settings.root)}


def running_settings(settings: Settings) -> Settings:
    """The settings of the zoo that runs in this run directory; the given ones where none runs.

    Raises SettingsError where it has lost what a command needs, or where another checkout has started it: its code
    and its list of exhibits are not ours.
    """
    if settings.compose or not running(settings):
        return settings
    if problem := lost(settings):
        raise SettingsError(f"{problem}; {LOST_CURE}")
    facts = (read(settings) or {}).get("settings")
    if not isinstance(facts, dict):  # it is starting, or stopping
        return settings
    root = facts.get("root")
    if os.path.realpath(str(root)) != os.path.realpath(settings.root):
        raise SettingsError(f"the zoo in {settings.run} was started from {root}; use {root}/zoo, or another ZOO_RUN")
    return checked(replace(settings, **{name: facts[name] for name in TOLD if name in facts}))


LOST_CURE = "./zoo down ends it, ./zoo up starts it again"


def lost(settings: Settings) -> str:
    """What the running zoo misses in its run directory, in a sentence; empty if it misses nothing, or still starts."""
    wanted = {
        "state.json": read(settings) is not None,
        "keeper.sock": settings.control.is_socket(),
        "sock": settings.sockets.is_dir(),
        "logs": settings.logs.is_dir(),
    }
    sessions = (read(settings) or {"sessions": {}})["sessions"]
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
    """Take the run directory until this process ends; returns the descriptor to keep. Raises Locked, or waits.

    The directory itself is locked, not a file in it: that needs no right to write, and systemd-tmpfiles, which empties
    /tmp after some days, passes by a directory that is locked.
    """
    return _locked(settings.run, os.O_RDONLY | os.O_DIRECTORY, wait)


def lock(path: Path) -> int:
    """Take a file, making it if need be, until this process ends; returns the descriptor to keep. Raises Locked."""
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
    """Does a zoo run here? It does too while it starts, while it stops, and when its directory is gone."""
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
    """The cells of the zoo that runs here; none if it does not."""
    running = read(settings)
    return [Cell(**cell) for cell in running["cells"]] if running else []
