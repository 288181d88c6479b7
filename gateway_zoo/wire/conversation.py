"""One connection: both directions, and the protocols inside its protocol.

FastCGI's STDOUT is a CGI response, uwsgi's answer is an HTTP response, a WebSocket begins where HTTP ends. A wire.py
decodes the bytes of its own protocol only; this module joins several: their events (`Conversation`) and their fields
(`annotate`). It also finds what one direction cannot know: an answer that was not asked for, and bytes of another
protocol.
"""

from typing import NamedTuple

import msgspec

from gateway_zoo.wire import foreign
from gateway_zoo.wire.answers import Answers
from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.decoder import Decoder, fault
from gateway_zoo.wire.events import Data, End, Event, Fault, Head, Problem, Variables, method_of
from gateway_zoo.wire.faults import LIMITS, Limits, Truncated, WireError
from gateway_zoo.wire.fields import Field, Stream, cut, in_order, lay, placed


class ProtocolEvent(NamedTuple):
    """An event and its protocol.

    `stream` is None for the outer protocol. An inner protocol's offsets count in its own stream, whose first byte
    stands at `stream` of the connection. `asked` is False for a part of an answer that was not asked for.
    """

    protocol: str
    event: Event
    stream: int | None = None
    asked: bool = True


class Findings(msgspec.Struct):
    """What decoding finds, and naming needs. `problems`: (stream as in ProtocolEvent, problem) of each direction.
    `speaks`: the protocol of bytes that are another one's. `methods`: of the requests, in order."""

    problems: dict[Direction, list[tuple[int | None, Problem]]]
    speaks: dict[Direction, str]
    methods: list[bytes]


