"""The centre as an ASGI application: the frame around the pages, their data, and their actions.

    GET  /…                     a page; as text for `Accept: text/plain`
    GET  /api/<page>/…          its data as JSON
    POST /api/<page>/<action>   an action: JSON in, JSON out, with the token of this start
    GET  /api/<page>/live       its data as they change, for a page that is live (live.py)
    GET  /public/FILE, /pages/<page>/FILE   scripts and styles

What trips people up: what is shown was written by strangers (paths, titles of processes, labels). It leaves here as
JSON, and the scripts insert it as text.
"""

import asyncio
import contextlib
import html
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
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
NOT_FOUND = "404 Not Found; / is the first page"
ORDERS = (range(1, 6), range(6, 100))  # in the navigation: at once, and below "More"
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
        yield Route(f"/api/{name}/{action}", _action(context, run, page.most_of_a_post), methods=["POST"])
    yield from page.routes(context)


def _data(context: Context, page: Page) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        return await _answer(lambda: page.data(context, _given(request)), _json)

    return answer


def _page(context: Context, name: str, page: Page, found: dict[str, Page]) -> Callable[[Request], Any]:
    frame = (HERE / "frame.html").read_text(encoding="utf-8")
    body = (pages.FOLDER / name / "page.html").read_text(encoding="utf-8")
    for word, file in page.parts.items():
        body = body.replace("{{" + word + "}}", file.read_text(encoding="utf-8"))
    styled = (pages.FOLDER / name / "page.css").exists()
    style = f'<link rel="stylesheet" href="/pages/{name}/page.css">' if styled else ""

    async def answer(request: Request) -> Response:
        if _wants_text(request):
            return await _answer(lambda: page.text(page.data(context, _given(request))), _text)
        try:
            page.check(context, _given(request))
        except NotThere as problem:
            return _text(f"{problem}\n", 404)
        nav, more = ("".join(_link(e.path, e.title, e is page) for e in found.values() if e.order in r) for r in ORDERS)
        more += "".join(_link(*link) for link in await run_in_threadpool(_front_pages, context, request))
        values = {"title": html.escape(page.title), "token": context.token, "name": name, "body": body}
        values |= {"nav": nav, "more": more, "style": style}
        text = frame
        for word, value in values.items():
            text = text.replace("{{" + word + "}}", value)
        return Response(text, media_type="text/html", headers=VARY)

    return answer


def _text(text: str, status: int = 200) -> Response:
    return PlainTextResponse(text, status, VARY)


def _link(address: str, title: str, current: bool = False) -> str:
    here = ' aria-current="page"' if current else ""
    return f'<a href="{html.escape(address)}"{here}>{html.escape(title)}</a>'


def _front_pages(context: Context, request: Request) -> list[tuple[str, str]]:
    """Address and title of each page that a front serves, under the name by which the browser asked us."""
    name = request.headers["host"].rpartition(":")[0]
    with contextlib.suppress(Stop):  # no zoo runs
        return [(f"http://{name}:{port}{path}", title) for port, path, title in context.front_pages()]
    return []


def _wants_text(request: Request) -> bool:
    """curl sends */*, a browser names text/html."""
    return "text/html" not in request.headers.get("accept", "")


def _action(context: Context, run: Callable[..., Any], most: int) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        size = request.headers.get("content-length", "")
        if not size.isdecimal() or int(size) > most:
            return PlainTextResponse(f"expected a body of at most {most} bytes\n", 413)
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
    others = [HERE.parent / "wire/page/public", HERE.parent / "traits/show/public"]
    shared = [path for folder in (HERE / "public", web, *others) for path in folder.iterdir()]
    for path in shared:
        if path.suffix in TYPES:
            yield Route(f"/public/{path.name}", _file(path))
    for path in [*pages.FOLDER.glob("*/*.js"), *pages.FOLDER.glob("*/*.css")]:
        yield Route(f"/pages/{path.parent.name}/{path.name}", _file(path))


def _file(path: Path) -> Callable[[Request], Any]:
    async def answer(_: Request) -> Response:
        return Response(await asyncio.to_thread(path.read_bytes), media_type=TYPES[path.suffix])

    return answer


async def _not_found(_: Request, error: Exception) -> Response:
    words = error.detail if isinstance(error, HTTPException) else ""
    return PlainTextResponse(f"{words if words and words != 'Not Found' else NOT_FOUND}\n", 404)
