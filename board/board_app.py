"""The sticker board: one FastAPI app, one process, one event loop, and every visitor's connection open all the time.

A change comes in as a message (`add`, `move`, `edit`, `remove`) or as a POST. One after the other, under one lock, it
goes into the file (store.py) and out to everybody, so all see the same changes in the same order. A newcomer gets the
whole board under the same lock: nothing can fall between the board and the first change. What others do to the file is
noticed twice a second, and answered with the whole board too.

Nobody is waited for: each visitor has an outbox (visitor.py). Nothing here blocks the loop: SQLite runs in a thread.

What trips people up:
- a browser sends no preflight for a WebSocket, and any site may open one to us: the Origin header is all that tells
  (RFC 6455, section 10.2), and it is looked at before `accept`;
- a sticker's text is written by strangers. It is stored and sent as it came; the page shows it as text, never as HTML.

hello, ping and status are the zoo's Flask app, which answers whatever no route here does.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from messages import Change, Edit, Move, New, Remove, sentence
from starlette.exceptions import HTTPException  # FastAPI's own is not raised for 404 and 405
from store import Broken, Refused, Sticker, Store
from visitor import MESSAGE_BYTES, RATE, Bucket, Closing, Visitor, encode, refused
from zoo_app import app as zoo_app

from gateway_zoo.serving.same_origin import refusal
from gateway_zoo.serving.threaded_wsgi import ThreadedWSGI

VISITORS = 500  # at once
VISITORS_OF_APACHE = 48  # there each holds a thread for as long as it stays (prefork: one of 64 processes)
TICK_S = 0.5  # between two looks at the file and at the number of visitors
QUIET_S = 20  # the longest silence, so that a page can tell a quiet board from a lost connection


# --- The board --------------------------------------------------------------------------------------------------------

store = Store(Path(os.environ["ZOO_RUN"]) / "board" / "board.sqlite")
visitors: set[Visitor] = set()
turn = asyncio.Lock()  # to change or read the file and tell of it; held by one at a time, so what is told is in order


def present() -> int:
    """Visitors who hear what is told."""
    return sum(visitor.knows_the_board for visitor in visitors)


def tell(event: dict[str, Any]) -> None:
    """To everybody who knows the board."""
    message = encode(event)
    for visitor in visitors:
        if visitor.knows_the_board:
            visitor.hear(message)


async def change(what: Change | New, by: int = 0) -> dict[str, Any]:
    """Make one change and tell everybody; `by` is the visitor's number, 0 for none. Raises Refused, Broken."""
    async with turn:
        sticker = await asyncio.to_thread(_write, what)
        event = {
            "event": getattr(what, "do", "add"),
            "by": by,
            "version": sticker.version,
            "sticker": sticker._asdict(),
        }
        tell(event)
    return event


def _write(what: Change | New) -> Sticker:
    match what:
        case New():
            return store.add(what.text, what.colour, what.x, what.y)
        case Move():
            return store.move(what.id, what.x, what.y)
        case Edit():
            return store.edit(what.id, what.text, what.colour)
        case Remove():
            return store.remove(what.id)


async def whole() -> dict[str, Any]:
    """The board as it is; to be called in one's turn. Raises Refused, Broken."""
    version, stickers = await asyncio.to_thread(store.read)
    return {"event": "board", "version": version, "stickers": [sticker._asdict() for sticker in stickers]}


async def watch() -> None:
    """Tell how many visitors there are, and the board if another process has changed it."""
    told, when = 0, 0.0
    while True:
        await asyncio.sleep(TICK_S)
        if told != present() or time.monotonic() - when > QUIET_S:
            told, when = present(), time.monotonic()
            tell({"event": "visitors", "visitors": told})
        with contextlib.suppress(Broken, Refused):  # whoever changes something next is told why it does not work
            async with turn:
                if present() and await asyncio.to_thread(store.changed_elsewhere):
                    tell(await whole())


# --- HTTP and WebSocket -----------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    watching = asyncio.create_task(watch())
    yield
    watching.cancel()
    store.close()


