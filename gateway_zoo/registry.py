"""What there is: every cage.toml below the root, read, checked and made into a few frozen records.

The registry is a glob. Adding a gateway adds a folder with a cage.toml (and a fragment per front) and edits nothing.
A broken file is reported with its name, the field and what was expected there; the other cages still open.
"""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

FRONTS = ("nginx", "apache")
PROTOCOLS = ("CGI", "FastCGI", "SCGI", "uwsgi", "AJP", "HTTP", "none")
INTERFACES = ("CGI program", "WSGI", "ASGI", "SAPI")
MODELS = ("fork per request", "prefork", "threads", "prefork x threads", "event loop", "embedded")
NAME = re.compile(r"[a-z][a-z0-9_-]*\Z")


class RegistryError(Exception):
    """A cage.toml says something that cannot be: `file: field: what was expected`."""


class Family(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The processes that serve one or more exhibits. `processes` x `threads` = requests at once (0: no limit)."""

    id: str
    server: str  # as a person would say it: "flup 1.0.3"
    model: str
    processes: int
    threads: int
    command: list[str] = []  # argv; {cage} and {<exhibit id>} are filled in
    runs_in: str = ""  # the front that runs the app itself, needing no command
    stop_signal: str = "TERM"
    modules: list[str] = []  # what must be installed: Python modules,
    programs: list[str] = []  # programs that the command needs,
    apache_modules: list[str] = []  # files in Apache's module directory
    floors: dict[str, str] = {}  # Python distribution -> lowest version without a known hole

    @property
    def slots(self) -> int | None:
        """Requests at once; None where the model has no limit."""
        return self.processes * self.threads or None


class Exhibit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One gateway behind one or both fronts. `unix` or `tcp` is its address; neither: it lives inside a front."""

    id: str
    family: str
    about: str  # a few words for lists
    fronts: list[str]
    closed: dict[str, str] = {}  # front -> why there is no cell
    protocol: str = ""  # where it differs from the cage's
    interface: str = ""
    unix: str = ""  # socket file, a bare name
    tcp: int = 0  # port


class CageFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A cage.toml as it stands."""

    title: str
    year: int
    specification: str
    interface: str
    protocol: str
    family: list[Family]
    exhibit: list[Exhibit]


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

    def cage_of(self, exhibit_or_family: str) -> Cage:
        """The cage that holds an exhibit or a family; KeyError if none does."""
        for cage in self.cages:
            if any(item.id == exhibit_or_family for item in (*cage.file.exhibit, *cage.file.family)):
                return cage
        raise KeyError(exhibit_or_family)


def load(root: Path) -> Registry:
    """Read `root`/*/cage.toml. A file that is wrong, or repeats an id of an earlier one, becomes an error."""
    cages: list[Cage] = []
    errors: list[RegistryError] = []
    taken: dict[str, Path] = {}
    for path in sorted(root.glob("*/cage.toml")):
        try:
            cage = Cage(path.parent.name, path.parent, _read(path))
            _check(cage.file, path)
            _claim(cage.file, path, taken)
        except RegistryError as error:
            errors.append(error)
        else:
            cages.append(cage)
    return Registry(cages, errors)


def _read(path: Path) -> CageFile:
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), CageFile)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RegistryError(f"{path}: not readable as TOML: {error}") from None
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        raise RegistryError(f"{path}: {where.strip('`$.') or 'top level'}: {what}") from None


def _check(file: CageFile, path: Path) -> None:
    """Meanings that types cannot express."""
    rules: list[tuple[str, object, tuple[str, ...]]] = [
        ("protocol", file.protocol, PROTOCOLS),
        ("interface", file.interface, INTERFACES),
    ]
    for index, family in enumerate(file.family):
        rules.append((f"family[{index}].model", family.model, MODELS))
        rules.append((f"family[{index}].runs_in", family.runs_in, ("", *FRONTS)))
    for index, exhibit in enumerate(file.exhibit):
        here = f"exhibit[{index}]"
        rules.append((f"{here}.protocol", exhibit.protocol, ("", *PROTOCOLS)))
        rules.append((f"{here}.interface", exhibit.interface, ("", *INTERFACES)))
        rules.append((f"{here}.family", exhibit.family, tuple(family.id for family in file.family)))
        rules += [(f"{here}.fronts", front, FRONTS) for front in exhibit.fronts]
        rules += [(f"{here}.closed", front, FRONTS) for front in exhibit.closed]
        _check_exhibit(exhibit, f"{path}: {here}")
    for index, family in enumerate(file.family):
        _check_family(family, path, f"{path}: family[{index}]")
    for where, value, allowed in rules:
        if value not in allowed:
            raise RegistryError(f"{path}: {where}: {value!r} is unknown; expected one of {_listed(allowed)}")


def _check_exhibit(exhibit: Exhibit, where: str) -> None:
    if not NAME.match(exhibit.id):
        raise RegistryError(f"{where}.id: {exhibit.id!r}; expected lower-case letters, digits, '-' and '_'")
    if exhibit.unix and exhibit.tcp:
        raise RegistryError(f"{where}: unix and tcp; expected one of the two, or neither")
    if "/" in exhibit.unix:
        raise RegistryError(f"{where}.unix: {exhibit.unix!r}; expected a bare file name such as 'x.sock'")
    if exhibit.tcp and not 1024 <= exhibit.tcp < 32768:
        raise RegistryError(f"{where}.tcp: {exhibit.tcp}; expected a port from 1024 to 32767")
    for front in FRONTS:
        if (front in exhibit.fronts) == bool(exhibit.closed.get(front)):
            raise RegistryError(f"{where}: {front}; expected it in fronts, or in closed with a reason, not both")


def _check_family(family: Family, path: Path, where: str) -> None:
    if not NAME.match(family.id):
        raise RegistryError(f"{where}.id: {family.id!r}; expected lower-case letters, digits, '-' and '_'")
    if not family.command and not family.runs_in:
        raise RegistryError(f"{where}: expected command, or runs_in where a front runs it")
    if family.processes < 0 or family.threads < 0:
        raise RegistryError(f"{where}: processes and threads; expected 0 (no limit) or more")
    for word in family.command:
        if "{cage}" in word:
            inside = path.parent / word.partition("{cage}")[2].lstrip("/")
            if not inside.resolve().is_relative_to(path.parent.resolve()) or not inside.exists():
                raise RegistryError(f"{where}.command: {word!r}; expected a file inside {path.parent}")
        elif "/" in word and ".." in word:
            raise RegistryError(f"{where}.command: {word!r} leaves the cage; expected a path below {{cage}}")


def _claim(file: CageFile, path: Path, taken: dict[str, Path]) -> None:
    """Ids, sockets and ports are unique in the whole zoo. A family may share its id with its exhibit."""
    mine = [f"exhibit {e.id}" for e in file.exhibit] + [f"family {f.id}" for f in file.family]
    mine += [f"socket {e.unix}" for e in file.exhibit if e.unix] + [f"port {e.tcp}" for e in file.exhibit if e.tcp]
    for name in mine:
        if name in taken or mine.count(name) > 1:
            other = taken.get(name, path)
            raise RegistryError(f"{path}: id: {name} is taken by {other}; expected one of its own")
    taken.update(dict.fromkeys(mine, path))


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(repr(word) for word in words if word)
