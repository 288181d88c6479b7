"""Serve the visitor centre: `python -m gateway_zoo.centre`, a child of the keeper. One process, one event loop.

It has the settings of the running zoo (state.json). It ends with SIGTERM. If it is killed, the keeper starts it again,
and open pages go on by themselves.
"""

import contextlib
import os
import signal
import socket
import sys

import uvicorn

from gateway_zoo.centre.application import application
from gateway_zoo.centre.context import Context
from gateway_zoo.keeper import own_address, state
from gateway_zoo.settings import SettingsError, read_settings
from gateway_zoo.terminal.messages import say, status_of

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
    try:
        listening = socket.create_server((own_address.among_fronts(settings), settings.centre_port), backlog=128)
    except OSError as error:
        say(f"the visitor centre cannot listen on port {settings.centre_port}: {os.strerror(error.errno or 0)}")
        return 3
    with listening, contextlib.closing(Context(settings)) as context:
        app = application(context, settings.centre_port)
        config = uvicorn.Config(
            app, access_log=False, log_level="error", server_header=False, ws="none", timeout_graceful_shutdown=BEHIND_S
        )
        uvicorn.Server(config).run(sockets=[listening])
    return 0


if __name__ == "__main__":
    sys.exit(status_of(main))
