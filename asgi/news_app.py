"""News as an ASGI program tells it, with a WebSocket.

The other answers are those of app/zoo_news.py, but none holds a thread. A WSGI call must return; ASGI (specification
3.0) sends events. A waiting answer is a coroutine of some kilobytes, and the event `http.disconnect` tells that the
client has left. So thousands of clients may wait here.

The items come from the one Feed (app/zoo_feed.py). A slow reader delays only itself: `send` is awaited.

All other requests go on to the Flask app.
"""

import asyncio
import contextlib
import json
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import zoo_app
import zoo_news
from zoo_app import ENDPOINTS
from zoo_feed import WORKER, Feed, limit_of
from zoo_news import LONG_S, NoNews

from gateway_zoo.serving.same_origin import refusal
from gateway_zoo.serving.threaded_wsgi import ThreadedWSGI

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

MESSAGE_BYTES = 4096  # the longest message of a WebSocket's client
feed = Feed()


def with_news(other: Callable[[Scope, Receive, Send], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Make an app that answers news; `other` answers the rest."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] == "http" and path in HTTP and scope["method"] in ("GET", "HEAD"):
            await _answer(HTTP[path], path, scope, receive, send)
        elif scope["type"] == "websocket" and path == "/news/socket":
            await _answer(_socket, path, scope, receive, send)
        else:
            await other(scope, receive, send)

    return app


Handler = Callable[[Scope, Receive, Send], Awaitable[None]]


async def _answer(handler: Handler, path: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Run and log a handler; answer NoNews with its text."""
    began = time.monotonic()

    async def logged(message: dict[str, Any]) -> None:
        if message["type"].endswith(("response.start", "websocket.accept")):
            _log(handler, path, scope, message.get("status", 101), began)
        await send(message)

    try:
        await handler(scope, receive, logged)
    except NoNews as error:
        more = _news_headers(scope) | ({"Retry-After": "1"} if error.status == 503 else {})
        more |= {"Upgrade": "websocket", "Connection": "Upgrade"} if error.status == 426 else {}
        await _begin(scope, logged, "text/plain; charset=utf-8", more, error.status)
        await _piece(scope, send, error.why.encode(), end=True)


def _log(handler: Handler, path: str, scope: Scope, status: int, began: float) -> None:
    """Write zoo_app's line; report a request that `zoo follow` sent."""
    id, ms = _headers(scope).get("x-request-id") or "-", (time.monotonic() - began) * 1000
    exhibit = scope["root_path"][1:] or "-"
    process = f"{os.getpid()} {threading.get_native_id()}"
    line = f"{time.time():.3f} {id} {exhibit} {ENDPOINTS[path]} {status} 0 {ms:.2f} {process}\n"
    os.write(2, line.encode("ascii", "backslashreplace"))
    if id.startswith("follow"):
        import zoo_follow  # late: no other request pays for it

        zoo_follow.report(id, exhibit, "ASGI scope", zoo_follow.shown_scope(scope), began, status, handler)


async def _poll(scope: Scope, receive: Receive, send: Send) -> None:
    last = zoo_news.since(_query(scope).get("since"))
    await feed.ready()
    await _begin_news(scope, send)
    await _piece(scope, send, _list(feed.newer(last)), end=True)


async def _waiting(scope: Scope, receive: Receive, send: Send) -> None:
    front = _front(scope)
    held = sum(feed.waiting.values())
    path = scope["path"] + "?" + scope["query_string"].decode("latin-1")
    facts: dict[str, float] = {"waiting": held, "workers": min(held, 1), "limit": limit_of(front)}
    facts["now"] = zoo_news.now()
    facts["asked"] = zoo_news.request_bytes(path, _headers(scope).items())
    await _begin_news(scope, send)
    await _piece(scope, send, json.dumps(facts).encode() + b"\n", end=True)


async def _long(scope: Scope, receive: Receive, send: Send) -> None:
    last = zoo_news.since(_query(scope).get("since"))
    await feed.ready()
    with feed.place(_front(scope)), _leaving(receive) as gone:
        await _begin_news(scope, send)
        items, ends = [], time.monotonic() + LONG_S
        if scope["method"] == "GET":
            await _piece(scope, send, b" ")
            async for items in feed.batches(last, gone):
                if items or time.monotonic() >= ends:
                    break
                await _piece(scope, send, b" ")
        await _piece(scope, send, _list(items), end=True)


async def _events(scope: Scope, receive: Receive, send: Send) -> None:
    query = _query(scope)
    last = zoo_news.since(_headers(scope).get("last-event-id") or query.get("since"))
    count = zoo_news.since(query.get("limit")) or 0
    await feed.ready()
    with feed.place(_front(scope)), _leaving(receive) as gone:
        await _begin_news(scope, send, "text/event-stream; charset=utf-8")
        if scope["method"] == "GET":
            await _piece(scope, send, zoo_news.sse_start())
            await _tell_events(scope, send, last, count, gone)
        await _piece(scope, send, b"", end=True)


async def _tell_events(scope: Scope, send: Send, last: int | None, count: int, gone: "asyncio.Future[Any]") -> None:
    """Send `count` items (0: no end), until the client leaves."""
    sent = 0
    async for batch in feed.batches(last, gone):
        items = batch[: count - sent] if count else batch
        await _piece(scope, send, b"".join(map(zoo_news.event, items)) or b":\n\n")
        sent += len(items)
        if count and sent >= count:
            return


async def _no_upgrade(scope: Scope, receive: Receive, send: Send) -> None:
    raise NoNews(426, "this is a WebSocket: the handshake must say Upgrade: websocket (RFC 6455, section 4.1)\n")


HTTP: dict[str, Handler] = {
    "/news": _poll,
    "/news/long": _long,
    "/news/events": _events,
    "/news/waiting": _waiting,
    "/news/socket": _no_upgrade,
}


async def _socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Send each item as a text message.

    `{"ping": X}` from the client comes back as `{"pong": X}`. Any other message ends the connection with 1003, a long
    one with 1009 (RFC 6455, section 7.4.1). serve.py sets the protocol's own pings.
    """
    if why := refusal(scope):
        raise NoNews(403, f"a WebSocket is opened to pages of this origin only: {why}\n")
    last = zoo_news.since(_query(scope).get("since"))
    await feed.ready()
    with feed.place(_front(scope)):
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        gone = asyncio.ensure_future(_hear(receive, send))
        try:
            async for items in feed.batches(last, gone):
                for item in items:
                    await send({"type": "websocket.send", "text": json.dumps(item)})
        finally:
            gone.cancel()


async def _hear(receive: Receive, send: Send) -> None:
    """Answer pings until the client leaves or sends nonsense."""
    while (message := await receive())["type"] == "websocket.receive":
        if len((message.get("text") or "").encode()) > MESSAGE_BYTES:
            await send({"type": "websocket.close", "code": 1009, "reason": f"more than {MESSAGE_BYTES} bytes"})
            return
        try:
            pong = json.dumps({"pong": json.loads(message["text"])["ping"], "worker": WORKER})
        except (ValueError, TypeError, KeyError, RecursionError):  # the last: [[[[[…
            await send({"type": "websocket.close", "code": 1003, "reason": 'expected {"ping": ...}'})
            return
        await send({"type": "websocket.send", "text": pong})


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _front(scope: Scope) -> str:
    return _headers(scope).get("x-zoo-front", "")


def _query(scope: Scope) -> dict[str, str]:
    pairs = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=10)
    return {name: values[0] for name, values in pairs.items()}


def _list(items: list[dict[str, Any]]) -> bytes:
    return json.dumps(items).encode() + b"\n"


async def _begin_news(scope: Scope, send: Send, type: str = zoo_news.JSON) -> None:
    await _begin(scope, send, type, _news_headers(scope))


def _news_headers(scope: Scope) -> dict[str, str]:
    return zoo_news.headers("cors" in _query(scope), _headers(scope).get("origin"))


async def _begin(scope: Scope, send: Send, type: str, more: dict[str, str], status: int = 200) -> None:
    """Send status and headers, also to refuse a handshake."""
    names = {"Content-Type": type} | more
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in names.items()]
    kind = "websocket.http" if scope["type"] == "websocket" else "http"
    await send({"type": f"{kind}.response.start", "status": status, "headers": headers})


async def _piece(scope: Scope, send: Send, body: bytes, end: bool = False) -> None:
    kind = "websocket.http" if scope["type"] == "websocket" else "http"
    await send({"type": f"{kind}.response.body", "body": body, "more_body": not end})


@contextlib.contextmanager
def _leaving(receive: Receive) -> "Iterator[asyncio.Future[Any]]":
    """Make a future that is done when the client has left."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    gone = asyncio.ensure_future(watch())
    try:
        yield gone
    finally:
        gone.cancel()


app = with_news(ThreadedWSGI(zoo_app.app, workers=4))
