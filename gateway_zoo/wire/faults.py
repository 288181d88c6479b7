"""Errors of decoders and encoders, and the limits of decoders.

WireError: bytes that arrived are not the protocol; it names the offset and shows the bytes. CannotEncode: a message
that we were asked to send cannot be written in the protocol.
"""

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from gateway_zoo.wire.events import Event

SHOWN = 24  # bytes of what was seen, in a message


class WireError(Exception):
    """Bytes that are not the protocol. `offset` counts from 0 in this direction; `seen`: the bytes there;
    `length`: those of the field that is to blame, if a decoder knows it."""

    length = 1

    def __init__(self, offset: int, seen: bytes, expected: str) -> None:
        self.offset, self.seen, self.expected = offset, bytes(seen[:SHOWN]), expected
        self.events: list[Event] = []  # decoded before the fault, in the same call
        super().__init__(offset, self.seen, expected)

    def __str__(self) -> str:
        seen = f"{self.seen!r}; " if self.seen else ""
        return f"{type(self).__name__} at offset {self.offset}: {seen}expected {self.expected}"


class Malformed(WireError):
    """A value that the specification does not allow. Each protocol has subclasses."""


class Truncated(WireError):
    """The stream ended in the middle of a message."""


class TooLong(WireError):
    """A name, a value or a head that is longer than the limit."""


class TooMany(WireError):
    """More variables, headers or requests at once than the limit."""


class CannotEncode(ValueError):
    """A message without an encoding: too long for a length field, a NUL in a name, …"""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The most that a decoder keeps in memory: three counts, else bytes. Bodies are passed on, never kept."""

    name: int = 1024
    value: int = 65_536
    head: int = 131_072  # all variables or headers of one request or response together
    variables: int = 1000  # in one head
    pieces: int = 2000  # of the variables of one request (FastCGI's PARAMS records)
    requests: int = 64  # multiplexed on one connection at the same time


LIMITS = Limits()


def short_body(offset: int, got: int, length: int) -> Truncated:
    """Make the error of a body that ends too early. `got` and `length` in bytes."""
    return Truncated(offset, b"", f"{length - got} bytes more: {got} of {length} bytes of the body came")
