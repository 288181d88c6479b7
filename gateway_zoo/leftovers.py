"""Tidying a run directory after a start that was killed. Used by the sentinel, by `down` and by the next start.

Whoever calls holds the lock of the run directory: nobody else can be starting there.
"""

import contextlib

from gateway_zoo import process, state
from gateway_zoo.settings import Settings


def end(made: Settings, token: str | None = None) -> int:
    """End what the last start left running here, remove its files; returns how many processes that was.

    Its token is the one of state.json, unless the caller knows better.
    """
    old = state.read(made)
    ended = process.end(token or (old["token"] if old else None), set(), made.run, everything=True)
    clean(made)
    return ended


def clean(made: Settings) -> None:
    """Remove what only a running zoo needs; logs stay. Only where the zoo puts sockets: ZOO_RUN may hold others'."""
    places = (made.control, *made.sockets.glob("*"), *(made.run / "apache").rglob("*"))
    for path in (made.state, *(path for path in places if path.is_socket())):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
