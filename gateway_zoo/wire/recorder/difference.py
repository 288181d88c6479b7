"""Compare an answer with the recorded one.

Records and chunks do not count, only what they carry. Headers that change with each answer (HEADERS_ANEW) are left out.
Values of secret headers are never shown.
"""

from typing import NamedTuple

import msgspec

from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.fields import text
from gateway_zoo.wire.secrets import secret

AROUND = 16  # bytes of both bodies that are shown, from the first one that differs
#: Headers that differ from answer to answer, or belong to one connection (RFC 9110 7.6.1).
HEADERS_ANEW = {b"date", b"age", b"expires", b"x-request-id", b"connection", b"keep-alive", b"transfer-encoding"}


class ReplayAnswer(NamedTuple):
    """The content of an answer."""

    status: int | None
    body: bytes
    errors: list[str]
    headers: Pairs = []  # noqa: RUF012 - never changed


class Header(msgspec.Struct, frozen=True):
    """A header that differs; None where an answer has none of this name."""

    name: str
    recorded: str | None
    now: str | None


class Body(msgspec.Struct, frozen=True):
    """`at`: offset of the first byte that differs; `recorded` and `now`: some bytes from there on, escaped."""

    recorded_bytes: int
    now_bytes: int
    at: int
    recorded: str
    now: str


def headers(then: Pairs, now: Pairs) -> list[Header]:
    """The headers that differ, by name. Headers of the same name count as one, in their order."""
    before, after = _values(then), _values(now)
    return [
        Header(text(name), _shown(name, before.get(name)), _shown(name, after.get(name)))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def _values(pairs: Pairs) -> dict[bytes, list[bytes]]:
    values: dict[bytes, list[bytes]] = {}
    for name, value in ((name.lower(), value) for name, value in pairs):
        if name not in HEADERS_ANEW:
            # A secret is masked in most recordings: its value tells nothing.
            values.setdefault(name, []).append(b"" if secret(name) else value.strip())
    return values


def _shown(name: bytes, values: list[bytes] | None) -> str | None:
    if values is None:
        return None
    return "(hidden)" if secret(name) else text(b", ".join(values))


def body(then: bytes, now: bytes) -> Body | None:
    """Where and how the bodies differ; None if they are equal."""
    if then == now:
        return None
    low, high = 0, min(len(then), len(now))  # the first `low` bytes are the same
    while low < high:
        middle = (low + high + 1) // 2
        if then[low:middle] == now[low:middle]:
            low = middle
        else:
            high = middle - 1
    return Body(len(then), len(now), low, text(then[low : low + AROUND]), text(now[low : low + AROUND]))


def sentences(other_headers: list[Header], other_body: Body | None) -> list[str]:
    """The differences as sentences, the body first."""
    lines = []
    if other_body:
        sizes = f"{other_body.recorded_bytes:,} bytes"
        if other_body.now_bytes != other_body.recorded_bytes:
            sizes = f"{other_body.now_bytes:,} bytes, not {other_body.recorded_bytes:,}"
        where = f"from byte {other_body.at:,}"
        lines.append(f"another body ({sizes}) {where}: {_quoted(other_body.now)}, not {_quoted(other_body.recorded)}")
    for header in other_headers:
        now, then = ("absent" if value is None else _quoted(value) for value in (header.now, header.recorded))
        lines.append(f"header {header.name}: {now}, not {then}")
    return lines


def _quoted(value: str) -> str:
    return f"'{value}'" if value else "nothing"
