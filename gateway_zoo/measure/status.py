"""Say how a zoo is as a whole: does it run, where, since when, what is down. Nothing is started or ended."""

import time
from dataclasses import dataclass

from gateway_zoo.keeper import process, state
from gateway_zoo.measure import away, targets, wellbeing
from gateway_zoo.registry import plans
from gateway_zoo.registry.cages import Registry
from gateway_zoo.settings import Settings


@dataclass(frozen=True)
class Down:
    """Something that does not answer, and the command that helps."""

    what: str
    fix: str


@dataclass(frozen=True)
class Status:
    """A zoo. `fronts`: front -> URL. `since`: Unix time in seconds at which its keeper started; None where no zoo runs,
    and in containers, where each service has a start of its own. `opened`, `closed`: numbers of cells."""

    runs: bool
    run: str
    fronts: dict[str, str]
    since: float | None
    opened: int
    closed: int
    down: list[Down]

    @property
    def seconds(self) -> float | None:
        """How long it has run."""
        return None if self.since is None else time.time() - self.since


def status(settings: Settings, registry: Registry) -> Status:
    """Ask the zoo of this run directory; in containers, ask its fronts. `settings`: those of the zoo that runs."""
    return _in_containers(settings, registry) if settings.compose else _native(settings, registry)


def _native(settings: Settings, registry: Registry) -> Status:
    keepers = process.keepers(settings.run)
    if not keepers:
        return Status(False, str(settings.run), {}, None, 0, 0, [])
    ills = [Down(what, fix) for what, fix in wellbeing.ills(settings, registry)]
    cells = state.running_cells(settings)
    fronts = {front: settings.url(front) for front in dict.fromkeys(cell.front for cell in cells)}
    opened = sum(cell.closed is None for cell in cells)
    return Status(
        True, str(settings.run), fronts, time.time() - wellbeing.age(keepers[0]), opened, len(cells) - opened, ills
    )


def _in_containers(settings: Settings, registry: Registry) -> Status:
    plan = plans.make(settings, registry=registry)
    urls = targets.around(settings)
    silent = list(away.services(plan, urls))
    down = [
        Down(
            f"the service {' or '.join(names)} does not answer",
            f"docker compose{plan.profile(names[0])} up -d --wait {' '.join(names)}",
        )
        for names, _ in silent
    ]
    dead = {name for names, _ in silent for name in names}
    fronts = {front: url for front, url in urls.items() if front not in dead}
    opened = sum(cell.closed is None for cell in plan.cells)
    return Status(bool(fronts), str(settings.run), fronts, None, opened, len(plan.cells) - opened, down)
