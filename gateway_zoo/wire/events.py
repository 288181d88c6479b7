"""Events of decoders: a few nouns, the same for all protocols.

`offset` is the place of an event's first byte in its direction, from 0. `id` is FastCGI's request id; protocols with
one request at a time have 0. Only Data depends on how the bytes were cut: joined by id and stream, the events are the
same for any pieces.
"""

import re

import msgspec

Pairs = list[tuple[bytes, bytes]]


class Event(msgspec.Struct, frozen=True, gc=False):
    """The base of all events: a part of request `id` that began at `offset`."""

    offset: int
    id: int


class Begin(Event, frozen=True, gc=False):
    """FastCGI: a request begins. Roles: 1 Responder, 2 Authorizer, 3 Filter. `keep`: the connection stays open."""

    role: int
    keep: bool


class Variables(Event, frozen=True):
    """All meta-variables of a request, in their order; a name may stand twice."""

    pairs: Pairs


class Head(Event, frozen=True):
    """The first line and the headers of a request or a response, as HTTP has them.

    `start` is empty where there are headers only: in CGI's response and in HTTP's trailers.
    """

    start: bytes
    headers: Pairs


def asking(method: bytes) -> Head:
    """The head of a request that has this method, and nothing more."""
    return Head(0, 0, method + b" / HTTP/1.1", [])


class Data(Event, frozen=True, gc=False):
    """A piece of a stream: "body", FastCGI's STDIN, STDOUT, STDERR, DATA, or a stream with another protocol inside.

    `INNER` in the cage's wire.py names that protocol.
    """

    stream: str
    data: bytes


class End(Event, frozen=True, gc=False):
    """The end of this direction of the exchange. `offset` is behind its last byte.

    `status` is the protocol's own, such as FastCGI's (appStatus, protocolStatus); empty where it has none.
    """

    status: tuple[int, ...] = ()


class Abort(Event, frozen=True, gc=False):
    """FastCGI: the web server gives the request up."""


class Values(Event, frozen=True):
    """FastCGI: GET_VALUES (`asked`; the values are empty) or its answer."""

    asked: bool
    pairs: Pairs


class Problem(Event, frozen=True, gc=False):
    """A broken rule. `offset` and `length`: the bytes that break it. `error`: a sentence, which may quote these bytes;
    `note`: the same without a quotation."""

    error: str
    note: str
    length: int = 1


class Breach(Problem, frozen=True, gc=False):
    """A broken rule that moves nothing: the message is whole, and decoding goes on."""


class Fault(Problem, frozen=True, gc=False):
    """Bytes that are missing, surplus, not asked for, or unreadable.

    A decoder makes this event where it can go on behind the bytes (a surplus record). Where it cannot, it raises, and
    Conversation makes the event.
    """


class Other(Event, frozen=True, gc=False):
    """A message that is no part of a request, by its name in the specification: AJP's "CPing", WebSocket's "PING"."""

    name: str
    data: bytes


def method_of(event: Event) -> bytes:
    """The request's method, if this event has it; else empty."""
    if isinstance(event, Variables):
        return dict(event.pairs).get(b"REQUEST_METHOD", b"")
    return request_line(event.start)[0] if isinstance(event, Head) else b""


def request_line(start: bytes) -> tuple[bytes, bytes]:
    """Method and target of a request's first line, which may break rules: it has other gaps, or no version."""
    method, _, rest = start.replace(b"\t", b" ").partition(b" ")
    target, _, version = rest.strip(b" ").rpartition(b" ")
    return method, target.rstrip(b" ") if target and b"HTTP/" in version.upper() else rest.strip(b" ")


def status_of(head: Head) -> int | None:
    """The status of an answer; None if it is no number. HTTP has it in the first line, CGI in the header Status.
    Without that header it is 200, or 302 with a Location (RFC 3875 6.2). An empty header counts as absent (6.3)."""
    code = head.start.split()[1:2]
    if not head.start:
        given = {name.lower(): value for name, value in reversed(head.headers) if value.strip()}
        code = given.get(b"status", b"302" if b"location" in given else b"200").split()
    digits = re.match(rb"[0-9]{3}(?![0-9])", code[0]) if code else None
    return int(digits[0]) if digits else None
