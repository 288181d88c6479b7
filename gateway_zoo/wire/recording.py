"""A recording: what crossed the connections between fronts and gateways, piece by piece, as JSON lines.

The first line says what it is, every further one something that happened, in its order: a connection was opened, bytes
came (base64), a side has nothing more to say, a connection is closed. A file that is cut off in the middle (the
recorder was killed) is good up to there.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec

from gateway_zoo.wire.codecs import Direction

VERSION = 1
#: Unix time; what is later than 2106 fits neither a pcap nor a clock.
Time = Annotated[float, msgspec.Meta(ge=0, lt=1 << 32)]


class BadRecording(Exception):
    """The file is no recording; the message says in which line, and what was expected."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", forbid_unknown_fields=True):
    """Something that happened."""


class Recorded(Entry, frozen=True, kw_only=True, tag="recording"):
    """The first line. `secrets`: passwords and cookies are in it, nobody has masked them."""

    version: int
    made: float  # unix time
    secrets: bool


class Opened(Entry, frozen=True, kw_only=True, tag="open"):
    """A front has connected to a gateway."""

    connection: int  # counted from 1
    at: Time  # as in all that follows
    exhibit: str
    front: str
    protocol: str
    address: str  # the gateway's: a socket's name, or host:port


class Bytes(Entry, frozen=True, kw_only=True, tag="bytes"):
    """They arrived together. `request`: from the front to the gateway."""

    connection: int
    at: Time
    direction: Direction
    data: bytes


class Ended(Entry, frozen=True, kw_only=True, tag="end"):
    """A side has said all that it will (shutdown, or the first half of a close)."""

    connection: int
    at: Time
    direction: Direction


class Closed(Entry, frozen=True, kw_only=True, tag="close"):
    """Nothing more comes. `why`: empty, or what went wrong."""

    connection: int
    at: Time
    why: str = ""


AnyEntry = Recorded | Opened | Bytes | Ended | Closed
_decoder = msgspec.json.Decoder(AnyEntry)
_encoder = msgspec.json.Encoder()


def line(entry: AnyEntry) -> bytes:
    """One line of the file, with its end."""
    return _encoder.encode(entry) + b"\n"


def read(lines: Iterable[bytes], name: str) -> Iterator[AnyEntry]:
    """The entries of a recording; `name` is for messages. Raises BadRecording. A last line without its end is cut
    off, and left out."""
    number = 0
    for number, text in enumerate(lines, 1):
        if number > 1 and not text.endswith(b"\n"):
            break
        yield checked(text, number, name)
    if number == 0:
        raise BadRecording(f"{name}: empty; expected a recording")


def checked(text: bytes, number: int, name: str) -> AnyEntry:
    """The entry of one line, counted from 1. Raises BadRecording."""
    try:
        entry: AnyEntry = _decoder.decode(text)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadRecording(f"{name}: line {number}: {error}; expected a line of a recording") from None
    if isinstance(entry, Recorded) != (number == 1):
        raise BadRecording(f"{name}: line {number}: expected the head of a recording in the first line only")
    if isinstance(entry, Recorded) and entry.version != VERSION:
        raise BadRecording(f"{name}: version {entry.version}; this zoo reads version {VERSION}")
    return entry
