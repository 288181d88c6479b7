"""Report one request to `zoo follow`: what the program was given, and which process, thread and lines answered.

The front marks the id of a followed request: follow3-… ($zoo_id in nginx/nginx.conf, UNIQUE_ID in apache/httpd.conf).
The program imports this module only then, so no other request pays for it. The report is one datagram of JSON to
$ZOO_RUN/sock/follow3.sock, beside the sockets of the gateways; gateway_zoo/follow/reports.py reads it. The answer stays
the same, also if nobody listens. php/follow.php is the same in PHP.

A value is shown only if its name is known to hold no secret; of all other names the report has the name and "(masked)".
So the process environment, which CGI mixes with the request, gives nothing away.
"""

import contextlib
import inspect
import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.exceptions import HTTPException
from zoo_status import META_VARIABLES, SECRETS

FOLLOWED = re.compile(r"follow([1-9][0-9]?)-[!-~]{1,100}")  # an id; the number is the socket's
BYTES = 60_000  # the longest datagram that every socket takes (net.core.wmem_default is 212,992)
NAMES, NAME = 300, 100  # names in a report, characters of a name
CUTS = (4000, 400, 40, 0)  # characters of a value: the first length with which the report is short enough

#: Names without a secret, beside META_VARIABLES and HTTP_*: what servers add, and the zoo's own.
KNOWN = re.compile(
    r"(wsgi|mod_wsgi|uwsgi|gunicorn|waitress|fcgisgi|asgi|apache)\..+"
    r"|(CONTEXT|DOCUMENT|FCGI|REQUEST|SCRIPT|SERVER|REMOTE)_[A-Z_]+|SCGI|RAW_URI|UNIQUE_ID|UWSGI_ROUTER"
    r"|AJP_(LOCAL_ADDR|REMOTE_PORT)|SSL_(PROTOCOL|CIPHER|TLS_SNI)|proxy[-_][a-z-]+|ap_trust_cgilike_cl|NO_BUFFERING"
    r"|ZOO_(RUN|FAMILY|ECHO|EXHIBIT|OURS|REFUSED|MISSING)|zoo_base|PATH|PYTHONPATH|LANG|LC_[A-Z]+|HOME|PWD|USER"
)
#: The keys of an ASGI scope (specification 3.0) but its headers.
SCOPE = "type asgi http_version server client scheme method root_path path raw_path query_string subprotocols".split()
MASKED = "(masked)"
PLAIN = (str, bytes, int, float, type(None))
ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def report_wsgi(id: str, given: Mapping[str, Any], environ: dict[str, Any], began: float, status: str) -> None:
    """Report a request to the Flask app. `given`: the environment before the app wrote into it; `environ`: after."""
    kind = "WSGI environ"
    if "GATEWAY_INTERFACE" in os.environ:  # a CGI program: the process itself was given the request
        kind, given = "CGI environment", os.environ
    report(id, environ["SCRIPT_NAME"][1:], kind, shown(given), began, int(status), _view(environ))


def _view(environ: dict[str, Any]) -> Callable[..., Any]:
    """Return the function that answered: Flask has forgotten it by now, so match the path again."""
    import zoo_app

    try:
        endpoint, _ = zoo_app.app.url_map.bind_to_environ(environ).match()
    except HTTPException:
        return zoo_app.plain_error
    return zoo_app.app.view_functions[endpoint]


def report(
    id: str,
    exhibit: str,
    kind: str,
    given: Mapping[str, str],
    began: float,
    status: int,
    function: Callable[..., Any],
) -> None:
    """Send a report; do nothing where that is impossible.

    `began`: monotonic seconds; `function`: the one that answered.
    """
    if not (followed := FOLLOWED.fullmatch(id)):
        return
    facts = {
        "id": id,
        "exhibit": exhibit,
        "kind": kind,
        "pid": os.getpid(),
        "thread": threading.get_native_id(),
        "began": began,
        "ended": time.monotonic(),
        "status": status,
        "source": _source(function),
    }
    path = os.path.join(os.environ.get("ZOO_RUN", ""), "sock", f"follow{followed[1]}.sock")
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)  # a follower that does not read must not hold the answer back
        sender.sendto(_datagram(facts, given), path)


def _datagram(facts: dict[str, Any], given: Mapping[str, str]) -> bytes:
    names = list(given)[:NAMES]
    rest = {"…": f"(and {len(given) - NAMES} names more)"} if len(given) > NAMES else {}
    for most in CUTS:
        cut = {name[:NAME]: _cut(given[name], most) for name in names}
        data = json.dumps(facts | {"given": cut | rest}).encode()
        if len(data) <= BYTES:
            break
    return data


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


def _source(function: Callable[..., Any]) -> dict[str, Any] | None:
    """Return file, first and last line of a function, its decorators included."""
    function = inspect.unwrap(function)
    try:
        lines, first = inspect.getsourcelines(function)
        file = os.path.relpath(os.path.realpath(inspect.getfile(function)), ROOT)
    except (OSError, TypeError):  # no file
        return None
    return {"file": file, "first": first, "last": first + len(lines) - 1}


def shown(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return name -> text of a WSGI or CGI environment, with the secrets masked."""
    return {name: _text(value) if _is_known(name) else MASKED for name, value in sorted(environ.items())}


def _is_known(name: str) -> bool:
    if name.startswith("HTTP_"):
        return name not in SECRETS
    return name in META_VARIABLES or KNOWN.fullmatch(name) is not None


def shown_scope(scope: Mapping[str, Any]) -> dict[str, str]:
    """Return name -> text of an ASGI scope. A header is `headers[name]`."""
    texts = {name: _text(value) if name in SCOPE else MASKED for name, value in scope.items() if name != "headers"}
    texts["asgi"] = ", ".join(f"{name} {version}" for name, version in scope["asgi"].items())
    for name, value in scope["headers"]:
        place, text = f"headers[{name.decode('latin-1')}]", value.decode("latin-1")
        variable = f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}"
        texts[place] = MASKED if variable in SECRETS else f"{texts[place]}, {text}" if place in texts else text
    return texts


def _text(value: Any) -> str:
    """Write a value, or several in a row. Of any other object write the class only: asgi.scope contains the cookies."""
    if isinstance(value, (list, tuple)) and all(isinstance(item, PLAIN) for item in value):
        return ", ".join(map(_text, value))
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, PLAIN):
        return str(value)
    return f"an object of the class {type(value).__module__}.{type(value).__qualname__}".replace(" builtins.", " ")
