"""Names and values with their lengths (3.4): what PARAMS, GET_VALUES and its answer carry."""

import re
import struct

from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import Limits, TooLong, TooMany, WireError
from gateway_zoo.wire.secrets import LONGEST as LONGEST_SECRET
from gateway_zoo.wire.secrets import NAME, secret

from .faults import BadPairs
from .layout import LENGTH, LONGEST

PLAIN = re.compile(rb"[A-Za-z0-9_.-]+")
FIRST_PRINTABLE = 32


def pairs(block: bytes, limits: Limits) -> tuple[Pairs, WireError | None]:
    """Split names and values (3.4). Return them, and the error behind them: BadPairs, TooLong or TooMany. Its offset
    counts from the block's first byte.

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
        return _sure(variables, block, limits), BadPairs(at, block[at:], "the length of a name and of a value")
    except TooLong as error:
        return _sure(variables, block, limits), error
    if after > end:  # only the last pair can be
        expected = f"a name of {length} and a value of {size} bytes in the {end - name_at} that are left"
        return _sure(variables[:-1], block, limits), BadPairs(at, block[at:], expected)
    if len(variables) > limits.variables:
        expected = f"at most {limits.variables} variables, not {len(variables)}"
        return variables[: limits.variables], TooMany(0, block, expected)
    return variables, None


def _sure(variables: Pairs, block: bytes, limits: Limits) -> Pairs:
    """Return the pairs before the first doubtful one: the wrong length may stand there, far before the error.

    Behind it a secret may be in any pair: so a secret's name must stand where names do, and behind a secret no length
    may be one of its characters.
    """
    after, behind_secret = 0, False
    for index, (name, _) in enumerate(variables):
        at = after
        length, size, name_at = _lengths(block, at, limits)
        after = name_at + length + size
        match = None if secret(name) else NAME.search(block, at, after + LONGEST_SECRET)
        cut_secret = behind_secret and length >= FIRST_PRINTABLE and not name.startswith(b"HTTP_")
        if not PLAIN.fullmatch(name) or cut_secret or (match and match.start() < after):
            return variables[:index]
        behind_secret = behind_secret or secret(name)
    return variables


def value_at(block: bytes, index: int, limits: Limits) -> int:
    """Find the value of a pair, which `pairs` has read: its offset."""
    after = size = 0
    for _ in range(index + 1):
        length, size, at = _lengths(block, after, limits)
        after = at + length + size
    return after - size


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
