"""Forward Request and Send Headers, read for speed.

Why there are two readers: packet.py reads a packet part by part, makes a Field of each, and can say what is wrong and
where. That takes fourteen times as long (specimens/hello.toml), and the decoder of a sound packet needs no fields. So
this file reads the same bytes and only notices that a part is wrong: it raises Odd, or runs into an IndexError, a
KeyError or a struct.error, because no length is compared with the packet's end before it is used. The decoder then lets
packet.py explain the packet. Tests hold the two readers together: each refuses what the other refuses.

Three things make it quick: a call is avoided where a loop does the same; struct reads two numbers at once; limits are
asked only where the packet is large enough to break one.
"""

from collections.abc import Mapping

from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import Limits

from . import codes
from .codes import ATTRIBUTES, DONE, METHODS, NUL_AND_LENGTH, NULL, REQ_ATTRIBUTE, SSL_KEY_SIZE, STORED
from .faults import Odd

ZERO_ONE = (b"0", b"1")
SIZES = (len("content-length"), len("transfer-encoding"))


def forward_request(block: bytes, limits: Limits) -> tuple[Pairs, bytes, Pairs, Pairs, int]:
    """Read a Forward Request, without the packet's header.

    Return the strings and numbers before the headers, the first line, headers, attributes, and the length of the body
    in bytes, or CHUNKED. Raises Odd, IndexError, KeyError or struct.error.
    """
    strings: list[bytes | None] = []
    at = 2
    for _ in codes.STRINGS:  # as string_at reads each, without its call
        length = block[at] << 8 | block[at + 1]
        at += 2
        if length == NULL:
            strings.append(None)
            continue
        end = at + length
        if block[end]:
            raise Odd
        strings.append(block[at:end])
        at = end + 1
    protocol, uri, *facts = strings
    places = [(name, value) for name, value in zip(codes.FACTS, facts, strict=False) if value is not None]
    port, is_ssl = codes.PORT_AND_SSL.unpack_from(block, at)
    places.append((b"server_port", b"%d" % port))
    places.append((b"is_ssl", ZERO_ONE[is_ssl]))
    headers, at = headers_at(block, at + 3, codes.REQUEST_HEADERS)
    attributes, at = _attributes(block, at)
    if at != len(block) or protocol is None or uri is None:
        raise Odd
    if at > limits.name or len(headers) + len(attributes) > limits.variables:
        check([[(b"", protocol), (b"", uri)], places, headers, attributes], limits)
    return places, first_line(block[1], uri, protocol, attributes), headers, attributes, _due(headers)


def check(parts: list[Pairs], limits: Limits) -> None:
    """Raise Odd if a name, a value or a number of pairs breaks a limit."""
    for pairs in parts:
        if len(pairs) > limits.variables:
            raise Odd
        if any(len(name) > limits.name or len(value) > limits.value for name, value in pairs):
            raise Odd


def first_line(method: int, uri: bytes, protocol: bytes, attributes: Pairs) -> bytes:
    """Make HTTP's first line, with the query. Raises Odd; KeyError for an unknown code of a method."""
    name = METHODS[method] if method != STORED else dict(attributes).get(b"stored_method", b"")
    for attribute, value in attributes:
        if attribute == b"query_string":
            uri = b"%b?%b" % (uri, value)
    start = b" ".join((name, uri, protocol))
    if not codes.FIRST_LINE.fullmatch(start):
        raise Odd
    return start


def string_at(block: bytes, at: int) -> tuple[bytes | None, int]:
    """Read a string, or None for a null string. Return it and the offset behind it. Raises Odd or IndexError."""
    length = block[at] << 8 | block[at + 1]
    if length == NULL:
        return None, at + 2
    end = at + 2 + length
    if block[end]:
        raise Odd
    return block[at + 2 : end], end + 1


def headers_at(block: bytes, at: int, names: Mapping[int, bytes]) -> tuple[Pairs, int]:
    """Read the headers at `at`. Return them and the offset behind them. Raises Odd, IndexError or struct.error.

    A header begins with four bytes that struct reads as two numbers. If the first is a code, the second is the length
    of the value. Else the first is the length of the name, and the second is already a part of the name: its NUL and
    the length of the value are read again, as two numbers, from behind the name. A null string has the length 0xFFFF,
    which ends beyond every packet: it needs no question of its own.
    """
    pairs: Pairs = []
    unpack_both, unpack_behind = codes.CODE_AND_LENGTH.unpack_from, NUL_AND_LENGTH.unpack_from
    add, known = pairs.append, names.get
    count = block[at] << 8 | block[at + 1]
    at += 2
    while count:
        count -= 1
        code, size = unpack_both(block, at)
        at += 4
        if (name := known(code)) is None:
            middle = at - 2 + code
            name = block[at - 2 : middle]
            nul, size = unpack_behind(block, middle)
            if nul or code >> 8 == 0xA0:
                raise Odd
            at = middle + 3
        end = at + size
        if block[end]:
            raise Odd
        add((name, block[at:end]))
        at = end + 1
    return pairs, at


def _attributes(block: bytes, at: int) -> tuple[Pairs, int]:
    """Read the attributes. No string is null here, either."""
    pairs: Pairs = []
    while (code := block[at]) != DONE:
        size = block[at + 1] << 8 | block[at + 2]
        at += 3
        if code == SSL_KEY_SIZE:  # a number, and no string
            pairs.append((ATTRIBUTES[code], b"%d" % size))
            continue
        if code == REQ_ATTRIBUTE:
            middle = at + size
            name = block[at:middle]
            nul, size = NUL_AND_LENGTH.unpack_from(block, middle)
            if nul:
                raise Odd
            at = middle + 3
        else:
            name = ATTRIBUTES[code]
        end = at + size
        if block[end]:
            raise Odd
        pairs.append((name, block[at:end]))
        at = end + 1
    return pairs, at + 1


def _due(headers: Pairs) -> int:
    """Return the length of the body that follows, or CHUNKED. Raises Odd. Most names have another length: see SIZES."""
    lengths, chunked = [], False
    for name, value in headers:
        if len(name) in SIZES:
            lower = name.lower()
            if lower == b"content-length":
                lengths.append(value)
            chunked = chunked or lower == b"transfer-encoding"
    if len(lengths) > 1 or (lengths and not is_length(lengths[0])):
        raise Odd
    return codes.CHUNKED if chunked else int(lengths[0]) if lengths else 0


def is_length(value: bytes) -> bool:
    return value.isdigit() and len(value) < 19
