"""Define what a cage.toml may say, and find what cannot be true.

msgspec checks each field alone: its type, its range, its words (cages.py reads the file). `faults` checks the fields
together. cages.py also checks that no two files claim the same id, socket or port.
"""

import re
import signal
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

Front = Literal["nginx", "apache"]
Interface = Literal["CGI program", "WSGI", "ASGI", "SAPI"]
Model = Literal["fork per request", "prefork", "threads", "prefork x threads", "event loop", "embedded"]
Mpm = Literal["", "event", "worker", "prefork", "itk"]
FRONTS = get_args(Front)
#: Known without a file, so that a cage that cannot be read makes no other wrong. A cage with a `wire` adds its own.
PROTOCOLS = ("CGI", "FastCGI", "SCGI", "uwsgi", "AJP", "HTTP", "none")
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_-]*)\}")
#: Words of the keeper: `zoo restart nginx` means the front, {run} in a command means the run directory.
RESERVED = (*FRONTS, *(f"apache-{mpm}" for mpm in get_args(Mpm)[2:]), "keeper", "sentinel", "centre", "cage", "run")


def listed(words: Collection[str]) -> str:
    """Join the quoted words with commas; leave out an empty word."""
    return ", ".join(repr(word) for word in words if word)


#: A `description` completes the sentence "expected …" (cages._plainly).
Id = Annotated[
    str,
    Meta(
        pattern=rf"^(?!(?:{'|'.join(RESERVED)})\Z)[a-z][a-z0-9_-]*\Z",
        description=f"lower-case letters, digits, '-' and '_', and none of {listed(RESERVED)}",
    ),
]
SocketName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]*\Z", description="a bare file name such as 'x.sock'")]
Count = Annotated[int, Meta(ge=0, description="0 (no limit) or more")]
Port = Annotated[int, Meta(ge=1024, le=32767, description="a port from 1024 to 32767")]
Year = Annotated[int, Meta(ge=1960, le=2100, description="the year in which it appeared, such as 1996")]
Group = Annotated[
    str, Meta(pattern=r"^([a-z][a-z0-9_-]*)?\Z", description="a word in lower-case letters, such as 'php'")
]
Below = Annotated[  # printable ASCII without a space
    str,
    Meta(
        pattern=r"^(?!/)[!-~]*\Z", description="a path below the exhibit without a leading slash, such as 'board?x=1'"
    ),
]
Page = Annotated[str, Meta(pattern=r"^(/(?!/).*)?\Z", description="a path below the exhibit, such as '/'")]
FrontPage = Annotated[str, Meta(pattern=r"^/[^ ]*\Z", description="a path, such as '/news/'")]


