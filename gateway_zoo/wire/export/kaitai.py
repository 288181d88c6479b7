"""A Shape as a Kaitai Struct file (https://kaitai.io): parsers of the protocol for a dozen languages come from it.

Strategy: build the file's sections as dicts and lists, and write them down as YAML. Each Shape is a type; a Repeat of
known size needs one more, because in Kaitai "until the end" means the end of the bytes that a type was given.

What trips people up: a field with named values is an enum, and a switch over it wants these names, not the numbers.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from gateway_zoo.wire.shape import Choice, Decimal, Literal, Number, Part, Raw, Repeat, Shape, ShortOrLong, Size

Table = dict[str, Any]
LATIN = {"type": "str", "encoding": "ISO-8859-1"}  # every byte is a character: nothing is lost

SHORT_OR_LONG: Table = {
    "doc": "A length in one byte, or in four with the highest bit set.",
    "seq": [{"id": "first", "type": "u1"}, {"id": "others", "type": "b24", "if": "first >= 128"}],
    "instances": {"value": {"value": "first < 128 ? first : ((first & 127) << 24) | others"}},
}


def ksy(shape: Shape, called: str, head: Table, around: list[Table]) -> Table:
    """The whole file: `head` is its `meta`, `around` the root's fields, which use `shape` as the type `called`."""
    shape = replace(shape, name=called)  # never as the file itself: in some languages a class cannot hold its namesake
    types = {word(one.name): _type(one) for one in _shapes(shape)}
    for one in _shapes(shape):
        types |= {f"{word(one.name)}_{word(part.name)}": _many(part) for part in one.parts if _is_wrapped(part)}
        if any(isinstance(part, ShortOrLong) for part in one.parts):
            types["short_or_long"] = SHORT_OR_LONG
    enums = {
        word(part.name): {number: word(name) for number, name in part.values.items()}
        for one in _shapes(shape)
        for part in one.parts
        if isinstance(part, Number) and part.values
    }
    return {"meta": head, "seq": around, "types": types} | ({"enums": enums} if enums else {})


def word(name: str) -> str:
    """A name as Kaitai wants it: contentLength -> content_length."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")


def _shapes(shape: Shape) -> list[Shape]:
    """This one and all inside, each once."""
    found = {shape.name: shape}
    for part in shape.parts:
        inside = [part.shape] if isinstance(part, Repeat) else part.shapes.values() if isinstance(part, Choice) else ()
        for inner in inside:
            found |= {one.name: one for one in _shapes(inner)}
    return list(found.values())


def _type(shape: Shape) -> Table:
    return _said(shape.means, "") | {"seq": [_part(part, shape) for part in shape.parts]}


def _part(part: Part, shape: Shape) -> Table:
    said = _said(part.means, part.section)
    return {"id": word(part.name)} | _format(part, shape) | said


def _said(means: str, section: str) -> Table:
    text = f"{means} ({section})" if means and section else means or f"section {section}" * bool(section)
    return {"doc": text[:1].upper() + text[1:] + "."} if text else {}


def _format(part: Part, shape: Shape) -> Table:
    if isinstance(part, Number):
        order = "" if part.bytes == 1 else "le" if part.little else "be"
        return {"type": f"u{part.bytes}{order}"} | ({"enum": word(part.name)} if part.values else {})
    if isinstance(part, Decimal):
        valid = {"expr": "_.to_i.to_s == _"}  # no sign, no zero before it, nothing else that a language reads as one
        return {"type": "str", "encoding": "ASCII", "terminator": part.until[0], "valid": valid}
    if isinstance(part, Literal):
        return {"contents": list(part.data)}
    if isinstance(part, (Raw, Repeat, Choice)):
        return _sized(part, shape)
    return {"type": "short_or_long"} if isinstance(part, ShortOrLong) else {"type": "strz", "encoding": "ISO-8859-1"}


def _sized(part: Raw | Repeat | Choice, shape: Shape) -> Table:
    if isinstance(part, Choice):
        return {"type": _switch(part, shape)} | _size(part.size, shape)
    if isinstance(part, Raw):
        return (LATIN if shape.pair and part.name in shape.pair else {}) | _size(part.size, shape)
    if part.size == "":
        return {"type": word(part.shape.name), "repeat": "eos"}
    return {"type": f"{word(shape.name)}_{word(part.name)}"} | _size(part.size, shape)


def _size(size: Size, shape: Shape) -> Table:
    if size == "":
        return {"size-eos": True}
    if isinstance(size, int):
        return {"size": size}
    counted = next(part for part in shape.parts if part.name == size)
    suffix = {ShortOrLong: ".value", Decimal: ".to_i"}.get(type(counted), "")
    return {"size": word(size) + suffix}


def _switch(part: Choice, shape: Shape) -> Table:
    on = next(one for one in shape.parts if one.name == part.on and isinstance(one, Number))
    cases = {
        f"{word(on.name)}::{word(on.values[number])}" if on.values else number: word(chosen.name)
        for number, chosen in part.shapes.items()
    }
    return {"switch-on": word(part.on), "cases": cases}


def _is_wrapped(part: Part) -> bool:
    return isinstance(part, Repeat) and part.size != ""


def _many(part: Part) -> Table:
    assert isinstance(part, Repeat)
    return {"seq": [{"id": "entries", "type": word(part.shape.name), "repeat": "eos"}]}


def yaml(value: Table) -> str:
    """As much of YAML as these files need."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Mapping[Any, Any]) -> Iterator[str]:
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield f"{_plain(key)}:"
            yield from ("  " + line for line in _lines(inner))
        elif isinstance(inner, list) and inner and isinstance(inner[0], Mapping):
            yield f"{_plain(key)}:"
            for item in inner:
                first, *others = _lines(item)
                yield f"  - {first}"
                yield from ("    " + line for line in others)
        else:
            yield f"{_plain(key)}: {_plain(inner)}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(_plain, value)) + "]"
    text = str(value)
    if isinstance(value, int) or re.fullmatch(r"[A-Za-z_][\w./-]*", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
