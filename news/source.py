"""The one source of news: `source.py ADDRESS`. Publishes an item every second, to whoever is connected.

A client sends one line of JSON and then only listens:

    {"since": N}                                  what is newer than item N; null: the newest item
    {"since": N, "key": "wsgi", "limit": 3, "worker": "17/18"}   the same, and whoever asks means to wait

and gets lines of JSON, each a list of items [{"n", "at", "text"}]: one at once (it may be empty), then one for each
item as it happens. With a key the connection is counted; one above the limit gets {"busy": COUNT} instead. The count
is the number of open connections, kept nowhere else: a worker that is killed with SIGKILL is not counted any more,
because the kernel closes its connection. {"count": "wsgi"} answers [COUNT, number of different workers].

An item's number is the second of its birth (Unix time), so that numbers go on after a restart and `since` holds.
Nothing is queued for anybody: each connection remembers the last number that it was sent, and takes what is newer
from the one list. A reader slower than SLOW_S is dropped.
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
ASKING_S = 5  # how long a client may take to say what it wants
SLOW_S = 5  # how long it may take to read
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
    """The items, and who waits for the next."""

    def __init__(self) -> None:
        self.items: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.next = asyncio.Event()  # replaced after every item: whoever holds the old one is woken
        self.waiting: dict[str, Counter[str]] = {}  # key -> worker -> connections

    async def publish(self) -> None:
        """An item at once, so that nobody meets a source without news, then one at the beginning of every second."""
        while True:
            at = time.time()
            n = max(round(at) if self.items else int(at), self.items[-1]["n"] + 1 if self.items else 0)
            self.items.append({"n": n, "at": round(at, 4), "text": TEXTS[n % len(TEXTS)]})
            woken, self.next = self.next, asyncio.Event()
            woken.set()
            await asyncio.sleep(1 - time.time() % 1)

    def last(self, since: int | None) -> int:
        """The last item that a client knows, where it does not say so: all but the newest."""
        return int(since) if since is not None else self.items[-1]["n"] - 1 if self.items else 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side has enough."""
        # No JSON, too long, not what we understand; or a slow or vanished client.
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
            workers -= Counter({worker: 1})  # in place; drops the name at zero
            self.waiting = {k: w for k, w in self.waiting.items() if w}

    async def _follow(self, since: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone = asyncio.ensure_future(reader.read(1))  # clients say nothing more: this ends when they leave
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


async def _tell(writer: asyncio.StreamWriter, what: object) -> None:
    writer.write(json.dumps(what).encode() + b"\n")
    await asyncio.wait_for(writer.drain(), SLOW_S)


async def main() -> None:
    source = Source()
    server = await asyncio.start_unix_server(source.serve, sock=listener(sys.argv[1]), limit=LONGEST)
    async with server:
        await source.publish()


asyncio.run(main())
