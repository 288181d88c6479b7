"""Names of headers and variables whose values are secret.

One list for all: every protocol, every view, every recording. To mask one header more, add its name to SECRETS.
"""

import re
from collections.abc import Iterable
from functools import cache

#: In lower case, with `_` for `-`, without HTTP_.
SECRETS = {b"authorization", b"proxy_authorization", b"cookie", b"cookie2", b"set_cookie", b"set_cookie2"}
#: Fronts put this before the name of a header; Apache adds REDIRECT_ for each internal redirect.
_PREFIX = re.compile(rb"(?:redirect_)*(?:http_)?")
_NAMES = b"|".join(name.replace(b"_", b"[-_]") for name in sorted(SECRETS))
NAME = re.compile(_NAMES, re.IGNORECASE)
SECRET_VARIABLE = re.compile(b"HTTP_(?:" + _NAMES + b")", re.IGNORECASE)
LONGEST = max(map(len, SECRETS))
MASK = b"*"
BETWEEN = 8  # bytes between a name and its value, at most: lengths, a colon and spaces


def secret(name: bytes) -> bool:
    """Tell whether this variable or header is to be masked. Blanks around the name do not count."""
    return _PREFIX.sub(b"", name.strip().lower().replace(b"-", b"_"), count=1) in SECRETS


@cache
def names(codes: tuple[bytes, ...] = ()) -> re.Pattern[bytes]:
    """The pattern of a secret's name, or of one of `codes` (a protocol's SECRET_CODES), in bytes that could not be
    decoded."""
    return re.compile(b"|".join([_NAMES, *map(re.escape, codes)]), re.IGNORECASE)


def masked(data: bytes, spans: Iterable[tuple[int, int]], start: int = 0) -> bytes:
    """`data` with `*` in these spans. `start` is the offset of its first byte."""
    stars = bytearray(data)
    for offset, length in spans:
        first, last = max(offset - start, 0), min(offset + length - start, len(data))
        if first < last:
            stars[first:last] = MASK * (last - first)
    return bytes(stars)


def rest(data: bytes, codes: tuple[bytes, ...] = (), *, read: bool = False) -> int | None:
    """Where the rest of bytes begins that may be a secret: behind the first name of one. `read`: the values of those
    that were read are stars already; only a name without stars behind it counts."""
    for match in names(codes).finditer(data):
        behind = data[match.end() : match.end() + BETWEEN]
        if not read or (behind and MASK not in behind):
            return match.end()
    return None


def without_quotes(error: str) -> str:
    """The message of a WireError without the bytes that it quotes."""
    return re.sub(r""": b('.*'|".*"); expected""", ": (hidden); expected", error)
