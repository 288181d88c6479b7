"""News, as a WSGI program can tell it: `/news` and what is below. zoo_app imports this when the first one asks.

| path | how the client hears it |
|---|---|
| `/news?since=N` | polling: what is newer than N, at once |
| `/news/long?since=N` | long polling: the same, but if there is nothing the answer waits, LONG_S at most |
| `/news/events` | Server-Sent Events: an answer that does not end (HTML Living Standard, section 9.2) |
| `/news/socket` | WebSocket: not here; see NO_SOCKET |
| `/news/waiting` | how many wait here, how many workers they hold, and what the time is here |

WSGI is a call that returns when the answer is complete, so whoever waits holds a thread or a process, one of four.
That is why so few may: see LIMIT. (asgi/news_app.py tells the same news without holding any.)

What trips people up: the only way for a WSGI program to learn that its client is gone is to write to it (PEP 3333 has
no call to ask). So both waiting answers write a few bytes every BEAT_S: SSE a comment, the long poll a blank, which
JSON allows in front of a value. The server then sees the broken connection, and calls close() on our generator.
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

LONG_S = 20.0  # a long poll's limit: below every time-out on the way (60 s in the fronts)
EVENTS_S = 60.0  # an answer's longest life: EventSource comes again by itself. For servers that never notice a loss
BEAT_S = 1.0
RETRY_MS = 1000  # how long EventSource waits before it does
ANSWERS_S = 5.0  # the source answers at once, or it is not there
#: Origins of pages that this machine itself serves, on any port. The rule stands here and not in
#: gateway_zoo.serving.same_origin, because it answers another question (which *other* origins may read?), and because
#: app/ imports nothing of the zoo.
ORIGIN_HERE = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?")
#: Waiting clients: three of the four slots, so that one is always left for ping. Apache starts a process for each CGI
#: request, without any pool: there only Apache's own threads are few.
LIMIT, LIMIT_CGI = 3, 32

NO_SOCKET = "no WebSocket here: a WSGI program is called and returns; it gets no connection to take over (PEP 3333)\n"
NO_SOURCE = "the news source does not answer; it is started with the zoo\n"
JSON = "application/json"
FROM_THE_FRONT = {"x-forwarded-for", "x-forwarded-proto", "x-request-id", "x-zoo-front"}


class NoNews(Exception):
    """The answer instead of news: status and one line of text."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


def source_address() -> str:
    """Path of the source's socket: absolute, because CGI programs start in a directory of their own."""
    return os.path.join(os.environ["ZOO_RUN"], "sock", "news.sock")


def since(text: str | None) -> int | None:
    """The last item that the client has seen; None: it does not say. Raises NoNews (400) for what is no number."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise NoNews(400, "since (or Last-Event-ID) must be the number of an item, such as 1700000000\n")
    return int(text)


def busy(waiting: int, limit: int) -> NoNews:
    return NoNews(
        503, f"{waiting} clients wait here already and {limit} may: each holds a slot; ask again in a second\n"
    )


def event(item: dict[str, Any]) -> bytes:
    """An item as a Server-Sent Event. json.dumps writes no line end, so one data line is enough."""
    return f"id: {item['n']}\ndata: {json.dumps(item)}\n\n".encode()


def sse_start() -> bytes:
    return f"retry: {RETRY_MS}\n\n".encode()


def headers(wants_cors: bool, origin: str | None) -> dict[str, str]:
    """For every answer with news. X-Accel-Buffering is nginx's: pass on each piece as it comes.

    Without Access-Control-Allow-Origin a browser gives nothing of this to a page of another origin (Fetch Standard,
    CORS protocol). `?cors=1` asks for it, and only pages of this machine get it: news are no secret, but who may read
    what is said in one place, and `*` is never the answer to "it does not work".
    """
    made = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if wants_cors:
        made["Vary"] = "Origin"
        if origin and ORIGIN_HERE.fullmatch(origin):
            made["Access-Control-Allow-Origin"] = origin
    return made


def request_bytes(path: str, headers: Iterable[tuple[str, str]]) -> int:
    """Size of a GET request as it left the client: request line and headers, without those that the front adds."""
    sizes = [len(name) + len(value) + len(": \r\n") for name, value in headers if name.lower() not in FROM_THE_FRONT]
    return len(f"GET {path} HTTP/1.1\r\n") + sum(sizes) + len("\r\n")


def now() -> float:
    """This machine's clock, the one by which items are made: whoever measures delays elsewhere compares their own."""
    return round(time.time(), 4)


# --- the source -------------------------------------------------------------------------------------------------------


