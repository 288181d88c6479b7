"""A WSGI app under an ASGI server: a2wsgi, with a fault cured that can be from outside.

The app runs in a thread and hands its pieces to the loop through a short queue. When `send` fails because the client
is gone, a2wsgi 1.10 stops emptying the queue, and the thread waits in it for ever: after four lost visitors nothing is
left of a server with four threads. Here the queue goes on being emptied, and the thread is told at its next piece.
"""

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


class InThreads(WSGIMiddleware):
    """`InThreads(app, workers=4)`: an ASGI app."""

    def __init__(self, app: Any, workers: int) -> None:
        super().__init__(app, workers=workers)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        with contextlib.suppress(Gone):
            await Responder(self.app, self.executor, self.send_queue_size)(scope, receive, send)
