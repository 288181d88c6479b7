"""What a running zoo writes down for its other commands, for its sentinel, and for the next start: $ZOO_RUN/state.json.

{"pid", "token", "sessions": {family: pid}, "failures": {family: in a row}, "echo", "cells": [{"exhibit", "front",
"url", "closed"}]}. It tells; nothing is signalled because a number stands there (see process.py).
"""

import errno
import fcntl
import json
import os
import stat
from pathlib import Path
from typing import Any

from gateway_zoo.settings import Settings, SettingsError


def write(settings: Settings, state: dict[str, Any]) -> None:
    """Replace the file as a whole: a reader sees the old one or the new one, never half."""
    fresh = settings.state.with_suffix(".new")
    fresh.write_text(json.dumps(state), encoding="utf-8")
    fresh.replace(settings.state)


def read(settings: Settings) -> dict[str, Any] | None:
    """The last state written here; None if there is none, or somebody made it into something else."""
    try:
        state: dict[str, Any] = json.loads(settings.state.read_text(encoding="utf-8"))
        shapes = [(state["pid"], int), (state["token"], str), (state["sessions"], dict), (state["cells"], list)]
        sound = all(isinstance(value, shape) for value, shape in shapes)
        sound = sound and all(isinstance(pid, int) for pid in state["sessions"].values())
        sound = sound and all(set(cell) == {"exhibit", "front", "url", "closed"} for cell in state["cells"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return state if sound else None


def fault(run: Path, uid: int) -> str | None:
    """Why this user cannot have this run directory, and the way out, as `up` and `doctor` say it; None if nothing is
    known against it. It may be missing."""
    try:
        facts = run.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return unusable(run, error)
    if stat.S_ISLNK(facts.st_mode):
        return f"{run} is a link; remove it, or set ZOO_RUN to a directory of your own"
    if not stat.S_ISDIR(facts.st_mode):
        return unusable(run, FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)))
    if facts.st_uid != uid:
        return f"{run} belongs to another user; set ZOO_RUN to a directory of your own"
    return None


def unusable(run: Path, error: OSError) -> str:
    """What to say of a run directory that the system refuses."""
    return f"{run} cannot be used: {error.strerror}; set ZOO_RUN to a directory of yours"


def prepare(settings: Settings) -> None:
    """The run directory: ours, 0750, with its folders. Raises SettingsError if it cannot be that."""
    run = settings.run
    if why := fault(run, os.geteuid()):
        raise SettingsError(why)
    try:
        run.mkdir(mode=0o750, parents=True, exist_ok=True)
        if why := fault(run, os.geteuid()):
            raise SettingsError(why)
        run.chmod(0o750)
        for path in (settings.sockets, settings.logs):
            path.mkdir(mode=0o750, exist_ok=True)
    except OSError as error:
        raise SettingsError(unusable(run, error)) from None


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
    """Does a zoo hold the run directory? It is one too while it starts, and while it stops."""
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