class _Side:
    """One direction. `fed`: bytes so far; `first`: the first of them; `faulty`: the decoder has stopped."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self.fed = 0
        self.first = b""
        self.faulty = False
        self.speaks = ""  # the other protocol that these bytes are
        self.stopped: set[int] = set()  # streams whose decoder has stopped
        self.never: int | None = None  # offset from which on nothing is settled


class _Inner:
    """A decoder that another one feeds. `stream`: outer offset of its first byte; `holds`: outer offset at which its
    incomplete header block begins."""

    def __init__(self, protocol: str, decoder: Decoder, stream: int) -> None:
        self.protocol, self.decoder, self.stream = protocol, decoder, stream
        self.fed = self.answers = 0
        self.holds: int | None = None
        self.faulty = False  # its Fault was returned


class Conversation:
    """Decodes a connection. Feed the bytes of both directions in the order in which they cross.

    It never raises WireError: `feed` returns each one once, as a Fault, and not before the first bytes can tell another
    protocol; `errors` has the first of each direction. The decoder stops there. If it is an inner one, the outer goes
    on."""

    def __init__(self, codecs: Codecs, protocol: str, limits: Limits = LIMITS) -> None:
        self._codecs, self._protocol, self._limits = codecs, protocol, limits
        requests, responses = codecs[protocol].decoders(limits)
        self._sides: dict[Direction, _Side] = {"request": _Side(requests), "response": _Side(responses)}
        self._inner: dict[tuple[Direction, int, str], _Inner] = {}
        self._requests: dict[int, list[Head | Variables]] = {}  # by the request's id, until it is answered
        self._answers = Answers()
        self.errors: dict[Direction, WireError] = {}

    def feed(self, direction: Direction, data: bytes) -> list[ProtocolEvent]:
        side = self._sides[direction]
        side.fed += len(data)
        if side.speaks:
            return []
        if len(side.first) < foreign.MOST and data:
            side.first += data[: foreign.MOST - len(side.first)]
            if name := foreign.protocol_of(self._codecs, self._protocol, direction, side.first):
                return [self._is_foreign(side, name)]
        return self._decode(direction, data)

    def _is_foreign(self, side: _Side, name: str) -> ProtocolEvent:
        side.speaks, side.faulty = name, True
        side.never = side.decoder.settled if side.never is None else side.never
        text = f"these bytes are {name}, not {self._protocol}"
        return ProtocolEvent(self._protocol, Fault(0, 0, text, text, 0))

    def close(self, direction: Direction) -> list[ProtocolEvent]:
        """End this direction: no byte follows."""
        side = self._sides[direction]
        if side.speaks:
            return []
        decoded = self._decode(direction, None)
        for (towards, _, _), inner in self._inner.items():
            if towards == direction and not side.faulty:  # or the outer fault explains it
                decoded += self._decode_inner(direction, inner, None)
        return decoded

    def settled(self, direction: Direction) -> int:
        """Every header block before this offset is complete, inner protocols included. (Or its decoder has stopped.)"""
        side = self._sides[direction]
        inside = [inner for (towards, _, _), inner in self._inner.items() if towards == direction]
        held = [inner.holds for inner in inside if not inner.faulty]
        held += [side.decoder.settled, side.never]
        return min(offset for offset in held if offset is not None)

    def faulty(self, direction: Direction, stream: int | None = None) -> bool:
        """Tell whether the decoder of this direction has stopped, or that of the stream whose first byte is there."""
        side = self._sides[direction]
        return side.faulty if stream is None else stream in side.stopped

    def unread(self, direction: Direction) -> bool:
        """Tell whether bytes came that are not decoded: they wait for more, or cannot be."""
        side = self._sides[direction]
        return side.faulty or side.decoder.offset < side.fed

    def read(self, direction: Direction) -> int:
        """The offset up to which messages are decoded."""
        return self._sides[direction].decoder.offset

    def speaks(self, direction: Direction) -> str:
        """The protocol of bytes that are another one's; empty if they are not."""
        return self._sides[direction].speaks

    def _decode(self, direction: Direction, data: bytes | None) -> list[ProtocolEvent]:
        side = self._sides[direction]
        decoded: list[ProtocolEvent] = []
        events, error = _feed_or_close(side.decoder, data)
        for event in events:
            asked = True
            if direction == "request":
                self._answers.note_request(event)
                if isinstance(event, Head | Variables) and method_of(event):
                    self._note_request(event)
            elif not isinstance(event, Problem):
                unasked = self._answers.unasked(event, unread=self.unread("request"))
                asked = unasked is None
                if isinstance(unasked, Fault):
                    decoded.append(ProtocolEvent(self._protocol, unasked))
            if isinstance(event, End):
                decoded += self._end_inner(direction, event.id)
            decoded.append(ProtocolEvent(self._protocol, event, asked=asked))
            if isinstance(event, Data) and event.stream in self._codecs[self._protocol].INNER:
                decoded += [each._replace(asked=asked and each.asked) for each in self._feed_inner(direction, event)]
        if error and not side.faulty and (data is None or side.fed >= foreign.TELL):
            side.faulty = True
            self.errors.setdefault(direction, error)
            decoded.append(ProtocolEvent(self._protocol, _at_end(error, side.fed)))
        return decoded

    def _note_request(self, request: Head | Variables) -> None:
        """Tell the request to the answer's inner decoders, now or later. (The outer decoders are a pair.)"""
        self._requests.setdefault(request.id, []).append(request)
        for (towards, inside, _), inner in self._inner.items():
            if towards == "response" and inside == request.id:
                inner.decoder.asked(request)

    def _end_inner(self, direction: Direction, id: int) -> list[ProtocolEvent]:
        """Close the inner decoders of a message that ends. The next message may have the same id."""
        decoded: list[ProtocolEvent] = []
        for key in [key for key in self._inner if key[:2] == (direction, id)]:
            inner = self._inner.pop(key)
            decoded += self._decode_inner(direction, inner, None)
            if (
                inner.holds is not None and not inner.faulty and self._sides[direction].never is None
            ):  # its header block was never complete
                self._sides[direction].never = inner.holds
        if direction == "response" and (requests := self._requests.pop(id, [])[1:]):
            self._requests[id] = requests
        return decoded

    def _feed_inner(self, direction: Direction, event: Data) -> list[ProtocolEvent]:
        key = (direction, event.id, event.stream)
        if key not in self._inner:
            protocol = self._codecs[self._protocol].INNER[event.stream]
            if protocol not in self._codecs:
                return []
            decoder = self._codecs[protocol].decoders(self._limits)[direction == "response"]
            for request in self._requests.get(event.id, []) if direction == "response" else []:
                decoder.asked(request)
            self._inner[key] = _Inner(protocol, decoder, event.offset)
        inner = self._inner[key]
        decoded = self._decode_inner(direction, inner, event.data)
        if direction == "response":
            decoded = _without_unasked(decoded, inner, max(1, len(self._requests.get(event.id, []))))
        inner.fed += len(event.data)
        if inner.decoder.settled == inner.fed:
            inner.holds = None
        elif inner.holds is None:
            inner.holds = event.offset
        return decoded

    def _decode_inner(self, direction: Direction, inner: _Inner, data: bytes | None) -> list[ProtocolEvent]:
        events, error = _feed_or_close(inner.decoder, data)
        # A stream that has all bytes of its direction may still be of another protocol: see `feed`.
        may_be_foreign = data is not None and not inner.stream and self._sides[direction].fed < foreign.TELL
        if error and not inner.faulty and not may_be_foreign:
            inner.faulty = True
            self._sides[direction].stopped.add(inner.stream)
            self.errors.setdefault(direction, error)
            events.append(_at_end(error, inner.fed))
        return [ProtocolEvent(inner.protocol, event, inner.stream) for event in events]


