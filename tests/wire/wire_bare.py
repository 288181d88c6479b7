"""For bench_wire.py: a loop for each protocol that splits its bytes and does nothing else. It checks nothing: what a
decoder costs beyond it is the price of limits, named errors, pieces and events."""

import struct

from gateway_zoo.wire.events import Pairs

Forwarded = tuple[list[bytes], Pairs, Pairs]  # strings, headers, attributes


def fastcgi(data: bytes) -> tuple[list[tuple[int, int, bytes]], Pairs]:
    """Records into a list; the content of PARAMS into pairs."""
    records, params, pairs = [], [], Pairs()
    at, end, unpack = 0, len(data), struct.Struct(">BBHHBx").unpack_from
    while at < end:
        _, type, id, length, padding = unpack(data, at)
        content = data[at + 8 : at + 8 + length]
        at += 8 + length + padding
        records.append((type, id, content))
        if type == 4:
            if content:
                params.append(content)
            else:
                pairs = fastcgi_pairs(b"".join(params))
    return records, pairs


def fastcgi_pairs(block: bytes) -> Pairs:
    pairs: Pairs = []
    at, end = 0, len(block)
    while at < end:
        name, at = block[at], at + 1
        if name > 127:
            name, at = int.from_bytes(block[at - 1 : at + 3], "big") & 0x7FFFFFFF, at + 3
        value, at = block[at], at + 1
        if value > 127:
            value, at = int.from_bytes(block[at - 1 : at + 3], "big") & 0x7FFFFFFF, at + 3
        middle, after = at + name, at + name + value
        pairs.append((block[at:middle], block[middle:after]))
        at = after
    return pairs


def scgi(data: bytes) -> Pairs:
    colon = data.index(b":")
    parts = data[colon + 1 : colon + int(data[:colon])].split(b"\0")
    return list(zip(parts[::2], parts[1::2], strict=True))


def uwsgi(data: bytes) -> Pairs:
    pairs: Pairs = []
    unpack = struct.Struct("<H").unpack_from
    (size,) = unpack(data, 1)
    at, end = 4, 4 + size
    while at < end:
        (length,) = unpack(data, at)
        middle = at + 2 + length
        (size,) = unpack(data, middle)
        after = middle + 2 + size
        pairs.append((data[at + 2 : middle], data[middle + 2 : after]))
        at = after
    return pairs


def cgi(data: bytes) -> Pairs:
    """A response's lines up to the empty one."""
    lines = data[: data.index(b"\r\n\r\n")].split(b"\r\n")
    parts = [line.partition(b": ") for line in lines]
    return [(name, value) for name, _, value in parts]


def ajp(data: bytes) -> Forwarded:
    """Forward Request: strings, headers (a code or a name), attributes (a code, and a name for 0x0A)."""
    unpack = struct.Struct(">H").unpack_from

    def string(at: int) -> tuple[bytes, int]:
        (length,) = unpack(data, at)
        return (b"", at + 2) if length == 0xFFFF else (data[at + 2 : at + 2 + length], at + 3 + length)

    first, headers, attributes = [data[5:6]], Pairs(), Pairs()
    at = 6
    for _ in range(5):
        text, at = string(at)
        first.append(text)
    (count,) = unpack(data, at + 3)
    at += 5
    for _ in range(count):
        if data[at] == 0xA0:
            name, at = data[at : at + 2], at + 2
        else:
            name, at = string(at)
        value, at = string(at)
        headers.append((name, value))
    while data[at] != 0xFF:
        if data[at] == 0x0A:
            name, at = string(at + 1)
        else:
            name, at = data[at : at + 1], at + 1
        value, at = string(at)
        attributes.append((name, value))
    return first, headers, attributes
