"""How a peer can be wrong, and how much of anything we take: every error names the offset and shows the bytes.

"They" and "you" are different: WireError says that bytes which arrived are not the protocol, CannotEncode that what we
were asked to send cannot be said in it.
"""

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from gateway_zoo.wire.events import Event

SHOWN = 24  # bytes of what was seen, in a message


class WireError(Exception):
    """Bytes that are not the protocol. `offset`: in the bytes of this direction, from 0; `seen`: what stands there."""

    def __init__(self, offset: int, seen: bytes, expected: str) -> None:
        self.offset, self.seen, self.expected = offset, bytes(seen[:SHOWN]), expected
        self.events: list[Event] = []  # decoded before the fault, in the same call
        super().__init__(offset, self.seen, expected)

    def __str__(self) -> str:
        return f"{type(self).__name__} at offset {self.offset}: {self.seen!r}; expected {self.expected}"


class Malformed(WireError):
    """A value that the specification does not allow. Protocols make their own kinds of it."""


class Truncated(WireError):
    """The stream ended in the middle of something."""


class TooLong(WireError):
    """A name, a value or a head that is longer than the limit."""


class TooMany(WireError):
    """More variables, headers or requests at once than the limit."""


class CannotEncode(ValueError):
    """What we were asked to send has no encoding: too long for its length field, a NUL in a name, …"""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a decoder keeps in memory at most; in bytes, but for the three counts. Bodies are passed on, never kept."""

    name: int = 1024
    value: int = 65_536
    head: int = 131_072  # all variables or headers of one request or response together
    variables: int = 1000  # in one head
    pieces: int = 2000  # in which the variables of one request come (FastCGI's PARAMS records)
    requests: int = 64  # multiplexed on one connection at the same time


LIMITS = Limits()
