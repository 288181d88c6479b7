"""Events of decoders: a few nouns, the same for all protocols.

`offset` is the place of an event's first byte in its direction, from 0. `id` is FastCGI's request id; protocols with
one request at a time have 0. Only Data depends on how the bytes were cut: joined by id and stream, the events are the
same for any pieces.
"""

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


class Fault(Event, frozen=True, gc=False):
    """The place where the bytes stop being the protocol. Decoders raise; Conversation makes this event, once."""

    error: str


class Other(Event, frozen=True, gc=False):
    """A message that is no part of a request, by its name in the specification: AJP's "CPing", WebSocket's "PING"."""

    name: str
    data: bytes
