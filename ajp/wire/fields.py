"""Names for the bytes of AJP. The decoder runs first: only it knows which packets are bodies."""

from collections.abc import Sequence

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.decoder import fault
from gateway_zoo.wire.events import Data
from gateway_zoo.wire.faults import LIMITS, Truncated
from gateway_zoo.wire.fields import Annotated, Field, lay

from .codes import HEADER, KINDS, MAGIC
from .decoder import decoders
from .packet import Packet
from .requests import is_body


def annotate(direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated:
    """Name every byte. Never raises. Only the place where the reading ends has a `fault`."""
    events, error = decoders()[direction == "response"].whole(data)
    bodies = {event.offset - HEADER.size - 2 for event in events if isinstance(event, Data)}
    error = None if isinstance(error, Truncated) else error
    named: list[Field] = []
    at = 0
    while at < len(data):
        if (error and at > error.offset) or not MAGIC[direction].startswith(data[at : at + 2]):
            rest = len(data) - at
            named.append(Field(at, rest, "rest", f"{rest} bytes", "not read", fault=True))
            break
        packet = _named(direction, data, at, at in bodies)
        named += packet
        at += packet[0].length
    return Annotated(lay(named, [fault(error)] if error else []), [])


def _named(direction: Direction, data: bytes, start: int, body: bool) -> list[Field]:
    """Name one packet; the first field is for all of it."""
    header = data[start : start + HEADER.size]
    length = int.from_bytes(header[2:]) if len(header) == HEADER.size else len(data)
    end = min(start + HEADER.size + length, len(data))
    cut = start + HEADER.size + length > len(data)
    body = direction == "request" and (body or (is_body(data[start:end]) and not cut))
    packet = Packet(data, start, end, LIMITS, cut=cut).read(direction, body=body)
    name, means = "Data", "a piece of the body, or an empty one: there is no more"
    if not body:
        name, means = KINDS[direction].get(-1 if packet.code is None else packet.code, ("packet", ""))
    return [Field(start, end - start, name, "", means, "AJPv13, Packet Headers"), *packet.fields]
