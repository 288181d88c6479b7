"""News for a program with an event loop.

One connection to the source serves the whole process, however many clients wait. The newest items stay in one short
list; each client takes the items that are newer than its last one. No client has a queue of its own: a slow reader
delays only itself, and misses the items that have left the list.
"""

import asyncio
import contextlib
import json
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any

import zoo_news
from zoo_news import BEAT_S, NoNews

#: Waiting clients. Behind Apache each holds one of its threads (prefork: one of 64 processes), under any program.
LIMITS, LIMIT = {"nginx": 2000}, 32
KEPT = 100  # items
AGAIN_S = 1.0  # between attempts to reach the source
WORKER = f"{os.getpid()}/loop"


def limit_of(front: str) -> int:
    """Return how many clients may wait behind this front."""
    return LIMITS.get(front, LIMIT)


class Feed:
    """The newest items, in order, and a way to wait for the next."""

    def __init__(self) -> None:
        self.items: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.next = asyncio.Event()  # replaced after every item: setting the old event wakes its waiters
        self.following: asyncio.Task[None] | None = None
        self.connected = False
        self.waiting: dict[str, int] = {}  # front -> clients

    async def ready(self) -> None:
        """Follow the source. Raises NoNews (503) if it is silent."""
        if self.following is None:
            self.following = asyncio.create_task(self._follow())
        for _ in range(20):  # one second, for the first client after a start
            if self.connected:
                return
            await asyncio.sleep(0.05)
        raise NoNews(503, zoo_news.NO_SOURCE)

    async def _follow(self) -> None:
        while True:
            with contextlib.suppress(OSError, ValueError):
                await self._listen()
            self.connected = False
            await asyncio.sleep(AGAIN_S)

    async def _listen(self) -> None:
        reader, writer = await asyncio.open_unix_connection(zoo_news.source_address())
        try:
            last = self.items[-1]["n"] if self.items else 0
            writer.write(json.dumps({"since": last}).encode() + b"\n")
            while line := await reader.readline():
                self.items.extend(item | {"worker": WORKER} for item in json.loads(line))
                self.connected = True
                woken, self.next = self.next, asyncio.Event()
                woken.set()
        finally:
            writer.close()

    def newer(self, since: int | None) -> list[dict[str, Any]]:
        """Return the items after `since`; for None, the newest."""
        if since is None:
            return list(self.items)[-1:]
        return [item for item in self.items if item["n"] > since]

    @contextlib.contextmanager
    def place(self, front: str) -> Iterator[None]:
        """Hold a place during the block. Raises NoNews (503)."""
        limit, taken = limit_of(front), self.waiting.get(front, 0)
        if taken >= limit:
            raise zoo_news.busy(taken, limit)
        self.waiting[front] = taken + 1
        try:
            yield
        finally:
            self.waiting[front] -= 1

    async def batches(self, since: int | None, gone: "asyncio.Future[Any]") -> AsyncIterator[list[dict[str, Any]]]:
        """Yield the items after `since`, then each new item.

        After each BEAT_S without an item, yield an empty list. End when `gone` is done: the client has left.
        """
        beat = time.monotonic() + BEAT_S
        while not gone.done():
            coming, items = self.next, self.newer(since)
            if items or time.monotonic() >= beat:
                since = items[-1]["n"] if items else since
                yield items
                beat = time.monotonic() + BEAT_S
            woken = asyncio.ensure_future(coming.wait())
            pause_s = max(0, beat - time.monotonic())
            await asyncio.wait({woken, gone}, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
            woken.cancel()
