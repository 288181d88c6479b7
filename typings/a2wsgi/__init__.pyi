"""Looser than a2wsgi's own types, which no two other libraries agree with: Flask's environ is any dict, and aioscgi
has its own idea of a scope."""

from typing import Any

class WSGIMiddleware:
    def __init__(self, app: Any, workers: int = 10, send_queue_size: int = 10) -> None: ...
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...
