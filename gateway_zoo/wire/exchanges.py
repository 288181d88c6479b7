"""Join each request with its answer.

Feed the entries of a recording, or those of a relay as they come. A connection may carry several exchanges in turn; its
decoders say where each one ends. They read every byte once: what the views need besides is kept in the exchange.
(FastCGI may mix requests on one connection. No front does that, and such a connection is shown as one exchange.)
"""

from collections.abc import Callable

from gateway_zoo.wire.answers import opens
from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.conversation import Conversation, ProtocolEvent
from gateway_zoo.wire.events import Breach, Data, End, Head, Other, Problem, Variables
from gateway_zoo.wire.exchange import KEEP, Exchange, describe
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened


class _Connection:
    """The state of one connection. For each direction `index` is the place of the current exchange (the number of
    exchanges that have ended) and `bytes` counts.

    `begun` counts exchanges; `open` has those that are not complete in both directions, by place, and `ids` their
    request's ids; `last` is the last one that has begun. `waiting`: bytes of requests behind the last one, while it is
    not known whether another one begins there. `stray`: takes an answer that was not asked for, until it ends.
    """

    def __init__(self, opened: Opened, codecs: Codecs) -> None:
        self.opened = opened
        self.conversation = Conversation(codecs, opened.protocol) if opened.protocol in codecs else None
        self.open: dict[int, Exchange] = {}
        self.ids: dict[int, int] = {}
        self.begun = 0
        self.last: Exchange | None = None
        self.answered: Exchange | None = None  # the last whose answer has ended
        self.stray: Exchange | None = None
        self.waiting, self.waiting_at = bytearray(), 0  # and its offset
        self.index: dict[Direction, int] = {"request": 0, "response": 0}
        self.bytes: dict[Direction, int] = {"request": 0, "response": 0}

    def current(self, direction: Direction) -> Exchange | None:
        """The exchange of this direction's next bytes. Behind the last one they are surplus, and its own."""
        return self.open.get(self.index[direction], self.last)

    def between(self, direction: Direction) -> bool:
        """Tell whether all exchanges that have begun are complete in this direction."""
        return self.index[direction] >= self.begun


