"""The errors of WebSocket, by name."""

from gateway_zoo.wire.faults import Malformed


class BadOpcode(Malformed):
    """An opcode that has no meaning (5.2)."""


class BadControl(Malformed):
    """A control frame that is fragmented, or longer than 125 bytes (5.5)."""


class BadLength(Malformed):
    """A length that is not written in the shortest way, or beyond 63 bits (5.2)."""


class BadMask(Malformed):
    """A client's frame without a mask, or a server's with one (5.1)."""


class BadReserved(Malformed):
    """RSV2 or RSV3, or RSV1 where permessage-deflate has no use for it (5.2, RFC 7692 6)."""


class BadSequence(Malformed):
    """A CONTINUATION of nothing, or a new message within another (5.4)."""


class BadText(Malformed):
    """Text that is not UTF-8 (8.1)."""


class BadClose(Malformed):
    """CLOSE with half a code, with a code that may not be sent, or with a reason that is not UTF-8 (5.5.1, 7.4)."""


class AfterClose(Malformed):
    """Bytes behind CLOSE (5.5.1)."""
