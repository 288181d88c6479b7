"""News as a WSGI program tells it: `/news` and below.

zoo_app imports this module at the first request for news.

| path | how the client hears news |
|---|---|
| `/news?since=N` | polling: the items after N, at once |
| `/news/long?since=N` | long polling: the same; without a new item the answer waits, LONG_S at most |
| `/news/events` | Server-Sent Events: an answer that does not end (HTML Living Standard, section 9.2) |
| `/news/socket` | WebSocket: impossible under WSGI; see NO_SOCKET |
| `/news/waiting` | the number of waiting clients, the workers that they hold, and the time on this machine |

A WSGI call returns when the answer is complete, so a waiting client holds one of four threads or processes. That is
why only few clients may wait: see LIMIT. asgi/news_app.py tells the same news and holds no thread.

What trips people up: a WSGI program learns that its client has left only by writing to it (PEP 3333 has no call to
ask). So both waiting answers write a few bytes every BEAT_S: SSE writes a comment, the long poll writes a blank, which
JSON allows before a value. The server then sees the broken connection, and calls close() on our generator.
"""

import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Response, request

LONG_S = 20.0  # the longest wait of a long poll: shorter than every time-out on the way (60 s in the fronts)
EVENTS_S = 60.0  # the longest life of an event stream, for servers that never notice a loss; EventSource comes again
BEAT_S = 1.0  # the longest silence of a waiting answer
RETRY_MS = 1000  # the pause of EventSource before it comes again
ANSWERS_S = 5.0  # the longest wait for the source; a source that runs answers at once
#: Origins of pages that this machine itself serves, on any port. The rule stands here and not in
#: gateway_zoo.serving.same_origin, because it answers another question (which *other* origins may read?), and because
#: app/ imports nothing of the zoo.
ORIGIN_HERE = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?")
#: Waiting clients: three of the four slots, so that one slot always remains for ping. For CGI Apache starts a process
#: for each request, without a pool: there only Apache's own threads are few.
LIMIT, LIMIT_CGI = 3, 32

NO_SOCKET = "no WebSocket here: a WSGI program is called and returns; it gets no connection to take over (PEP 3333)\n"
NO_SOURCE = "the news source does not answer; it is started with the zoo\n"
JSON = "application/json"
FROM_THE_FRONT = {"x-forwarded-for", "x-forwarded-proto", "x-request-id", "x-zoo-front"}


class NoNews(Exception):
    """An answer without news: a status and one line of text."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


def source_address() -> str:
    """Return the absolute path of the source's socket."""
    return os.path.join(os.environ["ZOO_RUN"], "sock", "news.sock")


