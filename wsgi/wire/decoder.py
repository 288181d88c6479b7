"""The two directions of an HTTP/1.1 connection: requests, and the answer to each.

messages.py has the base of both. What trips people up: on the wire only a 101 in the answer says that the bytes behind
a request are no HTTP any more. A decoder that sees the requests only must guess from the bytes: the second byte of a
client's WebSocket frame is above 127, that of a request never.
"""

import h11

from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Event, Head, Variables, method_of
from gateway_zoo.wire.faults import LIMITS, Limits, TooMany, Truncated

from .faults import BadRequestLine, BadStatusLine, BadUpgrade
from .grammar import BEGINS, REQUEST_LINE
from .messages import WAITING, Heard, Messages, value_of

NO_BODY = h11.EndOfMessage()


class Requests(Messages):
    """The decoder of requests, and of the bytes behind them if the server agrees to switch."""

    def __init__(self, limits: Limits, heard: Heard) -> None:
        super().__init__(limits, heard)
        self._empty_line = False  # one was skipped
        self._websocket = False  # the last request proposes it

    def _head(self, data: bytes, at: int, events: list[Event]) -> int:
        if data[at] == 13 and not self._empty_line:  # RFC 9112 2.2: ignore one
            if data[at : at + 2] == b"\r\n":
                self._empty_line = True
                return at + 2
            if len(data) == at + 1:
                return at
        if not BEGINS.match(data, at):
            raise BadRequestLine(self.offset + at, data[at:], "a method")
        return super()._head(data, at, events)

    def _message(self, head: bytes, offset: int, events: list[Event]) -> None:
        connection = h11.Connection(h11.SERVER, self.limits.head)
        request = self._first(connection, head, offset, events)
        assert isinstance(request, h11.Request)
        upgrade = value_of(request, b"upgrade") if b"upgrade" in head.lower() else b""
        if not self._heard.ask(request.method, proposes=bool(upgrade)):
            raise TooMany(offset, head, f"at most {WAITING} requests without an answer")
        self._websocket = is_websocket(upgrade)
        self._empty_line = False
        self._after_head(connection, request, offset + len(head), events)

    def _perhaps(self, data: bytes, at: int, events: list[Event]) -> int:
        """Read the next request, or another protocol. The answer tells which; before it comes, the bytes do."""
        heard = self._heard
        switched: bool | None = bool(heard.switched)
        if not switched and heard.answered < heard.asked:
            switched = self._looks_switched(data, at)
            if switched is None:
                return at
        if switched:
            heard.switched = heard.switched or ("WebSocket" if self._websocket else "tunnel")
        self._now = self._switched if switched else self._head
        return self._now(data, at, events)

    def _looks_switched(self, data: bytes, at: int) -> bool | None:
        """Tell whether a request begins here. None: not enough bytes to tell."""
        if self._websocket:
            if data[at] > 127 or data[at] < 3:
                return True  # a frame: with FIN, or without it CONTINUATION, TEXT, BINARY; a mask may be missing
            return data[at + 1] > 127 if len(data) > at + 1 else None
        if data.find(b"\n", at) < 0 and len(data) - at <= self.limits.head and BEGINS.match(data, at):
            return None
        return not REQUEST_LINE.match(data, at)

    def _close(self, events: list[Event]) -> None:
        if self._now == self._perhaps and self._rest:
            self._heard.switched = self._heard.switched or "tunnel"
            events.append(Data(self.offset, 0, self._heard.switched, self._rest))
            return
        super()._close(events)


class Responses(Messages):
    """The decoder of responses, each with its interim ones; after 101 of the other protocol."""

    def asked(self, request: Head | Variables) -> None:
        self._heard.ask(method_of(request), proposes=True)

    def _head(self, data: bytes, at: int, events: list[Event]) -> int:
        if not data.startswith(b"HTTP/"[: len(data) - at], at):
            raise BadStatusLine(self.offset + at, data[at:], "HTTP/1.1, three digits and a reason")
        return super()._head(data, at, events)

    def _message(self, head: bytes, offset: int, events: list[Event]) -> None:
        connection = self._connection = self._connection or self._asking()
        response = self._first(connection, head, offset, events)
        assert isinstance(response, h11.Response | h11.InformationalResponse)
        switches = connection.their_state is h11.SWITCHED_PROTOCOL
        if isinstance(response, h11.InformationalResponse) and not switches:
            return
        self._heard.answered += 1
        if not switches:
            self._after_head(connection, response, offset + len(head), events)
            return
        upgrade = value_of(response, b"upgrade")
        if response.status_code == 101 and not upgrade:
            raise BadUpgrade(offset, head, "a header Upgrade: to which protocol?")
        self._heard.switched = "WebSocket" if is_websocket(upgrade) else "tunnel"
        self._now = self._switched

    def _asking(self) -> h11.Connection:
        connection = h11.Connection(h11.CLIENT, self.limits.head)
        connection.send(self._heard.answer())
        connection.send(NO_BODY)
        return connection

    def _close(self, events: list[Event]) -> None:
        if self._now == self._switched:
            events.append(End(self.offset, 0))
        elif self._connection and self._now == self._head:
            raise Truncated(self.offset, self._rest, "the final response, after an interim one")
        else:
            super()._close(events)


def decoders(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
    """Make the decoders of requests and of responses, which know each other."""
    heard = Heard()
    return Requests(limits, heard), Responses(limits, heard)


def is_websocket(upgrade: bytes) -> bool:
    return b"websocket" in [name.strip() for name in upgrade.lower().split(b",")]
