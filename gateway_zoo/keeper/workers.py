"""Notice the end of a worker whose master keeps a fixed number of workers.

A process may watch any process of its user through a pidfd, which becomes readable when that ends (pidfd_open(2)). Only
the parent learns the exit status. Servers that fork as many processes as they need (Apache, CGI) are not watched: there
an ended process is no event.
"""

import os
import selectors
from collections.abc import Callable

from gateway_zoo.keeper import process


class Workers:
    """Watches the direct children of processes; calls `on_end(leader, worker, left)` for each that ends."""

    def __init__(self, selector: selectors.DefaultSelector, on_end: Callable[[int, int, int], None]) -> None:
        self._selector, self._on_end = selector, on_end
        self._watched: dict[int, dict[int, int]] = {}  # leader -> worker -> pidfd

    def watch(self, leader: int) -> int:
        """Watch the present children of a process; returns their number."""
        watched = self._watched.setdefault(leader, {})
        for worker in children(leader):
            if worker not in watched and not process.zombie(worker):  # a zombie: its master has not reaped it yet
                self._open(leader, worker)
        return len(watched)

    def _open(self, leader: int, worker: int) -> None:
        try:
            descriptor = os.pidfd_open(worker)
        except OSError:  # it is gone, or no descriptor is left for it
            return
        self._watched[leader][worker] = descriptor
        self._selector.register(descriptor, selectors.EVENT_READ, lambda _: self._ended(leader, worker))

    def _ended(self, leader: int, worker: int) -> None:
        if self._close(leader, worker):
            self._on_end(leader, worker, len(self._watched[leader]))

    def _close(self, leader: int, worker: int) -> bool:
        """Close a pidfd; False if an event of the same round has closed it."""
        descriptor = self._watched.get(leader, {}).pop(worker, None)
        if descriptor is None:
            return False
        self._selector.unregister(descriptor)
        os.close(descriptor)
        return True

    def forget(self, leader: int) -> None:
        """Stop watching the children of a process that has ended, or is being stopped."""
        for worker in list(self._watched.get(leader, {})):
            self._close(leader, worker)
        self._watched.pop(leader, None)


def children(pid: int) -> list[int]:
    """List the children of a process; empty if it is gone, or the kernel does not list them."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []
