"""Names and values with their lengths (3.4): what PARAMS, GET_VALUES and its answer carry."""

import struct

from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import Limits, TooLong, TooMany

from .faults import BadPairs
from .layout import LENGTH, LONGEST


def pairs(block: bytes, limits: Limits) -> Pairs:
    """Split names and values (3.4). Raises BadPairs, TooLong or TooMany; offsets count from the block's first byte.

    Nearly all lengths are one byte. So both are read by their index, and one comparison tells that neither is above 127
    (the mark of four bytes) or above a limit: `|` of two numbers is at least the larger. `_lengths` reads the others.
    No pair is compared with the end: a slice beyond it is short, and then `after` is beyond it, too.
    """
    variables: Pairs = []
    at, after, end = 0, 0, len(block)
    short = min(limits.name, limits.value, 127)
    try:
        while after < end:
            at = after
            length, size, name_at = block[at], block[at + 1], at + 2
            if length | size > short:
                length, size, name_at = _lengths(block, at, limits)
            value_at = name_at + length
            after = value_at + size
            variables.append((block[name_at:value_at], block[value_at:after]))
    except (IndexError, struct.error):
        raise BadPairs(at, block[at:], "the length of a name and of a value") from None
    if after > end:  # only the last pair can be
        expected = f"a name of {length} and a value of {size} bytes in the {end - name_at} that are left"
        raise BadPairs(at, block[at:], expected)
    if len(variables) > limits.variables:
        raise TooMany(0, block, f"at most {limits.variables} variables, not {len(variables)}")
    return variables


def _lengths(block: bytes, at: int, limits: Limits) -> tuple[int, int, int]:
    """Read both lengths of the pair at `at`. Return them and the offset of the name. Raises TooLong."""
    lengths = []
    start = at
    for kind, limit in (("name", limits.name), ("value", limits.value)):
        length = block[at]
        at += 1
        if length > 127:
            length = LENGTH.unpack_from(block, at - 1)[0] & LONGEST
            at += 3
        if length > limit:
            raise TooLong(start, block[start:], f"a {kind} of at most {limit} bytes, not {length}")
        lengths.append(length)
    return lengths[0], lengths[1], at
