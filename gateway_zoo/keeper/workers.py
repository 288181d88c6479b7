"""The workers of masters that fork a fixed number: noticed when they end, although only their master is told.

A process may watch any process of its user through a pidfd, which becomes readable at the end of it (pidfd_open(2)).
How it ended only the parent learns. Not watched: what forks as many as it needs (Apache, CGI), where a process
that ends is no news.
"""

import os
import selectors
from collections.abc import Callable

from gateway_zoo.keeper import process


class Workers:
    """The direct children of some processes; `on_end(leader, worker, left)` is called for each that ends."""

    def __init__(self, selector: selectors.DefaultSelector, on_end: Callable[[int, int, int], None]) -> None:
        self._selector, self._on_end = selector, on_end
        self._watched: dict[int, dict[int, int]] = {}  # leader -> worker -> pidfd

    def watch(self, leader: int) -> int:
        """Watch the children that a process has now; returns how many there are."""
        watched = self._watched.setdefault(leader, {})
        for worker in children(leader):
            if worker not in watched and not process.zombie(worker):  # one that its master has not reaped yet
                self._open(leader, worker)
        return len(watched)

    def _open(self, leader: int, worker: int) -> None:
        try:
            descriptor = os.pidfd_open(worker)
        except OSError:  # gone, or no descriptor is left for it
            return
        self._watched[leader][worker] = descriptor
        self._selector.register(descriptor, selectors.EVENT_READ, lambda _: self._ended(leader, worker))

    def _ended(self, leader: int, worker: int) -> None:
        if self._close(leader, worker):
            self._on_end(leader, worker, len(self._watched[leader]))

    def _close(self, leader: int, worker: int) -> bool:
        """False where it was closed before, by an event of the same round."""
        descriptor = self._watched.get(leader, {}).pop(worker, None)
        if descriptor is None:
            return False
        self._selector.unregister(descriptor)
        os.close(descriptor)
        return True

    def forget(self, leader: int) -> None:
        """Watch no child of this process any more: it has ended, or is being stopped."""
        for worker in list(self._watched.get(leader, {})):
            self._close(leader, worker)
        self._watched.pop(leader, None)


def children(pid: int) -> list[int]:
    """The children of a process; none where it is gone, or the kernel does not list them."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []
