"""The sticker board: one FastAPI app in one event loop.

The connection of every visitor stays open. A change comes in as a message (`add`, `move`, `edit`, `remove`) or as a
POST. Under one lock it goes into the file (store.py) and out to all visitors, so that all see the same changes in the
same order. A newcomer gets the whole board under the same lock, so no change is lost between the board and the first
message. Twice a second the app looks for changes that another process made to the file, and then sends the whole board.

No visitor delays another: each has an outbox (visitor.py). Nothing here blocks the loop: SQLite runs in a thread.

What trips people up:
- a browser sends no preflight for a WebSocket, and the page of any site may open one to us. Only the Origin header
  tells the site (RFC 6455, section 10.2); it is checked before `accept`;
- strangers write the text of a sticker. It is stored and sent as it came; the page shows it as text, never as HTML.

hello, ping and status are the zoo's Flask app; it answers every path that has no route here.
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
VISITORS_OF_APACHE = 48  # behind Apache each visitor holds a thread (prefork: one of 64 processes)
TICK_S = 0.5  # between two looks at the file and at the number of visitors
QUIET_S = 20  # the longest silence: a page must tell a quiet board from a lost connection


store = Store(Path(os.environ["ZOO_RUN"]) / "board" / "board.sqlite")
visitors: set[Visitor] = set()
turn = asyncio.Lock()  # held to change or read the file and to tell of it, so that events keep their order


def present() -> int:
    """Count the visitors that get events."""
    return sum(visitor.knows_the_board for visitor in visitors)


def tell(event: dict[str, Any]) -> None:
    """Send an event to all visitors that have the board."""
    message = encode(event)
    for visitor in visitors:
        if visitor.knows_the_board:
            visitor.hear(message)


async def change(message: Change | New, by: int = 0) -> dict[str, Any]:
    """Make one change and tell all visitors; return the event.

    `by` is the visitor's number, 0 for a POST. Raises Refused, Broken.
    """
    async with turn:
        sticker = await asyncio.to_thread(_write, message)
        event = {
            "event": getattr(message, "do", "add"),
            "by": by,
            "version": sticker.version,
            "sticker": sticker._asdict(),
        }
        tell(event)
    return event


def _write(message: Change | New) -> Sticker:
    match message:
        case New():
            return store.add(message.text, message.colour, message.x, message.y)
        case Move():
            return store.move(message.id, message.x, message.y)
        case Edit():
            return store.edit(message.id, message.text, message.colour)
        case Remove():
            return store.remove(message.id)


async def whole() -> dict[str, Any]:
    """Read the board, under `turn`. Raises Refused, Broken."""
    version, stickers = await asyncio.to_thread(store.read)
    return {"event": "board", "version": version, "stickers": [sticker._asdict() for sticker in stickers]}


async def watch() -> None:
    """Tell the number of visitors, and changes from elsewhere."""
    number, sent_at = 0, 0.0
    while True:
        await asyncio.sleep(TICK_S)
        if number != present() or time.monotonic() - sent_at > QUIET_S:
            number, sent_at = present(), time.monotonic()
            tell({"event": "visitors", "visitors": number})
        with contextlib.suppress(Broken, Refused):  # the next visitor that changes a sticker gets the reason
            async with turn:
                if present() and await asyncio.to_thread(store.changed_elsewhere):
                    tell(await whole())


@contextlib.asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    watching = asyncio.create_task(watch())
    yield
    watching.cancel()
    store.close()


app = FastAPI(lifespan=lifespan, openapi_url=None, redirect_slashes=False)
app.router.default = ThreadedWSGI(zoo_app, workers=4)
posts = Bucket()  # one for all POSTs together: that way is for curl


def answer(event: dict[str, Any], status: int = 200) -> Response:
    """Make an HTTP answer of an event; it ends with a line feed."""
    return Response(encode(event) + "\n", status, media_type="application/json")


def may_post(request: Request) -> None:
    """Check a POST before its body is read. Raises HTTPException."""
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
    """Read all stickers; the topmost is the last."""
    async with turn:
        return answer(await whole())


@app.post("/stickers", dependencies=[Depends(may_post)])
async def post(new: New) -> Response:
    """Add a sticker without a WebSocket; all visitors see it."""
    return answer(await change(new), 201)


@app.delete("/stickers")
async def clear(request: Request) -> Response:
    """Remove all stickers, for the instructor: only a program that reaches our socket may. The fronts name themselves
    in every request, so a student's request is refused here."""
    if request.headers.get("x-zoo-front") is not None:
        raise HTTPException(
            403, "only the visitor centre clears the board: its page For a class, or zoo class --clear-board"
        )
    async with turn:
        removed = await asyncio.to_thread(store.clear)
        tell(await whole())
    return answer({"removed": removed})


@app.websocket("/live")
async def live(socket: WebSocket) -> None:
    """Send welcome, the board and each change, to the end."""
    visitor = Visitor(socket, change)
    if denial := deny(visitor):
        await socket.send_denial_response(denial)
        return
    visitors.add(visitor)  # before `accept`, which waits: else too many visitors could come in at the same time
    try:
        await socket.accept()
        if closing := await join(visitor) or await visitor.stay():
            visitor.knows_the_board = False
            # A visitor that does not read may not read this close frame, either. Then close() waits until the front
            # gives the connection up: nginx after 10 s, Apache after 60 s. Until then the place stays taken.
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
    """Send the board, then changes; or return why to close."""
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
    response = answer({"why": error.detail}, error.status_code)
    response.headers.update(error.headers or {})  # a 405 has the header Allow
    return response


@app.exception_handler(RequestValidationError)
async def _invalid(_: Request, error: RequestValidationError) -> Response:
    return answer({"why": sentence(error.errors())}, 422)


@app.exception_handler(Refused)
@app.exception_handler(Broken)
async def _unchanged(_: Request, error: Refused | Broken) -> Response:
    return answer({"why": str(error)}, 409 if isinstance(error, Refused) else 503)
