"""Serve the visitor centre: `python -m gateway_zoo.centre`, a child of the keeper. One process, one event loop.

It has the settings of the running zoo (state.json). It ends with SIGTERM. If it is killed, the keeper starts it again,
and open pages go on by themselves.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
from types import FrameType

import uvicorn

from gateway_zoo.centre.application import application
from gateway_zoo.centre.context import Context
from gateway_zoo.keeper import own_address, state
from gateway_zoo.settings import SettingsError, read_settings
from gateway_zoo.terminal.messages import say, status_of

INSIDE = 8000  # its port in a container; compose publishes it under ZOO_CENTRE_PORT
BEHIND_S = 2  # for open streams, at the end


def main() -> int:
    """Serve until SIGTERM. Returns 3 if the port or the settings cannot be had."""
    for number in (signal.SIGTERM, signal.SIGINT):  # before uvicorn handles them, and when it raises them again
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        settings = state.running_settings(read_settings())
    except SettingsError as error:
        say(str(error))
        return 3
    if settings.compose and not settings.centre_port:
        say("ZOO_CENTRE_PORT is 0: there is no visitor centre in this start")
        signal.pause()  # a service that ends is a fault for `docker compose up --wait`
    address = own_address.among_fronts(settings)
    try:
        listening = socket.create_server((address, INSIDE if settings.compose else settings.centre_port), backlog=128)
    except OSError as error:
        say(f"the visitor centre cannot listen on port {settings.centre_port}: {os.strerror(error.errno or 0)}")
        return 3
    with listening, contextlib.closing(Context(settings)) as context:
        app = application(context, settings.centre_port)
        config = uvicorn.Config(
            app, access_log=False, log_level="error", server_header=False, ws="none", timeout_graceful_shutdown=BEHIND_S
        )
        _Server(config, context).run(sockets=[listening])
    return 0


class _Server(uvicorn.Server):
    """Tells the pages when the end comes, so that their streams end, too. The recording fronts end meanwhile, because
    the keeper waits few seconds for both."""

    def __init__(self, config: uvicorn.Config, context: Context) -> None:
        super().__init__(config)
        self._context = context

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self._context.ending.is_set():
            self._context.ending.set()
            threading.Thread(target=self._context.close).start()
        super().handle_exit(sig, frame)


if __name__ == "__main__":
    sys.exit(status_of(main))
