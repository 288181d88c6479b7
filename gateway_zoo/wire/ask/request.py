"""The meta-variables of a request, as nginx would send them.

The names are those of nginx/params/*.conf; a test compares the two. Some values are not nginx's: software and front are
`zoo wire`, the request's id is random, the client is this machine.
"""

import os
import secrets
from dataclasses import dataclass, field, replace
from urllib.parse import unquote_to_bytes

from gateway_zoo.wire.events import Pairs

FRONT = "zoo wire"
#: Headers that have meta-variables of their own (RFC 3875 4.1.2, 4.1.3).
NOT_HTTP = {"CONTENT_TYPE": "CONTENT_TYPE", "CONTENT_LENGTH": "CONTENT_LENGTH"}
#: An opening handshake (RFC 6455 4.1); the key only has to be 16 bytes in base64.
HANDSHAKE = {
    "HTTP_UPGRADE": "websocket",
    "HTTP_CONNECTION": "Upgrade",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
    "HTTP_SEC_WEBSOCKET_KEY": "Z2F0ZXdheSB6b28gd2lyZQ==",
}
#: Variables that a client determines, not the front.
OF_CLIENTS = {
    *(b"REQUEST_METHOD", b"REQUEST_URI", b"SERVER_PROTOCOL", b"CONTENT_TYPE", b"CONTENT_LENGTH"),
    *(b"HTTP_HOST", b"HTTP_USER_AGENT", b"HTTP_ACCEPT", *(os.fsencode(name) for name in HANDSHAKE)),
}
FORM = "application/x-www-form-urlencoded"  # the type of a body for which the client gives none


class BadWordError(ValueError):
    """A wrong --param or --header. The message tells a right one."""


@dataclass(frozen=True)
class ClientRequest:
    """A request as a person writes it. `target`: the path, and behind a ? the query. `headers` and `params` are words
    for `header` and `param`; `message` names another message than the ordinary request, and `value` is its value."""

    target: str
    method: str = ""
    data: bytes | None = None
    headers: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    message: str | None = None
    value: bytes = b""
    id: str = field(default_factory=lambda: secrets.token_hex(16))  # random

    @property
    def verb(self) -> str:
        return self.method or ("GET" if self.data is None else "POST")


@dataclass(frozen=True)
class Target:
    """Where a request leads. `script_name`: path of the program; `uri`: REQUEST_URI (shorter if the front strips the
    prefix); `more`: variables that the exhibit's front adds."""

    script_name: str
    uri: str
    host: str
    port: int
    more: tuple[tuple[str, str], ...] = ()


def variables(request: ClientRequest, target: Target) -> Pairs:
    """All meta-variables; --header and --param overrule the others. Raises BadWordError."""
    values = {name: os.fsencode(value) for name, value in {**_defaults(request, target), **dict(target.more)}.items()}
    values["PATH_INFO"] = unquote_to_bytes(os.fsencode(request.target.partition("?")[0]))  # decoded: 4.1.5
    pairs = [(os.fsencode(name), value) for name, value in values.items()]
    for word in request.headers:
        pairs = _changed(pairs, [header(word)])
    return _changed(pairs, [param(word) for word in request.params])


def headers_for_a_front(request: ClientRequest, target: Target) -> Pairs:
    """What an ordinary client says to a web server. The server makes the rest. Raises BadWordError."""
    pairs = [pair for pair in variables(replace(request, headers=(), params=()), target) if pair[0] in OF_CLIENTS]
    for word in request.headers:
        pairs = _changed(pairs, [header(word)])
    return pairs


def _defaults(request: ClientRequest, target: Target) -> dict[str, str]:
    """In the order of nginx/params."""
    return {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_SOFTWARE": FRONT,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": target.host,
        "SERVER_PORT": str(target.port),
        "REQUEST_METHOD": request.verb,
        "REQUEST_SCHEME": "http",
        "REQUEST_URI": target.uri,
        "QUERY_STRING": request.target.partition("?")[2],
        "CONTENT_TYPE": FORM if request.data else "",
        "CONTENT_LENGTH": str(len(request.data)) if request.data is not None else "",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "0",  # there was no connection
        "SCRIPT_NAME": target.script_name,
        "PATH_INFO": "",  # filled in: bytes
        "HTTP_X_FORWARDED_FOR": "127.0.0.1",
        "HTTP_X_FORWARDED_PROTO": "http",
        "HTTP_X_REQUEST_ID": request.id,
        "HTTP_X_ZOO_FRONT": FRONT,
        "HTTP_HOST": f"{target.host}:{target.port}",
        "HTTP_USER_AGENT": FRONT,
        "HTTP_ACCEPT": "*/*",
    }


def _changed(pairs: Pairs, words: list[tuple[bytes, bytes | None]]) -> Pairs:
    """Replace all values of each name in `words`; None removes the name. A name that exists keeps its target."""
    values: dict[bytes, list[bytes]] = {}
    for name, value in words:
        values.setdefault(name, []).extend([] if value is None else [value])
    changed: Pairs = []
    for name, value in pairs:
        changed += [(name, new) for new in values.pop(name, [])] if name in values else [(name, value)]
    return changed + [(name, new) for name, added in values.items() for new in added]


def param(word: str) -> tuple[bytes, bytes | None]:
    """Read `NAME=VALUE`. `NAME=` sends an empty value, `NAME` removes the variable. Raises BadWordError."""
    name, given, value = word.partition("=")
    if not name:
        raise BadWordError(f"--param {word}: expected NAME=VALUE, or NAME alone to leave it out")
    return os.fsencode(name), os.fsencode(value) if given else None


def header(word: str) -> tuple[bytes, bytes | None]:
    """Read `Name: value`, as the variable that fronts make of it. `Name:` removes it. Raises BadWordError."""
    name, given, value = word.partition(":")
    if not given or not name or name != name.strip():
        raise BadWordError(f"--header {word}: expected 'Name: value', or 'Name:' to leave it out")
    variable = name.upper().replace("-", "_")
    return os.fsencode(NOT_HTTP.get(variable, f"HTTP_{variable}")), os.fsencode(value.strip()) or None
