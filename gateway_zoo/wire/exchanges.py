"""Join each request with its answer.

Feed the entries of a recording, or those of a relay as they come. A connection may carry several exchanges in turn; its
decoders say where each one ends. They read every byte once: what the views need besides is kept in the exchange.
(FastCGI may mix requests on one connection. No front does that, and such a connection is shown as one exchange.)
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway_zoo.wire import conversation, secrets
from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.conversation import Conversation, ProtocolEvent
from gateway_zoo.wire.events import Data, End, Fault, Head, Other, Pairs, Variables
from gateway_zoo.wire.fields import Field
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened

KEEP = 1 << 20  # bytes of a direction that an exchange keeps in a list of many
KEEP_ONE = 1 << 26  # bytes that the only exchange of a view keeps

Fields = tuple[list[Field], list[Field]]  # of the request, of the response


@dataclass
class Exchange:
    """One request and its answer. `began`: unix time; `seconds`: time to the last byte, None while it is open."""

    number: int
    connection: int
    exhibit: str
    front: str
    protocol: str
    began: float
    seconds: float | None = None
    over: bool = False  # both directions are complete
    method: str = ""
    target: str = ""
    status: int | None = None
    request: bytearray = field(default_factory=bytearray)
    response: bytearray = field(default_factory=bytearray)
    request_left_out: int = 0  # bytes that crossed, and are not kept
    response_left_out: int = 0
    body_bytes: dict[Direction, int] = field(default_factory=dict)  # also those that are not kept
    faulty: set[Direction] = field(default_factory=set)  # the bytes that are kept break a rule of the protocol
    unread_secrets: set[Direction] = field(default_factory=set)  # a message outside the request names a secret
    errors: list[str] = field(default_factory=list)
    _unread: dict[Direction, bytes] = field(default_factory=dict, repr=False)  # the end of the last such message

    def left_out(self, direction: Direction) -> int:
        return self.request_left_out if direction == "request" else self.response_left_out

    def kept(self, direction: Direction) -> bytearray:
        return self.request if direction == "request" else self.response

    def size(self, direction: Direction) -> int:
        """Count the bytes that crossed."""
        return len(self.kept(direction)) + self.left_out(direction)

    def note_unread(self, direction: Direction, data: bytes, codes: tuple[bytes, ...]) -> None:
        """Search a message that is part of no request for a secret's name. Two messages may share the name."""
        data = self._unread.get(direction, b"") + data
        if secrets.names(codes).search(data):
            self.unread_secrets.add(direction)
        self._unread[direction] = data[-secrets.LONGEST :]


def summary(exchange: Exchange) -> dict[str, Any]:
    """A row of a list, for JSON. `request` and `response` are sizes in bytes."""
    row = {name: getattr(exchange, name) for name in _NAMES}
    return row | {"request": exchange.size("request"), "response": exchange.size("response")}


_NAMES = "number connection exhibit front protocol began seconds method target status errors".split()


def whole(exchange: Exchange, fields: Fields) -> dict[str, Any]:
    """The exchange for JSON, with its bytes (hexadecimal) and the fields of both directions."""
    return summary(exchange) | {
        "request": _side(exchange.request, exchange.request_left_out, fields[0]),
        "response": _side(exchange.response, exchange.response_left_out, fields[1]),
    }


def _side(data: bytearray, left_out: int, fields: list[Field]) -> dict[str, Any]:
    return {"bytes": data.hex(), "left_out": left_out, "fields": msgspec.to_builtins(fields)}


def fields_of(exchange: Exchange, codecs: Codecs) -> Fields:
    """Fields of both directions. Where bytes are not kept, the missing end is no fault."""
    methods = [exchange.method.encode("latin-1")] if exchange.method else []
    request, response = conversation.annotate(
        codecs, exchange.protocol, bytes(exchange.request), bytes(exchange.response), methods
    )
    return _without_cuts(exchange, "request", request), _without_cuts(exchange, "response", response)


def _without_cuts(exchange: Exchange, direction: Direction, fields: list[Field]) -> list[Field]:
    if not exchange.left_out(direction) or direction in exchange.faulty:
        return fields
    return [replace(field, fault=False) if field.fault else field for field in fields]


class _Connection:
    """The state of one connection. `index` and `bytes` are of each direction: the place of its current exchange on the
    connection, and the bytes so far. `open` holds the exchanges that are not complete in both directions."""

    def __init__(self, opened: Opened, codecs: Codecs) -> None:
        self.opened = opened
        self.conversation = Conversation(codecs, opened.protocol) if opened.protocol in codecs else None
        self.open: dict[int, Exchange] = {}
        self.index: dict[Direction, int] = {"request": 0, "response": 0}
        self.bytes: dict[Direction, int] = {"request": 0, "response": 0}


