"""Forward Request and Send Headers, read for speed: that something is odd is noticed, no more.

What is odd, and where, says wire_packet.py, which reads the same bytes slowly.
"""

from collections.abc import Mapping

from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import Limits

from .wire_codes import (
    ATTRIBUTES,
    CHUNKED,
    DONE,
    FACTS,
    FIRST_LINE,
    INTEGER,
    METHODS,
    NUL_AND_LENGTH,
    NULL,
    PORT,
    REQ_ATTRIBUTE,
    REQUEST_HEADERS,
    SSL_KEY_SIZE,
    STORED,
)
from .wire_faults import Odd


def forward_request(block: bytes, limits: Limits) -> tuple[Pairs, bytes, Pairs, Pairs, int]:
    """Read a Forward Request, without the packet's header: places, first line, headers, attributes, length of the body.
    For speed it only notices that something is odd."""
    protocol, at = string_at(block, 2)
    uri, at = string_at(block, at)
    places: Pairs = []
    for name in FACTS:
        value, at = string_at(block, at)
        if value is not None:
            places.append((name, value))
    port, is_ssl = PORT.unpack_from(block, at)
    headers, at = headers_at(block, at + 3, REQUEST_HEADERS)
    attributes, at = _attributes(block, at)
    if is_ssl > 1 or at != len(block) or protocol is None or uri is None:
        raise Odd
    if at > limits.name or len(headers) + len(attributes) > limits.variables:
        check([[(b"", protocol), (b"", uri)], places, headers, attributes], limits)
    places.append((b"server_port", b"%d" % port))
    places.append((b"is_ssl", b"%d" % is_ssl))
    return places, first_line(block[1], uri, protocol, attributes), headers, attributes, _due(block, headers)


def check(parts: list[Pairs], limits: Limits) -> None:
    for pairs in parts:
        if len(pairs) > limits.variables:
            raise Odd
        if any(len(name) > limits.name or len(value) > limits.value for name, value in pairs):
            raise Odd


def first_line(method: int, uri: bytes, protocol: bytes, attributes: Pairs) -> bytes:
    name = METHODS[method] if method != STORED else dict(attributes).get(b"stored_method", b"")
    for attribute, value in attributes:
        if attribute == b"query_string":
            uri = b"%b?%b" % (uri, value)
    start = b"%b %b %b" % (name, uri, protocol)
    if not FIRST_LINE.fullmatch(start):
        raise Odd
    return start


def string_at(block: bytes, at: int) -> tuple[bytes | None, int]:
    length = block[at] << 8 | block[at + 1]
    if length == NULL:
        return None, at + 2
    end = at + 2 + length
    if block[end]:
        raise Odd
    return block[at + 2 : end], end + 1


def headers_at(block: bytes, at: int, names: Mapping[int, bytes]) -> tuple[Pairs, int]:
    """A null string ends behind every packet, so that it needs no question of its own."""
    pairs: Pairs = []
    unpack, unpack_both, add = INTEGER.unpack_from, NUL_AND_LENGTH.unpack_from, pairs.append
    (count,) = unpack(block, at)
    at += 2
    for _ in range(count):
        (code,) = unpack(block, at)
        at += 2
        if code in names:
            name = names[code]
            (size,) = unpack(block, at)
            at += 2
        else:
            end = at + code
            name = block[at:end]
            nul, size = unpack_both(block, end)
            if nul or code >> 8 == 0xA0:
                raise Odd
            at = end + 3
        end = at + size
        if block[end]:
            raise Odd
        add((name, block[at:end]))
        at = end + 1
    return pairs, at


def _attributes(block: bytes, at: int) -> tuple[Pairs, int]:
    pairs: Pairs = []
    while (code := block[at]) != DONE:
        name: bytes | None = ATTRIBUTES[code]
        at += 1
        if code == REQ_ATTRIBUTE:
            name, at = string_at(block, at)
        if code == SSL_KEY_SIZE:
            value: bytes | None = b"%d" % INTEGER.unpack_from(block, at)[0]
            at += 2
        else:
            value, at = string_at(block, at)
        if name is None or value is None:
            raise Odd
        pairs.append((name, value))
    return pairs, at + 1


def _due(block: bytes, headers: Pairs) -> int:
    """How many bytes of body follow, or CHUNKED. Most requests have none of these headers: that is seen at once."""
    lower = block.lower()
    if not (b"\xa0\x08" in lower or b"content-length" in lower or b"transfer-encoding" in lower):
        return 0
    lengths = [value for name, value in headers if name.lower() == b"content-length"]
    if len(lengths) > 1 or (lengths and not is_length(lengths[0])):
        raise Odd
    if any(name.lower() == b"transfer-encoding" for name, _ in headers):
        return CHUNKED
    return int(lengths[0]) if lengths else 0


def is_length(value: bytes) -> bool:
    return value.isdigit() and len(value) < 19
