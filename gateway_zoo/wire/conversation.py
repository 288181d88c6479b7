"""Both directions of one connection, and the protocols inside protocols: FastCGI's STDOUT is a CGI response, uwsgi's
answer an HTTP response, a WebSocket goes on where HTTP ends.

What a wire.py says of its own bytes is put together here, once for events (`Talk`) and once for fields (`annotate`).
"""

from typing import NamedTuple

from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Event, Fault, Head, Variables
from gateway_zoo.wire.faults import LIMITS, Limits, WireError
from gateway_zoo.wire.fields import Field, cut, in_order, placed


class ProtocolEvent(NamedTuple):
    """An event, and the protocol that it is of. Offsets of an inner protocol count in its own stream."""

    protocol: str
    event: Event


class _Inner:
    """A decoder that is fed by another one; `holds`: offset outside from which on its head is not complete."""

    def __init__(self, protocol: str, decoder: Decoder) -> None:
        self.protocol, self.decoder = protocol, decoder
        self.fed = 0
        self.holds: int | None = None
        self.faulty = False  # and it was said


class Conversation:
    """Feed it what crosses a connection, in the order in which it does. It never raises WireError: each one
    is said once as a Fault, and the first of each direction is in `errors`. What is wrong is not decoded any further;
    where that is an inner protocol, the outer goes on."""

    def __init__(self, codecs: Codecs, protocol: str, limits: Limits = LIMITS) -> None:
        self._wires, self._protocol, self._limits = codecs, protocol, limits
        requests, responses = codecs[protocol].decoders(limits)
        self._decoders: dict[Direction, Decoder] = {"request": requests, "response": responses}
        self._inner: dict[tuple[Direction, int, str], _Inner] = {}
        self._methods: dict[int, list[bytes]] = {}  # by the request's id; not answered yet
        self._never: dict[Direction, int] = {}  # from here on nothing is settled any more
        self._faulty: set[Direction] = set()  # of the outer decoders, and it was said
        self.errors: dict[Direction, WireError] = {}

    def feed(self, direction: Direction, data: bytes) -> list[ProtocolEvent]:
        return self._after(direction, self._decoders[direction], data)

    def close(self, direction: Direction) -> list[ProtocolEvent]:
        """This direction has ended."""
        said = self._after(direction, self._decoders[direction], None)
        for (towards, _, _), inner in self._inner.items():
            if towards == direction and direction not in self._faulty:  # what is outside was cut off: no more to say
                said += self._inside(direction, inner, None)
        return said

    def settled(self, direction: Direction) -> int:
        """Up to this offset no head, of any protocol inside either, is half read."""
        held = [inner.holds for (towards, _, _), inner in self._inner.items() if towards == direction]
        held += [self._decoders[direction].settled, self._never.get(direction)]
        return min(offset for offset in held if offset is not None)

    def _after(self, direction: Direction, decoder: Decoder, data: bytes | None) -> list[ProtocolEvent]:
        said: list[ProtocolEvent] = []
        events, error = _events(decoder, data)
        for event in events:
            if isinstance(event, End):
                said += self._ended(direction, event.id)
            said.append(ProtocolEvent(self._protocol, event))
            if isinstance(event, Data) and event.stream in self._wires[self._protocol].INNER:
                said += self._fed(direction, event)
            elif direction == "request" and (method := method_of(event)):
                self._asked(event.id, method)
        if error and direction not in self._faulty:
            self._faulty.add(direction)
            self.errors.setdefault(direction, error)
            said.append(ProtocolEvent(self._protocol, Fault(error.offset, 0, str(error))))
        return said

    def _asked(self, id: int, method: bytes) -> None:
        """Tell what is inside the answer, now or later. (The outer decoders are a pair and know each other.)"""
        self._methods.setdefault(id, []).append(method)
        for (towards, inside, _), inner in self._inner.items():
            if towards == "response" and inside == id:
                inner.decoder.asked(method)

    def _ended(self, direction: Direction, id: int) -> list[ProtocolEvent]:
        """What is inside a message ends with it; the next one may have the same id."""
        said: list[ProtocolEvent] = []
        for key in [key for key in self._inner if key[:2] == (direction, id)]:
            inner = self._inner.pop(key)
            said += self._inside(direction, inner, None)
            if inner.holds is not None:  # a head that was never complete
                self._never.setdefault(direction, inner.holds)
        if direction == "response" and (methods := self._methods.pop(id, [])[1:]):
            self._methods[id] = methods
        return said

    def _fed(self, direction: Direction, event: Data) -> list[ProtocolEvent]:
        key = (direction, event.id, event.stream)
        if key not in self._inner:
            protocol = self._wires[self._protocol].INNER[event.stream]
            if protocol not in self._wires:
                return []
            decoder = self._wires[protocol].decoders(self._limits)[direction == "response"]
            for method in self._methods.get(event.id, []) if direction == "response" else []:
                decoder.asked(method)
            self._inner[key] = _Inner(protocol, decoder)
        inner = self._inner[key]
        said = self._inside(direction, inner, event.data)
        inner.fed += len(event.data)
        if inner.decoder.settled == inner.fed:
            inner.holds = None
        elif inner.holds is None:
            inner.holds = event.offset
        return said

    def _inside(self, direction: Direction, inner: _Inner, data: bytes | None) -> list[ProtocolEvent]:
        events, error = _events(inner.decoder, data)
        if error and not inner.faulty:
            inner.faulty = True
            self.errors.setdefault(direction, error)
            events.append(Fault(error.offset, 0, str(error)))
        return [ProtocolEvent(inner.protocol, event) for event in events]


def _events(decoder: Decoder, data: bytes | None) -> tuple[list[Event], WireError | None]:
    """Feed or, without data, close it. An error comes again each time, its events only once."""
    try:
        return (decoder.close() if data is None else decoder.feed(data)), None
    except WireError as error:
        return error.events, error


def method_of(event: Event) -> bytes:
    """The request's method, if this event says it."""
    if isinstance(event, Variables):
        return dict(event.pairs).get(b"REQUEST_METHOD", b"")
    return event.start.partition(b" ")[0] if isinstance(event, Head) else b""


def annotate(codecs: Codecs, protocol: str, request: bytes, response: bytes = b"") -> tuple[list[Field], list[Field]]:
    """The bytes of a connection as fields: of the requests, of the responses. Inner protocols stand below the field
    that carries them. None, of a protocol that no cage writes down."""
    if protocol not in codecs:
        return [], []
    methods = [
        method for said in Conversation(codecs, protocol).feed("request", request) if (method := method_of(said.event))
    ]
    return (
        _annotated(codecs, protocol, "request", request, methods),
        _annotated(codecs, protocol, "response", response, methods),
    )


def _annotated(codecs: Codecs, protocol: str, direction: Direction, data: bytes, methods: list[bytes]) -> list[Field]:
    fields, streams = codecs[protocol].annotate(direction, data, methods)
    for stream in streams:
        if stream.protocol in codecs:
            inside = _annotated(codecs, stream.protocol, direction, cut(data, stream.spans), methods)
            fields = fields + placed(inside, stream.spans, stream.depth)
    return in_order(fields)
