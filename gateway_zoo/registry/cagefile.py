"""What one cage.toml may say: its records, and what in them cannot be true (`faults`).

Types are checked by msgspec where the file is read (registry.py); here stands what types cannot express. Ids, sockets
and ports that two files claim are the registry's business.
"""

import re
import signal
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec

FRONTS = ("nginx", "apache")
#: Known without a file, so that a cage that cannot be read makes no other wrong. A cage with a `wire` adds its own.
PROTOCOLS = ("CGI", "FastCGI", "SCGI", "uwsgi", "AJP", "HTTP", "none")
INTERFACES = ("CGI program", "WSGI", "ASGI", "SAPI")
MODELS = ("fork per request", "prefork", "threads", "prefork x threads", "event loop", "embedded")
NAME = re.compile(r"[a-z][a-z0-9_-]*\Z")
SOCKET = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_-]*)\}")
MPMS = ("event", "worker", "prefork", "itk")
#: Words of the keeper's own: `zoo restart nginx` means the front, {run} in a command the run directory.
RESERVED = (*FRONTS, *(f"apache-{mpm}" for mpm in MPMS[1:]), "keeper", "sentinel", "cage", "run")


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
    group: str = ""  # an optional part of the zoo: started by `--with GROUP` or by name only
    mpm: str = ""  # the only one of Apache's process models that it works under
    sockets: list[str] = []  # unix sockets besides its exhibits', bare names
    helps: list[str] = []  # serves no exhibit itself, but these ("*": all): runs where one of them does

    @property
    def slots(self) -> int | None:
        """Requests at once; None where the model has no limit."""
        return self.processes * self.threads or None


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `check` asks an exhibit besides the contract's endpoints, and what must come back."""

    path: str  # below the exhibit, without a leading slash: "board?x=1"
    status: int = 200
    type: str = ""  # how Content-Type begins; empty: any
    has: str = ""  # a piece of the body
    upgrade: bool = False  # a WebSocket handshake; then `status` is 101


