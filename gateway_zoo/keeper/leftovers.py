"""Tidying a run directory after a start that was killed. Used by the sentinel, by `down` and by the next start.

Only the holder of the run directory's lock may remove files there. Ending processes needs no lock, where a token names
the start, and no directory.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from gateway_zoo.keeper import process
from gateway_zoo.serving import listen
from gateway_zoo.settings import Settings


def end(settings: Settings) -> int:
    """End what any start left running here, remove its files; returns how many processes that was."""
    ended = process.end(None, set(), settings.run, everything=True)
    clean(settings)
    return ended


def clean(settings: Settings) -> None:
    """Remove what only a running zoo needs; logs stay. Of sockets only those that nobody answers: a person's may be
    among them. Links are not followed."""
    apaches = [path for path in settings.run.glob("apache*") if not path.is_symlink()]
    places = [*_sockets(settings.sockets.glob("*")), *(s for path in apaches for s in _sockets(path.rglob("*")))]
    for path in (settings.control, *places) if not settings.sockets.is_symlink() else [settings.control]:
        with contextlib.suppress(OSError):
            listen.remove_stale(str(path))
    with contextlib.suppress(OSError):
        settings.state.unlink()


def _sockets(paths: Iterator[Path]) -> list[Path]:
    with contextlib.suppress(OSError):
        return [path for path in paths if path.is_socket()]
    return []