app = FastAPI(lifespan=lifespan, openapi_url=None, redirect_slashes=False)
app.router.default = ThreadedWSGI(zoo_app, workers=4)
posts = Bucket()  # for all who POST together: that way is for curl


def answer(what: dict[str, Any], status: int = 200) -> Response:
    """An event as an answer over HTTP, with a line feed for the terminal."""
    return Response(encode(what) + "\n", status, media_type="application/json")


def may_post(request: Request) -> None:
    """Check origin, type, length and rate before the body is read. Raises HTTPException."""
    if why := refusal(request.scope):
        raise HTTPException(403, f"a page of another origin may not change the board: {why}")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "send JSON: Content-Type: application/json")
    if int(request.headers.get("content-length", "0")) > MESSAGE_BYTES:
        raise HTTPException(413, f"more than {MESSAGE_BYTES} bytes")
    if not posts.take():
        raise HTTPException(429, f"too fast: {RATE} stickers a second, please")


def may_read(request: Request) -> None:
    """Refuse pages of other origins. Raises HTTPException (403)."""
    if why := refusal(request.scope):
        raise HTTPException(403, f"a page of another origin may not read the board: {why}")


@app.get("/board", dependencies=[Depends(may_read)])
async def board() -> Response:
    """The stickers that are there, those on top last."""
    async with turn:
        return answer(await whole())


@app.post("/stickers", dependencies=[Depends(may_post)])
async def post(new: New) -> Response:
    """Add one without a WebSocket; all who have one see it at once."""
    return answer(await change(new), 201)


@app.websocket("/live")
async def live(socket: WebSocket) -> None:
    """Welcome, the whole board, then every change; until somebody leaves."""
    visitor = Visitor(socket, change)
    if denial := deny(visitor):
        await socket.send_denial_response(denial)
        return
    visitors.add(visitor)  # before `accept`, which waits: else too many could come in at once
    try:
        await socket.accept()
        if closing := await join(visitor) or await visitor.stay():
            visitor.knows_the_board = False
            # Who does not read may be deaf to this too; then it waits until the front gives the connection up, nginx
            # after 10 s, Apache after 60 s. So long the place stays taken, as does Apache's thread.
            await socket.close(*closing)
    except WebSocketDisconnect:
        pass
    finally:
        visitors.discard(visitor)


def deny(visitor: Visitor) -> Response | None:
    """Return the answer that refuses a handshake, or None.

    uvicorn 0.54 sends this answer, and yet logs `returned without completing handshake`.
    """
    if why := refusal(visitor.socket.scope):
        return PlainTextResponse(f"a page of another origin may not open this board: {why}\n", 403)
    through = sum(other.front == visitor.front for other in visitors)
    if len(visitors) >= VISITORS or (visitor.front != "nginx" and through >= VISITORS_OF_APACHE):
        return PlainTextResponse(f"too many visitors: {through} through {visitor.front}; try again later\n", 503)
    return None


async def join(visitor: Visitor) -> Closing | None:
    """Put the board into a newcomer's outbox, and changes from now on."""
    visitor.hear(encode({"event": "welcome", "you": visitor.number, "front": visitor.front, "visitors": present() + 1}))
    async with turn:
        try:
            visitor.hear(encode(await whole()))
        except (Broken, Refused) as error:
            await visitor.socket.send_text(refused(str(error)))
            return 1011, "the board's file cannot be read"
        visitor.knows_the_board = True
    return None


@app.exception_handler(HTTPException)
async def _plainly(_: Request, error: HTTPException) -> Response:
    said = answer({"why": error.detail}, error.status_code)
    said.headers.update(error.headers or {})  # Allow, of a 405
    return said


@app.exception_handler(RequestValidationError)
async def _invalid(_: Request, error: RequestValidationError) -> Response:
    return answer({"why": sentence(error.errors())}, 422)


@app.exception_handler(Refused)
async def _refused(_: Request, error: Refused) -> Response:
    return answer({"why": str(error)}, 409)


@app.exception_handler(Broken)
async def _broken(_: Request, error: Broken) -> Response:
    return answer({"why": str(error)}, 503)
