"""Names for the bytes of AJP. The decoder runs first: only it knows which packets are bodies."""

from collections.abc import Sequence

from msgspec.structs import replace

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.events import Data
from gateway_zoo.wire.faults import LIMITS, Truncated, WireError
from gateway_zoo.wire.fields import Annotated, Field, text

from .codes import HEADER, KINDS, MAGIC
from .decoder import decoders
from .faults import BadMagic
from .packet import Packet


def annotate(direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated:
    """Name every byte. Never raises: what is wrong is a field with `fault`."""
    events, error = decoders()[direction == "response"].whole(data)
    bodies = {event.offset - HEADER.size - 2 for event in events if isinstance(event, Data)}
    named: list[Field] = []
    at = 0
    while at < len(data):
        packet = Packet(data, at, len(data), LIMITS)
        whole = _named(packet, direction, at in bodies)
        faulty = any(field.fault for field in packet.fields)
        end = whole.offset + whole.length
        if error and at <= error.offset < end and not faulty and not isinstance(error, Truncated):
            whole, faulty = replace(whole, value=f"expected {error.expected}", fault=True), True
        named += [whole, *packet.fields]
        at = end
        if faulty and (rest := len(data) - at):
            named.append(Field(at, rest, "rest", f"{rest} bytes", "not read after a fault", fault=True))
            break
    return Annotated(named, [])


def _named(packet: Packet, direction: Direction, body: bool) -> Field:
    """Name one packet; returns the field for all of it."""
    start, name, means, section = packet.at, "packet", "", "AJPv13, Packet Headers"
    try:
        if packet.data[start : start + 2] != MAGIC[direction][: len(packet.data) - start]:
            raise packet.wrong(BadMagic, "magic", f"{MAGIC[direction]!r}")
        to = "to the container" if direction == "request" else "from the container"
        magic = text(MAGIC[direction]) if MAGIC[direction].isalpha() else f"0x{MAGIC[direction].hex()}"
        packet.add(2, "magic", magic, to, "Packet Headers")
        length = packet.integer("data_length", "bytes that follow", "Packet Headers")
        packet.end = min(packet.at + length, len(packet.data))
        content = packet.data[packet.at : packet.end]
        cut = packet.at + length > len(packet.data)
        if direction == "request" and (body or (content in (b"", b"\0\0") and not cut)):
            name, means = "Data", "a piece of the body, or an empty one: there is no more"
            if content:
                packet.body("data", "Packet Headers")
                packet.nothing_more()
        else:
            name, means = KINDS[direction].get(content[0] if content else -1, (name, means))
            packet.message(direction)
    except WireError:
        pass
    if packet.end == len(packet.data) and not packet.fields[-1].fault and packet.at < start + 4:
        packet.wrong(Truncated, "data_length", "the rest of the packet")
    return Field(start, packet.end - start, name, "", means, section)
