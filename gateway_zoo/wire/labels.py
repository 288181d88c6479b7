"""The lesson on each cage's label: one real exchange, byte by byte, made from a specimen.

    python -m gateway_zoo.wire.labels             name the labels that differ from it; exit 1
    python -m gateway_zoo.wire.labels --write     write them

A lesson stands between two comments in the README.md of its cage. Its specimen is specimens/hello.toml, else the first.
Neighbouring numbers share a line. Of a long row of variables only some are shown.
"""

import re
import sys
from collections.abc import Iterator
from itertools import chain, groupby, pairwise
from pathlib import Path

from gateway_zoo.errors import fail
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.settings import read_settings
from gateway_zoo.terminal.messages import status_of
from gateway_zoo.wire import conversation, specimen
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.fields import Field

BLOCK = re.compile(r"<!-- wire: .*?-->\n.*?<!-- /wire -->\n", re.DOTALL)
PLACE = "**Try it.**"  # a label without a block gets it in front of this
HEX = 8  # bytes of a field that are shown
SMALL = 7  # bytes of a field that may share a line with its neighbours: lengths, flags, padding
WIDTH = 80
COLUMNS = " " * 33  # of the offset and the bytes
SHOWN = 2  # of a row of variables, at its beginning; and the last


def block(file: Path, protocol: str, codecs: Codecs) -> str:
    """Write the lesson of one specimen, with the comments around it.

    Raises what specimen.load does, and KeyError for a protocol without a wire.py.
    """
    exchange = specimen.load(file)
    sides = conversation.annotate(codecs, exchange.protocol or protocol, exchange.request, exchange.response)
    lines = [f"<!-- wire: made from specimens/{file.name} by `python -m gateway_zoo.wire.labels --write` -->"]
    lines += [f"{exchange.about} ({exchange.by}):", "", "```text"]
    for arrow, data, fields in zip(("-->", "<--"), (exchange.request, exchange.response), sides, strict=True):
        lines += [f"{arrow} {len(data)} bytes", *_rows(fields, data)]
    return "\n".join([*lines, "```", "<!-- /wire -->", ""])


def _rows(fields: list[Field], data: bytes, depth: int = 0) -> Iterator[str]:
    """Write a line for each field of this depth, and below it those of its children."""
    for kind, group in groupby(_nodes(fields), key=lambda node: _kind(*node)):
        row = list(group)
        if kind == "small":
            yield from _lines([field for field, _ in row], data, depth)
        elif kind == "variable":
            yield from _variables([field for field, _ in row], data, depth)
        else:
            for field, below in row:
                yield from _lines([field], data, depth)
                yield from _rows(below, data, depth + 1)


def _nodes(fields: list[Field]) -> Iterator[tuple[Field, list[Field]]]:
    """List the fields of the smallest depth, each with the fields below it."""
    lowest = min((field.depth for field in fields), default=0)
    starts = [index for index, field in enumerate(fields) if field.depth == lowest]
    for start, stop in pairwise([*starts, len(fields)]):
        yield fields[start], fields[start + 1 : stop]


def _kind(field: Field, below: list[Field]) -> str:
    if not below:
        return "small" if field.length <= SMALL and not field.fault else "other"
    values = {inner.value for inner in below}
    return "variable" if field.name in values or (field.value and field.value in values) else "other"


def _variables(fields: list[Field], data: bytes, depth: int) -> Iterator[str]:
    """Write the first variables and the last; between them, how many more there are, in how many bytes."""
    lines = [list(_lines([field], data, depth)) for field in fields]
    if len(between := fields[SHOWN:-1]) > 1:
        size = sum(length for field in between for _, length in field.spans)
        lines[SHOWN:-1] = [[f"{COLUMNS}{'  ' * depth}… {len(between)} more, {size} bytes"]]
    return chain.from_iterable(lines)


def _lines(fields: list[Field], data: bytes, depth: int) -> Iterator[str]:
    """Write offset, first bytes and meaning. Numbers share a line while it has room, for their bytes too: they are what
    the lesson shows. A long value is cut off."""
    margin, alone = "  " * depth, len(fields) == 1
    row: list[Field] = []
    for field in fields:
        text = ", ".join(_name_and_value(each, alone) for each in [*row, field])
        if row and (len(COLUMNS) + len(margin) + len(text) >= WIDTH or _end(field) - row[0].offset > HEX):
            yield _line(row, data, margin, alone) + ","
            row = []
        row.append(field)
    line = _line(row, data, margin, alone)
    yield line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def _line(row: list[Field], data: bytes, margin: str, alone: bool) -> str:
    start, stop = row[0].offset, _end(row[-1])
    shown = data[start : min(stop, start + HEX)].hex(" ") + (" …" if stop > start + HEX else "")
    return f"{start:4}  {shown:27}{margin}" + ", ".join(_name_and_value(field, alone) for field in row)


def _end(field: Field) -> int:
    return field.offset + field.length


def _name_and_value(field: Field, alone: bool) -> str:
    if alone:
        return (
            f"{field.name} = {field.value}"
            if field.value or field.name.isupper()
            else f"{field.name}, {field.length} bytes"
        )
    named = re.fullmatch(r"\d+ \((.+)\)", field.value)
    value = named[1] if named else field.value if field.value.isalnum() else ""
    return f"{field.name} {value}".rstrip()


def written(registry: Registry) -> Iterator[tuple[Path, str]]:
    """List the label of each cage with a specimen, and the text that it should have."""
    codecs = Codecs(registry)
    for cage in registry.cages:
        files = sorted((cage.path / "specimens").glob("*.toml"), key=lambda file: (file.stem != "hello", file.name))
        if not files:
            continue
        file, label = files[0], cage.path / "README.md"
        old = label.read_text(encoding="utf-8")
        lesson = block(file, cage.file.protocol, codecs)
        if BLOCK.search(old):
            yield label, BLOCK.sub(lambda _, lesson=lesson: lesson, old, count=1)  # type: ignore[misc]
        else:
            yield label, old.replace(PLACE, lesson + "\n" + PLACE, 1)


def main(words: list[str]) -> int:
    """Return 0 if no label has drifted, or all are written; else 1. Raises Stop for wrong words."""
    if set(words) - {"--write"}:
        fail("usage: python -m gateway_zoo.wire.labels [--write]", 2)
    settings = read_settings()
    drifted = [(path, new) for path, new in written(load(settings.root)) if path.read_text(encoding="utf-8") != new]
    for path, new in drifted:
        print(path.relative_to(settings.root))
        if "--write" in words:
            path.write_text(new, encoding="utf-8")
    return int(bool(drifted) and "--write" not in words)


if __name__ == "__main__":
    sys.exit(status_of(lambda: main(sys.argv[1:])))
