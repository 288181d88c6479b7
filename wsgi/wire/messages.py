"""HTTP/1.1 (RFC 9112), read by h11. h11 was made for one end of a connection; here it observes both.

Each message has an h11.Connection of its own: a server's for a request; for a response a client's, which is told the
request. So neither direction waits for the other, and a server may answer early. h11 tells no offsets: we find the end
of a head before h11 gets it, and in a chunked body we count the bytes that h11 has not used.

What trips people up: the end of an answer depends on the request (HEAD, CONNECT), so the two decoders of a connection
know each other. HTTP/1.0 with keep-alive, which h11 does not do, is done here.
"""

from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from functools import cache

import h11

from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Event, Head, Pairs
from gateway_zoo.wire.faults import Limits, TooLong, TooMany, Truncated, WireError

from .faults import AfterClose, BadChunk, BadTransferEncoding, BadVersion, named
from .grammar import BLANK, CHUNK_LINE, LAST_CHUNK, blamed, header_at

CODING = b"transfer-encoding"
WAITING = 100_000  # requests without an answer that are remembered, eight bytes each
PIECE = 1 << 24  # of another body for h11 at once
SLICE = 65_536  # of a chunked body for h11 at once: what it has not used yet is copied to be counted


class Heard:
    """The knowledge that the two directions of a connection share."""

    def __init__(self) -> None:
        self._waiting: deque[h11.Request] = deque()
        self.asked = 0  # requests so far
        self.begun = 0  # answers so far, also those that have only an interim one
        self.answered = 0  # answers whose final head is there
        self.switched = ""  # the stream that both directions have become

    def ask(self, method: bytes, *, proposes: bool) -> bool:
        """Remember a request; False if there are too many."""
        self.asked += 1
        if self.asked > self.begun:  # else the answer came first
            self._waiting.append(_asking(method if method in {b"HEAD", b"CONNECT"} else b"GET", proposes))
        return len(self._waiting) <= WAITING

    def answer(self) -> h11.Request:
        """Return the request of the next answer; if it has not come, a GET that any answer fits."""
        self.begun += 1
        return self._waiting.popleft() if self._waiting else _asking(b"GET", True)


@cache
def _asking(method: bytes, proposes: bool) -> h11.Request:
    headers = [("Host", "h"), *([("Upgrade", "any")] if proposes else [])]
    return h11.Request(method=method, target="/", headers=headers)


class Messages(Decoder):
    """The base of both decoders.

    `_now` is the method for the current part of a message. It reads on from `at` and returns the offset that it has
    reached: `at` itself if it needs more bytes.
    """

    WAITS_FOR = "the rest of a head"

    def __init__(self, limits: Limits, heard: Heard) -> None:
        super().__init__(limits)
        self._heard = heard
        self._connection: h11.Connection | None = None  # of the current message
        self._now: Callable[[bytes, int, list[Event]], int] = self._head
        self._searched = 0  # bytes of an unfinished head without an empty line
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

    def _first(self, connection: h11.Connection, head: bytes, offset: int, events: list[Event]) -> h11.Event:
        """Give a head to h11, and return its event. Raises WireError."""
        connection.receive_data(head)
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            raise named(error, head, offset) from None
        assert isinstance(event, h11.Request | h11.Response | h11.InformationalResponse)
        if not event.http_version.startswith(b"1."):
            raise BadVersion(offset, head, "HTTP/1.1 or HTTP/1.0")
        if event.http_version < b"1.1" and value_of(event, CODING):
            at = blamed(head, CODING)
            raise BadTransferEncoding(offset + at, head[at:], "no Transfer-Encoding in HTTP/1.0")
        pairs = event.headers.raw_items()
        self._within_limits(pairs, head, offset)
        events.append(Head(offset, 0, head[: head.index(b"\n")].removesuffix(b"\r"), pairs))
        return event

    def _within_limits(self, pairs: Pairs, head: bytes, offset: int) -> None:
        limits = self.limits
        if len(pairs) > limits.variables:
            expected = f"at most {limits.variables} headers, not {len(pairs)}"
            raise _of_header(TooMany, pairs, limits.variables, head, offset, expected)
        if len(head) <= limits.name and len(head) <= limits.value:
            return
        for index, pair in enumerate(pairs):
            for kind, text, limit in zip(("name", "value"), pair, (limits.name, limits.value), strict=True):
                if len(text) > limit:
                    expected = f"a {kind} of at most {limit} bytes, not {len(text)}"
                    raise _of_header(TooLong, pairs, index, head, offset, expected)

    def _after_head(self, connection: h11.Connection, head: h11.Event, offset: int, events: list[Event]) -> None:
        """Choose the method for the body. The head ends at `offset`."""
        self._connection = connection
        assert isinstance(head, h11.Request | h11.Response)
        options = [option.strip() for option in value_of(head, b"connection").lower().split(b",")]
        self._keeps = head.http_version < b"1.1" and b"keep-alive" in options and b"close" not in options
        if isinstance(connection.next_event(), h11.EndOfMessage):
            self._end(offset, events)
            return
        coding, length = value_of(head, CODING), value_of(head, b"content-length")
        self._left = int(length) if length and not coding else None
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
            return BadChunk(self.offset + start, seen, "CRLF behind the chunk")
        if words.startswith("illegal chunk header"):
            return BadChunk(self.offset + line, data[line:], "a chunk-size in hexadecimal digits")
        if words.startswith("Receive buffer too long"):
            return self._too_long(data, self._trailers_at(data, line))
        start = self._trailers_at(data, line)
        return named(error, data[start:], self.offset + start)

    def _too_long(self, data: bytes, at: int) -> TooLong:
        return TooLong(self.offset + at, data[at:], f"a line, or trailers, of at most {self.limits.head} bytes")

    def _trailers_at(self, data: bytes, line: int) -> int:
        chunk = None if self._last_chunk else CHUNK_LINE.match(data, line)
        return chunk.end() if chunk else line

    def _trailers(self, event: h11.EndOfMessage, trailers: bytes, at: int, events: list[Event]) -> None:
        if pairs := event.headers.raw_items():
            self._within_limits(pairs, trailers, self.offset + at)
            events.append(Head(self.offset + at, 0, b"", pairs))
        self._end(self.offset + at + len(trailers), events)

    def _end(self, offset: int, events: list[Event]) -> None:
        """End the message at `offset`, and choose the method for the bytes behind it."""
        events.append(End(offset, 0))
        assert self._connection
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
        raise AfterClose(self.offset + at, data[at:], "nothing more: the last message said close")

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
            wanted = "the last chunk" if self._left is None else f"{self._left} more bytes of the body"
            raise Truncated(self.offset, self._rest, wanted) from None
        events.append(End(self.offset, 0))


def _of_header(kind: type[WireError], pairs: Pairs, index: int, head: bytes, offset: int, expected: str) -> WireError:
    """Make an error that points at the header pairs[index]."""
    at = header_at(head, [name for name, _ in pairs[: index + 1]])
    return kind(offset + at, head[at:], expected)


def value_of(head: h11.Request | h11.Response | h11.InformationalResponse, name: bytes) -> bytes:
    """Join all values of a header (RFC 9110 5.3)."""
    return b", ".join([value for key, value in head.headers if key == name])
