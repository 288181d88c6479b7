"""A WSGI app under an ASGI server: a2wsgi, with what it does not do for a client that leaves.

The app runs in a thread and hands its pieces to the loop through a short queue. Two servers tell in two ways that the
client is gone, and a2wsgi 1.10 heeds neither:

* aioscgi's `send` fails. a2wsgi then stops emptying the queue, and the thread waits in it for ever: after four lost
  visitors nothing is left of a server with four threads. Here the queue goes on being emptied.
* uvicorn's `send` says nothing; `receive` gives http.disconnect. Here somebody listens for it during the answer.

Either way the thread is told at its next piece.
"""

import asyncio
import contextlib
from typing import Any

from a2wsgi.wsgi import WSGIMiddleware, WSGIResponder


class Gone(ConnectionError):
    """The client has left: ends the app's answer, as a broken connection does under any other WSGI server."""


class Responder(WSGIResponder):
    """One request."""

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
    """`InThreads(app, workers=4)`: an ASGI app."""

    def __init__(self, app: Any, workers: int) -> None:
        super().__init__(app, workers=workers)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
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
            if message["type"] == "http.response.start":  # by now the app has read the request, nobody else listens
                watchers.append(asyncio.create_task(watch()))
            await send(message)

        try:
            with contextlib.suppress(Gone):
                await responder(scope, receive, watched)
        finally:
            for watcher in watchers:
                watcher.cancel()
