"""Plan a zoo: compare the registry with this machine.

A Plan has the fronts, the cells (open, or closed with a reason) and the commands of the families. Everything that
shows or starts exhibits works from a Plan, which never changes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway_zoo.registry import installed, places
from gateway_zoo.registry.cagefile import Exhibit, Family
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.settings import Settings, kind

#: Parts with which a front does not start (trial.py): front -> part -> reason. A part is the id of an exhibit, the name
#: of a fragment (`NAME.conf`), or ALL.
Broken = Mapping[str, Mapping[str, str]]
ALL = "*"
LEFT_OUT = "left out of this start; ./zoo up starts all"


@dataclass(frozen=True)
class Cell:
    """One exhibit behind one front: open at `url`, or closed with a reason."""

    exhibit: str
    front: str
    url: str
    closed: str | None = None


@dataclass(frozen=True)
class Plan:
    """The cells, families and fronts of one zoo.

    `started`: the families whose command the zoo starts. `fronts`: those that this machine has, without a broken one.
    """

    settings: Settings
    registry: Registry
    cells: list[Cell]
    started: list[Family]
    fronts: list[str] = field(default_factory=list)
    broken: Broken = field(default_factory=dict)

    @property
    def open_cells(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.closed is None]

    def cell(self, exhibit: str, front: str) -> Cell:
        return next(cell for cell in self.cells if (cell.exhibit, cell.front) == (exhibit, front))

    def command(self, family: Family) -> list[str]:
        """argv of a family; {cage}, {run} and {<exhibit id>} (its address) are filled in."""
        cage = places.checkout(self.settings) / self.registry.cage_of(family.id).name
        values = {"{cage}": str(cage), "{run}": str(self.settings.run)}
        for exhibit in self.registry.exhibits.values():
            values[f"{{{exhibit.id}}}"] = self.address(exhibit)
        words = family.command
        for name, value in values.items():
            words = [word.replace(name, value) for word in words]
        return [*places.program(self.settings, installed.versioned(words[0])), *words[1:]]

    def address(self, exhibit: Exhibit) -> str:
        """Bare socket name or `host:port` for the fronts; empty for an exhibit that lives in a front."""
        return self.settings.tcp(exhibit.id, exhibit.tcp) if exhibit.tcp else exhibit.unix

    def start_hint(self, exhibit: str) -> str:
        """The command that starts this exhibit again."""
        family = self.registry.family_of(exhibit)
        name = exhibit if family.command else family.runs_in
        if self.settings.compose:
            return f"docker compose{_profile(family)} up -d {self.service(exhibit)}"
        return f"./zoo restart {name}"

    def profile(self, service: str) -> str:
        """The option of docker compose that a service needs; empty if none."""
        if service in self.registry.families:
            return _profile(self.registry.families[service])
        mpm = service.partition("-")[2]
        return f" --profile {'itk' if mpm == 'itk' else 'mpm'}" if mpm else ""

    def service(self, exhibit: str) -> str:
        """The compose service in which this exhibit runs."""
        family = self.registry.family_of(exhibit)
        if family.command:
            return family.id
        return f"{family.runs_in}-{family.mpm}" if family.mpm else family.runs_in


def make(settings: Settings, only: list[str] | None = None, registry: Registry | None = None) -> Plan:
    """Plan a zoo for this machine.

    `only`: ids of exhibits; every other cell is closed, and its family is not started. `registry`: one that is read.
    """
    registry = registry or load(settings.root)
    cells = [
        _cell(settings, registry, exhibit, front, only)
        for exhibit in registry.exhibits.values()
        for front in settings.fronts
    ]
    fronts = [front for front in settings.fronts if not _closed_front(settings, front)]
    return Plan(settings, registry, cells, _started(registry, cells), fronts)


def without(plan: Plan, broken: Broken) -> Plan:
    """Leave out of a plan what prevents a front from starting.

    These cells are closed, with the reason; a front that does not start at all leaves `fronts`.
    """
    cells = [replace(cell, closed=_closed_besides(plan, cell, broken.get(cell.front, {}))) for cell in plan.cells]
    fronts = [front for front in plan.fronts if ALL not in broken.get(front, {})]
    return replace(plan, cells=cells, started=_started(plan.registry, cells), fronts=fronts, broken=broken)


def _closed_besides(plan: Plan, cell: Cell, parts: Mapping[str, str]) -> str | None:
    """Choose a reason in the order of _reasons: a cell that can never be, the front as a whole, the rest."""
    never = plan.registry.exhibits[cell.exhibit].closed.get(kind(cell.front))
    fragment = f"{plan.registry.cage_of(cell.exhibit).name}.conf"
    return never or parts.get(ALL) or cell.closed or parts.get(fragment) or parts.get(cell.exhibit)


def _started(registry: Registry, cells: list[Cell]) -> list[Family]:
    """Choose the families to start: those of open cells, and helpers of open exhibits."""
    opened = {cell.exhibit for cell in cells if cell.closed is None}
    wanted = {
        registry.exhibits[cell.exhibit].family
        for cell in cells
        if cell.closed is None and not registry.runs_inside(cell.exhibit, cell.front)
    }
    return [
        family
        for family in registry.families.values()
        if family.command and (family.id in wanted or _helps(family, opened))
    ]


def _helps(family: Family, opened: set[str]) -> bool:
    """Can a helper run, and has it work? If it lacks a program, no cell closes; the requests that need it fail."""
    work = opened if "*" in family.serves else opened.intersection(family.serves)
    return bool(work) and all(map(installed.program, family.programs))


def open_fronts(cells: Iterable[Cell]) -> list[str]:
    """Fronts with an open cell, nginx first."""
    return sorted({cell.front for cell in cells if cell.closed is None}, key=lambda name: (name != "nginx", name))


def pages(registry: Registry, cells: Iterable[Cell], front: str) -> dict[str, str]:
    """Path -> title of each page for a browser behind this front. The title is its cage's; one of several has its
    exhibit's id, too."""
    titles = {page: cage.file.title for cage in registry.cages for page in cage.file.pages}
    for cell in cells:
        if cell.front == front and cell.closed is None and (page := registry.exhibits[cell.exhibit].page):
            cage = registry.cage_of(cell.exhibit).file
            several = sum(bool(exhibit.page) for exhibit in cage.exhibit) > 1
            titles[f"/{cell.exhibit}{page}"] = f"{cage.title} ({cell.exhibit})" if several else cage.title
    return titles


