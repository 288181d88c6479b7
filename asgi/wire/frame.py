"""The layout of a frame (5.2), and the encoders."""

import struct

from wsproto.frame_protocol import FrameProtocol, Opcode

from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import CannotEncode

OPCODES = {opcode.value: opcode.name for opcode in Opcode}


def header_size(length: int, key: int) -> int:
    """Count the bytes before the payload (5.2). `key`: bytes of the masking key, 0 or 4."""
    return 2 + (0 if length < 126 else 2 if length < 65_536 else 8) + key


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
    if opcode >= Opcode.CLOSE and (len(payload) > 125 or not fin):
        raise CannotEncode(f"{OPCODES[opcode]} is a control frame: in one piece, at most 125 bytes")
    if len(key) not in {0, 4}:
        raise CannotEncode(f"a masking key has four bytes, not {len(key)}")
    size, mask = len(payload), 128 if key else 0
    first = fin << 7 | rsv1 << 6 | opcode
    if size < 126:
        header = struct.pack("!BB", first, mask | size)
    else:
        header = struct.pack("!BBH" if size < 65_536 else "!BBQ", first, mask | (126 if size < 65_536 else 127), size)
    return header + key + unmasked(payload, key)


def request(variables: Pairs, body: bytes = b"") -> bytes:
    """Write a client's frame with the body: TEXT, or BINARY if it is not UTF-8.

    Raises CannotEncode if there are variables: they belong to the handshake, which is HTTP.
    """
    if variables:
        raise CannotEncode("a frame carries no variables: those were in the handshake, which is HTTP")
    return _sent(FrameProtocol(client=True, extensions=[]), body)


def response(status: int, headers: Pairs, body: bytes = b"") -> bytes:
    """Write a server's frame. Raises CannotEncode but for HTTP's status 101, from the handshake."""
    if status != 101 or headers:
        raise CannotEncode("a frame carries no status and no headers: those were in the handshake, which is HTTP")
    return _sent(FrameProtocol(client=False, extensions=[]), body)


def _sent(frames: FrameProtocol, body: bytes) -> bytes:
    try:
        return bytes(frames.send_data(body.decode()))
    except UnicodeDecodeError:
        return bytes(frames.send_data(body))
