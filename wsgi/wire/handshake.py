"""The upgrade of a connection: what the client offers, and whether the 101 is an answer to that.

RFC 9110 7.8 for any protocol, RFC 6455 4.1 for a WebSocket: the client fails the connection if a rule is broken. The
decoder goes on with the frames, so that they can be read. A client that is not known may have offered anything.
"""

import binascii
from base64 import b64decode, b64encode
from hashlib import sha1
from typing import NamedTuple

from gateway_zoo.wire.decoder import breach, fault
from gateway_zoo.wire.events import Breach, Fault, Head, Pairs, Variables
from gateway_zoo.wire.faults import WireError

from .faults import BadHandshake, BadUpgrade
from .grammar import blamed

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
NAMES = (b"upgrade", b"sec-websocket-key", b"sec-websocket-protocol", b"sec-websocket-extensions")


class Offer(NamedTuple):
    """The protocols that a client offers. `accept`: the answer to its key; empty if there is no key."""

    upgrade: list[bytes]
    accept: bytes
    protocols: list[bytes]
    extensions: list[bytes]

    @property
    def websocket(self) -> bool:
        return b"websocket" in self.upgrade


ANY = Offer([], b"", [], [])  # of a client that is not known


def value_of(pairs: Pairs, name: bytes) -> bytes:
    """Join all values of a header (RFC 9110 5.3). `name` is in lower case."""
    return b", ".join([value for key, value in pairs if key.lower() == name])


def items(value: bytes) -> list[bytes]:
    return [item.strip(b" \t") for item in value.split(b",") if item.strip(b" \t")]


def offer_of(pairs: Pairs) -> Offer | None:
    """Read the offer of a request. None: it offers nothing."""
    upgrade, key, protocols, extensions = (value_of(pairs, name) for name in NAMES)
    if not upgrade:
        return None
    accept = b64encode(sha1(key + GUID).digest()) if key else b""  # noqa: S324 - so the RFC says
    return Offer(items(upgrade.lower()), accept, items(protocols), _names(extensions))


def offer_in(request: Head | Variables) -> Offer | None:
    """Read the offer of a request in any protocol. A front may leave Upgrade out, but the key shows the purpose."""
    pairs = request.headers if isinstance(request, Head) else _headers(request.pairs)
    if not pairs:
        return ANY
    if not value_of(pairs, b"upgrade") and value_of(pairs, b"sec-websocket-key"):
        pairs = [*pairs, (b"upgrade", b"websocket")]
    return offer_of(pairs)


def _headers(variables: Pairs) -> Pairs:
    return [(name.removeprefix(b"HTTP_").replace(b"_", b"-"), value) for name, value in variables]


def _names(extensions: bytes) -> list[bytes]:
    return [item.partition(b";")[0].strip(b" \t") for item in items(extensions)]


def judge_request(head: bytes, pairs: Pairs, offset: int) -> list[Breach]:
    """Name the rules of RFC 6455 4.1 that a client's handshake breaks."""
    key, version = value_of(pairs, b"sec-websocket-key"), value_of(pairs, b"sec-websocket-version")
    broken: list[tuple[bytes, str]] = []
    if not _is_key(key):
        broken.append((b"sec-websocket-key", "Sec-WebSocket-Key: 16 bytes in base64"))
    if version != b"13":
        broken.append((b"sec-websocket-version", "Sec-WebSocket-Version: 13"))
    if b"upgrade" not in items(value_of(pairs, b"connection").lower()):
        broken.append((b"connection", "Connection: Upgrade"))
    if not head.startswith(b"GET "):
        broken.append((b"", "the method GET"))
    return [breach(*_at(BadHandshake, head, offset, name, expected)) for name, expected in broken]


def _is_key(key: bytes) -> bool:
    try:
        return len(b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False


def judge(offer: Offer | None, head: bytes, pairs: Pairs, offset: int) -> list[Breach | Fault]:
    """Hold a 101 against the offer."""
    upgrade, connection = items(value_of(pairs, b"upgrade").lower()), items(value_of(pairs, b"connection").lower())
    if offer is None:
        expected = "no 101: the client has not asked to upgrade"
        return [fault(*_at(BadUpgrade, head, offset, b"", expected))]
    websocket = offer.websocket and upgrade in ([], [b"websocket"])
    problems: list[Breach | Fault] = []
    if not upgrade:
        make = fault if websocket else breach
        problems.append(make(*_at(BadUpgrade, head, offset, b"", "a header Upgrade: to which protocol?")))
    elif offer is not ANY and not set(upgrade) <= set(offer.upgrade):
        expected = "Upgrade to a protocol that the client has offered"
        problems.append(fault(*_at(BadUpgrade, head, offset, b"upgrade", expected)))
    if b"upgrade" not in connection and offer is not ANY:
        make = fault if websocket else breach
        problems.append(make(*_at(BadUpgrade, head, offset, b"connection", "Connection: Upgrade")))
    if not websocket:
        return problems
    return problems + [fault(*_at(BadHandshake, head, offset, *each)) for each in _broken(offer, pairs)]


def _broken(offer: Offer, pairs: Pairs) -> list[tuple[bytes, str]]:
    """The headers that a WebSocket's client refuses, each with what it expects."""
    broken: list[tuple[bytes, str]] = []
    if offer.accept and value_of(pairs, b"sec-websocket-accept") != offer.accept:
        broken.append((b"sec-websocket-accept", f"Sec-WebSocket-Accept: {offer.accept.decode()}"))
    extensions = _names(value_of(pairs, b"sec-websocket-extensions"))
    if not set(extensions) <= set(offer.extensions):
        broken.append((b"sec-websocket-extensions", "an extension that the client has offered"))
    protocol = value_of(pairs, b"sec-websocket-protocol")
    if protocol and protocol not in offer.protocols:
        broken.append((b"sec-websocket-protocol", "a protocol that the client has offered"))
    return broken


def _at(kind: type[WireError], head: bytes, offset: int, name: bytes, expected: str) -> tuple[WireError, int]:
    """Make an error at the header `name`, or at the first line without it; and the length there."""
    at, length = blamed(head, name)
    return kind(offset + at, head[at : at + length], expected), length
