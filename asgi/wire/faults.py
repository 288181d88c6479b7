"""The errors of WebSocket, by name. wsproto finds them."""

from gateway_zoo.wire.faults import Malformed, WireError


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


class BadFrame(Malformed):
    """Any other frame that wsproto refuses; its words are in the message."""


#: wsproto's words -> the error, and what was expected
WRONG: tuple[tuple[str, type[WireError], str], ...] = (
    ("Invalid opcode", BadOpcode, "one of the opcodes 0-2 and 8-10"),
    ("Invalid attempt to fragment", BadControl, "a control frame in one piece"),
    ("Control frame with payload", BadControl, "a control frame of at most 125 bytes"),
    ("Payload length used", BadLength, "the length in as few bytes as possible"),
    ("8-byte payload length", BadLength, "a length below 2^63"),
    ("client received unexpected masked", BadMask, "no mask from a server"),
    ("server received unexpected unmasked", BadMask, "a mask from a client"),
    ("Reserved bit", BadReserved, "RSV2 and RSV3 unset, RSV1 only where a message begins"),
    ("unexpected CONTINUATION", BadSequence, "TEXT or BINARY, for no message has begun"),
    ("expected CONTINUATION", BadSequence, "CONTINUATION, for the message has not ended"),
    ("CLOSE with 1 byte", BadClose, "a code of two bytes, or nothing"),
    ("CLOSE with", BadClose, "a code that may be sent"),
    ("remote CLOSE", BadClose, "a code that may be sent"),
    ("Error decoding CLOSE", BadClose, "a reason in UTF-8"),
)
