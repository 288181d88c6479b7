"""Tidy a run directory after a killed start: for the sentinel, `down` and the next start.

Only the holder of the run directory's lock may remove files there. Ending the processes of one start needs neither lock
nor directory.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from gateway_zoo.keeper import process
from gateway_zoo.serving import listen
from gateway_zoo.settings import Settings


def end(settings: Settings) -> int:
    """End the processes of earlier starts and remove their files; returns the number of processes."""
    ended = process.end(None, set(), settings.run, everything=True)
    clean(settings)
    return ended


def clean(settings: Settings) -> None:
    """Remove the files that only a running zoo needs; logs stay.

    A socket at which a process answers stays: it may be a user's. Links are not followed.
    """
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
