"""Read every cage.toml below the root, check it, and keep what it says.

The registry is a glob. A new gateway is a folder with a cage.toml (and a fragment for each front); no other file
changes. cagefile.py says what one file may contain. An error names the file, the field and the expected value; the
other cages still open.
"""

import functools
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import msgspec

from gateway_zoo.registry.cagefile import (
    PROTOCOLS,
    CageFile,
    Exhibit,
    Family,
    Question,
    QuestionToAll,
    faults,
    listed,
    wire_file,
)
from gateway_zoo.settings import kind


class RegistryError(Exception):
    """A cage.toml has an error; the text is `file: field: what was expected`."""


@dataclass(frozen=True)
class Cage:
    """A folder of exhibits."""

    name: str
    path: Path
    file: CageFile


@dataclass(frozen=True)
class Registry:
    """All cages in the order of their names, and the errors of unreadable ones.

    Every method raises KeyError for an id that no cage has.
    """

    cages: list[Cage]
    errors: list[RegistryError] = field(default_factory=list)

    @functools.cached_property
    def families(self) -> dict[str, Family]:
        """Id -> family, in the order of the cages."""
        return {family.id: family for cage in self.cages for family in cage.file.family}

    @functools.cached_property
    def exhibits(self) -> dict[str, Exhibit]:
        """Id -> exhibit, in the order of the cages."""
        return {exhibit.id: exhibit for cage in self.cages for exhibit in cage.file.exhibit}

    @functools.cached_property
    def _cages(self) -> dict[str, Cage]:
        ids = {exhibit.id: cage for cage in self.cages for exhibit in cage.file.exhibit}
        return ids | {family.id: cage for cage in self.cages for family in cage.file.family}

    def cage_of(self, id: str) -> Cage:
        """Return the cage that holds an exhibit or a family."""
        return self._cages[id]

    def family_of(self, id: str) -> Family:
        """Return the family whose processes serve an exhibit."""
        return self.families[self.exhibits[id].family]

    def runs_inside(self, id: str, front: str) -> bool:
        """Does this front itself run the app of an exhibit?"""
        return self.family_of(id).runs_in == kind(front)

    def protocol_of(self, id: str) -> str:
        """Return the protocol between the front and an exhibit: "SCGI"."""
        return self.exhibits[id].protocol or self.cage_of(id).file.protocol

    def interface_of(self, id: str) -> str:
        """Return the interface between the server and the app: "WSGI"."""
        return self.exhibits[id].interface or self.cage_of(id).file.interface

    def socket_protocol(self, id: str) -> str:
        """Return the protocol on an exhibit's socket; "none" without a socket."""
        exhibit = self.exhibits[id]
        return (exhibit.socket_protocol or self.protocol_of(id)) if exhibit.unix or exhibit.tcp else "none"

    def sockets(self, family: str) -> list[str]:
        """Bare names of all unix sockets that a family listens on."""
        return [e.unix for e in self.exhibits.values() if e.family == family and e.unix] + self.families[family].sockets

    def questions(self, id: str) -> list[Question]:
        """List what `check` asks an exhibit beyond the contract: its own questions, then those to all like it."""
        to_all = [question for cage in self.cages for question in cage.file.ask_all]
        interface = self.interface_of(id)
        return [*self.exhibits[id].ask, *(question for question in to_all if interface in question.interfaces)]


def load(root: Path) -> Registry:
    """Read `root`/*/cage.toml.

    A file that is wrong, or that repeats an id of an earlier one, becomes an error of the registry.
    """
    cages: list[Cage] = []
    errors: list[RegistryError] = []
    taken: dict[str, Path] = {}
    for path in sorted(root.glob("*/cage.toml")):
        try:
            cages.append(Cage(path.parent.name, path.parent, _read(path)))
        except RegistryError as error:
            errors.append(error)
    protocols = [*PROTOCOLS, *(cage.file.protocol for cage in cages if wire_file(cage.path) and not cage.file.decodes)]
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
        text: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RegistryError(f"{path}: top level: {error.strerror}; expected a file that the zoo may read") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML
        raise RegistryError(f"{path}: top level: {error}; expected TOML in UTF-8") from None
    try:
        return msgspec.convert(text, CageFile)
    except msgspec.ValidationError as error:
        raise RegistryError(f"{path}: {_plainly(str(error), text)}") from None


def _plainly(error: str, text: dict[str, Any]) -> str:
    """Put msgspec's message in the order of our messages: field, value, what was expected."""
    problem, _, where = error.partition(" - at ")
    where = where.strip("`$.")
    name = re.search(r"field `(.+)`", problem)
    if name:
        fields = _record(where).__annotations__
        here = f"{where}.{name[1]}".lstrip(".")
        if "missing" in problem:
            return f"{here}: missing; expected {_type_in_words(fields[name[1]])}"
        return f"{here}: unknown; expected one of {listed(tuple(fields))}"
    if (expected := _expected(where)) and ", got" not in problem:
        return f"{where}: {_value(where, text)!r}; expected {expected}"
    return f"{where or 'top level'}: {problem}"


def _record(where: str) -> Any:
    """Find the record at a place such as `exhibit[2].ask[0]`."""
    words = re.findall(r"[a-z_]+", where)
    records = {"ask_all": QuestionToAll, "ask": Question, "family": Family, "exhibit": Exhibit}
    return records.get(words[-1] if words else "", CageFile)


def _type_in_words(type_: Any) -> str:
    plain = get_args(type_)[0] if hasattr(type_, "__metadata__") else type_
    return {int: "a whole number", list: "a list"}.get(getattr(plain, "__origin__", plain), "text")


def _expected(where: str) -> str:
    """What a field may be, in words (`description` in cagefile.py); empty for a plain type."""
    parent, _, name = where.rpartition(".")
    name, _, index = name.partition("[")
    type_ = _record(parent).__annotations__.get(name)
    if index:
        type_ = get_args(type_)[0]
    if hasattr(type_, "__metadata__"):
        return str(type_.__metadata__[0].description)
    words = get_args(type_)
    return f"one of {listed(words)}" if words and all(isinstance(word, str) for word in words) else ""


def _value(where: str, text: Any) -> Any:
    """Find the value at a place such as `family[0].model`."""
    for name in re.findall(r"\w+", where):
        text = text[int(name) if isinstance(text, list) else name]
    return text


def _claim(file: CageFile, path: Path, taken: dict[str, Path]) -> None:
    """Note the ids, sockets and ports of a file, each of which the zoo has once. A family may share its id only with an
    exhibit of its own. Raises RegistryError."""
    names = [("id", f"exhibit {e.id}") for e in file.exhibit] + [("id", f"family {f.id}") for f in file.family]
    names += [("unix", f"socket {e.unix}") for e in file.exhibit if e.unix]
    names += [("unix", f"socket {name}") for f in file.family for name in f.sockets]
    if wire_file(path.parent):
        names += [("wire", f"protocol {file.decodes or file.protocol}")]
    names += [("tcp", f"port {e.tcp}") for e in file.exhibit if e.tcp]
    # The other side of a shared id: an exhibit bars every family of its name but its own.
    names += [("id", f"family {e.id}") for e in file.exhibit if e.family != e.id]
    names += [("id", f"exhibit {f.id}") for f in file.family if f.id not in {e.id for e in file.exhibit}]
    for where, name in names:
        if name in taken or names.count((where, name)) > 1:
            other = taken.get(name, path)
            raise RegistryError(f"{path}: {where}: {name} is taken by {other}; expected one of its own")
    taken.update(dict.fromkeys((name for _, name in names), path))
