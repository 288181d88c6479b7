"""The data of a page as they change, as Server-Sent Events: one computation for all viewers, none without a viewer.

    event: whole      the data; first, and again after a problem
    event: change     what `Live.difference` makes of the data before and now
    event: problem    a sentence: why there are no data now

What trips people up: a viewer that reads too slowly would fill our memory. Its stream ends; its browser comes back, and
gets the whole.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from gateway_zoo.centre.page import Live
from gateway_zoo.errors import Stop

MOST = 500  # viewers of one page
WAITING = 20  # messages that a slow viewer may leave unread
QUIET_S = 15.0  # then a comment: a connection that is lost fails at the next write
QUIET = b": nothing new\n\n"

Viewer = asyncio.Queue[bytes | None]  # None: the end


class Broadcast:
    """The stream of one page. `look` computes the data, in a thread. `ending`: is set when the centre ends."""

    def __init__(self, look: Callable[[], Any], live: Live, ending: threading.Event) -> None:
        self._look, self._live, self._ending = look, live, ending
        self._viewers: set[Viewer] = set()
        self._task: asyncio.Task[None] | None = None
        self._whole = b""  # what a new viewer gets; empty: there are no data yet

    async def answer(self, request: Request) -> Response:
        """Answer a GET with the stream."""
        if len(self._viewers) >= MOST:
            return PlainTextResponse(f"{MOST} pages are open already; close one\n", 503)
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        return StreamingResponse(self._messages(), media_type="text/event-stream")

    async def _messages(self) -> AsyncIterator[bytes]:
        viewer: Viewer = asyncio.Queue(WAITING + 1)
        self._viewers.add(viewer)
        if self._task is None or self._task.done():
            self._whole = b""
            self._task = asyncio.create_task(self._run())
        elif self._whole:
            viewer.put_nowait(self._whole)
        try:
            while True:
                try:
                    message = await asyncio.wait_for(viewer.get(), QUIET_S)
                except TimeoutError:
                    message = QUIET
                if message is None:
                    return
                yield message
        finally:
            self._viewers.discard(viewer)

    async def _run(self) -> None:
        """Look, and tell all, as long as there is a viewer."""
        before: Any = None
        while self._viewers and not self._ending.is_set():
            try:
                now = await run_in_threadpool(self._look)
            except Stop as problem:
                before, self._whole = None, b""
                self._tell(_message("problem", problem.text))
            else:
                change = None if before is None else self._live.difference(before, now)
                if before is None or change is not None:
                    self._whole = _message("whole", now)
                    self._tell(self._whole if before is None else _message("change", change))
                before = now
            await asyncio.sleep(self._live.seconds)
        for viewer in list(self._viewers):
            self._end(viewer)

    def _tell(self, message: bytes) -> None:
        for viewer in list(self._viewers):
            if viewer.qsize() < WAITING:
                viewer.put_nowait(message)
            else:
                self._end(viewer)

    def _end(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        while not viewer.empty():
            viewer.get_nowait()
        viewer.put_nowait(None)


def _message(event: str, data: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (event.encode(), msgspec.json.encode(data))
