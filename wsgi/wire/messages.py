"""HTTP/1.1 (RFC 9112), read by h11. h11 was made for one end of a connection; here it observes both.

Each message has an h11.Connection of its own: a server's for a request; for a response a client's, which is told the
request. So neither direction waits for the other, and a server may answer early. h11 tells no offsets: we find the end
of a head before h11 gets it, and in a chunked body we count the bytes that h11 has not used.

Where h11 refuses a head, cure.py makes a sound one of it; only where the end of the body is in doubt, reading ends.

What trips people up: the end of an answer depends on the request (HEAD, CONNECT), so the two decoders of a connection
know each other. HTTP/1.0 with keep-alive, which h11 does not do, is done here.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import h11

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.decoder import Decoder, breach
from gateway_zoo.wire.events import Data, End, Event, Head, Pairs
from gateway_zoo.wire.faults import Limits, TooLong, TooMany, Truncated, WireError, short_body

from .cure import cure, trailers
from .faults import AfterClose, BadChunk, BadContentLength, BadRequestLine, BadTransferEncoding, named, of_line
from .grammar import BLANK, CHUNK_LINE, LAST_CHUNK, NEVER, blamed, end_of_line, header_at, headers
from .handshake import value_of
from .heard import Heard

CODING, LENGTH = b"transfer-encoding", b"content-length"
PIECE = 1 << 24  # of another body for h11 at once
BAD_LINE = ("illegal header line", "continuation line")  # h11's words
SLICE = 65_536  # of a chunked body for h11 at once: what it has not used yet is copied to be counted

Message = h11.Request | h11.Response | h11.InformationalResponse


class Messages(Decoder):
    """The base of both decoders.

    `_now` is the method for the current part of a message. It reads on from `at` and returns the offset that it has
    reached: `at` itself if it needs more bytes.
    """

    WAITS_FOR = "the rest of a head"
    DIRECTION: ClassVar[Direction]

    def __init__(self, limits: Limits, heard: Heard) -> None:
        super().__init__(limits)
        self._heard = heard
        self._connection: h11.Connection | None = None  # of the current message
        self._now: Callable[[bytes, int, list[Event]], int] = self._head
        self._searched = 0  # bytes of an unfinished head without an empty line
        self._sound = b""  # the head of the current message, as h11 takes it
        self._ended = False  # a message has ended: other bytes may be its surplus
        self._length = 0  # of the body
        self._left: int | None = None  # of the body; None: until the connection is closed
        self._unused = 0  # bytes behind self.offset that h11 has already
        self._footer = 0  # bytes of CRLF that are due behind a chunk
        self._last_chunk = False  # what h11 waits for are trailers
        self._keeps = False  # HTTP/1.0 with Connection: keep-alive

    def _decode(self, data: bytes, events: list[Event]) -> int:
        at, end = 0, len(data)
        while at < end:
            after = self._now(data, at, events)
            if after == at:
                break
            at = after
        return at

    def _head(self, data: bytes, at: int, events: list[Event]) -> int:
        blank = BLANK.search(data, at + max(0, self._searched - 2))
        end = blank.end() if blank else len(data)
        if end - at > self.limits.head:
            raise TooLong(self.offset + at, data[at:], f"a head of at most {self.limits.head} bytes")
        if not blank:
            self._searched = end - at
            return at
        self._searched = 0
        self._message(data[at:end], self.offset + at, events)
        return end

    @abstractmethod
    def _message(self, head: bytes, offset: int, events: list[Event]) -> None:
        """Read a whole head."""

    @abstractmethod
    def _new(self) -> h11.Connection:
        """Make the other end of the connection, which waits for a head of this direction."""

    def _first(self, head: bytes, offset: int, events: list[Event]) -> tuple[Message, Pairs]:
        """Give a head to h11. Return its event, and the headers as they stand on the wire. Raises WireError."""
        sound = not NEVER.search(head)
        try:
            if sound:
                event = self._given(head)
                sound = event.http_version.startswith(b"1.")
        except h11.RemoteProtocolError:
            sound = False
        start = head[: head.index(b"\n")].removesuffix(b"\r")
        if sound:
            pairs = event.headers.raw_items()
            self._within_limits(pairs, head, offset)
            events.append(Head(offset, 0, start, pairs))
        else:
            cured = cure(self.DIRECTION, head, offset)
            if isinstance(cured.doubt, BadRequestLine):
                raise cured.doubt  # no head at all
            pairs = cured.pairs
            self._within_limits(pairs, head, offset)
            events += [Head(offset, 0, start, pairs), *cured.breaches]
            if cured.doubt:
                raise cured.doubt
            try:
                event = self._given(cured.head)
            except h11.RemoteProtocolError as error:
                raise named(error, head, offset) from None
        coding = value_of(pairs, CODING)
        if coding and event.http_version < b"1.1":
            at, length = blamed(head, CODING)
            expected = "no Transfer-Encoding in HTTP/1.0"
            raise of_line(BadTransferEncoding(offset + at, head[at : at + length], expected), length)
        if coding and value_of(pairs, LENGTH):
            at, length = blamed(head, LENGTH)
            expected = "no Content-Length beside Transfer-Encoding, which counts"
            events.append(breach(BadContentLength(offset + at, head[at : at + length], expected), length))
        return event, pairs

    def _given(self, head: bytes) -> Message:
        """Give a head to a new connection. Raises h11.RemoteProtocolError."""
        self._connection, self._sound = self._new(), head
        self._connection.receive_data(head)
        event = self._connection.next_event()
        assert isinstance(event, h11.Request | h11.Response | h11.InformationalResponse)
        return event

    def _within_limits(self, pairs: Pairs, head: bytes, offset: int, first: int | None = None) -> None:
        """Raise TooMany or TooLong, at the header. `first`: where the headers begin, if not behind a line."""
        limits = self.limits
        if len(pairs) <= limits.variables and len(head) <= limits.name and len(head) <= limits.value:
            return
        wrong: tuple[type[WireError], int, str] | None = None
        if len(pairs) > limits.variables:
            wrong = TooMany, limits.variables, f"at most {limits.variables} headers, not {len(pairs)}"
        for index, pair in enumerate(pairs):
            for kind, text, limit in zip(("name", "value"), pair, (limits.name, limits.value), strict=True):
                if len(text) > limit and not wrong:
                    wrong = TooLong, index, f"a {kind} of at most {limit} bytes, not {len(text)}"
        if wrong:
            error, index, expected = wrong
            lines = headers(head, end_of_line(head) if first is None else first, len(head))
            at = header_at(lines, [name for name, _ in pairs[: index + 1]])
            raise error(offset + at, head[at:], expected)

    def _after_head(self, head: h11.Event, offset: int, events: list[Event]) -> None:
        """Choose the method for the body. The head ends at `offset`."""
        assert self._connection
        assert isinstance(head, h11.Request | h11.Response)
        pairs = list(head.headers)
        options = [option.strip() for option in value_of(pairs, b"connection").lower().split(b",")]
        self._keeps = head.http_version < b"1.1" and b"keep-alive" in options and b"close" not in options
        if isinstance(self._connection.next_event(), h11.EndOfMessage):
            self._end(offset, events)
            return
        coding, length = value_of(pairs, CODING), value_of(pairs, LENGTH)
        self._length = int(length or 0)
        self._left = self._length if length and not coding else None
        self._now = self._chunks if coding else self._body

    def _body(self, data: bytes, at: int, events: list[Event]) -> int:
        assert self._connection
        piece = data[at : at + (PIECE if self._left is None else min(self._left, PIECE))]
        self._connection.receive_data(piece)
        event = self._connection.next_event()
        assert isinstance(event, h11.Data)
        events.append(Data(self.offset + at, 0, "body", bytes(event.data)))
        at += len(piece)
        if self._left is not None:
            self._left -= len(piece)
            if not self._left:
                self._connection.next_event()
                self._end(self.offset + at, events)
        return at

    def _chunks(self, data: bytes, at: int, events: list[Event]) -> int:
        """Give a chunked body to h11 in slices. `at` is the offset that h11 has reached."""
        assert self._connection
        while self._now == self._chunks and (piece := data[at + self._unused : at + self._unused + SLICE]):
            self._connection.receive_data(piece)
            at = self._slice(data, at, at + self._unused + len(piece), events)
        return at

    def _slice(self, data: bytes, at: int, given: int, events: list[Event]) -> int:
        """Turn all that h11 makes of data[:given] into events."""
        connection = self._connection
        assert connection
        while True:
            try:
                event = connection.next_event()
            except h11.RemoteProtocolError as error:
                if str(error).startswith(BAD_LINE):
                    return self._bad_trailers(data, self._trailers_at(data, at + self._footer), events)
                raise self._bad_chunk(error, data, at) from None
            reached = given - len(connection.trailing_data[0])
            line = at + self._footer  # where a chunk-size, or the trailers begin
            content = event.data if isinstance(event, h11.Data) else b""
            start = self._trailers_at(data, line) if isinstance(event, h11.EndOfMessage) else line
            if reached - len(content) - start > self.limits.head:
                raise self._too_long(data, start)
            if isinstance(event, h11.EndOfMessage):
                self._trailers(event, data[start:reached], start, events)
                return reached
            if isinstance(event, h11.Data):
                events.append(Data(self.offset + reached - len(content), 0, "body", bytes(content)))
                self._footer = 2 if event.chunk_end else 0
                at = reached
                continue
            if reached > line:
                self._last_chunk = bool(LAST_CHUNK.match(data, line))
            self._footer = max(0, line - reached)
            self._unused = given - reached
            return reached

    def _bad_chunk(self, error: h11.RemoteProtocolError, data: bytes, at: int) -> WireError:
        words, line = str(error), at + self._footer
        if words.startswith("malformed chunk footer"):
            start = line - 2
            seen = data[start:] if start >= 0 else b"\r" + data  # which h11 has taken
            seen = seen[: 1 + seen.startswith(b"\r")]  # however the bytes come
            return BadChunk(self.offset + start, seen, "CRLF behind the chunk")
        if words.startswith("illegal chunk header"):
            return BadChunk(
                self.offset + line, data[line : end_of_line(data, line)], "a chunk-size in hexadecimal digits"
            )
        return self._too_long(data, self._trailers_at(data, line))

    def _bad_trailers(self, data: bytes, at: int, events: list[Event]) -> int:
        """Read trailers that h11 refuses. h11 tells what follows the message if it gets none instead."""
        blank = BLANK.search(data, at)
        assert blank
        pairs, breaches = trailers(data[at : blank.end()], self.offset + at)
        self._within_limits(pairs, data[at : blank.end()], self.offset + at, 0)
        events.append(Head(self.offset + at, 0, b"", pairs))
        events += breaches
        self._given(self._sound + b"0\r\n\r\n")
        assert self._connection
        self._connection.next_event()
        self._end(self.offset + blank.end(), events)
        return blank.end()

    def _too_long(self, data: bytes, at: int) -> TooLong:
        return TooLong(self.offset + at, data[at:], f"a line, or trailers, of at most {self.limits.head} bytes")

    def _trailers_at(self, data: bytes, line: int) -> int:
        chunk = None if self._last_chunk else CHUNK_LINE.match(data, line)
        return chunk.end() if chunk else line

    def _trailers(self, event: h11.EndOfMessage, trailers: bytes, at: int, events: list[Event]) -> None:
        if pairs := event.headers.raw_items():
            self._within_limits(pairs, trailers, self.offset + at, 0)
            events.append(Head(self.offset + at, 0, b"", pairs))
        self._end(self.offset + at + len(trailers), events)

    def _end(self, offset: int, events: list[Event]) -> None:
        """End the message at `offset`, and choose the method for the bytes behind it."""
        events.append(End(offset, 0))
        assert self._connection
        self._ended = True
        state = self._connection.their_state
        self._connection = None
        self._unused = self._footer = 0
        self._last_chunk = False
        if state is h11.MIGHT_SWITCH_PROTOCOL:  # type: ignore[attr-defined]  # documented, but not in its __all__
            self._now = self._perhaps
        elif state is h11.MUST_CLOSE and not self._keeps:
            self._now = self._over
        else:
            self._now = self._head

    def _perhaps(self, data: bytes, at: int, events: list[Event]) -> int:
        """Read on behind a request for another protocol, which may or may not be granted."""
        return self._head(data, at, events)

    def _over(self, data: bytes, at: int, events: list[Event]) -> int:
        raise AfterClose(self.offset + at, b"", "nothing more: the last message said close")

    def _switched(self, data: bytes, at: int, events: list[Event]) -> int:
        events.append(Data(self.offset + at, 0, self._heard.switched, data[at:]))
        return len(data)

    def _close(self, events: list[Event]) -> None:
        if self._connection is None or self._now == self._head:
            super()._close(events)
            return
        self._connection.receive_data(b"")
        try:
            self._connection.next_event()
        except h11.RemoteProtocolError:
            if self._left is None:
                raise Truncated(self.offset, self._rest, "the last chunk") from None
            raise short_body(self.offset, self._length - self._left, self._length) from None
        events.append(End(self.offset, 0))