class Every(Ask, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same for every exhibit of these interfaces, in whatever cage."""

    interfaces: list[str]


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
    page: str = ""  # what a browser should open, below the exhibit: "" none, "/" the exhibit itself
    ask: list[Ask] = []
    # For a client that takes the front's place (`zoo wire`):
    spoken: str = ""  # the protocol on its socket, where that is another: a CGI program is asked through FastCGI
    variables: dict[str, str] = {}  # what its front tells it besides the meta-variables; {cage} is filled in
    program: str = ""  # the CGI program itself, a file in the cage
    stripped: bool = False  # its front takes /ID off the path (HTTP only)


class CageFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A cage.toml as it stands."""

    title: str
    year: int
    specification: str
    interface: str
    protocol: str
    family: list[Family] = []
    exhibit: list[Exhibit] = []
    pages: list[str] = []  # for browsers, served by the cage's fragments: "/news/"
    every: list[Every] = []
    wire: str = ""  # the protocol that this cage's `wire` reads and writes, where it is not `protocol`


#: Where in the file, the value that stands there, what was expected.
Fault = tuple[str, object, str]


def wire_file(cage: Path) -> Path | None:
    """Find the `wire` of a cage's folder: a module, or a package with several."""
    return next((path for path in (cage / "wire.py", cage / "wire" / "__init__.py") if path.is_file()), None)


def faults(file: CageFile, cage: Path, protocols: Collection[str] = PROTOCOLS) -> Iterator[Fault]:
    """What types cannot express. Only the first is told, so each may rely on those before it.

    `protocols`: those that an exhibit or a cage without a `wire` may name.
    """
    yield from _unprintable("", msgspec.to_builtins(file))
    yield from _protocol_faults(file, cage, protocols)
    yield from _not_among("interface", file.interface, INTERFACES)
    if not 1960 <= file.year <= 2100:
        yield "year", file.year, "the year in which it appeared, such as 1996"
    for index, page in enumerate(file.pages):
        if not page.startswith("/") or " " in page:
            yield f"pages[{index}]", page, "a path, such as '/news/'"
    for index, every in enumerate(file.every):
        yield from _ask_faults(every, f"every[{index}]")
        for interface in every.interfaces:
            yield from _not_among(f"every[{index}].interfaces", interface, INTERFACES)
    for index, family in enumerate(file.family):
        yield from _bad_id(f"family[{index}].id", family.id)
    for index, exhibit in enumerate(file.exhibit):
        yield from _bad_id(f"exhibit[{index}].id", exhibit.id)
    for index, family in enumerate(file.family):
        yield from _family_faults(family, file, cage, f"family[{index}]")
    for index, exhibit in enumerate(file.exhibit):
        yield from _exhibit_faults(exhibit, file, protocols, f"exhibit[{index}]")
        if exhibit.program and not (cage / exhibit.program).is_file():
            yield f"exhibit[{index}].program", exhibit.program, f"the name of a file in {cage}"
    for index, family in enumerate(file.family):
        if any(e.family == family.id for e in file.exhibit) == bool(family.helps):
            what = "the exhibits that it helps, for a family without one of its own, and only then"
            yield f"family[{index}].helps", family.helps, what


def _protocol_faults(file: CageFile, cage: Path, protocols: Collection[str]) -> Iterator[Fault]:
    """A `wire` makes any name of a protocol a known one."""
    if not wire_file(cage):
        yield from _not_among("protocol", file.protocol, protocols)
        if file.wire:
            yield "wire", file.wire, f"a file wire.py in {cage}, which reads and writes it"


def _family_faults(family: Family, file: CageFile, cage: Path, here: str) -> Iterator[Fault]:
    yield from _not_among(f"{here}.model", family.model, MODELS)
    yield from _not_among(f"{here}.runs_in", family.runs_in, ("", *FRONTS))
    yield from _not_among(f"{here}.mpm", family.mpm, ("", *MPMS))
    if family.mpm and family.runs_in != "apache":
        yield f"{here}.mpm", family.mpm, "runs_in = 'apache' too: other families do not care for Apache's MPM"
    others = set(family.helps) - {"*", *(e.id for e in file.exhibit)}
    if others:
        yield f"{here}.helps", sorted(others)[0], "exhibits of this file, or '*' for all of the zoo"
    for name in family.sockets:
        if not SOCKET.match(name):
            yield f"{here}.sockets", name, "a bare file name such as 'x.sock'"
    if family.group and not NAME.match(family.group):
        yield f"{here}.group", family.group, "a word in lower-case letters, such as 'php'"
    if family.processes < 0:
        yield f"{here}.processes", family.processes, "0 (no limit) or more"
    if family.threads < 0:
        yield f"{here}.threads", family.threads, "0 (no limit) or more"
    if not family.command and not family.runs_in:
        yield f"{here}.command", family.command, "the words that start it, or runs_in where a front runs it"
    if not hasattr(signal, f"SIG{family.stop_signal}") or family.stop_signal.startswith("_"):
        yield f"{here}.stop_signal", family.stop_signal, "a signal's name without SIG, such as 'TERM'"
    known = {"cage", "run", *(e.id for e in file.exhibit)}
    for word in family.command:
        unknown = [name for name in PLACEHOLDER.findall(word) if name not in known]
        if unknown:
            yield f"{here}.command", word, f"{{cage}} or an exhibit of this file in place of {{{unknown[0]}}}"
        if _leaves(word, cage, first=word is family.command[0]):
            yield f"{here}.command", word, f"a file inside {cage}, written {{cage}}/NAME"


def _leaves(word: str, cage: Path, first: bool) -> bool:
    """Does a word name a file outside the cage, or none where one must be? Programs may stand anywhere, and
    `/wsgi` in a word is no file."""
    if "{cage}" in word:
        inside = cage / word.partition("{cage}")[2].lstrip("/")
        return not inside.exists() or not inside.resolve().is_relative_to(cage.resolve())
    if word.startswith("/"):
        return not first and Path(word).is_file()
    return ".." in word.split("/")


def _exhibit_faults(exhibit: Exhibit, file: CageFile, protocols: Collection[str], here: str) -> Iterator[Fault]:
    families = {family.id: family for family in file.family}
    yield from _not_among(f"{here}.family", exhibit.family, tuple(families))
    yield from _not_among(f"{here}.protocol", exhibit.protocol, ("", *protocols))
    yield from _not_among(f"{here}.spoken", exhibit.spoken, ("", *protocols))
    yield from _not_among(f"{here}.interface", exhibit.interface, ("", *INTERFACES))
    for name, fronts in (("fronts", exhibit.fronts), ("closed", list(exhibit.closed))):
        for front in fronts:
            yield from _not_among(f"{here}.{name}", front, FRONTS)
    for front in FRONTS:
        if front in exhibit.fronts and front in exhibit.closed:
            yield f"{here}.closed", front, "it in fronts or in closed, not in both"
        if front not in exhibit.fronts and not exhibit.closed.get(front):
            yield f"{here}.fronts", exhibit.fronts, f"'{front}' too, or in closed the reason why not"
    for number, ask in enumerate(exhibit.ask):
        yield from _ask_faults(ask, f"{here}.ask[{number}]")
    if exhibit.page and (not exhibit.page.startswith("/") or exhibit.page.startswith("//")):
        yield f"{here}.page", exhibit.page, "a path below the exhibit, such as '/'"
    if exhibit.unix and not SOCKET.match(exhibit.unix):
        yield f"{here}.unix", exhibit.unix, "a bare file name such as 'x.sock'"
    if exhibit.tcp and not 1024 <= exhibit.tcp < 32768:
        yield f"{here}.tcp", exhibit.tcp, "a port from 1024 to 32767"
    if exhibit.unix and exhibit.tcp:
        yield f"{here}.tcp", exhibit.tcp, "unix or tcp, not both"
    if not exhibit.unix and not exhibit.tcp and not families[exhibit.family].runs_in:
        yield f"{here}.unix", exhibit.unix, "an address (unix or tcp), as no front runs this family"


def _ask_faults(ask: Ask, here: str) -> Iterator[Fault]:
    if ask.path.startswith("/") or not ask.path.isascii() or " " in ask.path:
        yield f"{here}.path", ask.path, "a path below the exhibit without a leading slash, such as 'board?x=1'"
    if ask.upgrade != (ask.status == 101):
        yield f"{here}.status", ask.status, "101 for a WebSocket handshake, and only for one"


def _bad_id(where: str, id: str) -> Iterator[Fault]:
    if not NAME.match(id) or id in RESERVED:
        yield where, id, f"lower-case letters, digits, '-' and '_', and none of {listed(RESERVED)}"


def _not_among(where: str, value: str, allowed: Collection[str]) -> Iterator[Fault]:
    if value not in allowed:
        yield where, value, f"one of {listed(allowed)}"


def _unprintable(where: str, value: Any) -> Iterator[Fault]:
    """Control characters: they would reach configurations, command lines and terminals."""
    if isinstance(value, str) and not value.isprintable():
        yield where, value, "text without control characters"
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _unprintable(f"{where}.{name}".lstrip("."), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unprintable(f"{where}[{index}]", inner)


def listed(words: Collection[str]) -> str:
    return ", ".join(repr(word) for word in words if word)
