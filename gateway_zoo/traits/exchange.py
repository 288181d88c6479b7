"""One HTTP exchange on a plain socket: the bytes as they were sent, and the pieces of the answer as they came.

A probe wants to send what no client library sends (two lengths, half a body, a pause), and to see what a library hides
(when each piece came, how the connection ended). So this is a socket and a reader of answers that forgives: what is
wrong with an answer is a finding, no error.
"""

import contextlib
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

SECONDS = 20.0  # for a whole exchange, unless a probe waits longer
MOST = 8_000_000  # bytes of an answer
CHUNK = 65_536

Part = bytes | float
"""Bytes to send, or seconds to wait before the next part."""


@dataclass(frozen=True)
class Piece:
    """Bytes that came with one read. `ms`: since the connection was open."""

    ms: float
    data: bytes


@dataclass
class Answer:
    """A response, read from its bytes. `reason` and `headers` as they came, the names in lower case.

    `framing`: what tells the end of the body: "length", "chunked" or "close". `whole`: did that end come? `rest`: bytes
    after it.
    """

    status: int = 0
    reason: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    framing: str = "close"
    whole: bool = False
    rest: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """The values of each header of this name."""
        return [value for key, value in self.headers if key == name.lower()]

    def header(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)


@dataclass
class Exchange:
    """`sent`: the request's bytes. `ended`: "closed", "reset", "silent" (nothing more came in time) or "complete" (the
    answer was whole, and the probe did not wait for the end of the connection). `ms`: until then."""

    sent: bytes = b""
    pieces: list[Piece] = field(default_factory=list)
    ended: str = ""
    ms: float = 0.0
    refused: str = ""  # why no connection could be opened

    @property
    def received(self) -> bytes:
        return b"".join(piece.data for piece in self.pieces)

    @property
    def answers(self) -> list[Answer]:
        """Every response on the connection: first those of 1xx, then the last one."""
        return read_answers(self.received, head=self.sent.startswith(b"HEAD "), closed=self.ended == "closed")

    @property
    def answer(self) -> Answer:
        """The last response; one with status 0 where none came."""
        return (self.answers or [Answer()])[-1]

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def refusal(self) -> str:
        """Empty if the answer is 200; else its status, or how the connection ended without one."""
        return "" if self.status == 200 else str(self.status or self.ended)

    @property
    def body(self) -> bytes:
        return self.answer.body


def read_answers(data: bytes, *, head: bool = False, closed: bool = True) -> list[Answer]:
    """Read the responses in some bytes. A head that is not complete gives no response."""
    answers: list[Answer] = []
    while b"\r\n\r\n" in data:
        text, _, data = data.partition(b"\r\n\r\n")
        answer = _head(text)
        answers.append(answer)
        if 100 <= answer.status < 200 and answer.status != 101:
            answer.whole = True
            continue
        _read_body(answer, data, no_body=head or answer.status in (101, 204, 304), closed=closed)
        break
    return answers


def _head(text: bytes) -> Answer:
    first, *lines = text.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    answer = Answer(reason=words[2] if len(words) > 2 else "")
    with contextlib.suppress(ValueError, IndexError):
        answer.status = int(words[1])
    answer.headers = [_field(line) for line in lines]
    return answer


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()


def _read_body(answer: Answer, data: bytes, *, no_body: bool, closed: bool) -> None:
    length = answer.header("content-length")
    if no_body:
        answer.framing, answer.whole, answer.rest = "length", True, data
    elif (answer.header("transfer-encoding") or "").lower() == "chunked":
        answer.framing = "chunked"
        _read_chunks(answer, data)
    elif length is not None and length.isdigit():
        answer.framing = "length"
        answer.body, answer.rest = data[: int(length)], data[int(length) :]
        answer.whole = len(answer.body) == int(length)
    else:
        answer.body, answer.whole = data, closed


def _read_chunks(answer: Answer, data: bytes) -> None:
    while b"\r\n" in data:
        size, _, data = data.partition(b"\r\n")
        try:
            count = int(size.partition(b";")[0], 16)
        except ValueError:
            return
        if count == 0:
            lines, end, answer.rest = (b"\r\n" + data).partition(b"\r\n\r\n")
            answer.trailers = [_field(line) for line in lines.decode("latin-1").split("\r\n") if line]
            answer.whole = bool(end)
            return
        answer.body += data[:count]
        data = data[count + 2 :]


def exchange(
    host: str,
    port: int,
    parts: Sequence[Part],
    *,
    seconds: float = SECONDS,
    until_whole: bool = False,
    on: socket.socket | None = None,
) -> Exchange:
    """Send the parts, and read at the same time, until the connection ends or `seconds` are over.

    `until_whole`: end as soon as the answer is whole. `on`: an open connection, which stays open. Never raises OSError:
    what happened is in the record.
    """
    seen = Exchange()
    try:
        connection = on or socket.create_connection((host, port), timeout=seconds)
    except OSError as error:
        seen.refused, seen.ended = error.strerror or str(error), "reset"
        return seen
    began = time.monotonic()
    try:
        _talk(connection, list(parts), seen, began, seconds, until_whole)
    except ConnectionError:
        seen.ended = "reset"
    finally:
        seen.ms = (time.monotonic() - began) * 1000
        if on is None:
            connection.close()
    return seen


def _talk(
    connection: socket.socket, parts: list[Part], seen: Exchange, began: float, seconds: float, until_whole: bool
) -> None:
    connection.setblocking(False)
    unsent, due, size = b"", 0.0, 0
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        while True:
            now = time.monotonic() - began
            while parts and not unsent and due <= now:
                part = parts.pop(0)
                if isinstance(part, bytes):
                    unsent = part
                else:
                    due = now + part
            selector.modify(connection, selectors.EVENT_READ | (selectors.EVENT_WRITE if unsent else 0))
            if now >= seconds:
                seen.ended = "silent"
                return
            wait = min(seconds - now, max(0.0, due - now) if parts and not unsent else seconds)
            for _, events in selector.select(wait):
                if events & selectors.EVENT_READ:
                    data = connection.recv(CHUNK)
                    if not data:
                        seen.ended = "closed"
                        return
                    seen.pieces.append(Piece((time.monotonic() - began) * 1000, data))
                    size += len(data)
                    if size > MOST or (until_whole and seen.answer.whole and seen.status >= 200):
                        seen.ended = "complete"
                        return
                elif events & selectors.EVENT_WRITE:
                    try:
                        count = connection.send(unsent[:CHUNK])
                    except ConnectionError:  # the peer reads no more, but it may have answered
                        parts, unsent = [], b""
                        continue
                    seen.sent += unsent[:count]
                    unsent = unsent[count:]
