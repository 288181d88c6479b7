"""A name for every byte. The decoders tell where packets and bodies lie; LAYOUT names what is in a packet."""

from msgspec.structs import replace

from gateway_zoo.wire.body import announced
from gateway_zoo.wire.decoder import fault
from gateway_zoo.wire.events import Data, Other, Problem, Variables
from gateway_zoo.wire.faults import LIMITS, Truncated
from gateway_zoo.wire.fields import Field, Stream, lay, placed, secret
from gateway_zoo.wire.secrets import NAME
from gateway_zoo.wire.shape import fields

from .layout import HEADER, PACKET
from .requests import Requests
from .responses import CGI, begins
from .responses import PACKET as IS_PACKET
from .variables import CONTENT_LENGTH


def of_requests(data: bytes) -> list[Field]:
    """Name the bytes of requests, and mark what ends the reading."""
    events, error = Requests(LIMITS).whole(data)
    named: list[Field] = []
    at = length = 0
    for event in events:
        if isinstance(event, Variables | Other):
            packet, at = _packet(data, event.offset)
            named += packet
            pairs = event.pairs if isinstance(event, Variables) else []
            length = announced([value for name, value in pairs if name == CONTENT_LENGTH]) or 0
        elif isinstance(event, Data):
            named.append(_body(at, len(event.data), length))
            at += len(event.data)
    if at == len(data) and length and isinstance(error, Truncated) and isinstance(events[-1], Variables):
        named.append(_body(at, 0, length))
    if at < len(data) and isinstance(error, Truncated):
        named += _packet(data, at)[0]
    elif rest := len(data) - at:
        named.append(Field(at, rest, "rest", f"{rest} bytes", "not read after a fault", fault=True))
    problems = [event for event in events if isinstance(event, Problem)]
    if error and not isinstance(error, Truncated):
        problems.append(fault(error))
    return lay(named, problems)


def _body(at: int, size: int, length: int) -> Field:
    return Field(at, size, "body", f"{size} of {length} bytes", "what CONTENT_LENGTH counts")


def of_responses(data: bytes) -> tuple[list[Field], list[Stream]]:
    """Name packets; the rest is a stream."""
    named: list[Field] = []
    at = 0
    while at < len(data):
        answer = begins(data, at)
        if answer == IS_PACKET:
            packet, at = _packet(data, at)
            named += packet
            continue
        if answer == CGI:
            named.append(Field(at, 0, "status line", "", "absent"))
        return named, [Stream("CGI" if answer == CGI else "HTTP", ((at, len(data) - at),), 0)]
    return named, []


def _packet(data: bytes, at: int) -> tuple[list[Field], int]:
    """Name the packet at `at`. Return its fields, and the offset behind it. Only the end of the data is a fault here:
    the decoder says what else is wrong."""
    size = int.from_bytes(data[at + 1 : at + 3], "little") if len(data) - at >= HEADER.size else len(data)
    after = min(at + HEADER.size + size, len(data))
    whole = after == at + HEADER.size + size
    block = data[at:after]
    packet = fields(PACKET, block)[0]
    if any(field.fault for field in packet):
        packet = _hidden(packet, block)
    return placed([replace(field, fault=field.fault and not whole) for field in packet], ((at, len(block)),), 0), after


def _hidden(packet: list[Field], block: bytes) -> list[Field]:
    """Hide, in a packet whose lengths are wrong, all that stands behind a secret's name where no name should stand."""
    hidden, hide = list[Field](), False
    for field in packet:
        text = block[field.offset : field.offset + field.length]
        leaf = field.name in ("key", "val")
        hide = hide or (leaf and bool(NAME.search(text)) and not (field.name == "key" and secret(text)))
        part = leaf or field.name in ("key_size", "val_size")
        hidden.append(replace(field, secret=True) if part and hide else field)
    return hidden
