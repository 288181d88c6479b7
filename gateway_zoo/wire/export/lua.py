"""A Shape as a dissector for Wireshark, in Lua.

Strategy: each Shape becomes a Lua function that reads it part by part. Around these functions stands the same frame for
every protocol: the direction, the number of bytes that are wanted, the body. The functions run twice: without a tree to
learn the body's length, and with a tree when all bytes are there.

What trips people up: what a dissector has added to the tree stays there, also when it then asks for more bytes. And a
range of no bytes at the very end is out of bounds in Wireshark's Lua: see `span`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from gateway_zoo.wire.codecs import Dissector
from gateway_zoo.wire.shape import Choice, Decimal, Literal, Number, Part, Raw, Repeat, Shape, Size, Zero

FRAME = Path(__file__).with_name("frame.lua")


def dissector(shape: Shape, id: str, title: str, about: Dissector) -> str:
    """Write the script: declarations, a function for each shape, the frame. `id` begins the names of its fields."""
    shapes = list(_inner_first(shape))
    known = [f"local proto = Proto({_text(id)}, {_text(title)})", "local f = proto.fields"]
    fields = [line for inner in shapes for line in _fields(inner, shape, id)]
    readers = [line for inner in shapes for line in (*_reader(inner, shape), "")]
    known_first = ", ".join(f"[{number}] = true" for part in shape.parts[:1] for number in getattr(part, "values", ()))
    helpers, frame = FRAME.read_text(encoding="utf-8").split("-- HERE the readers\n")
    packets = ", ".join(f"[{first}] = true" for first in about.packets)
    settings = [
        f"local title, answered = {_text(title)}, {_text(about.answers)} -- Wireshark's dissector of the answer",
        f"local strict = {str(about.strict).lower()} -- CONTENT_LENGTH stands first, and each name once",
        f"local another_may_follow, packets = {str(about.again).lower()}, {{{packets}}}",
        f"local known = {{{known_first}}} -- kinds of requests",
        "",
    ]
    behind = [*_head_size(shape), "", f"local read = read_{word(shape.name)}"]
    return "\n".join([*known, *fields, "", *settings, helpers + "\n".join(readers), *behind, frame])


def word(name: str) -> str:
    """Turn a name of the specification into a Lua name: contentLength -> content_length."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")


def _inner_first(shape: Shape) -> Iterator[Shape]:
    seen: dict[str, Shape] = {}
    for part in shape.parts:
        inside = [part.shape] if isinstance(part, Repeat) else part.shapes.values() if isinstance(part, Choice) else ()
        for inner in inside:
            seen |= {each.name: each for each in _inner_first(inner)}
    yield from (seen | {shape.name: shape}).values()


def _name(part: Part, shape: Shape, top: Shape) -> str:
    return word(part.name) if shape is top else f"{word(shape.name)}_{word(part.name)}"


def _fields(shape: Shape, top: Shape, id: str) -> Iterator[str]:
    if shape.pair:
        yield _field(word(shape.name), f"{id}.{word(shape.name)}", "none", shape.name, shape.means)
    for part in shape.parts:
        where = "" if shape is top else f"{word(shape.name)}."
        kind, more = _kind(part, shape)
        about = f"{part.means} ({part.section})" if part.section else part.means
        yield _field(_name(part, shape, top), f"{id}.{where}{word(part.name)}", kind, part.name, about, more)


def _field(key: str, filter: str, kind: str, label: str, about: str, more: str = "") -> str:
    before = "base.NONE, " if kind in ("string", "bytes") else ""  # ProtoField.none takes none
    if kind.startswith("uint"):
        before = f"base.DEC, {more or 'nil'}, nil, "
    call = f"ProtoField.{kind}({_text(filter)}, {_text(label)}, {before}{_text(about)})"
    return f"f.{key} = {call}"


def _kind(part: Part, shape: Shape) -> tuple[str, str]:
    if isinstance(part, Number):
        names = ", ".join(f"[{number}] = {_text(name)}" for number, name in part.values.items())
        return f"uint{8 * part.bytes}", f"{{{names}}}" if names else ""
    if isinstance(part, Decimal):
        return "uint32", ""
    return ("string" if isinstance(part, (Zero, Literal)) or _is_text(part, shape) else "bytes"), ""


def _is_text(part: Part, shape: Shape) -> bool:
    return shape.pair is not None and part.name in shape.pair


def _reader(shape: Shape, top: Shape) -> Iterator[str]:
    """Write `local function read_x(buf, at, stop, tree, said)`.

    It returns the offset behind the shape; nil after a fault.
    """
    yield f"-- {shape.means}"
    yield f"local function read_{word(shape.name)}(buf, at, stop, tree, said)"
    if shape.pair:
        yield f"  local item = add(tree, f.{word(shape.name)}, buf(at, stop - at))"
        yield "  local start = at"
        yield "  tree = item"
    for part in shape.parts:
        yield from ("  " + line for line in _part(part, shape, top))
    if shape.pair:
        name, value = map(word, shape.pair)
        yield f"  return paired(item, at - start, said, {name}, {value}, at)"
    else:
        yield "  return at"
    yield "end"


