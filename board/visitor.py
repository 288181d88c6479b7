"""One visitor of the board: the connection, what waits to be sent to it, how fast it may talk, and how it ends.

Nobody is waited for. Each visitor has an outbox with a bounded length and a task that empties it; who does not read is
sent away when it is full, and finds everything again on coming back.
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

MESSAGE_BYTES = 4096  # of a message: 280 characters, the largest written as \ud83d\ude00, need 3,360
OUTBOX = 1000  # messages that may wait for a visitor
PATIENCE_S = 10  # for a visitor to take one message
RATE, BURST = 20, 60  # messages of a visitor: in a second in the long run, and at once

Closing = tuple[int, str]  # code (RFC 6455, section 7.4.1) and reason of a close frame


class Bucket:
    """A token bucket: BURST messages at once, RATE a second in the long run."""

    def __init__(self) -> None:
        self.tokens, self.filled = float(BURST), time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self.tokens, self.filled = min(BURST, self.tokens + (now - self.filled) * RATE), now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Visitor:
    """One connection: what waits to be sent to it, and how fast it may talk."""

    numbers = itertools.count(1)

    def __init__(self, socket: WebSocket, change: Callable[[Change, int], Awaitable[object]]) -> None:
        """`change` makes a change by the visitor of this number. Raises Refused, Broken."""
        self.socket, self.change, self.number, self.pace = socket, change, next(self.numbers), Bucket()
        self.front = socket.headers.get("x-zoo-front")
        self.outbox: asyncio.Queue[str] = asyncio.Queue(OUTBOX)
        self.knows_the_board = False  # until then changes are not for it: the board will contain them
        self.sent_away: asyncio.Future[Closing] = asyncio.get_running_loop().create_future()

    def hear(self, message: str) -> None:
        """Put it in the outbox; who has let it fill up is sent away."""
        try:
            self.outbox.put_nowait(message)
        except asyncio.QueueFull:
            if not self.sent_away.done():
                self.sent_away.set_result((1013, f"you do not read: {OUTBOX} messages wait; come back for the board"))

    async def stay(self) -> Closing | None:
        """Talk and listen until one of both ends. None: the connection is gone already."""
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
                # shield: a change that has reached the file must also reach the others, even if we are cancelled
                await asyncio.shield(self._obey(message["text"]))
            else:
                self.hear(refused(f"too fast: {RATE} messages a second, please; this one was ignored"))
                # Read no further for a moment: what comes meanwhile waits in the sender's own buffers.
                await asyncio.sleep(2 / RATE)

    async def _obey(self, message: str) -> None:
        try:
            await self.change(CHANGE.validate_json(message), self.number)
        except ValidationError as error:
            self.hear(refused(sentence(error.errors())))
        except (Refused, Broken) as error:
            self.hear(refused(str(error)))


def refused(why: str) -> str:
    """The answer to a message that changed nothing."""
    return encode({"event": "refused", "why": why})


def encode(event: dict[str, Any]) -> str:
    """One message, once for all who get it."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))