def with_groups(registry: Registry, groups: list[str]) -> list[str]:
    """Ids of a plain start, and those of optional groups."""
    return [id for id in registry.exhibits if registry.family_of(id).group in ("", *groups)]


def groups(registry: Registry) -> list[str]:
    """Names of the optional groups."""
    return sorted({family.group for family in registry.families.values() if family.group})


def _cell(settings: Settings, registry: Registry, exhibit: Exhibit, front: str, only: list[str] | None) -> Cell:
    url = f"{settings.url(front)}/{exhibit.id}"
    return Cell(exhibit.id, front, url, next(_reasons(settings, registry, exhibit, front, only), None))


def _reasons(
    settings: Settings, registry: Registry, exhibit: Exhibit, front: str, only: list[str] | None
) -> Iterator[str]:
    """Give the reasons why a cell is closed; the first counts."""
    family = registry.family_of(exhibit.id)
    if reason := exhibit.closed.get(kind(front)):
        yield reason
    if reason := _closed_front(settings, front):  # before the reasons of the exhibit: it closes the whole front
        yield reason
    if family.group and exhibit.id not in (only or ()) and not settings.compose:
        yield optional(settings, family)  # in containers a front cannot know which profiles are up
    if family.mpm and kind(front) == family.runs_in and settings.mpm_of(front) != family.mpm:
        yield f"works under Apache's {family.mpm} MPM only; {_other_mpm(settings, family)}"
    if settings.mpm_of(front) == "itk" and kind(front) == family.runs_in and family.model != "embedded":
        yield "the helper process that serves it would stay root under ITK"
    if reason := installed.why_family_closed(family, kind(front), settings.compose):
        yield reason
    if exhibit.program and (reason := places.not_run(registry.cage_of(exhibit.id).path / exhibit.program)):
        yield reason
    if only and exhibit.id not in only:
        yield LEFT_OUT


def optional(settings: Settings, family: Family) -> str:
    """Why a cell of an optional group is closed in a plain start."""
    if settings.compose:
        return f"an optional part; docker compose{_profile(family)} up -d --wait opens it"
    return f"an optional part; ./zoo up --with {family.group} opens it"


def _profile(family: Family) -> str:
    """The profile that an optional group is in containers. A service that is named on the command line needs no
    profile, but the services it depends on may."""
    return f" --profile {family.group}" if family.group else ""


def _other_mpm(settings: Settings, family: Family) -> str:
    """The way to start an Apache with the process model that a family needs."""
    if settings.compose:
        profile = _profile(family) or f" --profile {'itk' if family.mpm == 'itk' else 'mpm'}"
        front = f"{family.runs_in}-{family.mpm}"
        return f"docker compose{profile} up -d --wait {front} has it on port {settings.port(front)}"
    return f"./zoo up --mpm {family.mpm}"


def _closed_front(settings: Settings, front: str) -> str | None:
    """Why a front is closed as a whole. ITK changes its user for every request, so its parent must be root: only in a
    container (docker-compose.yml)."""
    if settings.mpm_of(front) == "itk" and not settings.compose:
        return "ITK's parent must be root, and the zoo gives root up; docker compose --profile itk up -d"
    return None if installed.front(kind(front)) else installed.front_missing(kind(front), settings.compose)


def binary(front: str) -> str:
    """Path of a front's program. Raises LookupError where it is not installed."""
    if path := installed.front(kind(front)):
        return path
    raise LookupError(f"{front} is not installed")


def socket_paths(plan: Plan) -> list[Path]:
    """Paths of the unix sockets on which the started families listen."""
    return [plan.settings.sockets / name for family in plan.started for name in plan.registry.sockets(family.id)]
