"""The zoo's application, written once: hello, ping, status.

Every gateway imports `app` from this module and nothing else. The module imports no gateway and knows
none. What it says about the way of a request, it reads from the WSGI environment (PEP 3333) and from
the operating system.

A request for `/<exhibit>/hello` arrives with SCRIPT_NAME `/<exhibit>` and PATH_INFO `/hello` through
every protocol. The front and the gateway split the path, so the routes below name no exhibit.

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
from flask.sessions import NullSession, SessionInterface
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import get_input_stream

app = Flask(__name__, static_folder=None)
# The zoo compares gateways byte for byte, so Flask must not redirect //ping to /ping by itself.
app.url_map.merge_slashes = False
app.json.sort_keys = False  # type: ignore[attr-defined]  # DefaultJSONProvider has it, the base class does not


class NoSessions(SessionInterface):
    """The app keeps no sessions. Flask would make an empty one for every request, and every ping would pay for it."""

    none = NullSession()

    def open_session(self, app: Flask, request: object) -> NullSession:
        """Give each request the same empty session, which refuses to be written."""
        return self.none


app.session_interface = NoSessions()

# Counts the requests of this process. next() on a count is atomic, so threads need no lock.
# A forked worker starts from zero, because no request arrives before the fork.
_arrivals = itertools.count(1)


def _text(body: str, status: int = 200) -> Response:
    return Response(body, status, content_type="text/plain; charset=utf-8")


@app.get("/hello", provide_automatic_options=False)
def hello() -> Response:
    """Answer the same 27 bytes through every gateway."""
    return _text("Hello from the Gateway Zoo\n")


@app.get("/ping", provide_automatic_options=False)
def ping() -> Response:
    """Answer the cheapest request there is."""
    return _text("pong\n")


@app.get("/status", provide_automatic_options=False)
def status() -> ResponseReturnValue:
    """Show the process that answers, and the variables it got.

    The answer is text; `?json` and `?html` change that; `?full` adds all processes of the family. `?hold=MS` waits (at
    most 1000 ms) and adds its begin and end on the machine's monotonic clock. From such requests `zoo compare` counts
    how many an exhibit serves at the same time: their times overlap.
    """
    import zoo_status  # late: hello, ping and a CGI start should not pay for it

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


@app.get("/news", defaults={"way": ""}, provide_automatic_options=False)
@app.get("/news/<way>", provide_automatic_options=False)
# Without this line a WebSocket's handshake would get werkzeug's 400; zoo_news answers 501 and the reason.
@app.get("/news/<way>", websocket=True, provide_automatic_options=False)
def news(way: str) -> ResponseReturnValue:
    """Tell news in one of four ways; zoo_news lists them."""
    import zoo_news  # late, for the same reason

    return zoo_news.answer(way)


def _hold(ms: int) -> dict[str, float]:
    began = time.monotonic()
    time.sleep(min(max(ms, 0), 1000) / 1000)
    return {"from": began, "to": time.monotonic()}


if os.environ.get("ZOO_ECHO") == "1":  # only after `zoo up --echo`: for tests and labs

    @app.route("/echo", methods=["GET", "POST"], provide_automatic_options=False)
    def echo() -> ResponseReturnValue:
        """Show the request that arrived, with its secrets masked."""
        import zoo_status

        return app.json.response(zoo_status.arrived(request.environ, request.get_data()))


@app.errorhandler(HTTPException)
def plain_error(error: HTTPException) -> Response:
    """Answer an error as one line of text; a 405 keeps Allow."""
    response = _text(f"{error.code} {error.name}\n", error.code or 500)
    response.headers.extend((k, v) for k, v in error.get_headers() if k == "Allow")
    return response


class RequestLog:
    """Wrap the app: number, read and log every request.

    The log line goes to standard error and is the same behind every gateway; `zoo logs` joins it with the front's line
    by the request id. Its fields: unix time, request id, exhibit, endpoint, status, bytes, milliseconds in the app,
    process, thread. os.write sends a line in one piece, so that threads do not mix their lines. This is plain WSGI and
    no Flask hook, because every ping pays for it. A request that `zoo follow` sent is also reported (zoo_follow).
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        id = environ.get("HTTP_X_REQUEST_ID") or "-"
        given = dict(environ) if id.startswith("follow") else None  # before anything writes into environ
        environ["zoo.arrival"] = next(_arrivals)
        began = time.monotonic()
        if environ.get("CONTENT_LENGTH", "") not in ("", "0"):
            # Read the whole body (the fronts send at most 1 MiB) before the app answers. An earlier answer would close
            # the connection while the front still sends. The front may then answer 502; Apache also to other clients.
            environ["wsgi.input"] = io.BytesIO(get_input_stream(environ).read())
        status, length = "500", "0"  # until the app tells its own

        def started(line: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            nonlocal status, length
            status, length = line[:3], dict(headers).get("Content-Length", "0")
            return start_response(line, headers, *exc_info)

        result: Iterable[bytes] = self.inner(environ, started)
        taken_ms = (time.monotonic() - began) * 1000
        exhibit, endpoint = environ["SCRIPT_NAME"][1:] or "-", ENDPOINTS.get(environ["PATH_INFO"], "-")
        line = (
            f"{time.time():.3f} {id} {exhibit} {endpoint} {status} {length} {taken_ms:.2f} "
            f"{os.getpid()} {threading.get_native_id()}\n"
        )
        os.write(2, line.encode("ascii", "backslashreplace"))
        if given:
            import zoo_follow  # late: no other request pays for it

            zoo_follow.report_wsgi(id, given, environ, began, status)
        return result


#: The paths that the log names. Clients may write anything into a path, so all others are logged as "-".
ENDPOINTS = {"/hello": "hello", "/ping": "ping", "/status": "status", "/echo": "echo", "/news": "news"}
ENDPOINTS |= {f"/news/{way}": f"news-{way}" for way in ("long", "events", "socket", "waiting")}
app.wsgi_app = RequestLog(app.wsgi_app)  # type: ignore[method-assign]  # Flask's own way to wrap the app


# The objects made by the imports live as long as the process. freeze() hides them from the garbage collector, which
# would write into them; unwritten memory pages stay shared between a master and the workers that it forks.
gc.collect()
gc.freeze()
