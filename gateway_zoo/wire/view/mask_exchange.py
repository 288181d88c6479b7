"""Passwords and cookies of an exchange, as `*` of the same length.

The real bytes are named, and no others: the secrets among them become stars, in the bytes and in the values of the
fields. So all that stands around a secret is the same with and without it. Bytes that no decoder could read have a
field with a fault, or none. If the name of a secret is in them, the rest of them is hidden too, but nothing that was
read behind them. Without such a name they are shown, because someone debugging a gateway needs the raw bytes. (A
recording has a stricter rule: see mask_stream.py.)
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec

from gateway_zoo.wire import secrets
from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.events import Breach, Problem
from gateway_zoo.wire.exchange import Exchange, Fields, fields_of
from gateway_zoo.wire.fields import Field, Span, cut, displaced, text
from gateway_zoo.wire.view.rows import unnamed

NOTE = "what stands behind a secret's name is hidden, as it cannot be read; --secrets shows it"
#: Notes of faults whose bytes are read all the same: a body that is too short, and an answer that was not asked for.
READ = re.compile(r".* of the body came|(?!\w+: expected ).*")
COUNTED = re.compile(r"(\d+ of )?\d+ bytes")
FRAME = 16  # bytes of a message around its content, at most
SHORTEST = 4  # characters of a hidden text that is looked for in the names of fields


def mask(exchange: Exchange, codecs: Codecs) -> tuple[Exchange, Fields]:
    """A copy of the exchange without its secrets, and its fields."""
    request, response = fields_of(exchange, codecs)
    asked = _Side(exchange, "request", request, codecs)
    answered = _Side(exchange, "response", response, codecs)
    masked = replace(exchange, request=asked.masked, response=answered.masked)
    if asked.stars or answered.stars:
        masked.errors = [secrets.without_quotes(error) for error in exchange.errors]
        masked.warnings = [secrets.without_quotes(warning) for warning in exchange.warnings]
    if asked.unread or answered.unread:
        masked.warnings = [*masked.warnings, NOTE]
    return masked, (asked.masked_fields(), answered.masked_fields())


class _Side:
    """One direction. `stars`: the bytes to hide; `unread`: those of them that are no value of a field."""

    def __init__(self, exchange: Exchange, direction: Direction, fields: list[Field], codecs: Codecs) -> None:
        self.data, self.fields = bytes(exchange.kept(direction)), fields
        self._codes = codecs[exchange.protocol].SECRET_CODES if exchange.protocol in codecs else ()
        self._secret = {span for field in fields if field.secret for span in field.spans}
        problems = [problem for _, problem in exchange.findings.problems[direction]]
        self.unread = displaced(fields, self.data) if any(isinstance(each, Breach) for each in problems) else []
        read = direction in exchange.heads
        for before, stretch in _stretches(fields, self.data, problems):
            self._hide_stretch(before, stretch, read=read)
        for offset, length in exchange.unread_secrets.get(direction, ()):
            self._hide_message(offset, offset + length + FRAME)
        if not read or not exchange.body_bytes.get(direction):
            for stream in _stopped(exchange, direction, self.data, codecs):
                self._hide_head(stream, read=read)
        self.stars = [*self._secret, *self.unread]
        self.masked = bytearray(secrets.masked(self.data, self.stars))

    def _hide_stretch(self, before: tuple[Span, ...], stretch: tuple[Span, ...], *, read: bool) -> None:
        """Hide what stands behind a name. Behind a secret's value all may belong to it, if the head was not `read`."""
        context = cut(self.data, before)
        rest = secrets.rest(context + cut(self.data, stretch), self._codes)
        if rest is not None or self._secret & ({*stretch} if read else {*before, *stretch}):
            self.unread += _behind(stretch, (rest or 0) - len(context))

    def _hide_head(self, stream: tuple[Span, ...], *, read: bool) -> None:
        """Hide what stands behind a name in a head that could not be read, or was in doubt."""
        masked = secrets.masked(self.data, [*self._secret, *self.unread])
        rest = secrets.rest(cut(masked, stream), self._codes, read=read)
        if rest is not None:
            self.unread += _behind(stream, rest)

    def _hide_message(self, start: int, end: int) -> None:
        """Hide what stands behind a name in this message. If no field has the name (it is shared with another message,
        or the bytes are coded), hide the largest one."""
        leaves = [field for field, is_leaf in _with_leaves(self.fields) if is_leaf and start <= field.offset < end]
        found = [(field.spans, secrets.rest(cut(self.data, field.spans), self._codes)) for field in leaves]
        hidden = [span for spans, rest in found if rest is not None for span in _behind(spans, rest)]
        self.unread += (
            hidden or max(leaves, key=lambda field: field.length, default=Field(start, end - start, "")).spans
        )

    def masked_fields(self) -> list[Field]:
        """The fields of the masked bytes, from those of the real ones."""
        if not self.stars:
            return self.fields
        starred = secrets.masked(bytes(len(self.data)), self.stars)  # a star for each hidden byte, else NUL
        values = {field.value for field in self.fields if field.secret}
        quoted = {text(cut(self.data, [span])) for span in self.unread}
        return [self._masked(field, cut(starred, field.spans), values, quoted) for field in self.fields]

    def _masked(self, field: Field, starred: bytes, values: set[str], quoted: set[str]) -> Field:
        name, value, count = field.name, field.value, starred.count(secrets.MASK)
        if count:
            if field.fault:
                name = _starred(name, cut(self.data, field.spans), starred)  # it may be the bytes themselves
            for hidden in quoted:
                if len(hidden) >= SHORTEST:
                    name = name.replace(hidden, "*" * len(hidden))
            # The pair of a name and a secret has the secret as its value, too. (A folded one joins its pieces.)
            whole = value in values or secrets.secret(name.encode()) or (count == len(starred) and not field.fault)
            if value and whole and not COUNTED.fullmatch(value):
                value = "*" * count
            else:
                value = _starred(value, cut(self.data, field.spans), starred)
        if field.fault:
            value = secrets.without_quotes(value)
            return msgspec.structs.replace(field, name=name, value=value, means=secrets.without_quotes(field.means))
        return (
            field
            if (name, value) == (field.name, field.value)
            else msgspec.structs.replace(field, name=name, value=value)
        )


