"""What there is: every cage.toml below the root, read, checked and made into a few frozen records.

The registry is a glob. Adding a gateway adds a folder with a cage.toml (and a fragment per front) and edits nothing.
What one file may say stands in cagefile.py. A broken one is reported with its name, the field and what was expected
there; the other cages still open.
"""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from gateway_zoo.registry.cagefile import PROTOCOLS, Ask, CageFile, Every, Exhibit, Family, faults, listed, wire_file


class RegistryError(Exception):
    """A cage.toml says something that cannot be: `file: field: what was expected`."""


@dataclass(frozen=True)
class Cage:
    """A folder of exhibits."""

    name: str
    path: Path
    file: CageFile


@dataclass(frozen=True)
class Registry:
    """All cages that could be read, in the order of their names, and the errors of those that could not."""

    cages: list[Cage]
    errors: list[RegistryError] = field(default_factory=list)

    @property
    def families(self) -> dict[str, Family]:
        return {family.id: family for cage in self.cages for family in cage.file.family}

    @property
    def exhibits(self) -> dict[str, Exhibit]:
        return {exhibit.id: exhibit for cage in self.cages for exhibit in cage.file.exhibit}

    def sockets(self, family: str) -> list[str]:
        """Bare names of all unix sockets that a family listens on."""
        return [e.unix for e in self.exhibits.values() if e.family == family and e.unix] + self.families[family].sockets

    def asks(self, id: str) -> list[Ask]:
        """What `check` asks this exhibit besides the contract: its own questions, then those for every one like it."""
        exhibit = self.exhibits[id]
        interface = exhibit.interface or self.cage_of(id).file.interface
        every = [every for cage in self.cages for every in cage.file.every if interface in every.interfaces]
        return [*exhibit.ask, *every]

    def spoken(self, id: str) -> str:
        """The protocol on an exhibit's socket; "none" where it has no socket."""
        exhibit = self.exhibits[id]
        if not exhibit.unix and not exhibit.tcp:
            return "none"
        return exhibit.spoken or exhibit.protocol or self.cage_of(id).file.protocol

    def cage_of(self, name: str) -> Cage:
        """The cage that holds an exhibit or a family; KeyError if none does."""
        for cage in self.cages:
            if name in {e.id for e in cage.file.exhibit} | {f.id for f in cage.file.family}:
                return cage
        raise KeyError(name)


def load(root: Path) -> Registry:
    """Read `root`/*/cage.toml. A file that is wrong, or repeats an id of an earlier one, becomes an error."""
    cages: list[Cage] = []
    errors: list[RegistryError] = []
    taken: dict[str, Path] = {}
    for path in sorted(root.glob("*/cage.toml")):
        try:
            cages.append(Cage(path.parent.name, path.parent, _read(path)))
        except RegistryError as error:
            errors.append(error)
    protocols = [*PROTOCOLS, *(cage.file.protocol for cage in cages if wire_file(cage.path) and not cage.file.wire)]
    for cage in list(cages):
        path = cage.path / "cage.toml"
        try:
            if fault := next(faults(cage.file, cage.path, protocols), None):
                raise RegistryError("{}: {}: {!r}; expected {}".format(path, *fault))
            _claim(cage.file, path, taken)
        except RegistryError as error:
            errors.append(error)
            cages.remove(cage)
    return Registry(cages, errors)


def _read(path: Path) -> CageFile:
    if not path.is_file():
        raise RegistryError(f"{path}: top level: not a file; expected a text file in TOML")
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), CageFile)
    except OSError as error:
        raise RegistryError(f"{path}: top level: {error.strerror}; expected a file that we may read") from None
    except msgspec.ValidationError as error:
        raise RegistryError(f"{path}: {_plainly(str(error))}") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML
        raise RegistryError(f"{path}: top level: {error}; expected TOML in UTF-8") from None


def _plainly(error: str) -> str:
    """msgspec's message, in the order in which we say things: where, what, what was expected."""
    what, _, where = error.partition(" - at ")
    where = where.strip("`$.")
    name = re.search(r"field `(.+)`", what)
    if not name:
        return f"{where or 'top level'}: {what}"
    fields = _record(where).__annotations__
    here = f"{where}.{name[1]}".lstrip(".")
    if "missing" in what:
        kind = {str: "text", int: "a whole number"}.get(fields[name[1]], "a list")
        return f"{here}: missing; expected {kind}"
    return f"{here}: unknown; expected one of {listed(tuple(fields))}"


def _record(where: str) -> Any:
    """Which record stands at a place such as `exhibit[2].ask[0]`."""
    words = re.findall(r"[a-z]+", where)
    return {"every": Every, "ask": Ask, "family": Family, "exhibit": Exhibit}.get(words[-1] if words else "", CageFile)


def _claim(file: CageFile, path: Path, taken: dict[str, Path]) -> None:
    """Ids, sockets and ports are unique in the whole zoo. A family may share its id with an exhibit of its own only."""
    mine = [("id", f"exhibit {e.id}") for e in file.exhibit] + [("id", f"family {f.id}") for f in file.family]
    mine += [("unix", f"socket {e.unix}") for e in file.exhibit if e.unix]
    mine += [("unix", f"socket {name}") for f in file.family for name in f.sockets]
    if wire_file(path.parent):
        mine += [("wire", f"protocol {file.wire or file.protocol}")]
    mine += [("tcp", f"port {e.tcp}") for e in file.exhibit if e.tcp]
    # The other side of a shared id: an exhibit bars every family of its name but its own.
    mine += [("id", f"family {e.id}") for e in file.exhibit if e.family != e.id]
    mine += [("id", f"exhibit {f.id}") for f in file.family if f.id not in {e.id for e in file.exhibit}]
    for where, name in mine:
        if name in taken or mine.count((where, name)) > 1:
            other = taken.get(name, path)
            raise RegistryError(f"{path}: {where}: {name} is taken by {other}; expected one of its own")
    taken.update(dict.fromkeys((name for _, name in mine), path))
