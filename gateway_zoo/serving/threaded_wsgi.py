"""Run a WSGI app under an ASGI server: a2wsgi, with a cure.

The app runs in a thread and gives its pieces to the loop through a short queue. Two servers tell in two ways that the
client has left, and a2wsgi 1.10 notices neither:

* aioscgi's `send` fails. a2wsgi then stops reading the queue, and the thread waits for ever: four lost visitors stop a
  server with four threads. Here the loop goes on reading the queue.
* uvicorn's `send` succeeds, and `receive` returns http.disconnect. Here a task calls `receive` during the answer.

In both cases the thread learns it at its next piece.
"""

import asyncio
import contextlib
from typing import Any

from a2wsgi.wsgi import WSGIMiddleware, WSGIResponder


class Gone(ConnectionError):
    """The client has left. Raised in the app, it ends the answer."""


class Responder(WSGIResponder):
    """The answer to one request."""

    gone = False

    async def sender(self, send: Any) -> None:
        try:
            await super().sender(send)
        except OSError:
            self.gone = True
            while await self.send_queue.get() is not None:
                pass

    def send(self, message: Any) -> None:
        if self.gone:
            raise Gone
        super().send(message)


class ThreadedWSGI(WSGIMiddleware):
    """An ASGI app that runs a WSGI app in `workers` threads."""

    def __init__(self, app: Any, workers: int) -> None:
        super().__init__(app, workers=workers)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # A program may also speak ASGI, for what WSGI cannot say. `asgi` returns None for what it does not answer.
        if answer := getattr(self.app, "asgi", lambda scope: None)(scope):
            await answer(scope, receive, send)
            return
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        responder = Responder(self.app, self.executor, self.send_queue_size)
        watchers: list[asyncio.Task[None]] = []

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            responder.gone = True

        async def watched(message: Any) -> None:
            if message["type"] == "http.response.start":  # the app has read the request, so only we call receive
                watchers.append(asyncio.create_task(watch()))
            await send(message)

        try:
            with contextlib.suppress(Gone):
                await responder(scope, receive, watched)
        finally:
            for watcher in watchers:
                watcher.cancel()
