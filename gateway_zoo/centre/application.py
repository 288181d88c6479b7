"""The centre as an ASGI application: the frame around the pages, their data, and their actions.

    GET  /…                     a page; as text for `Accept: text/plain`
    GET  /api/<page>/…          its data as JSON
    POST /api/<page>/<action>   an action: JSON in, JSON out, with the token of this start
    GET  /api/<page>/live       its data as they change, for a page that is live (live.py)
    GET  /public/FILE, /<page>.js   scripts and styles

What trips people up: what is shown was written by strangers (paths, titles of processes, labels). It leaves here as
JSON, and the scripts insert it as text.
"""

import asyncio
import html
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway_zoo.centre import page as pages
from gateway_zoo.centre.context import Context
from gateway_zoo.centre.guard import Guard
from gateway_zoo.centre.live import Broadcast
from gateway_zoo.centre.page import NotThere, Page, Refused
from gateway_zoo.errors import Stop

HERE = Path(__file__).parent
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
MOST_OF_A_POST = 4096  # bytes
VARY = {"Vary": "Accept"}  # a page is HTML or text


def application(context: Context, port: int) -> ASGIApp:
    """The centre at this port."""
    found = pages.find()
    routes = [route for name, page in found.items() for route in _routes(context, name, page, found)]
    app = Starlette(routes=[*routes, *_files(context.settings.root / "web")], exception_handlers={404: _not_found})
    app.router.redirect_slashes = False
    return Guard(app, _hosts(context, port), context.token)


def _hosts(context: Context, port: int) -> set[str]:
    names = ["127.0.0.1", "localhost", "[::1]"]
    return {f"{name}:{port}" for name in names}


def _routes(context: Context, name: str, page: Page, found: dict[str, Page]) -> Iterator[Route]:
    parameters = page.path.partition("{")[1] + page.path.partition("{")[2]
    yield Route(f"/api/{name}" + (f"/{parameters}" if parameters else ""), _data(context, page))
    yield Route(page.path, _page(context, name, page, found))
    if page.live:
        yield Route(f"/api/{name}/live", Broadcast(partial(page.data, context, {}), page.live, context.ending).answer)
    for action, run in page.actions.items():
        yield Route(f"/api/{name}/{action}", _action(context, run), methods=["POST"])


def _data(context: Context, page: Page) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        return await _answer(lambda: page.data(context, _given(request)), _json)

    return answer


def _page(context: Context, name: str, page: Page, found: dict[str, Page]) -> Callable[[Request], Any]:
    frame = (HERE / "frame.html").read_text(encoding="utf-8")
    body = (pages.FOLDER / name / "page.html").read_text(encoding="utf-8")

    async def answer(request: Request) -> Response:
        if _wants_text(request):
            return await _answer(lambda: page.text(page.data(context, _given(request))), _text)
        try:
            page.check(context, _given(request))
        except NotThere as problem:
            return _text(f"{problem}\n", 404)
        links = "".join(_link(other, other is page) for other in found.values() if other.order)
        values = {"title": html.escape(page.title), "token": context.token, "name": name, "nav": links, "body": body}
        text = frame
        for word, value in values.items():
            text = text.replace("{{" + word + "}}", value)
        return Response(text, media_type="text/html", headers=VARY)

    return answer


def _text(text: str, status: int = 200) -> Response:
    return PlainTextResponse(text, status, VARY)


def _link(page: Page, current: bool) -> str:
    here = ' aria-current="page"' if current else ""
    return f'<a href="{html.escape(page.path)}"{here}>{html.escape(page.title)}</a>'


def _wants_text(request: Request) -> bool:
    """curl sends */*, a browser names text/html."""
    return "text/html" not in request.headers.get("accept", "")


def _action(context: Context, run: Callable[..., Any]) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        size = request.headers.get("content-length", "")
        if not size.isdecimal() or int(size) > MOST_OF_A_POST:
            return PlainTextResponse(f"expected a body of at most {MOST_OF_A_POST} bytes\n", 413)
        try:
            given = json.loads(await request.body())
            assert isinstance(given, dict)
        except (ValueError, RecursionError, AssertionError):
            return PlainTextResponse("expected a JSON object\n", 422)
        return await _answer(lambda: run(context, given), _json)

    return answer


def _given(request: Request) -> dict[str, str]:
    return {**request.query_params, **request.path_params}


async def _answer(compute: Callable[[], Any], form: Callable[[Any], Response]) -> Response:
    """Compute in a thread; a problem becomes a sentence."""
    try:
        return form(await run_in_threadpool(compute))
    except NotThere as problem:
        return PlainTextResponse(f"{problem}\n", 404)
    except Refused as problem:
        return PlainTextResponse(f"{problem}\n", problem.status)
    except Stop as problem:  # no zoo runs, or it has lost its directory
        return PlainTextResponse(f"{problem.text}\n", 503)


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def _files(web: Path) -> Iterator[Route]:
    """A route for each file, so that no other path leads to a file."""
    shared = [*(HERE / "public").iterdir(), *web.iterdir(), HERE.parent / "wire/page/public/text.js"]
    for path in shared:
        if path.suffix in TYPES:
            yield Route(f"/public/{path.name}", _file(path))
    for path in pages.FOLDER.glob("*/*.js"):
        yield Route(f"/pages/{path.parent.name}/{path.name}", _file(path))


def _file(path: Path) -> Callable[[Request], Any]:
    async def answer(_: Request) -> Response:
        return Response(await asyncio.to_thread(path.read_bytes), media_type=TYPES[path.suffix])

    return answer


async def _not_found(_: Request, __: Exception) -> Response:
    return PlainTextResponse("404 Not Found; / is the first page\n", 404)
