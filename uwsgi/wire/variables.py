"""The variables of a packet, and the length of the body that they announce."""

from gateway_zoo.wire.body import announced
from gateway_zoo.wire.decoder import breach
from gateway_zoo.wire.events import Event, Pairs
from gateway_zoo.wire.faults import Limits, Malformed, TooLong, TooMany, WireError

from .layout import LENGTH

CONTENT_LENGTH = b"CONTENT_LENGTH"


class BadVariables(Malformed):
    """Lengths inside a packet that do not add up to datasize."""


class BadContentLength(Malformed):
    """A CONTENT_LENGTH that is no number, or two that differ: the body's end is in doubt."""


class RepeatedLength(Malformed):
    """A CONTENT_LENGTH that says once more what the first one says."""


def split(block: bytes, offset: int, limits: Limits) -> tuple[Pairs, WireError | None]:
    """Split the data of a packet, which stands at `offset`, into names and values: those before the first error, and
    this error.

    The loop only splits. Where the last pair does not end with the block, or a limit may be broken, `_check` reads the
    block once more, slowly, and tells what is wrong.
    """
    pairs: Pairs = []
    at, end = 0, len(block)
    try:
        while at < end:
            value_at = at + 2 + (block[at] | block[at + 1] << 8)
            after = value_at + 2 + (block[value_at] | block[value_at + 1] << 8)
            pairs.append((block[at + 2 : value_at], block[value_at + 2 : after]))
            at = after
    except IndexError:
        at = -1
    if at != end or len(pairs) > limits.variables or end > min(limits.name, limits.value):
        return _check(block, offset, limits)
    return pairs, None


def _check(block: bytes, offset: int, limits: Limits) -> tuple[Pairs, WireError | None]:
    """Do what `split` does, with an error that tells its place: BadVariables, TooLong or TooMany."""
    pairs: Pairs = []
    at = 0
    while at < len(block):
        if len(pairs) == limits.variables:
            return pairs, TooMany(offset + at, block[at:], f"at most {limits.variables} variables")
        texts = []
        for kind, limit in (("name", limits.name), ("value", limits.value)):
            length = int.from_bytes(block[at : at + 2], "little")
            if at + 2 + length > len(block):
                return pairs, BadVariables(offset + at, block[at:], f"a {kind} that ends within the packet")
            if length > limit:
                return pairs, TooLong(offset + at, block[at:], f"a {kind} of at most {limit} bytes, not {length}")
            texts.append(block[at + 2 : at + 2 + length])
            at += 2 + length
        pairs.append((texts[0], texts[1]))
    return pairs, None


def body_length(pairs: Pairs, offset: int, events: list[Event]) -> int:
    """Read CONTENT_LENGTH. `offset` is the place of the variables. Two that are equal are a Breach.

    Raises BadContentLength.
    """
    values = [value for name, value in pairs if name == CONTENT_LENGTH]
    length = announced(values)
    if length is None:
        bad = next(value for value in reversed(values) if value)  # an empty one is 0
        rule = "CONTENT_LENGTH as a decimal number" if len(values) == 1 else "CONTENT_LENGTH only once"
        raise BadContentLength(_behind(pairs, offset, bad) - len(bad), bad, rule)
    if len(values) > 1:
        size = 2 * LENGTH.size + len(CONTENT_LENGTH) + len(values[-1])
        error = RepeatedLength(_behind(pairs, offset, values[-1]) - size, b"", "CONTENT_LENGTH only once")
        events.append(breach(error, size))
    return length


def _behind(pairs: Pairs, offset: int, length: bytes) -> int:
    """The offset behind the last CONTENT_LENGTH that has this value."""
    behind = offset
    for name, value in pairs:
        offset += 2 * LENGTH.size + len(name) + len(value)
        if (name, value) == (CONTENT_LENGTH, length):
            behind = offset
    return behind
