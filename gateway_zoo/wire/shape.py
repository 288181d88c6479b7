"""The layout of a protocol as a table. From it come the annotated fields and the dissector in Lua.

A Shape is a row of parts, one behind the other. A part's size is a number, the name of an earlier number in the same
shape, or "" for all bytes that remain. Decoders do not use tables: they are written for speed. Tests compare the two.

What trips people up: `fields` never fails. Bytes that are missing or wrong become a field with `fault`, at their depth.
The bytes behind are not read any more, and become one more such field.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from msgspec.structs import replace

from gateway_zoo.wire.fields import Field, secret, text
from gateway_zoo.wire.meta_variables import meaning

Size = int | str
LONGEST_DECIMAL = 20  # bytes: digits and the byte behind them; no length needs more


@dataclass(frozen=True, kw_only=True)
class Part:
    """The base of all parts. `name` and `section` are the specification's."""

    name: str
    means: str = ""
    section: str = ""


@dataclass(frozen=True, kw_only=True)
class Number(Part):
    """A whole number of `bytes` bytes; `values` gives names to some."""

    bytes: int
    little: bool = False
    values: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ShortOrLong(Part):
    """FastCGI's length: one byte, or four with the highest bit set (3.4)."""


@dataclass(frozen=True, kw_only=True)
class Decimal(Part):
    """A number in ASCII digits up to, and with, `until` (a netstring's length)."""

    until: bytes


@dataclass(frozen=True, kw_only=True)
class Literal(Part):
    """Bytes that are always the same."""

    data: bytes


@dataclass(frozen=True, kw_only=True)
class Raw(Part):
    """Bytes without a meaning in the protocol."""

    size: Size


@dataclass(frozen=True, kw_only=True)
class Zero(Part):
    """Bytes up to, and with, a NUL."""


@dataclass(frozen=True, kw_only=True)
class Repeat(Part):
    """`shape`, repeated until `size` bytes are used."""

    size: Size
    shape: "Shape"


@dataclass(frozen=True, kw_only=True)
class Choice(Part):
    """The shape that the number `on` selects; raw bytes where `shapes` has none."""

    size: Size
    on: str
    shapes: Mapping[int, "Shape"]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """`pair`: the parts that are a variable's name and value; such a shape is shown under that name."""

    name: str
    parts: tuple[Part, ...]
    means: str = ""
    pair: tuple[str, str] | None = None


class _Stop(Exception):
    """A part is cut off or wrong; its field with `fault` is there already."""


def fields(shape: Shape, data: bytes, at: int = 0, depth: int = 0) -> tuple[list[Field], int]:
    """Name the bytes of one `shape` from `at` on. Return the fields and the offset behind them. Never raises."""
    named: list[Field] = []
    try:
        return named, _Row(data, len(data), depth, named).read(shape, at)
    except _Stop:
        # A fault's field reaches to the end of its row, which may be before the end of the data.
        end = max(field.offset + field.length for field in named)
        if rest := len(data) - end:
            named.append(Field(end, rest, "rest", f"{rest} bytes", "not read after a fault", depth=depth, fault=True))
        return named, len(data)


