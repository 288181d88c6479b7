"""The sticker board, asked at its own socket: how many stickers it has, and the end of them all.

The board lets no request through a front clear it (board/board_app.py), so a student cannot.
"""

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from gateway_zoo.errors import fail
from gateway_zoo.settings import Settings

EXHIBIT = "asgi-board"
TIMEOUT_S = 5.0


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(str(self.path))


def stickers(settings: Settings) -> int:
    """The number of stickers. Raises Stop (3) where the board does not answer."""
    return len(_ask(settings, "GET", "/board")["stickers"])


def clear(settings: Settings) -> int:
    """Remove all stickers from the board and from every screen; return their number. Raises Stop (3)."""
    return int(_ask(settings, "DELETE", "/stickers")["removed"])


def _ask(settings: Settings, method: str, path: str) -> Any:
    connection = _UnixConnection(settings.sockets / f"{EXHIBIT}.sock")
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        body = json.loads(answer.read(1_000_000))
    except (OSError, ValueError, http.client.HTTPException) as error:
        fail(f"the sticker board does not answer: {error}", 3)
    finally:
        connection.close()
    if answer.status != http.client.OK:
        fail(f"the sticker board refuses: {body.get('why', answer.status)}", 3)
    return body
