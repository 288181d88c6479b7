"""The two directions of an HTTP/1.1 connection: requests, and the answer to each.

messages.py has the base of both. What trips people up: on the wire only a 101 in the answer says that the bytes behind
a request are no HTTP any more. A decoder that sees the requests only must guess from the bytes: the second byte of a
client's WebSocket frame is above 127, that of a request never.
"""

from functools import cache
from typing import ClassVar

import h11

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Event, Head, Variables, method_of
from gateway_zoo.wire.faults import LIMITS, Limits, Malformed, TooMany, Truncated

from .faults import BadRequestLine, BadStatusLine, Surplus
from .grammar import METHOD, REGISTERED, REQUEST_LINE, parts
from .handshake import items, judge, judge_request, offer_in, offer_of, value_of
from .heard import WAITING, Asked, Heard
from .messages import Messages

SURPLUS = "nothing more, or another request"
NO_BODY = h11.EndOfMessage()


class Requests(Messages):
    """The decoder of requests, and of the bytes behind them if the server agrees to switch."""

    DIRECTION: ClassVar[Direction] = "request"

    def __init__(self, limits: Limits, heard: Heard) -> None:
        super().__init__(limits, heard)
        self._empty_line = False  # one was skipped
        self._websocket = False  # the last request proposes it

    def _decode(self, data: bytes, events: list[Event]) -> int:
        used = super()._decode(data, events)
        self._heard.half_read = used < len(data) and self._now in (self._head, self._perhaps)
        return used

    def _head(self, data: bytes, at: int, events: list[Event]) -> int:
        if data[at] == 13 and not self._empty_line:  # RFC 9112 2.2: ignore one
            if data[at : at + 2] == b"\r\n":
                self._empty_line = True
                return at + 2
            if len(data) == at + 1:
                return at
        if self._ended and not REGISTERED.match(data, at):
            raise Surplus(self.offset + at, b"", SURPLUS)
        if not METHOD.match(data, at):
            raise BadRequestLine(self.offset + at, data[at:], "a method")
        searched, reached = self._searched, super()._head(data, at, events)
        line = data.find(b"\n", at) if reached == at and self._ended else -1
        if line >= at + searched and not parts("request", data[at:line]):
            raise Surplus(self.offset + at, b"", SURPLUS)
        return reached

    def _message(self, head: bytes, offset: int, events: list[Event]) -> None:
        try:
            request, pairs = self._first(head, offset, events)
        except BadRequestLine:
            if self._ended:
                raise Surplus(offset, b"", SURPLUS) from None
            raise
        except Malformed:  # behind the Head: it may be answered
            self._heard.ask(method_of(next(event for event in reversed(events) if isinstance(event, Head))))
            raise
        assert isinstance(request, h11.Request)
        offer = offer_of(pairs) if b"upgrade" in head.lower() else None
        if not self._heard.ask(request.method, offer):
            raise TooMany(offset, head, f"at most {WAITING} requests without an answer")
        self._websocket = bool(offer and offer.websocket)
        if self._websocket:
            events += judge_request(head, pairs, offset)
        self._empty_line = False
        self._after_head(request, offset + len(head), events)

    def _new(self) -> h11.Connection:
        return h11.Connection(h11.SERVER, self.limits.head)

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
        if data.find(b"\n", at) < 0 and len(data) - at <= self.limits.head and METHOD.match(data, at):
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

    DIRECTION: ClassVar[Direction] = "response"
    _asked: Asked | None = None  # the request of the current answer

    def asked(self, request: Head | Variables) -> None:
        self._heard.ask(method_of(request), offer_in(request))

    def _head(self, data: bytes, at: int, events: list[Event]) -> int:
        if not b"HTTP/".startswith(data[at : at + 5].upper()):
            if self._ended and not self._asked:
                raise Surplus(self.offset + at, b"", "nothing more, or another answer")
            raise BadStatusLine(self.offset + at, data[at:], "HTTP/1.1, three digits and a reason")
        return super()._head(data, at, events)

    def _message(self, head: bytes, offset: int, events: list[Event]) -> None:
        self._asked = self._asked or self._heard.answer()
        response, pairs = self._first(head, offset, events)
        assert isinstance(response, h11.Response | h11.InformationalResponse)
        assert self._connection
        switches = self._connection.their_state is h11.SWITCHED_PROTOCOL
        if isinstance(response, h11.InformationalResponse) and not switches:
            return
        self._heard.answered += self._asked.came
        if not switches:
            self._after_head(response, offset + len(head), events)
            return
        if response.status_code == 101:
            events += judge(self._asked.offer, head, pairs, offset)
        upgrade = items(value_of(pairs, b"upgrade").lower()) if response.status_code == 101 else []
        self._heard.switched = "WebSocket" if b"websocket" in upgrade else "tunnel"
        self._now = self._switched

    def _new(self) -> h11.Connection:
        connection = h11.Connection(h11.CLIENT, self.limits.head)
        connection.send(_request(self._asked.method if self._asked else b"GET"))
        connection.send(NO_BODY)
        return connection

    def _end(self, offset: int, events: list[Event]) -> None:
        super()._end(offset, events)
        self._asked = None

    def _close(self, events: list[Event]) -> None:
        if self._now == self._switched:
            events.append(End(self.offset, 0))
        elif self._asked and self._now == self._head:
            raise Truncated(self.offset, self._rest, "the final response, after an interim one")
        else:
            super()._close(events)


@cache
def _request(method: bytes) -> h11.Request:
    """A request as h11 needs it. It allows any 101: whether that was asked for, handshake.py tells."""
    return h11.Request(method=method, target="/", headers=[("Host", "h"), ("Upgrade", "any")])


def decoders(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
    """Make the decoders of requests and of responses, which know each other."""
    heard = Heard()
    return Requests(limits, heard), Responses(limits, heard)
