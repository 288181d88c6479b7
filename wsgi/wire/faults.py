"""The errors of HTTP/1.1, by name. cure.py finds those that leave the framing as it is, handshake.py those of an
upgrade, h11 those that put the framing in doubt: it has only words for them, so its words are the key of a table.
"""

import h11

from gateway_zoo.wire.faults import Malformed, WireError

from .grammar import blamed


class BadRequestLine(Malformed):
    """Not method, target and version with one space between (RFC 9112 3)."""


class BadStatusLine(Malformed):
    """Not version, three digits and a reason (RFC 9112 4)."""


class BadVersion(Malformed):
    """HTTP, but not HTTP/1 (RFC 9112 2.3)."""


class BadHeader(Malformed):
    """Not a name, a colon and a value (RFC 9112 5): blanks before the colon, a NUL, a lone CR, no name."""


class BadHost(Malformed):
    """HTTP/1.1 wants Host, once (RFC 9112 3.2)."""


class BadContentLength(Malformed):
    """Content-Length that is no number, or two that differ: the body's end is in doubt (RFC 9112 6.3)."""


class BadTransferEncoding(Malformed):
    """Anything but one "chunked", or in HTTP/1.0: the body's end is in doubt (RFC 9112 6.1)."""


class BadChunk(Malformed):
    """A chunk that does not begin with its size, or does not end where that says (RFC 9112 7.1)."""


class BadUpgrade(Malformed):
    """101 without Upgrade, or to a client that has not asked for it (RFC 9110 7.8)."""


class BadHandshake(Malformed):
    """A WebSocket's handshake that breaks a rule (RFC 6455 4.1, 4.2.2)."""


class Surplus(Malformed):
    """Bytes behind a message that begin no other one: more than its Content-Length (RFC 9112 6.3)."""


class AfterClose(Malformed):
    """Bytes behind a message that said it was the last (RFC 9112 9.6)."""


class BadMessage(Malformed):
    """Any other message that h11 refuses; its words are in the message."""


def of_line(error: WireError, length: int) -> WireError:
    """Blame a whole line of this length."""
    error.length = length
    return error


#: h11's words -> the error, what was expected, and the header that is to blame
WRONG: tuple[tuple[str, type[WireError], str, bytes], ...] = (
    ("bad Content-Length", BadContentLength, "a decimal number", b"content-length"),
    ("conflicting Content-Length", BadContentLength, "one Content-Length", b"content-length"),
    ("multiple Transfer-Encoding", BadTransferEncoding, "one Transfer-Encoding", b"transfer-encoding"),
    ("Only Transfer-Encoding", BadTransferEncoding, "chunked", b"transfer-encoding"),
)


def named(error: h11.RemoteProtocolError, head: bytes, offset: int) -> WireError:
    """Turn h11's error about a head into ours, with the line that is to blame."""
    for words, kind, expected, blame in WRONG:
        if str(error).startswith(words):
            at, length = blamed(head, blame)
            return of_line(kind(offset + at, head[at : at + length], expected), length)
    return BadMessage(offset, head, f"a message that h11 takes: {error}")
