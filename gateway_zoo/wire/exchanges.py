"""Requests and their answers, found in what crossed the connections: what the views show.

Feed the entries of a recording, or those of a relay as they come. A connection may carry many exchanges, one behind the
other; where one ends, its decoder says. (Requests that FastCGI multiplexes on one connection at the same time would be
told apart by their id; no front does it, and such a connection is shown as it is.)
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway_zoo.wire import conversation
from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.conversation import Conversation, ProtocolEvent
from gateway_zoo.wire.events import End, Fault, Head, Pairs, Variables
from gateway_zoo.wire.fields import Field
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened

KEEP = 1 << 20  # bytes of a direction that an exchange remembers where there are many of them
KEEP_ONE = 1 << 26  # where somebody looks at this one


@dataclass
class Exchange:
    """One request and its answer. `began`: unix time; `seconds` until the last byte; None: not over."""

    number: int
    connection: int
    exhibit: str
    front: str
    protocol: str
    began: float
    seconds: float | None = None
    over: bool = False  # in both directions: nothing of it can come any more
    method: str = ""
    target: str = ""
    status: int | None = None
    request: bytearray = field(default_factory=bytearray)
    response: bytearray = field(default_factory=bytearray)
    request_left_out: int = 0  # bytes that crossed, and are not kept
    response_left_out: int = 0
    faulty: set[Direction] = field(default_factory=set)  # where what is kept stops being the protocol
    errors: list[str] = field(default_factory=list)

    def left_out(self, direction: Direction) -> int:
        return self.request_left_out if direction == "request" else self.response_left_out

    def size(self, direction: Direction) -> int:
        """Bytes that crossed."""
        return len(self.request if direction == "request" else self.response) + self.left_out(direction)


def summary(exchange: Exchange) -> dict[str, Any]:
    """For lists, as JSON: `request` and `response` are sizes in bytes."""
    row = {name: getattr(exchange, name) for name in _NAMES}
    return row | {"request": exchange.size("request"), "response": exchange.size("response")}


_NAMES = (
    *("number", "connection", "exhibit", "front", "protocol", "began", "seconds", "method", "target", "status"),
    "errors",
)


def whole(exchange: Exchange, codecs: Codecs) -> dict[str, Any]:
    """As JSON with the bytes (hexadecimal) and the fields of both directions."""
    request, response = fields_of(exchange, codecs)
    return summary(exchange) | {
        "request": _side(exchange.request, exchange.request_left_out, request),
        "response": _side(exchange.response, exchange.response_left_out, response),
    }


def _side(data: bytearray, left_out: int, fields: list[Field]) -> dict[str, Any]:
    return {"bytes": data.hex(), "left_out": left_out, "fields": msgspec.to_builtins(fields)}


def fields_of(exchange: Exchange, codecs: Codecs) -> tuple[list[Field], list[Field]]:
    """Of the request, of the answer. Where we did not keep all, what is cut off there is nobody's fault."""
    request, response = conversation.annotate(
        codecs, exchange.protocol, bytes(exchange.request), bytes(exchange.response)
    )
    return _blameless(exchange, "request", request), _blameless(exchange, "response", response)


def _blameless(exchange: Exchange, direction: Direction, fields: list[Field]) -> list[Field]:
    if not exchange.left_out(direction) or direction in exchange.faulty:
        return fields
    return [replace(field, fault=False) if field.fault else field for field in fields]


class _Connection:
    """Where each direction of a connection is: in which exchange, and how many bytes of it have come. `exchanges`: by
    their place on the connection, those that are over in one direction at most."""

    def __init__(self, opened: Opened, codecs: Codecs) -> None:
        self.opened = opened
        self.talk = Conversation(codecs, opened.protocol) if opened.protocol in codecs else None
        self.exchanges: dict[int, Exchange] = {}
        self.at: dict[Direction, int] = {"request": 0, "response": 0}
        self.came: dict[Direction, int] = {"request": 0, "response": 0}


