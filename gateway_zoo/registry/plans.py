"""What this zoo will be: the registry held against the machine. Cells, open or closed with a reason, and commands.

Everything that shows or starts exhibits works from a Plan; nothing else asks what is installed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway_zoo.registry import installed, places
from gateway_zoo.registry.cagefile import Exhibit, Family
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.settings import Settings, kind

#: What a front cannot live with (trial.py): front -> part -> reason. A part is an exhibit, a fragment `NAME.conf`, ALL.
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
    """`started` are the families with a command that the zoo starts itself."""

    settings: Settings
    registry: Registry
    cells: list[Cell]
    started: list[Family]
    broken: Broken = field(default_factory=dict)

    @property
    def fronts(self) -> list[str]:
        """The fronts that this machine has, and that start."""
        here = [front for front in self.settings.fronts if _binary(front) and not _closed_front(self.settings, front)]
        return [front for front in here if ALL not in self.broken.get(front, {})]

    @property
    def open_cells(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.closed is None]

    def cell(self, exhibit: str, front: str) -> Cell:
        return next(cell for cell in self.cells if (cell.exhibit, cell.front) == (exhibit, front))

    def command(self, family: Family) -> list[str]:
        """argv with {cage} and each {<exhibit id>} (its address) filled in."""
        cage = places.checkout(self.settings) / self.registry.cage_of(family.id).name
        values = {"{cage}": str(cage), "{run}": str(self.settings.run)}
        for exhibit in self.registry.exhibits.values():
            values[f"{{{exhibit.id}}}"] = self.address(exhibit)
        words = family.command
        for name, value in values.items():
            words = [word.replace(name, value) for word in words]
        return [*places.program(self.settings, installed.versioned(words[0])), *words[1:]]

    def address(self, exhibit: Exhibit) -> str:
        """Bare socket name, or `host:port`, as the fronts use it; empty for an exhibit that lives in a front."""
        return self.settings.tcp(exhibit.id, exhibit.tcp) if exhibit.tcp else exhibit.unix

    def start_hint(self, exhibit: str) -> str:
        """The command that starts this exhibit again."""
        family = self.registry.families[self.registry.exhibits[exhibit].family]
        name = exhibit if family.command else family.runs_in
        if self.settings.compose:
            return f"docker compose{_profile(family)} up -d {self.service(exhibit)}"
        return f"./zoo restart {name}"

    def profile(self, service: str) -> str:
        """The option of docker compose that a service needs, or nothing."""
        if service in self.registry.families:
            return _profile(self.registry.families[service])
        mpm = service.partition("-")[2]
        return f" --profile {'itk' if mpm == 'itk' else 'mpm'}" if mpm else ""

    def service(self, exhibit: str) -> str:
        """The compose service in which this exhibit runs."""
        family = self.registry.families[self.registry.exhibits[exhibit].family]
        if family.command:
            return family.id
        return f"{family.runs_in}-{family.mpm}" if family.mpm else family.runs_in


def make(settings: Settings, only: list[str] | None = None, registry: Registry | None = None) -> Plan:
    """Plan for this machine. `only` names exhibits: the other cells are closed, their families not started. A registry
    that was read already need not be read again."""
    registry = registry or load(settings.root)
    cells = [
        _cell(settings, registry, exhibit, front, only)
        for exhibit in registry.exhibits.values()
        for front in settings.fronts
    ]
    return _with_families(settings, registry, cells, {})


def without(plan: Plan, broken: Broken) -> Plan:
    """The plan, but for what a front cannot live with: those cells are closed, with the reason."""
    cells = [replace(cell, closed=_closed_besides(plan, cell, broken.get(cell.front, {}))) for cell in plan.cells]
    return _with_families(plan.settings, plan.registry, cells, broken)


def _closed_besides(plan: Plan, cell: Cell, parts: Mapping[str, str]) -> str | None:
    """In the order of _reasons: what can never be, the front as a whole, the rest."""
    never = plan.registry.exhibits[cell.exhibit].closed.get(kind(cell.front))
    fragment = f"{plan.registry.cage_of(cell.exhibit).name}.conf"
    return never or parts.get(ALL) or cell.closed or parts.get(fragment) or parts.get(cell.exhibit)


def _with_families(settings: Settings, registry: Registry, cells: list[Cell], broken: Broken) -> Plan:
    wanted = {registry.exhibits[c.exhibit].family for c in cells if c.closed is None and not _inside(registry, c)}
    opened = {c.exhibit for c in cells if c.closed is None}
    started = [
        family
        for family in registry.families.values()
        if family.command and (family.id in wanted or (_helps(family, opened) and not _lacks(family)))
    ]
    return Plan(settings, registry, cells, started, broken)


def _helps(family: Family, opened: set[str]) -> bool:
    return bool(opened if "*" in family.serves else opened.intersection(family.serves))


def _lacks(family: Family) -> bool:
    """A helper that cannot start: nobody else's cell closes for that, what it does is missed where it is asked for."""
    return any(installed.program(name) is None for name in family.programs)


