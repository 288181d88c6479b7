"""The request that is followed: what a person chooses of it, its bounds, and its bytes.

The client that sends it is as plain as a client can be: HTTP/1.1 without TLS, one request for a connection. So the
front answers and closes, and the end of the answer has a time.
"""

import re

import msgspec

from gateway_zoo.measure.probe import CONTRACT
from gateway_zoo.registry.cages import Registry
from gateway_zoo.wire.heads import TOKEN, VALUE

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MOST_HEADERS, MOST_OF_HEADER = 20, 4000  # headers; bytes of one
MOST_OF_PATH, MOST_OF_BODY = 2000, 64 * 1024  # bytes
PATH = re.compile(r"/[!-~]*")
FORM = "application/x-www-form-urlencoded"  # the type of a body for which the person gives none
#: Headers that a person cannot choose, and why.
OURS = {
    "connection": "the follower closes each connection, so that the end of the answer has a time",
    "content-length": "the follower counts the body",
    "transfer-encoding": "the follower sends the body in one piece",
    "upgrade": "a WebSocket has no end to wait for",
    "expect": "the follower sends the body at once",
    "x-zoo-follow": "the follower itself sends it",
}
Headers = tuple[tuple[str, str], ...]


class BadQuestion(ValueError):
    """A request out of bounds. The message says what is expected."""


class Question(msgspec.Struct, frozen=True):
    """A request to any cell. `endpoint`: the path below the exhibit, with the query: /hello."""

    endpoint: str = "/hello"
    method: str = "GET"
    headers: Headers = ()
    body: bytes = b""

    def path(self, exhibit: str) -> str:
        """The path of the request to an exhibit, without the query."""
        return f"/{exhibit}{self.endpoint.partition('?')[0]}"

    def sent_headers(self, authority: str, follow: Headers = ()) -> Headers:
        """All headers as the client sends them. `authority`: host and port of the front; `follow`: the follower's."""
        given = {name.lower() for name, _ in self.headers}
        usual = [("Host", authority), ("User-Agent", "zoo follow"), ("Accept", "*/*")]
        if self.body or self.method in ("POST", "PUT", "PATCH"):
            usual += [("Content-Type", FORM)] if self.body else []
            usual += [("Content-Length", str(len(self.body)))]
        usual = [pair for pair in usual if pair[0].lower() not in given]
        return (*usual, *self.headers, *follow, ("Connection", "close"))

    def encoded(self, exhibit: str, headers: Headers) -> bytes:
        """The bytes of the request."""
        lines = [f"{self.method} /{exhibit}{self.endpoint} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + self.body


def question(endpoint: str, method: str, headers: Headers, body: bytes) -> Question:
    """Check the bounds. Raises BadQuestion."""
    if not PATH.fullmatch(endpoint) or len(endpoint) > MOST_OF_PATH:
        raise BadQuestion(
            f"the endpoint {endpoint[:80]!a}: expected a path that begins with /, of at most {MOST_OF_PATH:,} printable"
            " ASCII characters; %20 is a space"
        )
    if method not in METHODS:
        raise BadQuestion(f"the method {method[:20]!a}; expected {', '.join(METHODS[:-1])} or {METHODS[-1]}")
    if len(headers) > MOST_HEADERS:
        raise BadQuestion(f"{len(headers)} headers; expected at most {MOST_HEADERS}")
    if len(body) > MOST_OF_BODY:
        raise BadQuestion(f"a body of {len(body):,} bytes; expected at most {MOST_OF_BODY:,}")
    for name, value in headers:
        _check_header(name, value)
    names = [name.lower() for name, _ in headers]
    if names.count("host") > 1:
        raise BadQuestion("Host stands twice; expected it once")
    return Question(endpoint, method, headers, body)


def endpoints(registry: Registry, exhibit: str) -> list[str]:
    """The endpoints of an exhibit: those of the contract, and its own."""
    own = [f"/{ask.path}" for ask in registry.questions(exhibit) if not ask.upgrade]
    return list(dict.fromkeys([*(f"/{name}" for name in CONTRACT), *own]))


def _check_header(name: str, value: str) -> None:
    data = value.encode("utf-8", "surrogateescape")
    if not TOKEN.fullmatch(name.encode("utf-8", "surrogateescape")) or not VALUE.fullmatch(data):
        raise BadQuestion(
            f"the header {name[:40]!a}: {value[:40]!a}; expected 'Name: value' without control characters"
        )
    if len(name) + len(data) > MOST_OF_HEADER:
        raise BadQuestion(f"the header {name[:40]} is too long; expected at most {MOST_OF_HEADER:,} bytes")
    if why := OURS.get(name.lower()):
        raise BadQuestion(f"the header {name} cannot be chosen: {why}")


def header(word: str) -> tuple[str, str]:
    """Read 'Name: value'. Raises BadQuestion."""
    name, colon, value = word.partition(":")
    if not colon:
        raise BadQuestion(f"the header {word[:80]!a}; expected 'Name: value'")
    return name, value.strip(" \t")
