"""Passwords and cookies, as stars of the same length: in the bytes, so that every view of them is masked.

Where bytes are broken nobody can tell a value from the rest: then all that follows a secret's name is hidden.
"""

import re
from dataclasses import replace

from gateway_zoo.wire import talk
from gateway_zoo.wire.exchanges import Exchange
from gateway_zoo.wire.fields import SECRETS, Field
from gateway_zoo.wire.wires import Wires

_NAMES = re.compile(b"|".join(name.replace(b"_", b"[-_]") for name in sorted(SECRETS)), re.IGNORECASE)


def secrets_of(exchange: Exchange, wires: Wires) -> Exchange:
    """The same exchange without its secrets."""
    sides = {"request": bytearray(exchange.request), "response": bytearray(exchange.response)}
    found = talk.annotate(wires, exchange.protocol, bytes(exchange.request), bytes(exchange.response))
    hidden = sum(cover(data, fields) for data, fields in zip(sides.values(), found, strict=True))
    errors = [_without_seen(error) for error in exchange.errors] if hidden else exchange.errors
    return replace(exchange, request=sides["request"], response=sides["response"], errors=errors)


#: From the end of a secret's name to the beginning of its value there are a few bytes at most: lengths, a colon.
LOOK_BACK = 64


def cover(data: bytearray, fields: list[Field]) -> int:
    """Put stars into `data`; returns how many values were covered."""
    count = 0
    for field, after in zip(fields, [*fields[1:], None], strict=True):
        leaf = after is None or after.depth <= field.depth
        spans = field.spans if field.secret else _broken(bytes(data), field) if field.fault and leaf else ()
        count += bool(spans)
        for offset, length in spans:
            data[offset : offset + length] = b"*" * length
    return count


def _broken(data: bytes, field: Field) -> tuple[tuple[int, int], ...]:
    end = field.offset + field.length
    # The name may have been read before the value was found to be broken.
    line = _NAMES.search(data, max(0, field.offset - LOOK_BACK), end)
    return ((max(line.end(), field.offset), end - max(line.end(), field.offset)),) if line else ()


def _without_seen(error: str) -> str:
    """The message of a WireError quotes what it saw."""
    return re.sub(r""": b('.*'|".*"); expected""", ": (hidden); expected", error)
