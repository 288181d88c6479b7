"""A recording: bytes between fronts and gateways as JSON lines.

The first line names the format. Each further line is an event, in order: a connection opens, bytes come (base64), a
side ends, a connection closes. If the recorder was killed, the file is good up to its last complete line.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from shlex import quote
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
    lines = iter(lines)
    first = next(lines, b"")
    try:
        yield checked(first, 1, name)
    except BadRecording:
        if sentence := foreign(first + b"".join(islice(lines, 2)), name):
            raise BadRecording(sentence) from None
        raise
    for number, text in enumerate(lines, 2):
        if not text.endswith(b"\n"):
            break
        yield checked(text, number, name)


FIRST = 512  # bytes that tell what a file is
_MAKE = "expected a recording: zoo record makes one"
#: First bytes of other files -> what the file is, and what to do.
FOREIGN = (
    (rb"\Z", f"empty; {_MAKE}"),
    (
        rb"\xa1\xb2\xc3\xd4|\xd4\xc3\xb2\xa1|\xa1\xb2\x3c\x4d|\x4d\x3c\xb2\xa1|\n\r\r\n",
        "a pcap; Wireshark or tshark -r FILE opens it. zoo wire --show RECORDING --pcap OUT makes such a file",
    ),
    (rb"\x1f\x8b", "compressed by gzip; gunzip it first"),
    (rb"\xfd7zXZ\0|\x28\xb5\x2f\xfd|BZh[1-9]|PK\x03\x04", "compressed; unpack it first"),
    (rb'(\xef\xbb\xbf)?\s*\{\s*"log"', f"a HAR: a browser wrote it, and it has no bytes of a gateway; {_MAKE}"),
    (rb"about = ", f"a specimen: one exchange, from which a label is made; {_MAKE}"),
    (rb'\s*(\{\s*("is"|\Z)|\{"[is]{0,2}\Z)', ""),  # perhaps a recording
    (rb"\s*[{\[]", f"JSON, and no recording; {_MAKE}"),
    (rb"[^\0-\x08\x0e-\x1f]*\Z", f"text, and no recording; {_MAKE}"),
    (rb"", f"binary, and no recording; {_MAKE}"),
)


def foreign(first: bytes, name: str) -> str:
    """Say what a file is by its first bytes, and what to do with it; empty if it may be a recording."""
    sentence = next(sentence for begins, sentence in FOREIGN if re.match(begins, first[:FIRST]))
    return f"{name}: {sentence.replace('FILE', quote(name))}" if sentence else ""


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
