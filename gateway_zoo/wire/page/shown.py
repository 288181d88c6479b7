"""The exchanges that the page shows, and the news for its clients.

A task looks at the file ten times a second (follow.py) and finds exchanges in what is new (exchanges.py). Each change
of an exchange gets the next number of a count. A client sends the last number that it has seen, and gets the exchanges
with greater ones. So nothing is queued: a slow client delays only itself, and a client that comes back (Last-Event-ID)
gets what it missed.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange, summary
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.page.follow import Follow
from gateway_zoo.wire.recording import Recorded

TICK_S = 0.1  # between two looks at the file
BEAT_S = 5.0  # the longest silence: a longer one is a lost connection
MOST = 10_000  # exchanges that are kept: the last ones
MOST_BYTES = 1 << 28  # bytes of all these exchanges
BATCH = 500  # exchanges in one event


class Mark(NamedTuple):
    """The position of a client: the recording, and the last change that it has seen."""

    recording: str
    change: int

    @classmethod
    def read(cls, text: str) -> "Mark":
        recording, _, change = text.partition(".")
        return cls(recording, int(change) if change.isdecimal() and len(change) < 16 else 0)

    def __str__(self) -> str:
        return f"{self.recording}.{self.change}"


class Shown:
    """The exchanges of the recording, with the number of each one's last change."""

    def __init__(self, path: Path, codecs: Codecs) -> None:
        self.follow, self.codecs = Follow(path), codecs
        self.coming = asyncio.Event()  # replaced after every change: the old one wakes its waiters
        self.over = False
        self._begin()

    def _begin(self) -> None:
        self.recording = secrets.token_hex(4)
        self.exchanges = Exchanges(self.codecs, MOST)
        self.head: Recorded | None = None
        self._change = 0
        self._changed: dict[int, int] = {}  # number of an exchange -> of its last change; the latest last
        self._sizes: dict[int, int] = {}
        self._bytes = 0

    async def watch(self, ended: Callable[[], bool]) -> None:
        """Look at the file until `ended()`."""
        try:
            while not ended():
                more = self.look()
                await asyncio.sleep(0 if more else TICK_S)
        finally:
            self.finish()
            self.follow.close()

    def finish(self) -> None:
        """End all streams."""
        self.over = True
        self._wake()

    def look(self) -> bool:
        """Read what is new. True: there is more."""
        before = self.recording, self._change, self.follow.problem
        anew, entries, more = self.follow.look()
        if anew:
            self._begin()
        for entry in entries:
            if isinstance(entry, Recorded):
                self.head = entry
            for exchange in self.exchanges.feed(entry):
                self._note(exchange)
        if before != (self.recording, self._change, self.follow.problem) or entries:
            self._wake()
        return more

    def _wake(self) -> None:
        woken, self.coming = self.coming, asyncio.Event()
        woken.set()

    def _note(self, exchange: Exchange) -> None:
        """Number a change of an exchange. If all exchanges have too many bytes, forget the oldest ones."""
        kept, number = self.exchanges.all, exchange.number
        if number not in kept:
            return  # it is forgotten already, and still open
        self._change += 1
        self._changed.pop(number, None)
        self._changed[number] = self._change
        size = len(exchange.request) + len(exchange.response)
        self._bytes += size - self._sizes.get(number, 0)
        self._sizes[number] = size
        while self._bytes > MOST_BYTES and len(kept) > 1:
            self._forget(next(iter(kept)))
        while (oldest := next(iter(self._sizes))) not in kept:
            self._forget(oldest)

    def _forget(self, number: int) -> None:
        self.exchanges.all.pop(number, None)
        self._changed.pop(number, None)
        self._bytes -= self._sizes.pop(number, 0)

    def state(self) -> dict[str, Any]:
        """Facts for the page's head. `first`: number of the oldest exchange that is kept."""
        return {
            "file": str(self.follow.path),
            "made": self.head.made if self.head else None,
            "secrets": self.head.secrets if self.head else None,
            "problem": self.follow.problem,
            "first": next(iter(self.exchanges.all), 1),
        }

    def news(self, mark: Mark) -> tuple[dict[str, Any], Mark]:
        """What a client has not seen, at most BATCH exchanges, and its next position."""
        anew = mark.recording != self.recording or mark.change > self._change
        mark = Mark(self.recording, 0 if anew else mark.change)
        numbers: list[int] = []
        for number, change in reversed(self._changed.items()):
            if change <= mark.change:
                break
            numbers.append(number)
        batch = numbers[::-1][:BATCH]
        exchanges = [summary(self.exchanges.all[number]) for number in batch]
        mark = Mark(self.recording, self._changed[batch[-1]] if batch else mark.change)
        return {"anew": anew, "state": self.state(), "exchanges": exchanges}, mark

    async def stream(self, mark: Mark) -> AsyncIterator[bytes]:
        """News as Server-Sent Events (HTML, section 9.2), without end."""
        state = None
        while not self.over:
            coming = self.coming
            news, mark = self.news(mark)
            if news["anew"] or news["exchanges"] or state != news["state"]:
                state = news["state"]
                yield b"id: %s\ndata: %s\n\n" % (str(mark).encode(), msgspec.json.encode(news))
                if len(news["exchanges"]) == BATCH:
                    continue
            try:
                async with asyncio.timeout(BEAT_S):
                    await coming.wait()
            except TimeoutError:
                yield b"event: beat\ndata:\n\n"

    def exchange(self, number: int) -> Exchange | None:
        """A copy of an exchange: a thread names its fields while more bytes come."""
        exchange = self.exchanges.all.get(number)
        return exchange and exchange.copy()
