"""THE application of the zoo, written once: hello, ping and status.

Every gateway imports `app` from here and nothing else. It imports no gateway and knows none: what it
can say about the way a request came in, it reads from the WSGI environment (PEP 3333) and from the
operating system.

A request for `/<exhibit>/hello` arrives with SCRIPT_NAME `/<exhibit>` and PATH_INFO `/hello` through
every protocol: that is the front's and the gateway's job, so the routes below name no exhibit.

What trips people up: nothing here may depend on the process living long. Under CGI this module is
imported for every single request.
"""

import gc
import io
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import get_input_stream

app = Flask(__name__, static_folder=None)
# The zoo compares gateways byte for byte: no redirect from //ping to /ping behind our backs.
app.url_map.merge_slashes = False
app.json.sort_keys = False  # type: ignore[attr-defined]  # DefaultJSONProvider has it, the base class does not

# Requests that reached this process. next() on a count is atomic, so threads need no lock;
# a forked worker starts from zero, because nobody asks before the fork.
_arrivals = itertools.count(1)


def _text(body: str, status: int = 200) -> Response:
    return Response(body, status, mimetype="text/plain")


@app.get("/hello", provide_automatic_options=False)
def hello() -> Response:
    """The same 27 bytes through every gateway."""
    return _text("Hello from the Gateway Zoo\n")


@app.get("/ping", provide_automatic_options=False)
def ping() -> Response:
    """The cheapest request there is."""
    return _text("pong\n")


@app.get("/status", provide_automatic_options=False)
def status() -> ResponseReturnValue:
    """Which process answered, and what it was told. Text; `?json`, `?html`; `?full` adds the family.

    `?hold=MS` stays that long (at most 1000 ms), and says from when to when on the machine's monotonic clock: requests
    that hold can be seen to overlap, which is how `zoo compare` counts what an exhibit does at once.
    """
    import zoo_status  # late: neither hello nor ping, nor a CGI start, should pay for it

    facts = zoo_status.facts(request.environ, request.environ["zoo.arrival"])
    if "hold" in request.args:
        facts["held"] = _hold(request.args.get("hold", 0, type=int))
    if "full" in request.args:
        facts["processes"] = zoo_status.family(os.getpid(), request.environ["zoo.arrival"])
    if "json" in request.args:
        return app.json.response(facts)
    if "html" in request.args:
        return zoo_status.as_html(facts)
    return _text(zoo_status.as_text(facts))


@app.get("/news", defaults={"what": ""}, provide_automatic_options=False)
@app.get("/news/<what>", provide_automatic_options=False)
@app.get(
    "/news/<what>", websocket=True, provide_automatic_options=False
)  # a handshake: 501 and why, not werkzeug's 400
def news(what: str) -> ResponseReturnValue:
    """Four ways to hear news: `/news`, `/news/long`, `/news/events`, `/news/socket`; see the label in news/."""
    import zoo_news  # late, for the same reason

    return zoo_news.answer(what)


def _hold(ms: int) -> dict[str, float]:
    began = time.monotonic()
    time.sleep(min(max(ms, 0), 1000) / 1000)
    return {"from": began, "to": time.monotonic()}


if os.environ.get("ZOO_ECHO") == "1":  # off unless asked for: `zoo up --echo`, for tests and labs

    @app.route("/echo", methods=["GET", "POST"], provide_automatic_options=False)
    def echo() -> ResponseReturnValue:
        """What arrived: method, body and variables, secrets masked."""
        import zoo_status

        return app.json.response(zoo_status.arrived(request.environ, request.get_data()))


@app.errorhandler(HTTPException)
def plain_error(error: HTTPException) -> Response:
    """404, 405 (with its Allow header) and 500 as one line of text: curl is the zoo's first browser."""
    response = _text(f"{error.code} {error.name}\n", error.code or 500)
    response.headers.extend((k, v) for k, v in error.get_headers() if k == "Allow")
    return response


class Counted:
    """Around the app: number the request, take its body, and write one line about it on standard error.

    The line is the same behind every gateway; `zoo logs` joins it with the front's by the request id. Fields: unix
    time, request id, exhibit, endpoint, status, bytes, milliseconds in the app, process, thread. os.write, because a
    line must not be torn by other threads. Plain WSGI instead of Flask's hooks, because every ping pays for it.
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["zoo.arrival"] = next(_arrivals)
        began = time.perf_counter()
        if environ.get("CONTENT_LENGTH", "") not in ("", "0"):
            # The whole of it (the fronts send no more than 1 MiB) before any answer: an answer first would end the
            # connection under the front, which may make it a 502, behind Apache not only for the client that sent it.
            environ["wsgi.input"] = io.BytesIO(get_input_stream(environ).read())
        seen = ["500", "0"]

        def started(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            seen[:] = [status[:3], dict(headers).get("Content-Length", "0")]
            return start_response(status, headers, *exc_info)

        result: Iterable[bytes] = self.inner(environ, started)
        taken_ms = (time.perf_counter() - began) * 1000
        status, length = seen
        line = (
            f"{time.time():.3f} {environ.get('HTTP_X_REQUEST_ID') or '-'} {environ['SCRIPT_NAME'][1:] or '-'} "
            f"{ENDPOINTS.get(environ['PATH_INFO'], '-')} {status} {length} {taken_ms:.2f} "
            f"{os.getpid()} {threading.get_native_id()}\n"
        )
        os.write(2, line.encode("ascii", "backslashreplace"))
        return result


#: Paths are written by strangers: only these are named in the log.
ENDPOINTS = {"/hello": "hello", "/ping": "ping", "/status": "status", "/echo": "echo", "/news": "news"}
ENDPOINTS |= {f"/news/{what}": f"news-{what}" for what in ("long", "events", "socket", "waiting")}
app.wsgi_app = Counted(app.wsgi_app)  # type: ignore[method-assign]  # Flask's own way to wrap the app


# What importing made lives as long as the process. Out of the collector's sight, its pages stay
# shared between a master and the workers that it forks.
gc.collect()
gc.freeze()
