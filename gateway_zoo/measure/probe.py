"""Asking a cell over HTTP, as any client would, and knowing what it should have answered.

The contract stands here once; `up`, `check` and `compare` and the tests all use it. Nothing but HTTP: it works against
any running zoo, also one in containers.
"""

import base64
import os
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway_zoo.registry.cagefile import Question
from gateway_zoo.safe_io import bounded

TEXT = "text/plain; charset=utf-8"
#: Endpoint -> (content type, body). None: differs from process to process, only its shape is checked.
CONTRACT: dict[str, tuple[str, bytes | None]] = {
    "hello": (TEXT, b"Hello from the Gateway Zoo\n"),
    "ping": (TEXT, b"pong\n"),
    "status": (TEXT, None),
}


@dataclass(frozen=True)
class Answer:
    """One response. `headers` with lower-case names; `ms` from connect to the last byte."""

    status: int
    headers: dict[str, str]
    body: bytes
    ms: float


def ask_faults(ask: Question, answer: Answer) -> list[str]:
    """What is wrong with the answer to an exhibit's own question, held against its cage.toml."""
    wrong = []
    if answer.status != ask.status:
        return [f"status {answer.status}, expected {ask.status}"]
    if not answer.headers.get("content-type", "").startswith(ask.type):
        wrong.append(f"Content-Type {answer.headers.get('content-type')!r}, expected {ask.type!r}")
    if ask.contains.encode() not in answer.body:
        wrong.append(f"body {answer.body[:60]!r}, expected {ask.contains!r} in it")
    return wrong


def handshake(url: str) -> dict[str, str]:
    """Request headers of a WebSocket's opening handshake (RFC 6455, section 4.1) by a page of the same origin."""
    key = base64.b64encode(os.urandom(16)).decode()
    return {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
        "Origin": "{0.scheme}://{0.netloc}".format(urlsplit(url)),
    }


def ask(
    url: str,
    method: str = "GET",
    timeout: float = 30,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    authority: str | None = None,
    limit: int = bounded.BYTES,
) -> Answer:
    """Send one request on a connection of its own. OSError or http.client.HTTPException without a proper answer.
    `timeout`: seconds for the whole answer; `limit`: its bytes.

    `authority`: the file of the certificate authority to trust, for https.
    """
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    connection = bounded.connect(url, timeout, limit, authority)
    started = time.perf_counter()
    try:
        connection.request(method, path or "/", body=body, headers={"Connection": "close", **(headers or {})})
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    ms = (time.perf_counter() - started) * 1000
    return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, content, ms)


def faults(endpoint: str, method: str, answer: Answer) -> list[str]:
    """What is wrong with an answer, held against the contract; empty if nothing."""
    content_type, body = CONTRACT[endpoint]
    wrong = []
    if answer.status != 200:
        return [f"status {answer.status}, expected 200"]
    if answer.headers.get("content-type") != content_type:
        wrong.append(f"Content-Type {answer.headers.get('content-type')!r}, expected {content_type!r}")
    length = answer.headers.get("content-length")
    if method == "HEAD":
        if answer.body:
            wrong.append(f"HEAD answered with {len(answer.body)} bytes of body")
        if body is not None and length not in (str(len(body)), None):
            wrong.append(f"Content-Length {length}, expected {len(body)}")
        return wrong
    if length != str(len(answer.body)):
        wrong.append(f"Content-Length {length}, but {len(answer.body)} bytes came")
    if body is not None and answer.body != body:
        wrong.append(f"body {answer.body[:60]!r}, expected {body!r}")
    if body is None and not answer.body.startswith(b"exhibit:"):
        wrong.append(f"body {answer.body[:60]!r}, expected the status text")
    return wrong
