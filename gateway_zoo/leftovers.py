"""Tidying a run directory after a start that was killed. Used by the sentinel, by `down` and by the next start."""

import contextlib

from gateway_zoo import process, state
from gateway_zoo.settings import Settings


def end(made: Settings) -> int:
    """End what the last start left running here, remove its files; returns how many processes that was."""
    old = state.read(made)
    ended = 0
    if old:
        ended = process.end(old["token"], set(old["sessions"].values()), made.run, everything=True)
    clean(made)
    return ended


def clean(made: Settings) -> None:
    """Remove what only a running zoo needs; logs stay."""
    sockets = [path for path in made.run.rglob("*") if path.is_socket()]
    for path in (made.state, *sockets):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
