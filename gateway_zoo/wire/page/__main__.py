"""A recording as a web page in Wireshark's manner, live: `python -m gateway_zoo.wire.page FILE [--port N]`.

One process, one event loop. What there is to show, shown.py knows; here is how it is asked:

    /                  the page, and its files beside it
    /exchanges         all of them, a line each
    /exchanges/N       one: its bytes, and their fields, which are named only now
    /exchanges/N/M     two, variable by variable
    /live              what is new, as Server-Sent Events

What trips people up:
- any web page may ask for http://localhost:8000/, and a name of a stranger's may point to 127.0.0.1: hence `Guard`;
- all that is shown was written by strangers. It leaves here as JSON, and the page's scripts put it in as text;
- a browser opens six connections to a server and no more (HTTP/1.1), and a tab that listens holds one of them. So the
  page listens only while it is seen.
"""

import argparse
import asyncio
import contextlib
import errno
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway_zoo.keeper.ports import holder
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import read_settings
from gateway_zoo.terminal.messages import status_of
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchanges import Exchange, fields_of, summary, whole
from gateway_zoo.wire.page.shown import Mark, Shown
from gateway_zoo.wire.view.variables import side_by_side

PORT = 8000  # the usual one; a student's own server may have it already
FIELDS = 50_000  # of one direction, that a page is given

HERE = Path(__file__).parent / "public"  # the page's files
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """Only for pages of ours, and for programs on this machine that are no browser: by Host, Origin and Sec-Fetch-Site.
    Only GET and HEAD. Every answer gets HEADERS."""

    def __init__(self, app: ASGI, port: int) -> None:
        self.app, self.port = app, port
        names = ("127.0.0.1", "localhost", "[::1]")
        self.hosts = {f"{name}:{port}" for name in names} | (set(names) if port == 80 else set())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)  # lifespan; there is no WebSocket
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        app = self._refusal(scope["method"], Headers(scope=scope)) or self.app
        await app(scope, receive, guarded)

    def _refusal(self, method: str, headers: Headers) -> Response | None:
        host, origin = headers.get("host", "").lower(), headers.get("origin")
        if len(headers.getlist("host")) != 1 or host not in self.hosts:
            return PlainTextResponse(f"the page is at http://127.0.0.1:{self.port}/ and under no other name\n", 403)
        if (origin is not None and origin.lower() != f"http://{host}") or headers.get("sec-fetch-site", "none") not in (
            "same-origin",
            "none",
        ):
            return PlainTextResponse("a page of another origin may not read recordings\n", 403)
        if method not in ("GET", "HEAD"):
            return PlainTextResponse("GET and HEAD only: nothing can be changed here\n", 405, {"Allow": "GET, HEAD"})
        return None


def application(shown: Shown, port: int, ended: Callable[[], bool], end: Callable[[], object]) -> ASGI:
    """The page and its data. `ended`: is the server stopping? `end`: make it stop, if the recording is not watched any
    longer, which must not go unnoticed."""

    def find(request: Request, name: str = "number") -> Exchange:
        number: int = request.path_params[name]
        if found := shown.exchange(number):
            return found
        raise HTTPException(404, f"exchange {number} is not there, or no longer kept")

    async def exchanges(_: Request) -> Response:
        return _json([summary(exchange) for exchange in shown.exchanges.all.values()])

    async def exchange(request: Request) -> Response:
        return _json(await asyncio.to_thread(_whole, find(request), shown.codecs))

    async def pair(request: Request) -> Response:
        a, b = find(request, "a"), find(request, "b")
        return _json(await asyncio.to_thread(side_by_side, a, b, shown.codecs))

    async def live(request: Request) -> Response:
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        mark = request.headers.get("last-event-id") or request.query_params.get("since", "")
        return StreamingResponse(shown.stream(Mark.read(mark)), media_type="text/event-stream")

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(shown.watch(ended))
        watching.add_done_callback(lambda _: end())
        yield
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching

    routes = [
        Route("/exchanges", exchanges),
        Route("/exchanges/{number:int}", exchange),
        Route("/exchanges/{a:int}/{b:int}", pair),
        Route("/live", live),
        *_files(),
    ]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _plainly})
    app.router.redirect_slashes = False
    return Guard(app, port)


def _files() -> Iterator[Route]:
    """The page's files, by their names: a path that a visitor makes up leads nowhere."""
    for path in [*HERE.iterdir(), read_settings().root / "web/zoo.css"]:
        yield Route("/" if path.name == "index.html" else f"/{path.name}", _file(path))


def _file(path: Path) -> Callable[[Request], Response]:
    return lambda _: Response(path.read_bytes(), media_type=TYPES[path.suffix])


def _json(what: Any) -> Response:
    return Response(msgspec.json.encode(what), media_type="application/json")


def _whole(exchange: Exchange, codecs: Codecs) -> dict[str, Any]:
    """With the first fields only, where there are very many: a browser has to hold them all."""
    made = whole(exchange, fields_of(exchange, codecs))
    for side in ("request", "response"):
        made[side]["more_fields"] = max(0, len(made[side]["fields"]) - FIELDS)
        del made[side]["fields"][FIELDS:]
    return made


def _plainly(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)


# --- The process ------------------------------------------------------------------------------------------------------


def main(argv: list[str]) -> int:
    """Serve until SIGTERM or Ctrl-C. 3: the port that was asked for cannot be had."""
    parser = argparse.ArgumentParser("zoo wire page", description="show a recording in the browser, live")
    parser.add_argument("file", type=Path)
    parser.add_argument("--port", type=int, help=f"on 127.0.0.1; left out: {PORT}, or else any that is free")
    given = parser.parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGINT):  # before uvicorn listens to them, and when it raises them again
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        listening = _listen(given.port)
    except (OSError, OverflowError) as error:
        used = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = f"is held by {holder(given.port)}; choose another: --port" if used else f"cannot be had: {error}"
        print(f"zoo: port {given.port} on 127.0.0.1 {why}", file=sys.stderr)
        return 3
    with listening:
        return _serve(given.file, listening)


def _listen(port: int | None) -> socket.socket:
    if port is not None:
        return socket.create_server(("127.0.0.1", port), backlog=128)
    try:
        return _listen(PORT)
    except OSError:
        return _listen(0)


def _serve(file: Path, listening: socket.socket) -> int:
    port = listening.getsockname()[1]
    shown = Shown(file, Codecs(load(read_settings().root)))
    app = application(shown, port, lambda: server.should_exit, lambda: setattr(server, "should_exit", True))
    config = uvicorn.Config(
        app, access_log=False, log_level="error", server_header=False, ws="none", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    print(f"http://127.0.0.1:{port}/", flush=True)
    server.run(sockets=[listening])
    return 0


if __name__ == "__main__":
    sys.exit(status_of(lambda: main(sys.argv[1:])))