def _without_unasked(decoded: list[ProtocolEvent], inner: _Inner, requests: int) -> list[ProtocolEvent]:
    """Find the heads of more answers than requests, in a stream that only the connection's end ends (uwsgi)."""
    judged: list[ProtocolEvent] = []
    for each in decoded:
        event, asked = each.event, True
        if isinstance(event, Head) and event.start and inner.answers >= requests:
            text, asked = "an answer that was not asked for: each request is answered", False
            problem = Fault(event.offset, event.id, f"{text} (at offset {event.offset})", text, 0)
            judged.append(each._replace(event=problem))
        inner.answers += isinstance(event, End)
        judged.append(each._replace(asked=asked))
    return judged


def _at_end(error: WireError, end: int) -> Fault:
    """The Fault of an error. What is cut off is marked at its end, where bytes are missing."""
    made = fault(error, error.length)
    return msgspec.structs.replace(made, offset=max(end, made.offset)) if isinstance(error, Truncated) else made


def _feed_or_close(decoder: Decoder, data: bytes | None) -> tuple[list[Event], WireError | None]:
    """Feed a decoder, or close it (None). It raises the same error each time, with events only once."""
    try:
        return (decoder.close() if data is None else decoder.feed(data)), None
    except WireError as error:
        return error.events, error


def annotate(
    codecs: Codecs, protocol: str, request: bytes, response: bytes = b"", findings: Findings | None = None
) -> tuple[list[Field], list[Field]]:
    """Name the bytes of a connection: fields of the requests, of the responses. Fields of an inner protocol stand below
    the field that carries it. A protocol without a wire.py has no fields. `findings` are those of a Conversation; None:
    the bytes are decoded to find them."""
    if protocol not in codecs:
        return [], []
    findings = findings or find(codecs, protocol, request, response)
    sides: tuple[tuple[Direction, bytes], ...] = (("request", request), ("response", response))
    named = [_annotate(codecs, protocol, direction, data, findings) for direction, data in sides]
    return named[0], named[1]


def find(codecs: Codecs, protocol: str, request: bytes, response: bytes) -> Findings:
    """Decode both directions of a connection for their Findings."""
    conversation = Conversation(codecs, protocol)
    findings = Findings({"request": [], "response": []}, {}, [])
    sides: tuple[tuple[Direction, bytes], ...] = (("request", request), ("response", response))
    for direction, data in sides:
        for _, event, stream, _ in conversation.feed(direction, data) + conversation.close(direction):
            if isinstance(event, Problem):
                findings.problems[direction].append((stream, event))
            elif direction == "request" and (method := method_of(event)):
                findings.methods.append(method)
        findings.speaks[direction] = conversation.speaks(direction)
    return findings


def _annotate(
    codecs: Codecs, protocol: str, direction: Direction, data: bytes, findings: Findings, stream: int | None = None
) -> list[Field]:
    problems = [problem for within, problem in findings.problems[direction] if within == stream]
    if stream is None and (speaks := findings.speaks.get(direction)):
        protocol = speaks
    fields, streams = [Field(0, len(data), protocol)] if data else [], list[Stream]()
    if protocol in codecs:
        fields, streams = codecs[protocol].annotate(direction, data, findings.methods)
    named = lay(fields, problems)
    for inner in streams:
        if inner.protocol in codecs:
            begins = inner.spans[0][0] if stream is None else -1  # no Conversation decodes a third protocol
            inside = _annotate(codecs, inner.protocol, direction, cut(data, inner.spans), findings, begins)
            named = named + placed(inside, inner.spans, inner.depth)
    # An answer of uwsgi or SCGI has no bytes of its own: a problem is shown at those of the protocol inside.
    return in_order(named) if fields else lay(in_order(named), problems)
