"""The page as an ASGI application, with these addresses:

    /                  the page, and its files beside it
    /exchanges         all exchanges, a line each
    /exchanges/N       one exchange: its bytes and their fields
    /exchanges/N/M     two exchanges, variable by variable
    /live              news, as Server-Sent Events

What trips people up:
- every web page may send requests to http://localhost:8000/, and a stranger's name may point to 127.0.0.1: see `Guard`;
- strangers wrote everything that is shown. It leaves here as JSON, and the page's scripts insert it as text.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway_zoo.serving import same_origin
from gateway_zoo.serving.page_headers import HEADERS
from gateway_zoo.settings import read_settings
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange, fields_of, summary, whole
from gateway_zoo.wire.page.shown import Mark, Shown
from gateway_zoo.wire.view.variables import side_by_side

FIELDS = 50_000  # fields of one direction that the page is given

HERE = Path(__file__).parent / "public"  # the page's files
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class Guard:
    """Answers the page itself and programs on this machine, no other web page: it reads Host, Origin, Sec-Fetch-Site.

    Allows GET and HEAD only. Adds HEADERS to every answer."""

    def __init__(self, app: ASGIApp, port: int) -> None:
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

        app = self._refusal(scope) or self.app
        await app(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        if why := same_origin.refusal(scope, self.hosts.__contains__):
            page = f"the page is at http://127.0.0.1:{self.port}/"
            return PlainTextResponse(f"a page of another origin may not read recordings; {page}: {why}\n", 403)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("GET and HEAD only: nothing can be changed here\n", 405, {"Allow": "GET, HEAD"})
        return None


def application(shown: Shown, port: int, ended: Callable[[], bool], end: Callable[[], object]) -> ASGIApp:
    """The page and its data. `ended` tells whether the server stops; `end` stops it if the task that watches the
    recording has ended."""

    async def the_only_one(_: Request) -> Shown:
        return shown

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(shown.watch(ended))
        watching.add_done_callback(lambda _: end())
        yield
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching

    routes = [*data_routes("", the_only_one, Shown.stream), *_files()]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _plainly})
    app.router.redirect_slashes = False
    return Guard(app, port)


def data_routes(
    base: str,
    shown_of: Callable[[Request], Awaitable[Shown]],
    stream: Callable[[Shown, Mark], AsyncIterator[bytes]],
) -> list[Route]:
    """The addresses of the data, below `base`. `shown_of`: the exchanges of the recording that a request is about;
    raises HTTPException. `stream`: their news."""

    async def find(request: Request, *names: str) -> tuple[Shown, list[Exchange]]:
        shown, exchanges = await shown_of(request), []
        for name in names:
            number: int = request.path_params[name]
            if (exchange := shown.exchange(number)) is None:
                raise HTTPException(404, f"exchange {number} is not there, or no longer kept")
            exchanges.append(exchange)
        return shown, exchanges

    async def exchanges(request: Request) -> Response:
        shown = await shown_of(request)
        return _json([summary(exchange) for exchange in shown.exchanges.all.values()])

    async def exchange(request: Request) -> Response:
        shown, (single,) = await find(request, "number")
        return _json(await asyncio.to_thread(_whole, single, shown.codecs))

    async def pair(request: Request) -> Response:
        shown, (a, b) = await find(request, "a", "b")
        return _json(await asyncio.to_thread(side_by_side, a, b, shown.codecs))

    async def live(request: Request) -> Response:
        shown = await shown_of(request)
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        mark = request.headers.get("last-event-id") or request.query_params.get("since", "")
        return StreamingResponse(stream(shown, Mark.read(mark)), media_type="text/event-stream")

    return [
        Route(f"{base}/exchanges", exchanges),
        Route(f"{base}/exchanges/{{number:int}}", exchange),
        Route(f"{base}/exchanges/{{a:int}}/{{b:int}}", pair),
        Route(f"{base}/live", live),
    ]


def _files() -> Iterator[Route]:
    """A route for each file of the page, so that no other path leads to a file."""
    yield Route("/", _page)
    for path in [*HERE.iterdir(), read_settings().root / "web/zoo.css"]:
        if path.suffix in TYPES:
            yield Route(f"/{path.name}", _file(path))


def _page(_: Request) -> Response:
    """The frame of this server around the page, which the visitor centre has, too."""
    frame, page = ((HERE / name).read_text(encoding="utf-8") for name in ("index.html", "wire.html"))
    return Response(frame.replace("{{wire}}", page), media_type="text/html")


def _file(path: Path) -> Callable[[Request], Response]:
    return lambda _: Response(path.read_bytes(), media_type=TYPES[path.suffix])


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def _whole(exchange: Exchange, codecs: Codecs) -> dict[str, Any]:
    """The exchange for JSON, with the first FIELDS fields of each direction: a browser has to hold them all."""
    row = whole(exchange, fields_of(exchange, codecs))
    for side in ("request", "response"):
        row[side]["more_fields"] = max(0, len(row[side]["fields"]) - FIELDS)
        del row[side]["fields"][FIELDS:]
    return row


def _plainly(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
