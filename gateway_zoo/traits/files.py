"""Read a matrix that was written with `zoo traits --json`; the kept values (traits/expected) are read, too.

What trips people up: a person gives any file. Each wrong one is named with what would be right.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from gateway_zoo.errors import fail, printable
from gateway_zoo.registry.cages import Registry
from gateway_zoo.traits import kept
from gateway_zoo.traits.records import SCHEMA, Matrix, TraitFacts

MOST = 256_000_000  # bytes; a whole matrix has some 20 million
RIGHT = "expected a file that zoo traits --json wrote"


class _Head(msgspec.Struct):
    """What tells the two kinds of files, and their version. The traits are a list in a matrix."""

    schema: int | msgspec.UnsetType = msgspec.UNSET
    traits: list[msgspec.Raw] | dict[str, msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


def read(name: str, registry: Registry, traits: Sequence[TraitFacts]) -> Matrix:
    """A matrix from a file. Raises Stop."""
    data, shown = _bytes(name), printable(name)
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.schema is msgspec.UNSET or head.traits is msgspec.UNSET:
            fail(f"{shown} is no matrix of traits: it has no schema, or no traits; {RIGHT}", 2)
        if head.schema != SCHEMA:
            fail(
                f"{shown} has schema {head.schema}; this zoo reads schema {SCHEMA}: measure it again, or use its zoo", 2
            )
        if isinstance(head.traits, dict):
            return kept.matrix(msgspec.json.decode(data, type=kept.Kept), registry, traits)
        return msgspec.json.decode(data, type=Matrix)
    except msgspec.ValidationError as error:
        fail(f"{shown} is no matrix of traits: {printable(error)}; {RIGHT}", 2)
    except msgspec.DecodeError as error:
        fail(f"{shown} is no JSON: {printable(error)}; {RIGHT}", 2)


def _bytes(name: str) -> bytes:
    path, shown = Path(name), printable(name)
    try:
        if path.exists() and not path.is_file():
            fail(f"{shown} is no file; {RIGHT}", 2)
        if path.stat().st_size > MOST:
            fail(f"{shown} has more than {MOST:,} bytes; {RIGHT}", 2)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        fail(f"{shown} cannot be read: {printable(getattr(error, 'strerror', None) or error)}", 2)
