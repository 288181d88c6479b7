"""A recording: bytes between fronts and gateways as JSON lines.

The first line names the format. Each further line is an event, in order: a connection opens, bytes come (base64), a
side ends, a connection closes. If the recorder was killed, the file is good up to its last complete line.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec

from gateway_zoo.wire.codecs import Direction

VERSION = 1
#: Unix time; a pcap has no room for a time after 2106.
Time = Annotated[float, msgspec.Meta(ge=0, lt=1 << 32)]


class BadRecording(Exception):
    """The file is no recording. The message has the line and what was expected."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", forbid_unknown_fields=True):
    """An event: a line of the file."""


class Recorded(Entry, frozen=True, kw_only=True, tag="recording"):
    """The first line. `secrets`: passwords and cookies are not masked."""

    version: int
    made: float  # unix time
    secrets: bool


class Opened(Entry, frozen=True, kw_only=True, tag="open"):
    """A front connects to a gateway."""

    connection: int  # counted from 1
    at: Time  # in each entry
    exhibit: str
    front: str
    protocol: str
    address: str  # the gateway's: a socket's name, or host:port


class Bytes(Entry, frozen=True, kw_only=True, tag="bytes"):
    """Bytes that arrived together. `request`: from the front to the gateway."""

    connection: int
    at: Time
    direction: Direction
    data: bytes


class Ended(Entry, frozen=True, kw_only=True, tag="end"):
    """A side sends nothing more (shutdown, or the first half of a close)."""

    connection: int
    at: Time
    direction: Direction


class Closed(Entry, frozen=True, kw_only=True, tag="close"):
    """The connection is closed. `why`: the problem, or empty."""

    connection: int
    at: Time
    why: str = ""


AnyEntry = Recorded | Opened | Bytes | Ended | Closed
_decoder = msgspec.json.Decoder(AnyEntry)
_encoder = msgspec.json.Encoder()


def line(entry: AnyEntry) -> bytes:
    """The line of an entry, with its newline."""
    return _encoder.encode(entry) + b"\n"


def read(lines: Iterable[bytes], name: str) -> Iterator[AnyEntry]:
    """Read the entries of a recording. `name` is for messages. An incomplete last line is left out. Raises
    BadRecording."""
    number = 0
    for number, text in enumerate(lines, 1):
        if number > 1 and not text.endswith(b"\n"):
            break
        yield checked(text, number, name)
    if number == 0:
        raise BadRecording(f"{name}: empty; expected a recording")


def checked(text: bytes, number: int, name: str) -> AnyEntry:
    """Read the entry of a line. `number` counts from 1. Raises BadRecording."""
    try:
        entry: AnyEntry = _decoder.decode(text)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadRecording(f"{name}: line {number}: {error}; expected a line of a recording") from None
    if isinstance(entry, Recorded) != (number == 1):
        raise BadRecording(f"{name}: line {number}: expected the head of a recording in the first line only")
    if isinstance(entry, Recorded) and entry.version != VERSION:
        raise BadRecording(f"{name}: version {entry.version}; this zoo reads version {VERSION}")
    return entry
