"""What a gateway is told by a client that takes the front's place: the meta-variables, as nginx would send them.

The names are those of nginx/params/*.conf, and a test holds the two together. What is not nginx says so: the software
and the front are `zoo wire`, the request's id is made up, the client is this machine.
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
#: What a client says itself.
OF_CLIENTS = {
    *(b"REQUEST_METHOD", b"REQUEST_URI", b"SERVER_PROTOCOL", b"CONTENT_TYPE", b"CONTENT_LENGTH"),
    *(b"HTTP_HOST", b"HTTP_USER_AGENT", b"HTTP_ACCEPT", *(os.fsencode(name) for name in HANDSHAKE)),
}
FORM = "application/x-www-form-urlencoded"  # what a client means that says nothing of its body's type


class BadWordError(ValueError):
    """A --param or --header that is none; the message says what would be one."""


@dataclass(frozen=True)
class ClientRequest:
    """A request as a person asks for it. `target`: the path, and behind a ? the query. `headers` and `params` are as
    they were written: see `header` and `param`."""

    target: str
    method: str = ""
    data: bytes | None = None
    headers: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    id: str = field(default_factory=lambda: secrets.token_hex(16))  # the request's, made up

    @property
    def verb(self) -> str:
        return self.method or ("GET" if self.data is None else "POST")


@dataclass(frozen=True)
class Target:
    """Where the path leads: `script_name` names the program, `uri` the target on the way there (a front that takes the
    prefix off has a shorter one), `more` is what the exhibit's front tells it besides."""

    script_name: str
    uri: str
    host: str
    port: int
    more: tuple[tuple[str, str], ...] = ()


def variables(asked: ClientRequest, place: Target) -> Pairs:
    """All meta-variables, the person's own last and stronger. Raises BadWordError."""
    told = {name: os.fsencode(value) for name, value in {**_ours(asked, place), **dict(place.more)}.items()}
    told["PATH_INFO"] = unquote_to_bytes(os.fsencode(asked.target.partition("?")[0]))  # decoded: 4.1.5
    pairs = [(os.fsencode(name), value) for name, value in told.items()]
    for word in asked.headers:
        pairs = _changed(pairs, [header(word)])
    return _changed(pairs, [param(word) for word in asked.params])


def headers_for_a_front(asked: ClientRequest, place: Target) -> Pairs:
    """What an ordinary client says to a web server: the rest is for the server to find out. Raises BadWordError."""
    pairs = [pair for pair in variables(replace(asked, headers=(), params=()), place) if pair[0] in OF_CLIENTS]
    for word in asked.headers:
        pairs = _changed(pairs, [header(word)])
    return pairs


def _ours(asked: ClientRequest, place: Target) -> dict[str, str]:
    """In the order of nginx/params."""
    return {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_SOFTWARE": FRONT,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": place.host,
        "SERVER_PORT": str(place.port),
        "REQUEST_METHOD": asked.verb,
        "REQUEST_SCHEME": "http",
        "REQUEST_URI": place.uri,
        "QUERY_STRING": asked.target.partition("?")[2],
        "CONTENT_TYPE": FORM if asked.data else "",
        "CONTENT_LENGTH": str(len(asked.data)) if asked.data is not None else "",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "0",  # there was no connection
        "SCRIPT_NAME": place.script_name,
        "PATH_INFO": "",  # filled in: bytes
        "HTTP_X_FORWARDED_FOR": "127.0.0.1",
        "HTTP_X_FORWARDED_PROTO": "http",
        "HTTP_X_REQUEST_ID": asked.id,
        "HTTP_X_ZOO_FRONT": FRONT,
        "HTTP_HOST": f"{place.host}:{place.port}",
        "HTTP_USER_AGENT": FRONT,
        "HTTP_ACCEPT": "*/*",
    }


def _changed(pairs: Pairs, words: list[tuple[bytes, bytes | None]]) -> Pairs:
    """Every name in `words` is theirs alone; None is left out. A name that was there keeps its place."""
    values: dict[bytes, list[bytes]] = {}
    for name, value in words:
        values.setdefault(name, []).extend([] if value is None else [value])
    changed: Pairs = []
    for name, value in pairs:
        changed += [(name, new) for new in values.pop(name, [])] if name in values else [(name, value)]
    return changed + [(name, new) for name, left in values.items() for new in left]


def param(word: str) -> tuple[bytes, bytes | None]:
    """`NAME=VALUE`; `NAME=` is sent with an empty value, `NAME` alone is not sent. Raises BadWordError."""
    name, given, value = word.partition("=")
    if not name:
        raise BadWordError(f"--param {word}: expected NAME=VALUE, or NAME alone to leave it out")
    return os.fsencode(name), os.fsencode(value) if given else None


def header(word: str) -> tuple[bytes, bytes | None]:
    """`Name: value` as the variable that fronts make of it; `Name:` is not sent. Raises BadWordError."""
    name, given, value = word.partition(":")
    if not given or not name or name != name.strip():
        raise BadWordError(f"--header {word}: expected 'Name: value', or 'Name:' to leave it out")
    variable = name.upper().replace("-", "_")
    return os.fsencode(NOT_HTTP.get(variable, f"HTTP_{variable}")), os.fsencode(value.strip()) or None
