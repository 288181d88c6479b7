"""What a decoder says has arrived: a few nouns, the same for all protocols.

`offset` is where the first byte of it stands in its direction, from 0. `id` is FastCGI's request id; protocols with one
request at a time have 0. Only Data depends on how the bytes were cut: join those of one id and stream, and any chunking
gives the same events.
"""

import msgspec

Pairs = list[tuple[bytes, bytes]]


class Event(msgspec.Struct, frozen=True, gc=False):
    """Something of request `id` that began at `offset`."""

    offset: int
    id: int


class Begin(Event, frozen=True, gc=False):
    """FastCGI: a request begins. Roles: 1 Responder, 2 Authorizer, 3 Filter. `keep`: the connection stays after it."""

    role: int
    keep: bool


class Variables(Event, frozen=True):
    """All meta-variables of a request are there, in their order; a name may stand twice."""

    pairs: Pairs


class Head(Event, frozen=True):
    """HTTP: the first line and the headers, of a request or a response. CGI's response has headers only, and so have
    HTTP's trailers: then `start` is empty. AJP says what HTTP would."""

    start: bytes
    headers: Pairs


class Data(Event, frozen=True, gc=False):
    """A piece of a stream: a body ("body"), FastCGI's STDIN, STDOUT, STDERR, DATA, or one that another protocol is
    inside of (see `INNER` in the cage's wire.py)."""

    stream: str
    data: bytes


class End(Event, frozen=True, gc=False):
    """This direction of the exchange is complete; `offset` is behind its last byte. `status` is what the protocol says
    of how it went: FastCGI's (appStatus, protocolStatus); empty where it says nothing."""

    status: tuple[int, ...] = ()


class Abort(Event, frozen=True, gc=False):
    """FastCGI: the web server gives the request up."""


class Values(Event, frozen=True):
    """FastCGI: GET_VALUES (`asked`; the values are empty) or its answer."""

    asked: bool
    pairs: Pairs


class Fault(Event, frozen=True, gc=False):
    """Here the bytes stop being the protocol. No decoder says it (they raise); Talk does, once, in its place."""

    error: str


class Other(Event, frozen=True, gc=False):
    """A message that is no part of a request, by the name that the specification gives it: AJP's "CPing",
    FastCGI's "UNKNOWN_TYPE", WebSocket's "PING"."""

    name: str
    data: bytes
