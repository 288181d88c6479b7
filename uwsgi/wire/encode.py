"""The way back: packets, requests and answers from their parts."""

import re

from gateway_zoo.wire.codecs import Message
from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import CannotEncode
from gateway_zoo.wire.heads import http_head

from .layout import HEADER, LARGEST, LENGTH

MODIFIERS = re.compile(rb"(\d{1,3})(?:,(\d{1,3}))?")


def packet(block: bytes, modifier1: int = 0, modifier2: int = 0) -> bytes:
    """Write a packet with this data. Raises CannotEncode."""
    if len(block) > LARGEST:
        raise CannotEncode(f"{len(block)} bytes of variables; a uwsgi packet holds {LARGEST}")
    return HEADER.pack(modifier1, len(block), modifier2) + block


def request(variables: Pairs, body: bytes = b"", modifier1: int = 0, modifier2: int = 0) -> bytes:
    """Write a request with its body; modifier1 0 is the ordinary kind. Raises CannotEncode."""
    for text in (text for pair in variables for text in pair):
        if len(text) > LARGEST:
            raise CannotEncode(f"{text[:24]!r}… has {len(text)} bytes; a name or value in uwsgi has at most {LARGEST}")
    strings = (LENGTH.pack(len(text)) + text for pair in variables for text in pair)
    return packet(b"".join(strings), modifier1, modifier2) + body


def response(status: int, headers: Pairs, body: bytes = b"") -> bytes:
    """Write the answer of a uwsgi server: HTTP, ended by closing. Raises CannotEncode."""
    return http_head(status, headers) + body


def _of_kind(variables: Pairs, body: bytes, value: bytes) -> bytes:
    numbers = MODIFIERS.fullmatch(value)
    modifiers = [int(number or 0) for number in numbers.groups()] if numbers else [256]
    if max(modifiers) > 255:
        text = value.decode("latin-1")
        raise CannotEncode(f"MODIFIER1={text}: expected a number up to 255, or two with a comma (modifier1,modifier2)")
    return request(variables, body, *modifiers)


def _ping(variables: Pairs, body: bytes, value: bytes) -> bytes:
    return packet(b"", 100)


REQUESTS = {
    "MODIFIER1": Message(_of_kind, "uwsgi: a request of this kind: N, or N,M with modifier2"),
    "PING": Message(_ping, "uwsgi: whether the server is there"),
}
