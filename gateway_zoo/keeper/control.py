"""The control socket of the keeper: one JSON line in, one JSON line out.

`down`, `restart` and `crowd --stop-worker` ask here (client.py). The socket is private to the user. The keeper reads
only the first piece of a request, so a client that sends without end changes nothing.
"""

import contextlib
import json
import selectors
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway_zoo.serving import listen

CLIENTS = 20  # at once: a silent client must not hold a descriptor for ever
PIECE = 4096  # bytes of a request


class ControlSocket:
    """Listens at a path, as events of the keeper's selector; `answer` makes the answer to a request."""

    def __init__(
        self, path: Path, selector: selectors.DefaultSelector, answer: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> None:
        self._selector, self._answer = selector, answer
        self._clients: list[socket.socket] = []
        self._door = listen.listener(str(path))
        self._door.setblocking(False)
        selector.register(self._door, selectors.EVENT_READ, self._accept)

    def close(self) -> None:
        """Stop listening."""
        self._door.close()

    def _accept(self, door: socket.socket) -> None:
        try:
            client, _ = door.accept()
        except OSError:  # the client is gone, or no descriptor is left for it
            return
        client.settimeout(1)
        self._clients.append(client)
        self._selector.register(client, selectors.EVENT_READ, self._reply)  # a silent client stops nothing
        if len(self._clients) > CLIENTS:
            self._dismiss(self._clients[0])

    def _dismiss(self, client: socket.socket) -> None:
        self._clients.remove(client)
        self._selector.unregister(client)
        client.close()

    def _reply(self, client: socket.socket) -> None:
        if client not in self._clients:  # dismissed in this round
            return
        try:
            answer = self._answer(json.loads(client.recv(PIECE)))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            answer = {"error": f"not understood: {error!r}"}
        with contextlib.suppress(OSError):
            client.sendall(json.dumps(answer).encode() + b"\n")
        self._dismiss(client)
