"""One connection: both directions, and the protocols inside its protocol.

FastCGI's STDOUT is a CGI response, uwsgi's answer is an HTTP response, a WebSocket begins where HTTP ends. A wire.py
decodes the bytes of its own protocol only; this module joins several: their events (`Conversation`) and their fields
(`annotate`).
"""

from collections.abc import Sequence
from typing import NamedTuple

from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Event, Fault, Head, Variables
from gateway_zoo.wire.faults import LIMITS, Limits, WireError
from gateway_zoo.wire.fields import Field, cut, in_order, placed


class ProtocolEvent(NamedTuple):
    """An event and its protocol. Offsets of an inner protocol count in its own stream."""

    protocol: str
    event: Event


class _Inner:
    """A decoder that another one feeds. `holds`: outer offset at which its incomplete header block begins."""

    def __init__(self, protocol: str, decoder: Decoder) -> None:
        self.protocol, self.decoder = protocol, decoder
        self.fed = 0
        self.holds: int | None = None
        self.faulty = False  # its Fault was returned


class Conversation:
    """Decodes a connection. Feed the bytes of both directions in the order in which they cross.

    It never raises WireError: `feed` returns each one once, as a Fault; `errors` has the first of each direction. The
    decoder stops there. If it is an inner one, the outer goes on."""

    def __init__(self, codecs: Codecs, protocol: str, limits: Limits = LIMITS) -> None:
        self._codecs, self._protocol, self._limits = codecs, protocol, limits
        requests, responses = codecs[protocol].decoders(limits)
        self._decoders: dict[Direction, Decoder] = {"request": requests, "response": responses}
        self._inner: dict[tuple[Direction, int, str], _Inner] = {}
        self._methods: dict[int, list[bytes]] = {}  # by the request's id, until it is answered
        self._never: dict[Direction, int] = {}  # offset from which on nothing is settled
        self._faulty: set[Direction] = set()  # directions whose outer decoder has returned its Fault
        self.errors: dict[Direction, WireError] = {}

    def feed(self, direction: Direction, data: bytes) -> list[ProtocolEvent]:
        return self._decode(direction, self._decoders[direction], data)

    def close(self, direction: Direction) -> list[ProtocolEvent]:
        """End this direction: no byte follows."""
        decoded = self._decode(direction, self._decoders[direction], None)
        for (towards, _, _), inner in self._inner.items():
            if towards == direction and direction not in self._faulty:  # or the outer fault explains it
                decoded += self._decode_inner(direction, inner, None)
        return decoded

    def settled(self, direction: Direction) -> int:
        """Every header block before this offset is complete, inner protocols included."""
        held = [inner.holds for (towards, _, _), inner in self._inner.items() if towards == direction]
        held += [self._decoders[direction].settled, self._never.get(direction)]
        return min(offset for offset in held if offset is not None)

    def _decode(self, direction: Direction, decoder: Decoder, data: bytes | None) -> list[ProtocolEvent]:
        decoded: list[ProtocolEvent] = []
        events, error = _feed_or_close(decoder, data)
        for event in events:
            if isinstance(event, End):
                decoded += self._end_inner(direction, event.id)
            decoded.append(ProtocolEvent(self._protocol, event))
            if isinstance(event, Data) and event.stream in self._codecs[self._protocol].INNER:
                decoded += self._feed_inner(direction, event)
            elif direction == "request" and (method := method_of(event)):
                self._note_method(event.id, method)
        if error and direction not in self._faulty:
            self._faulty.add(direction)
            self.errors.setdefault(direction, error)
            decoded.append(ProtocolEvent(self._protocol, Fault(error.offset, 0, str(error))))
        return decoded

    def _note_method(self, id: int, method: bytes) -> None:
        """Tell the method to the answer's inner decoders, now or later. (The outer decoders are a pair.)"""
        self._methods.setdefault(id, []).append(method)
        for (towards, inside, _), inner in self._inner.items():
            if towards == "response" and inside == id:
                inner.decoder.asked(method)

    def _end_inner(self, direction: Direction, id: int) -> list[ProtocolEvent]:
        """Close the inner decoders of a message that ends. The next message may have the same id."""
        decoded: list[ProtocolEvent] = []
        for key in [key for key in self._inner if key[:2] == (direction, id)]:
            inner = self._inner.pop(key)
            decoded += self._decode_inner(direction, inner, None)
            if inner.holds is not None:  # its header block was never complete
                self._never.setdefault(direction, inner.holds)
        if direction == "response" and (methods := self._methods.pop(id, [])[1:]):
            self._methods[id] = methods
        return decoded

    def _feed_inner(self, direction: Direction, event: Data) -> list[ProtocolEvent]:
        key = (direction, event.id, event.stream)
        if key not in self._inner:
            protocol = self._codecs[self._protocol].INNER[event.stream]
            if protocol not in self._codecs:
                return []
            decoder = self._codecs[protocol].decoders(self._limits)[direction == "response"]
            for method in self._methods.get(event.id, []) if direction == "response" else []:
                decoder.asked(method)
            self._inner[key] = _Inner(protocol, decoder)
        inner = self._inner[key]
        decoded = self._decode_inner(direction, inner, event.data)
        inner.fed += len(event.data)
        if inner.decoder.settled == inner.fed:
            inner.holds = None
        elif inner.holds is None:
            inner.holds = event.offset
        return decoded

    def _decode_inner(self, direction: Direction, inner: _Inner, data: bytes | None) -> list[ProtocolEvent]:
        events, error = _feed_or_close(inner.decoder, data)
        if error and not inner.faulty:
            inner.faulty = True
            self.errors.setdefault(direction, error)
            events.append(Fault(error.offset, 0, str(error)))
        return [ProtocolEvent(inner.protocol, event) for event in events]


def _feed_or_close(decoder: Decoder, data: bytes | None) -> tuple[list[Event], WireError | None]:
    """Feed a decoder, or close it (None). It raises the same error each time, with events only once."""
    try:
        return (decoder.close() if data is None else decoder.feed(data)), None
    except WireError as error:
        return error.events, error


def method_of(event: Event) -> bytes:
    """The request's method, if this event has it; else empty."""
    if isinstance(event, Variables):
        return dict(event.pairs).get(b"REQUEST_METHOD", b"")
    return event.start.partition(b" ")[0] if isinstance(event, Head) else b""


def annotate(
    codecs: Codecs, protocol: str, request: bytes, response: bytes = b"", methods: Sequence[bytes] | None = None
) -> tuple[list[Field], list[Field]]:
    """Name the bytes of a connection: fields of the requests, of the responses. Fields of an inner protocol stand below
    the field that carries it. A protocol without a wire.py has no fields. `methods` are those of the requests, in
    order; None: the request's bytes are decoded to find them."""
    if protocol not in codecs:
        return [], []
    if methods is None:
        events = Conversation(codecs, protocol).feed("request", request)
        methods = [method for _, event in events if (method := method_of(event))]
    return (
        _annotate(codecs, protocol, "request", request, methods),
        _annotate(codecs, protocol, "response", response, methods),
    )


def _annotate(
    codecs: Codecs, protocol: str, direction: Direction, data: bytes, methods: Sequence[bytes]
) -> list[Field]:
    fields, streams = codecs[protocol].annotate(direction, data, methods)
    for stream in streams:
        if stream.protocol in codecs:
            inside = _annotate(codecs, stream.protocol, direction, cut(data, stream.spans), methods)
            fields = fields + placed(inside, stream.spans, stream.depth)
    return in_order(fields)
