"""Tell a protocol by its first bytes, where they are not those of the protocol that was expected.

A `wire` has patterns of its own first bytes (BEGINS, one for each direction). Each matches as few bytes as tell the
protocol, because bytes may come one by one. A pattern that another protocol also fits is no help: leave it out.
"""

import re
from collections.abc import Mapping

from gateway_zoo.wire.codecs import Codecs, Direction

MOST = 64  # bytes that are looked at
TELL = 5  # bytes that tell each protocol, as HTTP/ does
#: Protocols that the zoo does not decode. TLS: a handshake; the answer may be an alert (RFC 8446 5.1).
OTHERS: Mapping[str, Mapping[Direction, re.Pattern[bytes]]] = {
    "TLS": {"request": re.compile(rb"\x16\x03[\x00-\x04]"), "response": re.compile(rb"[\x15\x16]\x03[\x00-\x04]")},
}
#: For a direction that begins with text, and has no more to tell it by: a CGI response. It tells no other protocol.
TEXT = re.compile(rb"[^\x00-\x08\x0e-\x1f]{4}|[^\x00-\x08\x0e-\x1f]{0,3}\Z")


def protocol_of(codecs: Codecs, expected: str, direction: Direction, first: bytes) -> str:
    """The other protocol whose first bytes these are; empty if they are as expected, or unknown.

    The other protocols are loaded only if the bytes are not as expected.
    """
    own = codecs[expected].BEGINS.get(direction)
    if own is None or own.match(first):
        return ""
    others = {name: codecs[name].BEGINS for name in codecs.protocols if name != expected}
    begins = {name: patterns[direction] for name, patterns in {**OTHERS, **others}.items() if direction in patterns}
    matches = [name for name, pattern in begins.items() if pattern is not TEXT and pattern.match(first)]
    return matches[0] if matches else ""