def _part(part: Part, shape: Shape, top: Shape) -> list[str]:
    """Write lines that read one part and move `at` behind it."""
    name, field = word(part.name), "f." + _name(part, shape, top)
    fault = f"return wrong(buf, at, stop, tree, {field}, {_text(part.name)})"
    match part:
        case Number():
            read, add = ("le_uint", "add_le") if part.little else ("uint", "add")
            return [
                f"if at + {part.bytes} > stop then {fault} end",
                f"local {name} = buf(at, {part.bytes}):{read}()",
                f"{add}(tree, {field}, buf(at, {part.bytes}))",
                f"at = at + {part.bytes}",
            ]
        case Decimal():
            return [
                f"local {name}, after_{name} = decimal(buf, at, stop, {part.until[0]})",
                f"if not {name} then {fault} end",
                f"local item = add(tree, {field}, buf(at, after_{name} - at), {name})",
                f"if buf(at, 1):raw() == '0' and after_{name} - at > 2 then tell(item, 'a zero before the digits') end",
                f"at = after_{name}",
            ]
        case Literal():
            size = str(len(part.data))
            there = f"at + {size} > stop or buf(at, {size}):raw() ~= {_text(part.data.decode('ascii'))}"
            doubt = "said[0] = true -- the body's end is in doubt"
            return [f"if {there} then", f"  {doubt}", f"  {fault}", "end", *_string(name, field, size, size)]
        case Zero():
            return [
                f"local end_of_{name} = find(buf, at, stop, 0)",
                f"if not end_of_{name} then {fault} end",
                *_string(name, field, f"end_of_{name} - at", f"#{name} + 1"),
            ]
        case Raw() if _is_text(part, shape):
            size = _size(part.size)
            return [f"if at + {size} > stop then {fault} end", *_string(name, field, size, size)]
        case Raw() | Repeat() | Choice():
            return _sized(part, field, fault)
    raise TypeError(part)


def _string(name: str, field: str, length: str, size: str) -> list[str]:
    """Write lines for `length` bytes of text; the next part stands `size` bytes on."""
    return [
        f"local {name} = span(buf, at, {length}):raw()",
        f"add_text(tree, {field}, span(buf, at, {length}))",
        f"at = at + {size}",
    ]


def _size(size: Size) -> str:
    return "(stop - at)" if size == "" else word(size) if isinstance(size, str) else str(size)


def _sized(part: Raw | Repeat | Choice, field: str, fault: str) -> list[str]:
    size, end = _size(part.size), f"end_of_{word(part.name)}"
    lines = [
        f"local {end} = at + {size}",
        f"if {end} > stop then {fault} end",
        f"local branch = add(tree, {field}, span(buf, at, {size}))",
    ]
    if isinstance(part, Repeat):
        read = f"at = read_{word(part.shape.name)}(buf, at, {end}, branch, said)"
        return [*lines, f"while at < {end} do", f"  {read}", "  if not at then return nil end", "end"]
    if isinstance(part, Choice):
        names = {number: f"read_{word(shape.name)}" for number, shape in part.shapes.items()}
        readers = ", ".join(f"[{number}] = {name}" for number, name in names.items())
        read = f"chosen(buf, at, {end}, branch, said)"
        lines += [f"local chosen = ({{{readers}}})[{word(part.on)}]", f"if chosen and not {read} then return nil end"]
    return [*lines, f"at = {end}"]


def _head_size(shape: Shape) -> Iterator[str]:
    """Write `head_size(buf, at, stop)`: bytes of one `shape`; nil if not known yet, 0 after a fault."""
    yield f"-- Bytes of {shape.means}: nil if they cannot be known yet, 0 after a fault."
    yield "local function head_size(buf, at, stop)"
    yield "  local start = at"
    for part in shape.parts:
        name = word(part.name)
        match part:
            case Number():
                yield f"  if at + {part.bytes} > stop then return nil end"
                yield f"  local {name} = buf(at, {part.bytes}):{'le_uint' if part.little else 'uint'}()"
                yield f"  at = at + {part.bytes}"
            case Decimal():
                yield f"  local {name}, after = decimal(buf, at, stop, {part.until[0]})"
                yield f"  if not {name} then return after end"
                yield "  at = after"
            case Literal():
                yield f"  at = at + {len(part.data)}"
            case Raw() | Repeat() | Choice():
                yield f"  at = at + {_size(part.size)}"
    yield "  return at - start"
    yield "end"


def _text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