class Family(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The processes that serve one or more exhibits.

    `processes` x `threads` is the number of requests at once; 0 is no limit.
    """

    id: Id
    server: str  # the name for a reader: "flup 1.0.3"
    model: Model
    processes: Count
    threads: Count
    command: list[str] = []  # argv; the plan fills in {cage} and {<exhibit id>}
    runs_in: Literal["", "nginx", "apache"] = ""  # the front that runs the app itself, without a command
    stop_signal: str = "TERM"
    modules: list[str] = []  # Python modules that must be installed
    programs: list[str] = []  # programs that the command needs
    apache_modules: list[str] = []  # files in Apache's module directory
    floors: dict[str, str] = {}  # Python distribution -> lowest version without a known vulnerability
    group: Group = ""  # an optional part of the zoo: `--with GROUP` or an exhibit's name starts it
    mpm: Mpm = ""  # the only one of Apache's process models that it works under
    sockets: list[SocketName] = []  # unix sockets besides those of its exhibits
    serves: list[str] = []  # exhibits of other families that this helper serves ("*": all); it runs where they run

    @property
    def slots(self) -> int | None:
        """Requests at once; None where the model has no limit."""
        return self.processes * self.threads or None


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A request of `check` beyond the contract, and what the answer must have."""

    path: Below
    status: int = 200
    type: str = ""  # how Content-Type begins; empty: any
    contains: str = ""  # a piece of the body
    upgrade: bool = False  # a WebSocket handshake; then `status` is 101


class QuestionToAll(Question, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A question to every exhibit with one of these interfaces, in any cage."""

    interfaces: list[Interface]


class Exhibit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One gateway behind one or both fronts.

    `unix` or `tcp` is its address; an exhibit without either lives inside a front.
    """

    id: Id
    family: str
    about: str  # a few words for lists
    fronts: list[Front]
    closed: dict[str, str] = {}  # front -> why there is no cell
    protocol: str = ""  # where it differs from the cage's
    interface: Literal["", "CGI program", "WSGI", "ASGI", "SAPI"] = ""  # where it differs from the cage's
    unix: SocketName = ""
    tcp: Port = 0
    page: Page = ""  # the page for a browser, below the exhibit: "" none, "/" the exhibit itself
    ask: list[Question] = []
    # For a client that takes the front's place (`zoo wire`):
    socket_protocol: str = ""  # where the socket has another protocol: FastCGI leads to a CGI program
    variables: dict[str, str] = {}  # what its front sends besides the meta-variables; {cage} is filled in
    program: str = ""  # the CGI program itself, a file in the cage
    front_strips_prefix: bool = False  # its front takes /ID off the path (HTTP only)


class CageFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The content of a cage.toml."""

    title: str
    year: Year
    specification: str
    interface: Interface
    protocol: str
    family: list[Family] = []
    exhibit: list[Exhibit] = []
    pages: list[FrontPage] = []  # pages for browsers, which the cage's fragments serve: "/news/"
    ask_all: list[QuestionToAll] = []
    decodes: str = ""  # the protocol that this cage's `wire` reads and writes, where it is not `protocol`


#: Where in the file, the value that stands there, what was expected.
Fault = tuple[str, object, str]


def wire_file(cage: Path) -> Path | None:
    """Find the `wire` of a cage's folder: a module, or a package with several."""
    return next((path for path in (cage / "wire.py", cage / "wire" / "__init__.py") if path.is_file()), None)


def faults(file: CageFile, cage: Path, protocols: Collection[str] = PROTOCOLS) -> Iterator[Fault]:
    """Find what the type of a field cannot express. `protocols`: the known ones; a cage with a `wire` may add one.

    The caller tells only the first fault, so each check may rely on those before it.
    """
    yield from _unprintable("", msgspec.to_builtins(file))
    if not wire_file(cage):
        yield from _not_among("protocol", file.protocol, protocols)
        if file.decodes:
            yield "decodes", file.decodes, f"a file wire.py in {cage}, which reads and writes it"
    for index, question in enumerate(file.ask_all):
        yield from _question_faults(question, f"ask_all[{index}]")
    for index, family in enumerate(file.family):
        yield from _family_faults(family, file, cage, f"family[{index}]")
    for index, exhibit in enumerate(file.exhibit):
        yield from _exhibit_faults(exhibit, file, protocols, f"exhibit[{index}]")
        if exhibit.program and not (cage / exhibit.program).is_file():
            yield f"exhibit[{index}].program", exhibit.program, f"the name of a file in {cage}"
    for index, family in enumerate(file.family):
        if any(e.family == family.id for e in file.exhibit) == bool(family.serves):
            expected = "the exhibits that it serves, for a family without one of its own, and only then"
            yield f"family[{index}].serves", family.serves, expected


def _family_faults(family: Family, file: CageFile, cage: Path, here: str) -> Iterator[Fault]:
    if family.mpm and family.runs_in != "apache":
        yield f"{here}.mpm", family.mpm, "runs_in = 'apache' too: Apache's MPM matters to no other family"
    others = set(family.serves) - {"*", *(e.id for e in file.exhibit)}
    if others:
        yield f"{here}.serves", sorted(others)[0], "exhibits of this file, or '*' for all of the zoo"
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
    """Is the file that a word names outside the cage, or missing? The program, which is the first word, may be
    anywhere; `/wsgi` in a word is no file."""
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
    yield from _not_among(f"{here}.socket_protocol", exhibit.socket_protocol, ("", *protocols))
    for front in exhibit.closed:
        yield from _not_among(f"{here}.closed", front, FRONTS)
    for front in FRONTS:
        if front in exhibit.fronts and front in exhibit.closed:
            yield f"{here}.closed", front, "it in fronts or in closed, not in both"
        if front not in exhibit.fronts and not exhibit.closed.get(front):
            yield f"{here}.fronts", exhibit.fronts, f"'{front}' too, or in closed the reason why not"
    for number, question in enumerate(exhibit.ask):
        yield from _question_faults(question, f"{here}.ask[{number}]")
    if exhibit.unix and exhibit.tcp:
        yield f"{here}.tcp", exhibit.tcp, "unix or tcp, not both"
    if not exhibit.unix and not exhibit.tcp and not families[exhibit.family].runs_in:
        yield f"{here}.unix", exhibit.unix, "an address (unix or tcp), as no front runs this family"


def _question_faults(question: Question, here: str) -> Iterator[Fault]:
    if question.upgrade != (question.status == 101):
        yield f"{here}.status", question.status, "101 for a WebSocket handshake, and only for one"


def _not_among(where: str, value: str, allowed: Collection[str]) -> Iterator[Fault]:
    if value not in allowed:
        yield where, value, f"one of {listed(allowed)}"


def _unprintable(where: str, value: Any) -> Iterator[Fault]:
    """Find control characters: they would reach configurations and terminals."""
    if isinstance(value, str) and not value.isprintable():
        yield where, value, "text without control characters"
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _unprintable(f"{where}.{name}".lstrip("."), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unprintable(f"{where}[{index}]", inner)