class Line:
    """A connection to the source. Closed, it is not counted any more."""

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
        """The next line; TimeoutError if none comes within `seconds`, ConnectionError at the end."""
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
    """Which slots a waiting client takes, and how many of them may be taken.

    The slots are those of a process family: one uWSGI serves four exhibits with four. Where the web server itself runs
    the programs, each exhibit and each front has its own.
    """
    exhibit, front = environ["SCRIPT_NAME"].lstrip("/"), environ.get("HTTP_X_ZOO_FRONT", "")
    family = os.environ.get("ZOO_FAMILY", "")
    if environ["wsgi.run_once"]:  # CGI: fcgiwrap's four processes for nginx, as many as come for Apache
        return f"{family} {front}", LIMIT if front == "nginx" else LIMIT_CGI
    return (f"{family} {exhibit}" if family == front else family), LIMIT


def worker() -> str:
    """Who holds the client: process and thread."""
    return f"{os.getpid()}/{threading.get_native_id()}"


# --- the answers ------------------------------------------------------------------------------------------------------


def answer(what: str) -> Response:
    """`/news` (empty), `/news/long` and so on. Called within a Flask request."""
    try:
        if made := ANSWERS.get(what):
            return made()
        raise NoNews(404, "404 Not Found\n")
    except NoNews as error:
        response = Response(error.why, error.status, mimetype="text/plain")
        if error.status == 503:
            response.headers["Retry-After"] = "1"
        response.headers.update(_wanted())  # a page of another origin may read why, where it may read news
        return response


def _response(body: Any, mimetype: str = JSON) -> Response:
    return Response(body, mimetype=mimetype, headers=_wanted())


def _wanted() -> dict[str, str]:
    return headers("cors" in request.args, request.headers.get("Origin"))


def _poll() -> Response:
    line = Line({"since": since(request.args.get("since"))})
    line.close()
    return _response(json.dumps([item | {"worker": worker()} for item in line.first]) + "\n")


def _wait(mimetype: str, last: int | None, tell: Any, enough: int) -> Response:
    """`tell(line)` makes the pieces of the answer. Only who must wait for `enough` items (0: for ever) needs a place
    among those who do, and there may be none."""
    if request.method == "HEAD":
        return _response(b"", mimetype)
    line = Line({"since": last})
    if not enough or len(line.first) < enough:
        line.close()
        line = _place(last)
    response = _response(tell(line), mimetype)
    response.call_on_close(line.close)  # also when the generator was never started
    return response


def _place(last: int | None) -> Line:
    key, limit = key_and_limit(request.environ)
    line = Line({"since": last, "key": key, "limit": limit, "worker": worker()})
    if isinstance(line.first, dict):
        line.close()
        raise busy(line.first["busy"], limit)
    return line


def _long() -> Response:
    return _wait(JSON, since(request.args.get("since")), _long_pieces, enough=1)


def _long_pieces(line: Line) -> Iterator[bytes]:
    """Blanks until there is something to tell, then the list."""
    items, ends = line.first, time.monotonic() + LONG_S
    yield b" "
    while not items and time.monotonic() < ends:
        try:
            items = line.read(min(BEAT_S, ends - time.monotonic()))
        except TimeoutError:
            yield b" "
        except ConnectionError:
            break
    yield json.dumps([item | {"worker": worker()} for item in items]).encode() + b"\n"


def _events() -> Response:
    last = since(request.headers.get("Last-Event-ID") or request.args.get("since"))
    count = since(request.args.get("limit")) or 0
    return _wait("text/event-stream", last, lambda line: _event_pieces(line, count), enough=count)


def _event_pieces(line: Line, count: int) -> Iterator[bytes]:
    """Events, and a comment (a line that begins with a colon) after every second without one. `count` 0: no end."""
    items, told, ends = line.first, 0, time.monotonic() + EVENTS_S
    yield sse_start()
    while time.monotonic() < ends:
        for item in items:
            yield event(item | {"worker": worker()})
            told += 1
            if told == count:
                return
        try:
            items = line.read(BEAT_S)
        except TimeoutError:
            items = []
            yield b":\n\n"
        except ConnectionError:
            return


def _socket() -> Response:
    raise NoNews(501, NO_SOCKET)


def _waiting() -> Response:
    key, limit = key_and_limit(request.environ)
    line = Line({"count": key})
    line.close()
    waiting, workers = line.first
    asked = request_bytes(request.full_path, request.headers.items())
    facts = {"waiting": waiting, "workers": workers, "limit": limit, "asked": asked, "now": now()}
    return _response(json.dumps(facts) + "\n")


ANSWERS = {"": _poll, "long": _long, "events": _events, "socket": _socket, "waiting": _waiting}