class Exchanges:
    """`feed` returns the exchanges that an entry has begun or changed. `all` holds the last `most`; `keep` says, by its
    number, how many bytes of each direction an exchange keeps."""

    def __init__(self, codecs: Codecs, most: int = 10_000, keep: Callable[[int], int] = lambda _: KEEP) -> None:
        self.wires, self.most, self.keep = codecs, most, keep
        self.all: dict[int, Exchange] = {}
        self._connections: dict[int, _Connection] = {}
        self._count = 0

    def feed(self, entry: AnyEntry) -> list[Exchange]:
        if isinstance(entry, Opened):
            self._connections[entry.connection] = _Connection(entry, self.wires)
            return []
        if isinstance(entry, Bytes) and (connection := self._connections.get(entry.connection)):
            said = connection.talk.feed(entry.direction, entry.data) if connection.talk else []
            return self._bytes(connection, entry, said)
        if isinstance(entry, Ended) and (connection := self._connections.get(entry.connection)):
            said = connection.talk.close(entry.direction) if connection.talk else []
            return self._told(connection, entry.direction, said, entry.at)
        if isinstance(entry, Closed) and (connection := self._connections.pop(entry.connection, None)):
            return self._closed(connection, entry)
        return []

    def _bytes(self, connection: _Connection, entry: Bytes, said: list[ProtocolEvent]) -> list[Exchange]:
        """Cut the bytes where exchanges end, and give each piece to its own."""
        direction, changed = entry.direction, []
        start = connection.came[direction]
        connection.came[direction] += len(entry.data)
        ends = [s.event.offset for s in said if isinstance(s.event, End) and s.protocol == connection.opened.protocol]
        at = 0
        for cut in [*(end - start for end in ends), len(entry.data)]:
            if at < cut:
                exchange = self._current(connection, direction, entry.at)
                self._append(exchange, direction, entry.data[at:cut])
                changed.append(exchange)
            told = self._told(connection, direction, _until(said, start + cut), entry.at)
            said = said[len(_until(said, start + cut)) :]
            changed += [exchange for exchange in told if exchange not in changed]
            at = max(at, cut)
        return changed

    def _told(
        self, connection: _Connection, direction: Direction, said: Iterable[ProtocolEvent], at: float
    ) -> list[Exchange]:
        changed = []
        for protocol, event in said:
            if isinstance(event, Head) and protocol == "HTTP" and not event.start:
                continue  # trailers
            if isinstance(event, (Head, Variables)):
                changed.append(exchange := self._current(connection, direction, at))
                describe(exchange, direction, event)
                if direction == "response" and exchange.status == 101:
                    connection.at["request"] = connection.at["response"]  # the client's frames are this exchange's
            elif isinstance(event, Fault):
                changed.append(exchange := self._current(connection, direction, at))
                exchange.errors.append(event.error)
                if not exchange.left_out(direction):
                    exchange.faulty.add(direction)
            elif isinstance(event, End) and protocol == connection.opened.protocol:
                changed += self._ended(connection, direction, at)
        return list({exchange.number: exchange for exchange in changed}.values())

    def _ended(self, connection: _Connection, direction: Direction, at: float) -> list[Exchange]:
        index = connection.at[direction]
        exchange = connection.exchanges.get(index)
        if exchange is None or exchange.status == 101:
            return []  # after 101 the connection goes on as a WebSocket
        connection.at[direction] += 1
        if index < min(connection.at.values()):
            exchange.over = True
            del connection.exchanges[index]
        if direction == "response":
            exchange.seconds = at - exchange.began
            _say_if_silent(exchange)
        return [exchange]

    def _closed(self, connection: _Connection, entry: Closed) -> list[Exchange]:
        if entry.why and not any(connection.came.values()):
            self._current(connection, "request", entry.at)  # the gateway refuses: not a byte, and the client gets 502
        for exchange in connection.exchanges.values():
            exchange.over = True
        open_ones = [exchange for exchange in connection.exchanges.values() if exchange.seconds is None]
        for exchange in open_ones:
            exchange.seconds = entry.at - exchange.began
            if entry.why:
                exchange.errors.append(entry.why)
            _say_if_silent(exchange)
        return open_ones

    def _current(self, connection: _Connection, direction: Direction, at: float) -> Exchange:
        index = connection.at[direction]
        if index not in connection.exchanges:
            self._count += 1
            opened = connection.opened
            made = Exchange(self._count, opened.connection, opened.exhibit, opened.front, opened.protocol, at)
            connection.exchanges[index] = made
            self.all[self._count] = made
            self.all.pop(self._count - self.most, None)
        return connection.exchanges[index]

    def _append(self, exchange: Exchange, direction: Direction, data: bytes) -> None:
        kept = exchange.request if direction == "request" else exchange.response
        room = self.keep(exchange.number) - len(kept)
        kept += data[:room]
        left_out = max(0, len(data) - room)
        if direction == "request":
            exchange.request_left_out += left_out
        else:
            exchange.response_left_out += left_out


def _say_if_silent(exchange: Exchange) -> None:
    """A gateway that dies closes its connections, and in most protocols no rule is broken by that."""
    if exchange.method and exchange.status is None and not exchange.errors:
        exchange.errors.append("the answer has no status" if exchange.size("response") else "no answer came")


def _until(said: list[ProtocolEvent], offset: int) -> list[ProtocolEvent]:
    """Those up to the first End that lies at the offset; all, if none does."""
    for index, (_, event) in enumerate(said):
        if isinstance(event, End) and event.offset == offset:
            return said[: index + 1]
    return said


def describe(exchange: Exchange, direction: Direction, event: Head | Variables) -> None:
    """Take method, target or status from a head."""
    if direction == "response":
        exchange.status = status_of(event) if isinstance(event, Head) else exchange.status
    elif isinstance(event, Variables):
        variables = dict(event.pairs)
        exchange.method = _text(variables.get(b"REQUEST_METHOD", b""))
        path = variables.get(b"SCRIPT_NAME", b"") + variables.get(b"PATH_INFO", b"")
        exchange.target = _text(variables.get(b"REQUEST_URI", b"") or path)
    else:
        method, _, rest = event.start.partition(b" ")
        exchange.method, exchange.target = _text(method), _text(rest.rpartition(b" ")[0] or rest)


def status_of(head: Head) -> int | None:
    """HTTP says it in the first line, CGI in the header Status; left out it is 200, or 302 with a Location
    (RFC 3875 6.2). None where it is no number."""
    if head.start:
        code = head.start.split(b" ")[1:2]
    else:
        code = [
            _header(head.headers, b"status").split(b" ")[0]
            or (b"302" if _header(head.headers, b"location") else b"200")
        ]
    return int(code[0]) if code and code[0].isdigit() and len(code[0]) == 3 else None


def _header(headers: Pairs, name: bytes) -> bytes:
    return next((value for header, value in headers if header.lower() == name), b"").strip()


def _text(data: bytes) -> str:
    return data.decode("latin-1")
