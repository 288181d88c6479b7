"""Print an exchange: a title and a row for each field.

Every row has offset, length, name, value and meaning. The meaning stands behind the value, or below it where there is
no room; the section follows where it fits. The width decides how many bytes are shown: none below 50 columns, three
below 72, six at 80; from 100 on eight, also as characters. Neighbours differ in colour, and a field has the same colour
in all columns and in the dump of all bytes.

What trips people up: strangers wrote everything here. Nothing reaches the terminal unescaped.
"""

import re

from rich.console import Console
from rich.text import Text

from gateway_zoo.errors import printable
from gateway_zoo.terminal import columns
from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.exchange import Exchange, Fields
from gateway_zoo.wire.fields import Field, cut
from gateway_zoo.wire.fields import text as escaped
from gateway_zoo.wire.view.rows import FieldRow, rows

COUNTED = re.compile(r"(\d+ of )?\d+ bytes")
COLOURS = ("cyan", "yellow", "green", "magenta", "bright_blue")
WIDE = 100
BYTES = ((WIDE, 8), (72, 6), (50, 3), (0, 0))  # (columns of the terminal, bytes of a field that are shown)
DUMPED = 16  # bytes in a line of the dump


def show(out: Console, exchange: Exchange, shown: Fields, every: bool = False, dump: bool = False) -> None:
    """Print an exchange and its fields. `every`: all fields, long values too; `dump`: all bytes."""
    request, response = shown
    sides: tuple[tuple[Direction, bytes, list[Field]], ...] = (
        ("request", bytes(exchange.request), request),
        ("response", bytes(exchange.response), response),
    )
    for direction, data, fields in sides:
        for words in title(exchange, direction, exchange.size(direction), out.width):
            line(out, Text(words, "bold"))
        _Side(out, data, rows(fields, data, every), every).show(dump)
        if left_out := exchange.left_out(direction):
            line(out, Text(f"and {count(left_out)} more, which are not kept: it is not cut off on the wire", "dim"))
        out.print()
    for error in exchange.errors:
        out.print(Text(printable(error), "bold red"))
    for warning in exchange.warnings:
        out.print(Text(f"warning: {printable(warning)}", "yellow"))


def line(out: Console, text: Text) -> None:
    """Print one line, cut at the terminal's width."""
    text.truncate(out.width, overflow="ellipsis")
    out.print(text, soft_wrap=True)


def title(exchange: Exchange, direction: Direction | str, size: int, width: int) -> list[str]:
    """The first line of a direction; in two where the words in brackets do not fit."""
    request = f"{exchange.method} {exchange.target}"
    if direction == "request":
        text = f"REQUEST  {request}   {count(size)} to the gateway"
        text += f" ({exchange.protocol}, {exchange.front} to {exchange.exhibit})"
    else:
        status = f"status {exchange.status}" if exchange.status is not None else "no status"
        took = "" if exchange.seconds is None else f", {exchange.seconds * 1000:.1f} ms"
        text = f"RESPONSE {status}   {count(size)} from the gateway{took}"
    text = printable(text)
    words, bracket, parties = text.rpartition(" (")
    return [text] if len(text) <= width or not bracket else [words, f"        {bracket}{parties}"]


def count(size: int) -> str:
    return f"{size:,} byte{'' if size == 1 else 's'}"


