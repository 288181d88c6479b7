"""One visitor of the board: connection, outbox and pace.

No visitor delays another. Each has an outbox of bounded length, and a task that empties it. A visitor that does not
read is sent away when its outbox is full; when it comes back, it gets the whole board again.
"""

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect
from messages import CHANGE, Change, sentence
from pydantic import ValidationError
from store import Broken, Refused

MESSAGE_BYTES = 4096  # 280 characters need 3,360 bytes at most, each written as \ud83d\ude00
OUTBOX = 1000  # messages that may wait for a visitor
PATIENCE_S = 10  # the longest time to send one message
RATE, BURST = 20, 60  # messages of a visitor: per second in the long run, and at once

Closing = tuple[int, str]  # code and reason of a close frame (RFC 6455, section 7.4.1)


class Bucket:
    """A token bucket: BURST messages at once, RATE per second."""

    def __init__(self) -> None:
        self.tokens, self.filled = float(BURST), time.monotonic()

    def take(self) -> bool:
        """Take a token; False if none is there."""
        now = time.monotonic()
        self.tokens, self.filled = min(BURST, self.tokens + (now - self.filled) * RATE), now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Visitor:
    """One connection, with its outbox and its pace."""

    numbers = itertools.count(1)

    def __init__(self, socket: WebSocket, change: Callable[[Change, int], Awaitable[object]]) -> None:
        """`change(message, number)` may raise Refused or Broken."""
        self.socket, self.change, self.number, self.pace = socket, change, next(self.numbers), Bucket()
        self.front = socket.headers.get("x-zoo-front")
        self.outbox: asyncio.Queue[str] = asyncio.Queue(OUTBOX)
        self.knows_the_board = False  # before that it gets no changes: the board will contain them
        self.sent_away: asyncio.Future[Closing] = asyncio.get_running_loop().create_future()

    def hear(self, message: str) -> None:
        """Fill the outbox; a full one sends the visitor away."""
        try:
            self.outbox.put_nowait(message)
        except asyncio.QueueFull:
            if not self.sent_away.done():
                self.sent_away.set_result((1013, f"you do not read: {OUTBOX} messages wait; come back for the board"))

    async def stay(self) -> Closing | None:
        """Talk and listen; return why to close, or None: closed."""
        talk, listen = asyncio.create_task(self._talk()), asyncio.create_task(self._listen())
        ends: list[asyncio.Future[Any]] = [talk, listen, self.sent_away]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        ended = next(end for end in ends if end.done())
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        with contextlib.suppress(WebSocketDisconnect):
            closing: Closing | None = ended.result()
            return closing
        return None

    async def _talk(self) -> Closing:
        try:
            while True:
                message = await self.outbox.get()
                async with asyncio.timeout(PATIENCE_S):
                    await self.socket.send_text(message)
        except TimeoutError:
            return 1013, f"you do not read: a message waited for {PATIENCE_S} s; come back for the board"

    async def _listen(self) -> Closing | None:
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            if message.get("text") is None:
                return 1003, "text frames only"
            if len(message["text"].encode()) > MESSAGE_BYTES:
                return 1009, f"more than {MESSAGE_BYTES} bytes"
            if self.pace.take():
                # shield: a change that is in the file must also reach the others, even if this task is cancelled
                await asyncio.shield(self._obey(message["text"]))
            else:
                self.hear(refused(f"too fast: {RATE} messages a second, please; this one was ignored"))
                # Stop reading for a moment: further messages wait in the sender's own buffers.
                await asyncio.sleep(2 / RATE)

    async def _obey(self, message: str) -> None:
        try:
            await self.change(CHANGE.validate_json(message), self.number)
        except ValidationError as error:
            self.hear(refused(sentence(error.errors())))
        except (Refused, Broken) as error:
            self.hear(refused(str(error)))


def refused(why: str) -> str:
    """Make the answer to a message that changed nothing."""
    return encode({"event": "refused", "why": why})


def encode(event: dict[str, Any]) -> str:
    """Write an event as JSON, once for all its receivers."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))