class Exchanges:
    """Puts exchanges together. `all` holds the last `most` of them, by number; `keep` tells, for a number, how many
    bytes of each direction are kept; `events` are those of the last bytes."""

    def __init__(self, codecs: Codecs, most: int = 10_000, keep: Callable[[int], int] = lambda _: KEEP) -> None:
        self.codecs, self.most, self.keep = codecs, most, keep
        self.all: dict[int, Exchange] = {}
        self.events: list[ProtocolEvent] = []
        self._connections: dict[int, _Connection] = {}
        self._count = 0
        self._changed: dict[int, Exchange] = {}

    def feed(self, entry: AnyEntry) -> list[Exchange]:
        """Take an entry. Returns the exchanges that it has begun or changed."""
        self._changed = {}
        if isinstance(entry, Opened):
            self._connections[entry.connection] = _Connection(entry, self.codecs)
        elif isinstance(entry, Bytes) and (connection := self._connections.get(entry.connection)):
            talk = connection.conversation
            self.events = talk.feed(entry.direction, entry.data) if talk else []
            self._add_bytes(connection, entry, self.events)
        elif isinstance(entry, Ended) and (connection := self._connections.get(entry.connection)):
            events = connection.conversation.close(entry.direction) if connection.conversation else []
            if entry.direction == "request":
                self._settle_waiting(connection, entry.at)
            for each in events:
                self._note(connection, entry.direction, each, entry.at)
        elif isinstance(entry, Closed) and (connection := self._connections.pop(entry.connection, None)):
            self._close(connection, entry)
        return list(self._changed.values())

    def stopped(self, connection: int, direction: Direction) -> bool:
        """Tell whether bytes of an open connection cannot be decoded any further."""
        talk = self._connections[connection].conversation
        return talk is not None and talk.faulty(direction)

    def _add_bytes(self, connection: _Connection, entry: Bytes, events: list[ProtocolEvent]) -> None:
        """Cut the bytes where exchanges begin and end, and give each piece to its own exchange.

        At the top of the loop: the bytes before `done` belong to their exchanges, or wait. An exchange takes its bytes
        first, then its events: so the End, its last event, makes the next exchange current before the next piece.
        """
        direction, at = entry.direction, entry.at
        start = done = connection.bytes[direction]
        connection.bytes[direction] += len(entry.data)
        for each in _opener_first(events) if direction == "request" else events:
            event = each.event
            begins = direction == "request" and opens(event) and connection.between(direction)
            if direction == "response" and each.asked and not isinstance(event, Problem):
                self._answer_early(connection, at)
            if each.stream is None and ((begins and connection.begun) or isinstance(event, End)):
                self._take(connection, direction, entry.data[done - start : max(done, event.offset) - start], done, at)
                done = max(done, event.offset)
            if each.stream is None and begins:
                self._begin_behind(connection, done - event.offset, at)
            if exchange := connection.current(direction):
                exchange.starts.setdefault(direction, done)  # its first bytes come below
            late = b""
            if exchange and each.stream is None and each.asked and isinstance(event, End):
                late = exchange.give_back(direction, done - event.offset)
            self._note(connection, direction, each, at)
            self._take(connection, direction, late, done - len(late), at)
        self._take(connection, direction, entry.data[done - start :], done, at)
        if direction == "request" and connection.conversation and connection.conversation.faulty(direction):
            self._flush(connection, len(connection.waiting))

    def _take(self, connection: _Connection, direction: Direction, data: bytes, offset: int, at: float) -> None:
        """Give a piece to the current exchange. `offset`: its place in this direction of the connection."""
        if not data:
            return
        if direction == "request" and connection.begun and connection.between(direction):
            if not connection.waiting:
                connection.waiting_at = offset
            connection.waiting += data
            return
        if direction == "response":
            self._answer_early(connection, at)
        stray = connection.stray if direction == "response" else None
        exchange = stray or connection.current(direction) or self._begin(connection, at)
        self._append(exchange, direction, data, offset)

    def _begin_behind(self, connection: _Connection, size: int, at: float) -> None:
        """Begin an exchange whose first `size` bytes wait. Those before them are surplus of the one before."""
        if connection.begun:
            self._flush(connection, len(connection.waiting) - size)
            self._take_waiting(connection, self._begin(connection, at))
        else:
            self._begin(connection, at)

    def _answer_early(self, connection: _Connection, at: float) -> None:
        """An answer comes before its request is whole."""
        if connection.between("response") and connection.waiting:
            self._settle_waiting(connection, at)

    def _settle_waiting(self, connection: _Connection, at: float) -> None:
        """Decide where the waiting bytes belong: a head that is cut off is an exchange, all else is surplus."""
        if (talk := connection.conversation) and connection.waiting and talk.unread("request"):
            begins = self.codecs[connection.opened.protocol].BEGINS.get("request")
            if begins and begins.match(connection.waiting):
                self._take_waiting(connection, self._begin(connection, at))
        self._flush(connection, len(connection.waiting))

    def _flush(self, connection: _Connection, size: int) -> None:
        """Give the first `size` waiting bytes to the last exchange, as surplus."""
        if size > 0 and connection.last:
            self._take_waiting(connection, connection.last, size)

    def _take_waiting(self, connection: _Connection, exchange: Exchange, size: int | None = None) -> None:
        data = bytes(connection.waiting[:size])
        if data:
            self._append(exchange, "request", data, connection.waiting_at)
        del connection.waiting[: len(data)]
        connection.waiting_at += len(data)

    def _note(self, connection: _Connection, direction: Direction, told: ProtocolEvent, at: float) -> None:
        """Note an event of the current exchange. Of surplus bytes only the problem is noted."""
        event, outer = told.event, told.protocol == connection.opened.protocol
        if isinstance(event, Problem):
            self._note_problem(connection, direction, told, event, at)
        elif not told.asked:
            if connection.stray:
                self._note_unread(connection, connection.stray, direction, told)
            if outer and isinstance(event, End):
                connection.stray = None
        elif (index := connection.index[direction]) in connection.open:
            exchange = connection.open[index]
            if direction == "request" and outer and opens(event):
                connection.ids.setdefault(index, event.id)
            if isinstance(event, End) and outer:
                # Not the end of another message; and after 101 the connection goes on as a WebSocket.
                if connection.ids.get(index, event.id) == event.id and exchange.status != 101:
                    self._end(connection, exchange, direction, at)
            else:
                self._describe(connection, exchange, direction, told)

    def _describe(self, connection: _Connection, exchange: Exchange, direction: Direction, told: ProtocolEvent) -> None:
        protocol, event, *_ = told
        if isinstance(event, (Head, Variables)):
            if isinstance(event, Head) and protocol == "HTTP" and not event.start:
                return  # trailers
            describe(exchange, direction, event)
            exchange.heads.add(direction)
            if direction == "response" and exchange.status == 101:
                connection.index["request"] = connection.index["response"]  # the frames belong to this exchange
                self._flush(connection, len(connection.waiting))  # they came before it
            self._changed[exchange.number] = exchange
        elif isinstance(event, Data) and event.stream not in self.codecs[protocol].INNER:
            exchange.body_bytes[direction] = exchange.body_bytes.get(direction, 0) + len(event.data)
        elif isinstance(event, Other):
            self._note_unread(connection, exchange, direction, told)

    def _note_unread(
        self, connection: _Connection, exchange: Exchange, direction: Direction, told: ProtocolEvent
    ) -> None:
        if isinstance(told.event, Other):
            codes = self.codecs[connection.opened.protocol].SECRET_CODES
            at = (told.stream or 0) + told.event.offset - exchange.starts.get(direction, 0)
            exchange.note_unread(direction, at, told.event.data, codes)

    def _note_problem(
        self, connection: _Connection, direction: Direction, told: ProtocolEvent, problem: Problem, at: float
    ) -> None:
        stream = told.stream
        exchange = connection.current(direction) or self._begin(connection, at)
        start = exchange.starts.setdefault(direction, problem.offset if stream is None else stream)
        if direction == "response" and stream is None and problem.offset < start and connection.answered:
            exchange = connection.answered  # it has these bytes: they came before the request behind it
            start = exchange.starts.setdefault(direction, start)
        if connection.conversation:
            exchange.findings.speaks[direction] = connection.conversation.speaks(direction)
            if connection.conversation.faulty(direction, stream):
                place = None if stream is None else stream - start
                exchange.stopped.setdefault(direction, set()).add(place)
        exchange.note_problem(direction, told, problem, start, self.keep(exchange.number))
        if direction == "response" and connection.between(direction):
            connection.stray = exchange
        self._changed[exchange.number] = exchange

    def _end(self, connection: _Connection, exchange: Exchange, direction: Direction, at: float) -> None:
        index = connection.index[direction]
        connection.index[direction] += 1
        if index < min(connection.index.values()):
            exchange.over = True
            del connection.open[index]
            connection.ids.pop(index, None)
        if direction == "response":
            exchange.seconds = at - exchange.began
            connection.answered = exchange
            _note_silence(exchange)
        self._changed[exchange.number] = exchange

    def _close(self, connection: _Connection, entry: Closed) -> None:
        self._settle_waiting(connection, entry.at)
        if entry.why and not any(connection.bytes.values()):
            self._begin(connection, entry.at)  # the gateway refuses: no byte came, and the client gets 502
        for exchange in connection.open.values():
            exchange.over = True
            if exchange.seconds is None:
                exchange.seconds = entry.at - exchange.began
                if entry.why:
                    exchange.errors.append(entry.why)
                _note_silence(exchange)
            self._changed[exchange.number] = exchange
        if connection.last:
            connection.last.final = True
            self._changed[connection.last.number] = connection.last

    def _begin(self, connection: _Connection, at: float) -> Exchange:
        self._count += 1
        opened = connection.opened
        exchange = Exchange(self._count, opened.connection, opened.exhibit, opened.front, opened.protocol, at)
        if connection.last:
            connection.last.final = True
            self._changed[connection.last.number] = connection.last
        connection.open[connection.begun] = connection.last = exchange
        connection.begun += 1
        self._changed[exchange.number] = self.all[self._count] = exchange
        self.all.pop(self._count - self.most, None)
        return exchange

    def _append(self, exchange: Exchange, direction: Direction, data: bytes, offset: int) -> None:
        exchange.starts.setdefault(direction, offset)
        kept = exchange.kept(direction)
        room = self.keep(exchange.number) - len(kept)
        kept += data[: max(0, room)]
        left_out = max(0, len(data) - room)
        if direction == "request":
            exchange.request_left_out += left_out
        else:
            exchange.response_left_out += left_out
        self._changed[exchange.number] = exchange


def _opener_first(events: list[ProtocolEvent]) -> list[ProtocolEvent]:
    """Put the breaches of a message behind the event that begins it: they may come before, for the masking."""
    ordered: list[ProtocolEvent] = []
    for each in events:
        at = len(ordered)
        while at and each.stream is None and opens(each.event) and _breaks(ordered[at - 1], each.event.offset):
            at -= 1
        ordered.insert(at, each)
    return ordered


def _breaks(each: ProtocolEvent, offset: int) -> bool:
    """Tell whether this is a breach of the message that begins at `offset`."""
    return isinstance(each.event, Breach) and each.stream is None and each.event.offset >= offset


def _note_silence(exchange: Exchange) -> None:
    """Add an error where no status came: a gateway that dies closes its connections, which breaks no rule."""
    if exchange.method and exchange.status is None and not exchange.errors:
        exchange.errors.append("the answer has no status" if exchange.size("response") else "no answer came")