def _starred(value: str, data: bytes, starred: bytes) -> str:
    """`value` with stars, as far as it begins with these bytes."""
    at, shown = 0, ""
    for byte, star in zip(data, starred, strict=True):
        written = text(bytes([byte]))
        if not value.startswith(written, at):
            break
        at += len(written)
        shown += "*" if star else written
    return shown + value[at:]


def _behind(spans: Sequence[Span], skip: int) -> list[Span]:
    """What is left of these pieces without their first `skip` bytes."""
    left: list[Span] = []
    for offset, length in spans:
        cut_off = min(max(skip, 0), length)
        skip -= cut_off
        if cut_off < length:
            left.append((offset + cut_off, length - cut_off))
    return left


def _stopped(exchange: Exchange, direction: Direction, data: bytes, codecs: Codecs) -> list[tuple[Span, ...]]:
    """The bytes of the decoders that have stopped."""
    stopped = exchange.stopped.get(direction, set())
    if None in stopped:
        return [((0, len(data)),)]
    streams = codecs[exchange.protocol].annotate(direction, data).streams if stopped else []
    return [stream.spans for stream in streams if stream.spans[0][0] in stopped]


def _with_leaves(fields: Sequence[Field]) -> Iterator[tuple[Field, bool]]:
    """Each field, and whether no field lies in it."""
    for field, after in zip(fields, [*fields[1:], None], strict=False):
        yield field, after is None or after.depth <= field.depth


def _stretches(
    fields: list[Field], data: bytes, problems: list[Problem]
) -> Iterator[tuple[tuple[Span, ...], tuple[Span, ...]]]:
    """The bytes that were not read, and before each stretch of them those of the field before: it may be a name.

    They are the innermost fields with a fault, neighbours as one stretch; those in a message with a fault; and bytes
    without a field. A broken rule and bytes that are missing leave the bytes around them read.
    """
    breaches = {problem.note for problem in problems if isinstance(problem, Breach)}
    read = breaches | {problem.note for problem in problems if READ.fullmatch(problem.note)}
    around: list[tuple[int, bool]] = []  # depth of the fields around, and whether they have a fault
    before: tuple[Span, ...] = ()
    stretch: tuple[Span, ...] = ()
    for field, is_leaf in _with_leaves(fields):
        while around and around[-1][0] >= field.depth:
            around.pop()
        inside = bool(around) and around[-1][1]
        fault = field.fault and field.means not in read
        around.append((field.depth, inside or fault))
        if not is_leaf:
            continue
        if fault:
            stretch += field.spans
            continue
        if stretch:
            yield before, stretch
        before, stretch = field.spans, ()
        if inside or field.means in breaches:
            yield (), field.spans
    if stretch:
        yield before, stretch
    for field in unnamed(fields, data):
        yield (), field.spans