class _Row:
    """One shape in data[…:end]. Each method names one part and returns the offset behind it, or raises _Stop.

    A row appends to `named`, in the order of the bytes, and reads each part once. `numbers` and `texts` are the values
    of its parts so far: a later part's size is one of them. A shape inside (Repeat, Choice) is a row of its own, whose
    `end` is the end of that part: it cannot read beyond. So at each return all bytes before the offset have a field;
    at a _Stop all bytes before `end` have one, and the last field is the fault. `whole`: no byte before `end` is
    missing, so a string without its NUL ends there.
    """

    def __init__(self, data: bytes, end: int, depth: int, named: list[Field], whole: bool = False) -> None:
        self.data, self.end, self.depth, self.named, self.whole = data, end, depth, named, whole
        self.numbers: dict[str, int] = {}
        self.texts: dict[str, bytes] = {}

    def read(self, shape: Shape, at: int) -> int:
        start, first = at, len(self.named)
        self.depth += bool(shape.pair)
        try:
            for part in shape.parts:
                at = self.PARTS[type(part)](self, part, at)
        except _Stop:
            if shape.pair:
                self._show_as_cut(shape, first, start)
            raise
        if shape.pair:  # the pair's own field is known last, and belongs before its parts
            self._show_as_pair(shape.pair, first, start, at - start)
        return at

    def _show_as_pair(self, pair: tuple[str, str], first: int, offset: int, length: int) -> None:
        name, value = (text(self.texts[part]) for part in pair)
        means, section = meaning(name)
        self.named.insert(first, Field(offset, length, name, value, means, section, self.depth - 1))
        if secret(self.texts[pair[0]]):
            index = next(i for i in range(first + 1, len(self.named)) if self.named[i].name == pair[1])
            self.named[index] = replace(self.named[index], secret=True)

    def _show_as_cut(self, shape: Shape, first: int, offset: int) -> None:
        """Show the part of a pair that is there. The last field, the fault, may be the beginning of a secret."""
        name = self.texts.get(shape.pair[0] if shape.pair else "")
        shown = shape.name if name is None else text(name)
        self.named.insert(first, Field(offset, self.end - offset, shown, "", shape.means, depth=self.depth - 1))
        if name is not None and secret(name):
            self.named[-1] = replace(self.named[-1], secret=True)

    def _wrong(self, part: Part, at: int, fault: str) -> _Stop:
        """Name all bytes up to the end as this part, with a fault."""
        rest = self.end - at
        self.named.append(Field(at, rest, part.name, fault, part.means, part.section, self.depth, fault=True))
        return _Stop()

    def _add(self, part: Part, at: int, length: int, value: str = "") -> int:
        self.named.append(Field(at, length, part.name, value, part.means, part.section, self.depth))
        return at + length

    def _wanted(self, size: Size, at: int) -> int:
        return self.end - at if size == "" else self.numbers[size] if isinstance(size, str) else size

    def _sized(self, part: Part, size: Size, at: int) -> int:
        wanted = self._wanted(size, at)
        if at + wanted > self.end:
            raise self._wrong(part, at, f"cut off: {self.end - at} of {wanted} bytes")
        return wanted

    def _number(self, part: Number, at: int) -> int:
        self._sized(part, part.bytes, at)
        number = int.from_bytes(self.data[at : at + part.bytes], "little" if part.little else "big")
        self.numbers[part.name] = number
        known = part.values.get(number)
        return self._add(part, at, part.bytes, f"{number} ({known})" if known else str(number))

    def _short_or_long(self, part: ShortOrLong, at: int) -> int:
        length = 4 if self.data[at : at + 1] >= b"\x80" else 1
        self._sized(part, length, at)
        self.numbers[part.name] = int.from_bytes(self.data[at : at + length], "big") & 0x7FFFFFFF
        return self._add(part, at, length, str(self.numbers[part.name]))

    def _decimal(self, part: Decimal, at: int) -> int:
        stop = self.data.find(part.until, at, min(self.end, at + LONGEST_DECIMAL))
        digits = self.data[at : stop if stop >= 0 else self.end]
        if stop < 0 or not digits.isdigit():
            raise self._wrong(part, at, f"{text(digits[:24])}: not digits up to {text(part.until)}")
        self.numbers[part.name] = int(digits)
        return self._add(part, at, len(digits) + len(part.until), str(self.numbers[part.name]))

    def _literal(self, part: Literal, at: int) -> int:
        there = self.data[at : min(at + len(part.data), self.end)]
        if there != part.data:
            raise self._wrong(part, at, f"{text(there)}: not {text(part.data)}")
        return self._add(part, at, len(part.data), text(part.data))

    def _raw(self, part: Raw, at: int) -> int:
        self.texts[part.name] = self.data[at : at + self._sized(part, part.size, at)]
        return self._add(part, at, len(self.texts[part.name]), text(self.texts[part.name]))

    def _zero(self, part: Zero, at: int) -> int:
        stop = self.data.find(b"\0", at, self.end)
        if stop < 0 and not self.whole:
            raise self._wrong(part, at, "cut off: no NUL")
        after = self.end if stop < 0 else stop + 1
        self.texts[part.name] = self.data[at:after].rstrip(b"\0")
        return self._add(part, at, after - at, text(self.texts[part.name]))

    def _repeat(self, part: Repeat, at: int) -> int:
        start, length = at, self._wanted(part.size, at)
        # Read what is there, even if the size says more: the shapes that are whole are shown, then the fault.
        stop = self._add(part, at, min(length, self.end - at))
        while at < stop:
            at = _Row(self.data, stop, self.depth + 1, self.named, stop == start + length).read(part.shape, at)
        if stop < start + length:
            raise self._wrong(part, at, f"cut off: {stop - start} of {length} bytes")
        return at

    def _choice(self, part: Choice, at: int) -> int:
        chosen = part.shapes.get(self.numbers[part.on])
        wanted = self._wanted(part.size, at)
        if chosen is None:
            wanted = self._sized(part, part.size, at)
            return self._add(part, at, wanted, text(self.data[at : at + wanted]))
        stop = self._add(part, at, min(wanted, self.end - at), chosen.name)
        inside = _Row(self.data, stop, self.depth + 1, self.named)
        inside.read(chosen, at)
        if stop < at + wanted:
            raise inside._wrong(part, stop, f"cut off: {stop - at} of {wanted} bytes")
        return stop

    PARTS: ClassVar[dict[type[Part], Callable[..., int]]] = {
        Number: _number,
        ShortOrLong: _short_or_long,
        Decimal: _decimal,
        Literal: _literal,
        Raw: _raw,
        Zero: _zero,
        Repeat: _repeat,
        Choice: _choice,
    }
