"""Which cells of the zoo a benchmark measures, and which processes serve them.

Without names it takes the exhibits that stand for a protocol or an interface. A name is an exhibit, at the front that
is asked for or at its first open one, or FRONT:ID. The first target is the base of the others.
"""

from dataclasses import dataclass

from gateway_zoo.bench.records import Side, Target
from gateway_zoo.errors import fail, nearest
from gateway_zoo.keeper import state
from gateway_zoo.measure import probe
from gateway_zoo.registry.cagefile import listed
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell

ENDPOINT = "ping"
#: What a quick run takes, in this order: each protocol once, the process model last that is slowest.
TYPICAL = ("wsgi", "uwsgi", "fastcgi", "scgi", "asgi", "ajp", "cgi")
ELSEWHERE = "its processes are in another container, or in another zoo: only that can see them"


@dataclass(frozen=True)
class Choice:
    """The targets, and why others are left out."""

    targets: list[Target]
    left_out: list[str]


def choose(
    registry: Registry, cells: list[Cell], names: list[str], front: str, most: int | None, running: state.State | None
) -> Choice:
    """Choose targets. `most`: how many at most. `running`: the zoo that runs here; None: its processes are elsewhere.

    Raises Stop for an unknown name, for too many, and if nothing is open.
    """
    names = list(dict.fromkeys(names)) or typical(cells, front, most)
    if most and len(names) > most:
        fail(f"a quick run measures at most {most} exhibits, {len(names)} were given; --full measures more", 2)
    targets: list[Target] = []
    left_out: list[str] = []
    for name in names:
        cell = _cell(registry, cells, name, front)
        if cell.closed is not None:
            left_out.append(f"{name}: {cell.closed}")
            continue
        targets.append(target(registry, cell, name, targets[0].name if targets else "", running))
    if not targets:
        fail("; ".join(left_out) or "no cell is open", 3)
    return Choice(targets, left_out)


def typical(cells: list[Cell], front: str, most: int | None) -> list[str]:
    """Choose the names of a run without names: the typical exhibits; without a limit all, the typical first."""
    opened = {cell.exhibit for cell in cells if cell.closed is None and cell.front == (front or cell.front)}
    typical = [name for name in TYPICAL if name in opened]
    if most:
        return typical[: most - 1] + typical[-1:] if len(typical) > most else typical
    return typical + [name for name in dict.fromkeys(cell.exhibit for cell in cells) if name in opened - set(TYPICAL)]


def _cell(registry: Registry, cells: list[Cell], name: str, front: str) -> Cell:
    """The cell that a name means: the first open one of the exhibit, unless a front is given."""
    own_front, colon, exhibit = name.rpartition(":")
    wanted = own_front if colon else front
    if exhibit not in registry.exhibits:
        fail(f"unknown exhibit '{exhibit}'; {nearest(exhibit, list(registry.exhibits), 'zoo ls lists them')}", 2)
    own = [cell for cell in cells if cell.exhibit == exhibit and cell.front == (wanted or cell.front)]
    if not own:
        fronts = sorted({cell.front for cell in cells})
        fail(f"unknown front '{wanted}'; {nearest(wanted, fronts, f'expected {listed(fronts)}')}", 2)
    return next((cell for cell in own if cell.closed is None), own[0])


def target(registry: Registry, cell: Cell, name: str, base: str, running: state.State | None) -> Target:
    """The target of an open cell. `running`: the zoo that has it; None: its processes are elsewhere."""
    family = registry.family_of(cell.exhibit)
    gateway, front = _sides(registry, cell, running)
    return Target(
        name=name,
        url=f"{cell.url}/{ENDPOINT}",
        body=probe.CONTRACT[ENDPOINT][1],
        processes=family.processes or None,
        threads=family.threads or None,
        gateway=gateway,
        front=front,
        behind=cell.front,
        base=base,
    )


def _sides(registry: Registry, cell: Cell, running: state.State | None) -> tuple[Side, Side]:
    """The processes of gateway and front. A gateway inside the front shares its session; its family parts them."""
    if running is None:
        return Side(why=ELSEWHERE), Side(why=ELSEWHERE)
    family = registry.family_of(cell.exhibit).id
    front = Side(sessions=[running.sessions[cell.front]])
    if registry.runs_inside(cell.exhibit, cell.front):
        inside = f"it runs inside {cell.front}, and is counted there"
        return Side(sessions=front.sessions, family=family, why=inside), front
    return Side(sessions=[running.sessions[family]]), front