class Exchanges:
    """Puts exchanges together. `all` holds the last `most` of them, by number; `keep` tells, for a number, how many
    bytes of each direction are kept."""

    def __init__(self, codecs: Codecs, most: int = 10_000, keep: Callable[[int], int] = lambda _: KEEP) -> None:
        self.codecs, self.most, self.keep = codecs, most, keep
        self.all: dict[int, Exchange] = {}
        self._connections: dict[int, _Connection] = {}
        self._count = 0

    def feed(self, entry: AnyEntry) -> list[Exchange]:
        """Take an entry. Returns the exchanges that it has begun or changed."""
        if isinstance(entry, Opened):
            self._connections[entry.connection] = _Connection(entry, self.codecs)
            return []
        if isinstance(entry, Bytes) and (connection := self._connections.get(entry.connection)):
            events = connection.conversation.feed(entry.direction, entry.data) if connection.conversation else []
            return self._add_bytes(connection, entry, events)
        if isinstance(entry, Ended) and (connection := self._connections.get(entry.connection)):
            events = connection.conversation.close(entry.direction) if connection.conversation else []
            return self._note(connection, entry.direction, events, entry.at)
        if isinstance(entry, Closed) and (connection := self._connections.pop(entry.connection, None)):
            return self._close(connection, entry)
        return []

    def _add_bytes(self, connection: _Connection, entry: Bytes, events: list[ProtocolEvent]) -> list[Exchange]:
        """Cut the bytes where exchanges end, and give each piece to its own exchange.

        At the top of the loop: the bytes before `done` belong to their exchanges, and `events` holds what the decoder
        found behind them. An exchange takes its bytes first, then its events: so the End, its last event, makes the
        next exchange current before the next piece.
        """
        direction, changed = entry.direction, list[Exchange]()
        start = connection.bytes[direction]
        connection.bytes[direction] += len(entry.data)
        own = connection.opened.protocol
        ends = [event.offset - start for protocol, event in events if isinstance(event, End) and protocol == own]
        done = 0
        for cut in [*ends, len(entry.data)]:
            if done < cut:
                exchange = self._current(connection, direction, entry.at)
                self._append(exchange, direction, entry.data[done:cut])
                changed.append(exchange)
            now = _until(events, start + cut)
            noted = self._note(connection, direction, now, entry.at, len(entry.data))
            events = events[len(now) :]
            changed += [exchange for exchange in noted if exchange not in changed]
            done = max(done, cut)
        return changed

    def _note(
        self, connection: _Connection, direction: Direction, events: Iterable[ProtocolEvent], at: float, size: int = 0
    ) -> list[Exchange]:
        """Note what the events tell. `size`: bytes of the piece in which they were found."""
        changed = []
        for protocol, event in events:
            if isinstance(event, Head) and protocol == "HTTP" and not event.start:
                continue  # trailers
            if isinstance(event, (Head, Variables)):
                changed.append(exchange := self._current(connection, direction, at))
                describe(exchange, direction, event)
                if direction == "response" and exchange.status == 101:
                    connection.index["request"] = connection.index["response"]  # the frames belong to this exchange
            elif isinstance(event, Fault):
                changed.append(exchange := self._current(connection, direction, at))
                exchange.errors.append(event.error)
                if exchange.left_out(direction) <= size:  # it may lie in the bytes that are kept
                    exchange.faulty.add(direction)
            elif isinstance(event, Data) and event.stream not in self.codecs[protocol].INNER:
                body = self._current(connection, direction, at).body_bytes
                body[direction] = body.get(direction, 0) + len(event.data)
            elif isinstance(event, Other):
                codes = self.codecs[connection.opened.protocol].SECRET_CODES
                self._current(connection, direction, at).note_unread(direction, event.data, codes)
            elif isinstance(event, End) and protocol == connection.opened.protocol:
                changed += self._end(connection, direction, at)
        return list({exchange.number: exchange for exchange in changed}.values())

    def _end(self, connection: _Connection, direction: Direction, at: float) -> list[Exchange]:
        index = connection.index[direction]
        exchange = connection.open.get(index)
        if exchange is None or exchange.status == 101:
            return []  # after 101 the connection goes on as a WebSocket
        connection.index[direction] += 1
        if index < min(connection.index.values()):
            exchange.over = True
            del connection.open[index]
        if direction == "response":
            exchange.seconds = at - exchange.began
            _note_silence(exchange)
        return [exchange]

    def _close(self, connection: _Connection, entry: Closed) -> list[Exchange]:
        if entry.why and not any(connection.bytes.values()):
            self._current(connection, "request", entry.at)  # the gateway refuses: no byte came, and the client gets 502
        for exchange in connection.open.values():
            exchange.over = True
        unanswered = [exchange for exchange in connection.open.values() if exchange.seconds is None]
        for exchange in unanswered:
            exchange.seconds = entry.at - exchange.began
            if entry.why:
                exchange.errors.append(entry.why)
            _note_silence(exchange)
        return unanswered

    def _current(self, connection: _Connection, direction: Direction, at: float) -> Exchange:
        index = connection.index[direction]
        if index not in connection.open:
            self._count += 1
            opened = connection.opened
            exchange = Exchange(self._count, opened.connection, opened.exhibit, opened.front, opened.protocol, at)
            connection.open[index] = exchange
            self.all[self._count] = exchange
            self.all.pop(self._count - self.most, None)
        return connection.open[index]

    def _append(self, exchange: Exchange, direction: Direction, data: bytes) -> None:
        kept = exchange.kept(direction)
        room = self.keep(exchange.number) - len(kept)
        kept += data[:room]
        left_out = max(0, len(data) - room)
        if direction == "request":
            exchange.request_left_out += left_out
        else:
            exchange.response_left_out += left_out


def _note_silence(exchange: Exchange) -> None:
    """Add an error where no status came: a gateway that dies closes its connections, which breaks no rule."""
    if exchange.method and exchange.status is None and not exchange.errors:
        exchange.errors.append("the answer has no status" if exchange.size("response") else "no answer came")


def _until(events: list[ProtocolEvent], offset: int) -> list[ProtocolEvent]:
    """The events up to the first End at the offset; all events, if none ends there."""
    for index, (_, event) in enumerate(events):
        if isinstance(event, End) and event.offset == offset:
            return events[: index + 1]
    return events


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
    """The status of an answer; None if it is no number. HTTP has it in the first line, CGI in the header Status.
    Without that header it is 200, or 302 with a Location (RFC 3875 6.2)."""
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
