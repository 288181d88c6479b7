"""The layout of a frame (5.2), and the encoders."""

import os
import struct
from typing import NamedTuple

from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import CannotEncode

CONTINUATION, TEXT, BINARY, CLOSE = 0, 1, 2, 8  # from CLOSE on: control frames
OPCODES = {CONTINUATION: "CONTINUATION", TEXT: "TEXT", BINARY: "BINARY", CLOSE: "CLOSE", 9: "PING", 10: "PONG"}
BEYOND = 1 << 63  # a length must be smaller

#: Status codes of CLOSE that may be sent (7.4.1, and IANA's registry); from 3000 to 4999 all may be.
CODES = (
    {1000: "normal", 1001: "going away", 1002: "protocol error", 1003: "a type of data that it cannot take"}
    | {1007: "data that is not what its type says", 1008: "against its rules", 1009: "too big"}
    | {1010: "an extension is missing", 1011: "the server failed", 1012: "the server restarts"}
    | {1013: "try again later", 1014: "a gateway got no good answer"}
)


class Header(NamedTuple):
    """The bytes of a frame before its payload. `start`: offset of the first; `wide`: bytes of a longer length."""

    start: int
    raw: bytes
    fin: bool
    rsv: int  # three bits: RSV1 is 4
    opcode: int
    masked: bool
    wide: int
    length: int
    key: bytes

    @property
    def payload(self) -> int:
        """The offset of the payload."""
        return self.start + len(self.raw)


def header(data: bytes, at: int, start: int) -> Header | None:
    """Read the header that begins at data[at]; None if it is not complete. A length that is BEYOND has no key."""
    if len(data) < at + 2:
        return None
    first, second = data[at], data[at + 1]
    masked, length = second > 127, second & 127
    wide = 0 if length < 126 else 2 if length == 126 else 8
    end = at + 2 + wide
    if len(data) < end:
        return None
    if wide:
        length = int.from_bytes(data[at + 2 : end], "big")
    key = b""
    if masked and length < BEYOND:
        key = data[end : end + 4]
        end += 4
        if len(data) < end:
            return None
    return Header(start, data[at:end], first > 127, first >> 4 & 7, first & 15, masked, wide, length, key)


def name_of(opcode: int) -> str:
    return OPCODES.get(opcode, f"opcode {opcode}")


def unmasked(data: bytes, key: bytes) -> bytes:
    """XOR with the key, again and again (5.3); with no key the data itself."""
    if not key:
        return data
    size = len(data)
    keys = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(keys, "big")).to_bytes(size, "big")


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv1: bool = False, key: bytes = b"") -> bytes:
    """Write one frame, masked if there is a key. Raises CannotEncode."""
    if opcode not in OPCODES:
        raise CannotEncode(f"no frame has the opcode {opcode}")
    if opcode >= CLOSE and (len(payload) > 125 or not fin):
        raise CannotEncode(f"{OPCODES[opcode]} is a control frame: in one piece, at most 125 bytes")
    if len(key) not in {0, 4}:
        raise CannotEncode(f"a masking key has four bytes, not {len(key)}")
    size, mask = len(payload), 128 if key else 0
    first = fin << 7 | rsv1 << 6 | opcode
    if size < 126:
        head = struct.pack("!BB", first, mask | size)
    else:
        head = struct.pack("!BBH" if size < 65_536 else "!BBQ", first, mask | (126 if size < 65_536 else 127), size)
    return head + key + unmasked(payload, key)


def request(variables: Pairs, body: bytes = b"") -> bytes:
    """Write a client's frame with the body: TEXT, or BINARY if it is not UTF-8.

    Raises CannotEncode if there are variables: they belong to the handshake, which is HTTP.
    """
    if variables:
        raise CannotEncode("a frame carries no variables: those were in the handshake, which is HTTP")
    return frame(_opcode(body), body, key=os.urandom(4))


def response(status: int, headers: Pairs, body: bytes = b"") -> bytes:
    """Write a server's frame. Raises CannotEncode but for HTTP's status 101, from the handshake."""
    if status != 101 or headers:
        raise CannotEncode("a frame carries no status and no headers: those were in the handshake, which is HTTP")
    return frame(_opcode(body), body)


def _opcode(body: bytes) -> int:
    try:
        body.decode()
    except UnicodeDecodeError:
        return BINARY
    return TEXT
