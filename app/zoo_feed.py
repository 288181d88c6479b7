"""News for a program with an event loop: one connection to the source for the whole process, however many wait.

What comes is kept in one short list, from which each waiting client takes what is newer than it has seen. Nothing is
queued for anybody: a slow reader delays itself only, and misses what has left the list.
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

#: A client behind Apache holds one of its threads (prefork: processes, 64), whatever we do here.
LIMITS, LIMIT = {"nginx": 2000}, 32
KEPT = 100
AGAIN_S = 1.0  # between attempts to reach the source
WORKER = f"{os.getpid()}/loop"


def limit_of(front: str) -> int:
    """How many may wait behind it."""
    return LIMITS.get(front, LIMIT)


class Feed:
    """The latest items, in the order of their numbers, and a way to wait for the next. One per process."""

    def __init__(self) -> None:
        self.items: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.next = asyncio.Event()  # replaced after every item: whoever holds the old one is woken
        self.following: asyncio.Task[None] | None = None
        self.connected = False
        self.waiting: dict[str, int] = {}  # front -> clients

    async def ready(self) -> None:
        """Begin to follow the source, if nobody has yet. Raises NoNews (503) if it does not answer."""
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
        """Items after `since`; None: the newest."""
        if since is None:
            return list(self.items)[-1:]
        return [item for item in self.items if item["n"] > since]

    @contextlib.contextmanager
    def place(self, front: str) -> Iterator[None]:
        """A place among those who wait, for as long as the block lasts. Raises NoNews (503) if there is none."""
        limit, taken = limit_of(front), self.waiting.get(front, 0)
        if taken >= limit:
            raise zoo_news.busy(taken, limit)
        self.waiting[front] = taken + 1
        try:
            yield
        finally:
            self.waiting[front] -= 1

    async def batches(self, since: int | None, gone: "asyncio.Future[Any]") -> AsyncIterator[list[dict[str, Any]]]:
        """What is newer than `since`, then what comes; an empty list after each BEAT_S without anything. Ends with the
        client."""
        beat = time.monotonic() + BEAT_S
        while not gone.done():
            coming, items = self.next, self.newer(since)
            if items or time.monotonic() >= beat:
                since = items[-1]["n"] if items else since
                yield items
                beat = time.monotonic() + BEAT_S
            woken = asyncio.ensure_future(coming.wait())
            left = max(0, beat - time.monotonic())
            await asyncio.wait({woken, gone}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            woken.cancel()
