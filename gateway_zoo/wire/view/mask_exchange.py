"""Passwords and cookies of an exchange, as `*` of the same length.

The bytes are masked, and so every view of them. Fields tell where the secrets are. Bytes that could not be decoded have
no such fields: if the name of a secret is in them, everything behind it is masked. Without such a name they are shown,
because someone debugging a gateway needs the raw bytes. (A recording has a stricter rule: see mask_stream.py.)
"""

from dataclasses import replace

import msgspec

from gateway_zoo.wire import secrets
from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.exchanges import Exchange, Fields, fields_of
from gateway_zoo.wire.fields import Field, Span, Stream, cut

DIRECTIONS: tuple[Direction, Direction] = ("request", "response")
NOTE = "what stands behind a secret's name is hidden, as it cannot be read; --secrets shows it"


def mask(exchange: Exchange, codecs: Codecs) -> tuple[Exchange, Fields]:
    """A copy of the exchange without its secrets, and the fields of its masked bytes."""
    fields = fields_of(exchange, codecs)
    sides = [_mask_side(exchange, *side, codecs) for side in zip(DIRECTIONS, fields, strict=True)]
    (request, rest_of_request), (response, rest_of_response) = sides
    errors, rest_masked = list(exchange.errors), rest_of_request or rest_of_response
    if rest_masked or any(field.secret for side in fields for field in side):
        errors = [secrets.without_quotes(error) for error in errors]
    masked = replace(exchange, request=request, response=response, errors=[*errors, NOTE] if rest_masked else errors)
    if rest_masked or any(field.fault for side in fields for field in side):
        return masked, fields_of(masked, codecs)  # the masked bytes may be wrong in another way
    return masked, (mask_fields(fields[0]), mask_fields(fields[1]))


def _mask_side(exchange: Exchange, direction: Direction, fields: list[Field], codecs: Codecs) -> tuple[bytearray, bool]:
    """The masked bytes of one direction; True if all behind a name is masked."""
    protocol = exchange.protocol
    masked = secrets.masked(bytes(exchange.kept(direction)), _secret_spans(fields))
    unread = protocol not in codecs or direction in exchange.faulty | exchange.unread_secrets
    if not unread and not any(field.fault for field in fields):
        return bytearray(masked), False
    streams = codecs[protocol].annotate(direction, masked).streams if protocol in codecs else []
    rest = _behind_a_name(masked, codecs[protocol].SECRET_CODES if protocol in codecs else (), streams)
    if rest is None:
        return bytearray(masked), False
    return bytearray(secrets.masked(masked, [(rest, len(masked) - rest)])), True


def _secret_spans(fields: list[Field]) -> list[Span]:
    return [span for field in fields if field.secret for span in field.spans]


def mask_fields(fields: list[Field]) -> list[Field]:
    """The fields of the masked bytes, from those of the real ones. Right for bytes without a fault."""
    spans = _secret_spans(fields)
    stars = {field.value: "*" * sum(size for _, size in field.spans) for field in fields if field.secret}
    return [  # the pair of a name and a secret has the secret as its value, too
        msgspec.structs.replace(field, value=stars[field.value])
        if field.value in stars and any(_overlap(a, b) for a in field.spans for b in spans)
        else field
        for field in fields
    ]


def _overlap(a: Span, b: Span) -> bool:
    return a[0] < sum(b) and b[0] < sum(a)


def _behind_a_name(data: bytes, codes: tuple[bytes, ...], streams: list[Stream]) -> int | None:
    """Offset behind the first name of a secret, or None. In a stream inside, a name may lie in several pieces."""
    ends = []
    if match := secrets.names(codes).search(data):
        ends.append(match.end())
    for stream in streams:
        if match := secrets.names(codes).search(cut(data, stream.spans)):
            ends.append(_outer_offset(match.end(), stream.spans))
    return min(ends, default=None)


def _outer_offset(at: int, spans: tuple[Span, ...]) -> int:
    """Where the byte before `at` of the joined pieces lies, plus one."""
    for offset, length in spans:
        if at <= length:
            return offset + at
        at -= length
    raise AssertionError(f"{at} bytes behind the last piece")