class _Side:
    """One direction."""

    def __init__(self, out: Console, data: bytes, shown: list[FieldRow], every: bool) -> None:
        self.out, self.data, self.rows, self.every = out, data, shown, every
        self.ascii = out.width >= WIDE
        self.bytes = next(count for width, count in BYTES if out.width >= width)
        self.digits = max(2, len(str(len(data))))
        self.hex = 3 * self.bytes + 1 if self.bytes else 0
        self.margin = 2 * self.digits + 3 + self.hex + (self.bytes + 2 if self.ascii else 0)
        self.aside = self.margin + (out.width - self.margin) * (2 if self.ascii else 3) // 5

    def show(self, dump: bool) -> None:
        if not self.data:
            line(self.out, Text("nothing", "dim"))
            return
        line(self.out, self._heading())
        for row in self.rows:
            for text in self._lines(row):
                line(self.out, text)
        if dump:
            self.out.print()
            self._dump()

    def _heading(self) -> Text:
        text = f"{'at':>{self.digits}} {'len':>{self.digits}}  {'bytes' if self.hex else '':{self.hex}}"
        return Text(text + ("as text".ljust(self.bytes + 2) if self.ascii else "") + "what", "dim")

    def _lines(self, row: FieldRow) -> list[Text]:
        field, style = row.field, _style(row)
        length = sum(size for _, size in field.spans)
        text = Text().append(f"{field.offset:>{self.digits}} {length:>{self.digits}}  ", "dim")
        text.append(self._bytes(field) if not row.holds else " " * (self.margin - len(text)), style)
        room = self.out.width - self.margin - 2 * row.indent
        most = None if self.every else self.out.width + 1  # a body may be large, and escaped it only grows
        whole = printable(self._name_and_value(row, most)[:most])
        values = _wrapped(whole, room) if self.every else [_cut(whole, room)]
        text.append("  " * row.indent + values[0], style)
        below = self._add_meaning(text, field, self.margin + 2 * row.indent + 2)
        return [text, *(Text(" " * (self.margin + 2 * row.indent) + more, style) for more in values[1:]), *below]

    def _name_and_value(self, row: FieldRow, most: int | None) -> str:
        """`name = value`. For bytes that are only counted (a body) the value is the first `most` of them."""
        field = row.field
        value = field.value
        if COUNTED.fullmatch(value) and field.length and not row.holds:
            value = escaped(cut(self.data, field.spans)[:most])
        pieces = f" (in {len(field.spans)} pieces)" if field.rest else ""
        return f"{field.name}{pieces} = {value}" if value or row.pair else f"{field.name}{pieces}"

    def _bytes(self, field: Field) -> str:
        if not self.bytes:
            return ""
        data = cut(self.data, field.spans)
        few = data if len(data) <= self.bytes else data[: self.bytes - 1]
        more = "…" if few is not data else ""
        shown = f"{few.hex(' ')}{' ' if more else ''}{more}".ljust(3 * self.bytes + 1)
        return shown + (f"{characters(few)}{more}".ljust(self.bytes + 2) if self.ascii else "")

    def _add_meaning(self, text: Text, field: Field, indent: int) -> list[Text]:
        """Add the field's meaning in its column or behind a long value, with the section if that fits. Returns the
        lines below the row where the meaning does not fit."""
        section = f"§{field.section}" if field.section[:1].isdigit() else field.section
        for meaning in (", ".join(word for word in (field.means, section) if word), field.means or section):
            at = max(len(text) + 2, min(self.aside, self.out.width - len(meaning)))
            if meaning and at + len(meaning) <= self.out.width:
                text.append(" " * (at - len(text)) + meaning, "dim")
                return []
        room = max(self.out.width - indent, 12)
        return [Text(" " * indent + line, "dim") for line in columns.words(field.means, room)] if field.means else []

    def _dump(self) -> None:
        """Print all bytes, each in the colour of its row."""
        styles = [""] * len(self.data)
        for row in self.rows:
            for offset, length in row.field.spans if not row.holds else ():
                styles[offset : offset + length] = [_style(row)] * length
        for offset in range(0, len(self.data), DUMPED):
            piece = self.data[offset : offset + DUMPED]
            text = Text().append(f"{offset:>{max(self.digits, 5)}}  ", "dim")
            for byte, style in zip(piece, styles[offset:], strict=False):
                text.append(f"{byte:02x} ", style)
            text.append("   " * (DUMPED - len(piece)) + " ")
            for byte, style in zip(piece, styles[offset:], strict=False):
                text.append(characters(bytes([byte])), style)
            line(self.out, text)


def _style(row: FieldRow) -> str:
    if row.field.fault:
        return "bold red"
    return "bold" if row.holds else COLOURS[row.number % len(COLOURS)]


def characters(data: bytes) -> str:
    """Printable ASCII, and a dot for every other byte."""
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(1, room - 1)] + "…"


def _wrapped(text: str, room: int) -> list[str]:
    room = max(room, 20)
    return [text[at : at + room] for at in range(0, len(text), room)] or [""]