def since(text: str | None) -> int | None:
    """Read an item's number, None for "". Raises NoNews (400)."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise NoNews(400, "since (or Last-Event-ID) must be the number of an item, such as 1700000000\n")
    return int(text)


def busy(waiting: int, limit: int) -> NoNews:
    """Make the answer for a client that finds no place."""
    why = f"{waiting} clients wait here already and {limit} may: each holds a slot; ask again in a second\n"
    return NoNews(503, why)


def event(item: dict[str, Any]) -> bytes:
    """Write an item as a Server-Sent Event, on one data line."""
    return f"id: {item['n']}\ndata: {json.dumps(item)}\n\n".encode()


def sse_start() -> bytes:
    """Return the first line of an event stream."""
    return f"retry: {RETRY_MS}\n\n".encode()


def headers(wants_cors: bool, origin: str | None) -> dict[str, str]:
    """Return the headers of every answer with news.

    X-Accel-Buffering tells nginx to pass on each piece at once. Without Access-Control-Allow-Origin a browser hides the
    answer from a page of another origin (Fetch Standard, CORS protocol). `?cors=1` asks for that header, and only pages
    of this machine get it. News is no secret; but the header names one origin, and never `*` just "to make it work".
    """
    fields = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if wants_cors:
        fields["Vary"] = "Origin"
        if origin and ORIGIN_HERE.fullmatch(origin):
            fields["Access-Control-Allow-Origin"] = origin
    return fields


def request_bytes(path: str, headers: Iterable[tuple[str, str]]) -> int:
    """Return the bytes of a GET request as the client sent it."""
    sizes = [len(name) + len(value) + len(": \r\n") for name, value in headers if name.lower() not in FROM_THE_FRONT]
    return len(f"GET {path} HTTP/1.1\r\n") + sum(sizes) + len("\r\n")


def now() -> float:
    """Return the time by the clock that dates the items.

    A client on another machine compares its own clock with this one before it measures delays.
    """
    return round(time.time(), 4)


class SourceConnection:
    """A connection to the source. Closing it frees the slot."""

    def __init__(self, ask: dict[str, Any]) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.buffer = b""
        try:
            self.socket.settimeout(ANSWERS_S)
            self.socket.connect(source_address())
            self.socket.sendall(json.dumps(ask).encode() + b"\n")
            self.first = self.read(ANSWERS_S)
        except OSError:
            self.close()
            raise NoNews(503, NO_SOURCE) from None

    def read(self, seconds: float) -> Any:
        """Read a line. Raises TimeoutError, ConnectionError."""
        self.socket.settimeout(max(seconds, 0.001))
        while b"\n" not in self.buffer:
            if not (data := self.socket.recv(65536)):
                raise ConnectionError("the source is gone")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def close(self) -> None:
        self.socket.close()


def key_and_limit(environ: dict[str, Any]) -> tuple[str, int]:
    """Return the name of a client's slots, and how many may wait.

    The slots belong to a process family: one uWSGI serves four exhibits with four slots. Where the web server itself
    runs the programs, each exhibit and each front has its own slots.
    """
    exhibit, front = environ["SCRIPT_NAME"].lstrip("/"), environ.get("HTTP_X_ZOO_FRONT", "")
    family = os.environ.get("ZOO_FAMILY", "")
    if environ["wsgi.run_once"]:  # CGI: fcgiwrap's four processes for nginx, as many as come for Apache
        return f"{family} {front}", LIMIT if front == "nginx" else LIMIT_CGI
    return (f"{family} {exhibit}" if family == front else family), LIMIT


def worker() -> str:
    """Name the process and thread that hold the client."""
    return f"{os.getpid()}/{threading.get_native_id()}"


def answer(way: str) -> Response:
    """Answer the Flask request: `/news` ("") or `/news/WAY`."""
    try:
        if make := ANSWERS.get(way):
            return make()
        raise NoNews(404, "404 Not Found\n")
    except NoNews as error:
        response = Response(error.why, error.status, mimetype="text/plain")
        if error.status == 503:
            response.headers["Retry-After"] = "1"
        response.headers.update(_headers())  # a page that may read news may read the reason, too
        return response


def _response(body: Any, mimetype: str = JSON) -> Response:
    return Response(body, mimetype=mimetype, headers=_headers())


def _headers() -> dict[str, str]:
    return headers("cors" in request.args, request.headers.get("Origin"))


def _poll() -> Response:
    source = SourceConnection({"since": since(request.args.get("since"))})
    source.close()
    return _response(json.dumps([item | {"worker": worker()} for item in source.first]) + "\n")


def _wait(mimetype: str, last: int | None, tell: Any, enough: int) -> Response:
    """Answer in pieces; take a slot only if the client must wait.

    `tell(source)` makes the pieces. `enough` items end the answer; 0 means that it never ends. Raises NoNews (503) if a
    slot is needed and none is free.
    """
    if request.method == "HEAD":
        return _response(b"", mimetype)
    source = SourceConnection({"since": last})
    if not enough or len(source.first) < enough:
        source.close()
        source = _take_slot(last)
    response = _response(tell(source), mimetype)
    response.call_on_close(source.close)  # also when the generator was never started
    return response


def _take_slot(last: int | None) -> SourceConnection:
    key, limit = key_and_limit(request.environ)
    source = SourceConnection({"since": last, "key": key, "limit": limit, "worker": worker()})
    if isinstance(source.first, dict):
        source.close()
        raise busy(source.first["busy"], limit)
    return source


def _long() -> Response:
    return _wait(JSON, since(request.args.get("since")), _long_pieces, enough=1)


def _long_pieces(source: SourceConnection) -> Iterator[bytes]:
    """Write blanks until an item comes, then the list."""
    items, ends = source.first, time.monotonic() + LONG_S
    yield b" "
    while not items and time.monotonic() < ends:
        try:
            items = source.read(min(BEAT_S, ends - time.monotonic()))
        except TimeoutError:
            yield b" "
        except ConnectionError:
            break
    yield json.dumps([item | {"worker": worker()} for item in items]).encode() + b"\n"


def _events() -> Response:
    last = since(request.headers.get("Last-Event-ID") or request.args.get("since"))
    count = since(request.args.get("limit")) or 0
    return _wait("text/event-stream", last, lambda source: _event_pieces(source, count), enough=count)


def _event_pieces(source: SourceConnection, count: int) -> Iterator[bytes]:
    """Write `count` events (0: no end), and a comment when idle.

    A comment is a line that begins with a colon; it comes after every second without an event.
    """
    items, sent, ends = source.first, 0, time.monotonic() + EVENTS_S
    yield sse_start()
    while time.monotonic() < ends:
        for item in items:
            yield event(item | {"worker": worker()})
            sent += 1
            if sent == count:
                return
        try:
            items = source.read(BEAT_S)
        except TimeoutError:
            items = []
            yield b":\n\n"
        except ConnectionError:
            return


def _socket() -> Response:
    raise NoNews(501, NO_SOCKET)


def _waiting() -> Response:
    key, limit = key_and_limit(request.environ)
    source = SourceConnection({"count": key})
    source.close()
    waiting, workers = source.first
    size = request_bytes(request.full_path, request.headers.items())
    facts = {"waiting": waiting, "workers": workers, "limit": limit, "asked": size, "now": now()}
    return _response(json.dumps(facts) + "\n")


ANSWERS = {"": _poll, "long": _long, "events": _events, "socket": _socket, "waiting": _waiting}