def _inside(registry: Registry, cell: Cell) -> bool:
    """Does the front itself run the app of this cell?"""
    return registry.families[registry.exhibits[cell.exhibit].family].runs_in == kind(cell.front)


def pages(plan: Plan, front: str) -> list[str]:
    """Paths that a browser should open behind this front."""
    found = [page for cage in plan.registry.cages for page in cage.file.pages]
    exhibits = plan.registry.exhibits
    return found + [
        f"/{c.exhibit}{exhibits[c.exhibit].page}"
        for c in plan.open_cells
        if c.front == front and exhibits[c.exhibit].page
    ]


def with_groups(registry: Registry, groups: list[str]) -> list[str]:
    """Ids of a plain start plus those of optional groups."""
    families = registry.families
    return [e.id for e in registry.exhibits.values() if families[e.family].group in ("", *groups)]


def groups(registry: Registry) -> list[str]:
    return sorted({family.group for family in registry.families.values() if family.group})


def _cell(settings: Settings, registry: Registry, exhibit: Exhibit, front: str, only: list[str] | None) -> Cell:
    url = f"{settings.url(front)}/{exhibit.id}"
    return Cell(exhibit.id, front, url, next(_reasons(settings, registry, exhibit, front, only), None))


def _reasons(
    settings: Settings, registry: Registry, exhibit: Exhibit, front: str, only: list[str] | None
) -> Iterator[str]:
    """Why a cell is closed; the first counts."""
    family = registry.families[exhibit.family]
    if reason := exhibit.closed.get(kind(front)):
        yield reason
    if reason := _closed_front(settings, front):  # before all that is the exhibit's own: a front is closed as a whole
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
    """In containers an optional group is a profile. A service that is named needs none, but what it needs may."""
    return f" --profile {family.group}" if family.group else ""


def _other_mpm(settings: Settings, family: Family) -> str:
    """How to start an Apache with the process model that a family needs."""
    if settings.compose:
        profile = _profile(family) or f" --profile {'itk' if family.mpm == 'itk' else 'mpm'}"
        front = f"{family.runs_in}-{family.mpm}"
        return f"docker compose{profile} up -d --wait {front} has it on port {settings.port(front)}"
    return f"./zoo up --mpm {family.mpm}"


def _closed_front(settings: Settings, front: str) -> str | None:
    """ITK changes its user for every request, so its parent must be root: only in a container (docker-compose.yml)."""
    if settings.mpm_of(front) == "itk" and not settings.compose:
        return "ITK's parent must be root, and the zoo gives root up; docker compose --profile itk up -d"
    return None if _binary(front) else installed.front_missing(kind(front), settings.compose)


def _binary(front: str) -> str | None:
    return {"nginx": installed.nginx, "apache": installed.apache}[kind(front)]()


def binary(front: str) -> str:
    """Path of a front's program; LookupError where it is not installed."""
    if found := _binary(front):
        return found
    raise LookupError(f"{front} is not installed")


def socket_paths(plan: Plan) -> list[Path]:
    """Every unix socket that a started family will listen on."""
    return [plan.settings.sockets / name for family in plan.started for name in plan.registry.sockets(family.id)]
