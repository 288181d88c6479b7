"""Forward Request and Send Headers, read for speed.

Why there are two readers: packet.py reads a packet part by part, makes a Field of each, and can say what is wrong and
where. That takes ten times as long (specimens/hello.toml), and the decoder of a sound packet needs no fields. So this
file reads the same bytes and only notices that a part is wrong: it raises Odd, or runs into an IndexError, a KeyError
or a struct.error, because no length is compared with the packet's end before it is used. Then packet.py reads the
packet again, as far as it can be read. Tests hold the two readers together.
"""

import struct
from collections.abc import Mapping
from typing import NamedTuple

from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import Limits

from . import codes
from .codes import ATTRIBUTES, DONE, METHODS, NULL, PORT_AND_SSL, REQ_ATTRIBUTE, SSL_KEY_SIZE, STORED

ZERO_ONE = (b"0", b"1")
NULL_LENGTH = NULL.to_bytes(2)
SIZES = (len("content-length"), len("transfer-encoding"))
WRONG = (IndexError, KeyError, struct.error)


class Odd(IndexError):
    """A part of a packet is wrong; packet.py finds which part, and where."""


class Forward(NamedTuple):
    """A Forward Request. `due`: the length of the body in bytes, or CHUNKED."""

    places: Pairs  # strings and numbers before the headers
    start: bytes
    headers: Pairs
    attributes: Pairs
    due: int


def forward_request(packet: bytes, limits: Limits) -> Forward:
    """Read a Forward Request. Raises one of WRONG."""
    protocol, at = string_at(packet, 6)
    uri, at = string_at(packet, at)
    places: Pairs = []
    for name in codes.FACTS:
        if packet[at : at + 2] == NULL_LENGTH:
            at += 2
            continue
        value, at = string_at(packet, at)
        places.append((name, value))
    port, is_ssl = PORT_AND_SSL.unpack_from(packet, at)
    places += (b"server_port", b"%d" % port), (b"is_ssl", ZERO_ONE[is_ssl])
    headers, at = headers_at(packet, at + 3, codes.REQUEST_HEADERS)
    attributes, at = _attributes(packet, at)
    if at != len(packet) or not protocol or not uri:
        raise Odd
    if at > limits.name or len(headers) + len(attributes) > limits.variables:
        check([[(b"", protocol), (b"", uri)], places, headers, attributes], limits)
    start = first_line(method_name(packet[5], attributes), uri, protocol, attributes)
    if not codes.FIRST_LINE.fullmatch(start):
        raise Odd
    return Forward(places, start, headers, attributes, _due(headers))


def send_headers(packet: bytes, limits: Limits) -> tuple[bytes, Pairs]:
    """Read a Send Headers. Return the first line and the headers. Raises one of WRONG."""
    (status,) = codes.INTEGER.unpack_from(packet, 5)
    message, at = (b"", 9) if packet[7:9] == NULL_LENGTH else string_at(packet, 7)
    headers, at = headers_at(packet, at, codes.RESPONSE_HEADERS)
    if at > limits.name or len(headers) > limits.variables:
        check([[(b"", message)], headers], limits)
    if at != len(packet) or not 100 <= status <= 999 or not codes.REASON.fullmatch(message):
        raise Odd
    _due(headers)
    return b"HTTP/1.1 %d %b" % (status, message), headers


def check(parts: list[Pairs], limits: Limits) -> None:
    """Raise Odd if a name, a value or a number of pairs breaks a limit."""
    for pairs in parts:
        if len(pairs) > limits.variables:
            raise Odd
        if any(len(name) > limits.name or len(value) > limits.value for name, value in pairs):
            raise Odd


def method_name(code: int, attributes: Pairs) -> bytes:
    """The method's name, empty if it has none."""
    return METHODS.get(code, b"") if code != STORED else dict(attributes).get(b"stored_method", b"")


def first_line(method: bytes, uri: bytes, protocol: bytes, attributes: Pairs) -> bytes:
    """Make HTTP's first line, with the query."""
    for attribute, value in attributes:
        if attribute == b"query_string":
            uri = b"%b?%b" % (uri, value)
    return b" ".join((method, uri, protocol))


def string_at(packet: bytes, at: int) -> tuple[bytes, int]:
    """Read a string. Return it and the offset behind it. Raises IndexError, also for a null string: its length, 0xFFFF,
    ends beyond every packet."""
    end = at + 2 + (packet[at] << 8 | packet[at + 1])
    if packet[end]:
        raise Odd
    return packet[at + 2 : end], end + 1


def headers_at(packet: bytes, at: int, names: Mapping[int, bytes]) -> tuple[Pairs, int]:
    """Read the headers at `at`. Return them and the offset behind them. Raises KeyError or IndexError."""
    pairs: Pairs = []
    count = packet[at] << 8 | packet[at + 1]
    at += 2
    for _ in range(count):
        if packet[at] == 0xA0:
            name = names[0xA000 | packet[at + 1]]
            at += 2
        else:
            name, at = string_at(packet, at)
            if not codes.TOKEN.fullmatch(name):
                raise Odd
        value, at = string_at(packet, at)
        if not codes.REASON.fullmatch(value):
            raise Odd
        pairs.append((name, value))
    return pairs, at


def _attributes(packet: bytes, at: int) -> tuple[Pairs, int]:
    """Read the attributes. No string is null here, either."""
    pairs: Pairs = []
    while (code := packet[at]) != DONE:
        name = ATTRIBUTES[code]
        at += 1
        if code == SSL_KEY_SIZE:  # a number, and no string
            pairs.append((ATTRIBUTES[code], b"%d" % int.from_bytes(packet[at : at + 2])))
            at += 2
            continue
        if code == REQ_ATTRIBUTE:
            name, at = string_at(packet, at)
        value, at = string_at(packet, at)
        pairs.append((name, value))
    return pairs, at + 1


def _due(headers: Pairs) -> int:
    """Return the length of the body that follows, or CHUNKED. Raises Odd. Most names have another length: see SIZES."""
    interesting = [pair for pair in headers if len(pair[0]) in SIZES]
    if not interesting:
        return 0
    lengths = [value for name, value in interesting if name.lower() == b"content-length"]
    if len(lengths) > 1 or (lengths and not is_length(lengths[0])):
        raise Odd
    return codes.CHUNKED if is_chunked(interesting) else int(lengths[0]) if lengths else 0


def is_chunked(headers: Pairs) -> bool:
    return any(name.lower() == b"transfer-encoding" for name, _ in headers)


def is_length(value: bytes) -> bool:
    return value.isdigit() and len(value) < 19
