"""What a running zoo writes down for its other commands, for its sentinel, and for the next start: $ZOO_RUN/state.json.

{"pid", "token", "sessions": {family: pid}, "cells": [{"exhibit", "front", "url", "closed"}], "ready_at"}.
"""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from gateway_zoo.settings import Settings


def write(settings: Settings, state: dict[str, Any]) -> None:
    """Replace the file as a whole: a reader sees the old one or the new one, never half."""
    fresh = settings.state.with_suffix(".new")
    fresh.write_text(json.dumps(state), encoding="utf-8")
    fresh.replace(settings.state)


def read(settings: Settings) -> dict[str, Any] | None:
    """The last state written here, or None."""
    try:
        state: dict[str, Any] = json.loads(settings.state.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return state


class Locked(Exception):
    """Another zoo holds this run directory."""


def lock(path: Path) -> int:
    """Take the run directory until this process ends; returns the descriptor to keep. Raises Locked."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Locked(str(path)) from None
    return descriptor


def running(settings: Settings) -> bool:
    """Is a keeper alive here?"""
    try:
        os.close(lock(settings.lock))
    except Locked:
        return True
    except FileNotFoundError:
        return False
    return False
