"""Ladders: targets in a row, of which each differs from the one before in one thing. They are measured together.

Each file of the folder ladders/ is a ladder, found by a glob: adding a file adds a ladder. The file has LADDER, a
Ladder. Its function `start` starts the servers of all steps on a Ground (ground.py), and yields a Target for each step,
in the order of `steps`. All steps run at the same time, because rounds are interleaved; a server without requests costs
nothing.

The base of a step is the step before it, so each comparison of the report is the gain of one step.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from gateway_zoo.bench import ladders
from gateway_zoo.bench.ground import Ground
from gateway_zoo.bench.records import Comparison, Report, Target
from gateway_zoo.errors import fail, nearest


class Step(msgspec.Struct, frozen=True):
    """A step. `change`: a sentence that says what it changes beside the step before; for the first step, what it is."""

    name: str
    change: str


@dataclass(frozen=True)
class Ladder:
    """A ladder. `about`: what it shows, in a sentence or two. `connections`: of a step that has no number of its own.
    `tcp`: gateways are asked over TCP, which needs ports. `path`: what is asked for."""

    title: str
    about: str
    steps: tuple[Step, ...]
    start: Callable[[Ground], Iterator[Target]]
    connections: int = 4
    tcp: bool = False
    path: str = "/ping"


class Description(msgspec.Struct, frozen=True):
    """A ladder as `zoo bench --ladder list --json` shows it."""

    name: str
    title: str
    about: str
    steps: tuple[Step, ...]


def catalogue() -> dict[str, Ladder]:
    """Load every ladder: name -> ladder."""
    names = sorted(module.name for module in pkgutil.iter_modules(ladders.__path__) if not module.ispkg)
    return {name: importlib.import_module(f"{ladders.__name__}.{name}").LADDER for name in names}


def find(name: str) -> Ladder:
    """The ladder of this name. Raises Stop with the nearest that exists."""
    known = catalogue()
    if name not in known:
        fail(f"unknown ladder '{name}'; {nearest(name, list(known), 'zoo bench --ladder list lists them')}", 2)
    return known[name]


def describe() -> list[Description]:
    """All ladders, without their functions."""
    return [Description(name, each.title, each.about, each.steps) for name, each in catalogue().items()]


def targets(ladder: Ladder, ground: Ground) -> list[Target]:
    """Start the servers of all steps. Each target gets the name, the change and the base of its step."""
    bases = ["", *(step.name for step in ladder.steps)]
    return [
        msgspec.structs.replace(target, name=step.name, base=base, change=step.change)
        for step, base, target in zip(ladder.steps, bases, ladder.start(ground), strict=False)
    ]


def knee(report: Report) -> str:
    """The last step before the first one that is not shown to be faster, in requests/s: beyond it the next step gives
    nothing that this run can show. Empty if no step is faster than the first."""
    gains = {each.target: each for each in report.comparisons if each.figure == "rps"}
    reached = ""
    for target in report.targets[1:]:
        gain: Comparison | None = gains.get(target.name)
        if gain is None or gain.verdict != "faster":
            return reached
        reached = target.name
    return reached
