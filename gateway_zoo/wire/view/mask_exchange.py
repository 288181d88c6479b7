"""Passwords and cookies, as stars of the same length: in the bytes, so that every view of them is masked.

Where bytes are not the protocol nobody can tell a value from the rest: if a secret's name is among them, all behind it
is hidden. Bytes without such a name are shown as they are: who debugs a gateway must see what it said.
"""

import re
from dataclasses import replace

from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.conversation import Conversation, ProtocolEvent
from gateway_zoo.wire.events import Other
from gateway_zoo.wire.exchanges import Exchange, fields_of
from gateway_zoo.wire.fields import SECRETS, Field, Span, Stream, cut

_NAMES = b"|".join(name.replace(b"_", b"[-_]") for name in sorted(SECRETS))
DIRECTIONS: tuple[Direction, Direction] = ("request", "response")
NOTE = "what stands behind a secret's name is hidden, as it cannot be read; --secrets shows it"


def secrets_of(exchange: Exchange, codecs: Codecs) -> Exchange:
    """The same exchange without its secrets."""
    sides = bytearray(exchange.request), bytearray(exchange.response)
    found = fields_of(exchange, codecs)
    unread = [
        read or any(field.fault for field in fields)
        for read, fields in zip(_unread(exchange, codecs), found, strict=True)
    ]
    names = _names(exchange.protocol, codecs)
    covered = [cover(data, fields) for data, fields in zip(sides, found, strict=True)]
    torn = [
        broken and cover_rest(data, names, _streams(exchange.protocol, direction, data, codecs))
        for direction, data, broken in zip(DIRECTIONS, sides, unread, strict=True)
    ]
    errors = [without_seen(error) for error in exchange.errors] if any(covered) or any(torn) else exchange.errors
    return replace(exchange, request=sides[0], response=sides[1], errors=[*errors, NOTE] if any(torn) else list(errors))


def _unread(exchange: Exchange, codecs: Codecs) -> tuple[bool, bool]:
    """Is something in the request, in the answer, that the decoders could not read, or did not?"""
    if exchange.protocol not in codecs:
        return True, True
    both = Conversation(codecs, exchange.protocol)
    asked, told = both.feed("request", bytes(exchange.request)), both.feed("response", bytes(exchange.response))
    names = _names(exchange.protocol, codecs)
    return "request" in both.errors or _opaque(asked, names), "response" in both.errors or _opaque(told, names)


def _opaque(said: list[ProtocolEvent], names: re.Pattern[bytes]) -> bool:
    """Is a secret's name in messages that are no part of a request? (AJP's Get Body Chunk is one, of two bytes.)"""
    return names.search(b"".join(event.data for _, event in said if isinstance(event, Other))) is not None


def cover(data: bytearray, fields: list[Field]) -> int:
    """Put stars where the fields say that secrets are; returns how many there were."""
    spans = [span for field in fields if field.secret for span in field.spans]
    for offset, length in spans:
        data[offset : offset + length] = b"*" * length
    return len(spans)


def _streams(protocol: str, direction: Direction, data: bytearray, codecs: Codecs) -> list[Stream]:
    return codecs[protocol].annotate(direction, bytes(data)).streams if protocol in codecs else []


def cover_rest(data: bytearray, names: re.Pattern[bytes], streams: list[Stream]) -> bool:
    """Put stars behind the first name of a secret, if there is one; in what is carried inside it may be in pieces."""
    ends = []
    if found := names.search(data):
        ends.append(found.end())
    for stream in streams:
        if found := names.search(cut(bytes(data), stream.spans)):
            ends.append(_place(found.end(), stream.spans))
    if not ends:
        return False
    data[min(ends) :] = b"*" * (len(data) - min(ends))
    return True


def _place(at: int, spans: tuple[Span, ...]) -> int:
    """Where the byte before `at` of the joined pieces lies, and one further."""
    for offset, length in spans:
        if at <= length:
            return offset + at
        at -= length
    raise AssertionError(f"{at} bytes behind the last piece")


def _names(protocol: str, codecs: Codecs) -> re.Pattern[bytes]:
    """The names of secrets, and the codes that stand for them in this protocol."""
    codes = codecs[protocol].SECRET_CODES if protocol in codecs else ()
    return re.compile(b"|".join([_NAMES, *map(re.escape, codes)]), re.IGNORECASE)


def without_seen(error: str) -> str:
    """The message of a WireError quotes what it saw; here it does not."""
    return re.sub(r""": b('.*'|".*"); expected""", ": (hidden); expected", error)
