"""The lesson on each cage's label: one real exchange, byte by byte, made from the specimen beside it.

    python -m gateway_zoo.wire.labels --write

puts it between two comments in the README.md of every cage with specimens (the one called hello, else the first);
without --write it says which labels have drifted, and exits 1. Neighbouring numbers share a line, and of a long row of
variables only some are shown.
"""

import re
import sys
from collections.abc import Iterator
from itertools import groupby, pairwise
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
WIDTH = 118
SHOWN = 2  # of a row of variables, at its beginning; and the last


def block(file: Path, protocol: str, codecs: Codecs) -> str:
    """The text between the comments, comments included."""
    kept = specimen.load(file)
    sides = conversation.annotate(codecs, kept.protocol or protocol, kept.request, kept.response)
    lines = [f"<!-- wire: made from specimens/{file.name} by `python -m gateway_zoo.wire.labels --write` -->"]
    lines += [f"{kept.about} ({kept.by}):", "", "```text"]
    for arrow, data, fields in zip(("-->", "<--"), (kept.request, kept.response), sides, strict=True):
        lines += [f"{arrow} {len(data)} bytes", *_rows(fields, data)]
    return "\n".join([*lines, "```", "<!-- /wire -->", ""])


def _rows(fields: list[Field], data: bytes, depth: int = 0) -> Iterator[str]:
    """A line for each field of this depth, and below it those of its children."""
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
    """The fields of the smallest depth, each with those below it."""
    lowest = min((field.depth for field in fields), default=0)
    starts = [index for index, field in enumerate(fields) if field.depth == lowest]
    for start, stop in pairwise([*starts, len(fields)]):
        yield fields[start], fields[start + 1 : stop]


def _kind(field: Field, below: list[Field]) -> str:
    if not below:
        return "small" if field.length <= SMALL and not field.fault else "other"
    said = {inner.value for inner in below}
    return "variable" if field.name in said or (field.value and field.value in said) else "other"


def _variables(fields: list[Field], data: bytes, depth: int) -> Iterator[str]:
    """The first ones and the last; how many more there are, in how many bytes."""
    left = fields[SHOWN:-1]
    shown = [fields[:SHOWN], fields[-1:]] if len(left) > 1 else [fields, []]
    yield from (line for field in shown[0] for line in _lines([field], data, depth))
    if len(left) > 1:
        size = sum(length for field in left for _, length in field.spans)
        yield f"{'':33}{'  ' * depth}… {len(left)} more, {size} bytes"
    yield from (line for field in shown[1] for line in _lines([field], data, depth))


def _lines(fields: list[Field], data: bytes, depth: int) -> Iterator[str]:
    """Offset, the first bytes, what they say. Small fields side by side are one line, or as many as they need: numbers
    are what the lesson shows. A long value alone is cut off."""
    start, stop = fields[0].offset, fields[-1].offset + fields[-1].length
    shown = data[start : min(stop, start + HEX)].hex(" ") + (" …" if stop > start + HEX else "")
    head, said = f"{start:4}  {shown:27}{'  ' * depth}", [_said(field, alone=len(fields) == 1) for field in fields]
    line = head + said[0]
    for more in said[1:]:
        if len(line) + len(more) + 3 > WIDTH:
            yield f"{line},"
            line = " " * len(head) + more
        else:
            line += f", {more}"
    yield line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def _said(field: Field, alone: bool) -> str:
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
    """Each label that has a specimen, and what it should say."""
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
    """0: all labels are as they should be (or have been written); 1: some have drifted."""
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
