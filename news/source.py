"""The one source of news: `source.py ADDRESS`.

It publishes an item every second to all connected clients. A client sends one line of JSON and then only listens:

    {"since": N}                                  give the items after N; null: give the newest item
    {"since": N, "key": "wsgi", "limit": 3, "worker": "17/18"}   the same, for a client that means to wait

It gets lines of JSON, each a list of items [{"n", "at", "text"}]: one line at once (the list may be empty), then one
line for each new item. With a key the source counts the connection; above the limit it sends {"busy": COUNT} instead.
The count is the number of open connections and nothing else. So a worker that SIGKILL ends leaves the count: the kernel
closes its connection. {"count": "wsgi"} answers [COUNT, number of different workers].

The number of an item is the second of its birth (Unix time), so numbers go on after a restart and `since` stays valid.
No client has a queue: each connection remembers the last number that it sent, and takes the newer items from the one
list. A client that reads slower than SLOW_S is dropped.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections import Counter, deque
from typing import Any

from gateway_zoo.serving.listen import listener

KEPT = 100  # items
ASKING_S = 5  # the longest wait for a client's line
SLOW_S = 5  # the longest wait for a client to read
LONGEST = 1024  # bytes of a client's line

TEXTS = (
    "1999: XMLHttpRequest: a page asks again without being loaded again",
    "2005: that gets a name, Ajax",
    "2006: Comet: the server keeps the answer back until there is one",
    "2006: Opera tries Server-Sent Events",
    "2010: WebSocket, draft hixie-76: a text between 0x00 and 0xff",
    "2011: WebSocket, RFC 6455: frames with a length, masked by the client",
    "2015: HTTP/2: many streams, one connection",
    "2018: RFC 8441: a WebSocket inside an HTTP/2 stream",
)


class Source:
    """The items, and the clients that wait for the next."""

    def __init__(self) -> None:
        self.items: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.next = asyncio.Event()  # replaced after every item: setting the old event wakes its waiters
        self.waiting: dict[str, Counter[str]] = {}  # key -> worker -> connections

    async def publish(self) -> None:
        """Publish an item at once, then one in every second."""
        while True:
            at = time.time()
            n = max(round(at) if self.items else int(at), self.items[-1]["n"] + 1 if self.items else 0)
            self.items.append({"n": n, "at": round(at, 4), "text": TEXTS[n % len(TEXTS)]})
            woken, self.next = self.next, asyncio.Event()
            woken.set()
            await asyncio.sleep(1 - time.time() % 1)

    def last(self, since: int | None) -> int:
        """Return the last number that a client knows."""
        return int(since) if since is not None else self.items[-1]["n"] - 1 if self.items else 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        # Ends the connection: a line without JSON, too long, or of another shape; a client that is slow or gone.
        nonsense = (ValueError, TypeError, AttributeError, LookupError)
        with contextlib.closing(writer), contextlib.suppress(OSError, *nonsense):
            ask = json.loads(await asyncio.wait_for(reader.readline(), ASKING_S))
            if "count" in ask:
                workers = self.waiting.get(ask["count"], Counter())
                await _tell(writer, [workers.total(), len(workers)])
            else:
                await self._admit(ask, reader, writer)

    async def _admit(self, ask: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not (key := ask.get("key")):
            await self._follow(self.last(ask["since"]), reader, writer)
            return
        worker, workers = str(ask.get("worker")), self.waiting.setdefault(key, Counter())
        if workers.total() >= ask["limit"]:
            await _tell(writer, {"busy": workers.total()})
            return
        workers[worker] += 1
        try:
            await self._follow(self.last(ask["since"]), reader, writer)
        finally:
            workers -= Counter({worker: 1})  # in place; removes the name at zero
            self.waiting = {k: w for k, w in self.waiting.items() if w}

    async def _follow(self, since: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone = asyncio.ensure_future(reader.read(1))  # clients send nothing more: this ends when they leave
        try:
            first = True
            while not gone.done():
                newer, next = [item for item in self.items if item["n"] > since], self.next
                if newer or first:
                    await _tell(writer, newer)
                since, first = max([since, *(item["n"] for item in newer)]), False
                waiter = asyncio.ensure_future(next.wait())
                await asyncio.wait({gone, waiter}, return_when=asyncio.FIRST_COMPLETED)
                waiter.cancel()
        finally:
            gone.cancel()


async def _tell(writer: asyncio.StreamWriter, answer: object) -> None:
    writer.write(json.dumps(answer).encode() + b"\n")
    await asyncio.wait_for(writer.drain(), SLOW_S)


async def main() -> None:
    source = Source()
    server = await asyncio.start_unix_server(source.serve, sock=listener(sys.argv[1]), limit=LONGEST)
    async with server:
        await source.publish()


asyncio.run(main())
