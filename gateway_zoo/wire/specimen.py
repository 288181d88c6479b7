"""A specimen: the bytes of one real exchange, in a cage's specimens/ as readable text.

A TOML file: `about` (the exchange), `by` (the programs that wrote the bytes, with versions), `request` and `response`
as a dump of sixteen bytes a line: offset, hexadecimal, and for readers the characters (not read back).
"""

import json
import tomllib
from pathlib import Path

import msgspec


class Specimen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One exchange. `protocol` is that of the socket; empty: the cage's."""

    about: str
    by: str
    request: bytes
    response: bytes
    protocol: str = ""


def load(path: Path) -> Specimen:
    """Read a specimen's file. Raises what `loads` does, and OSError."""
    return loads(path.read_text(encoding="utf-8"))


def loads(toml: str) -> Specimen:
    """Read a specimen. Raises ValueError for TOML or a dump that is none, msgspec.ValidationError for a field that is
    missing or no text."""
    table = tomllib.loads(toml)
    for direction in ("request", "response"):
        given = table.get(direction, "")
        table[direction] = undump(given) if isinstance(given, str) else given
    return msgspec.convert(table, Specimen)


def dumps(specimen: Specimen) -> str:
    """Write a specimen as TOML."""
    lines = [f"{name} = {_quoted(getattr(specimen, name))}" for name in ("about", "by", "protocol")]
    for name in ("request", "response"):
        lines.append(f"{name} = '''\n{dump(getattr(specimen, name))}'''")
    return "\n".join(lines) + "\n"


def dump(data: bytes) -> str:
    """Write a line for each sixteen bytes: `00000000  01 01 00 01 …  |....|`."""
    return "".join(_line(offset, data[offset : offset + 16]) for offset in range(0, len(data), 16))


def _line(offset: int, piece: bytes) -> str:
    shown = "".join(chr(b) if 32 <= b < 127 and b != 39 else "." for b in piece)
    return f"{offset:08x}  {piece.hex(' '):47}  |{shown}|\n"


def undump(text: str) -> bytes:
    """Read the bytes of a dump. Raises ValueError where it is none."""
    return b"".join(bytes.fromhex(line[8:].partition("|")[0]) for line in text.splitlines() if line.strip())


def _quoted(text: str) -> str:
    """Quote a text as TOML does: as JSON does, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
