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
from gateway_zoo.bench.document import Document, Table
from gateway_zoo.bench.ground import Ground
from gateway_zoo.bench.records import Target
from gateway_zoo.errors import fail, nearest
from gateway_zoo.terminal.columns import Column


class Step(msgspec.Struct, frozen=True):
    """A step. `change`: a sentence that says what it changes beside the step before; for the first step, what it is."""

    name: str
    change: str


#: Front -> its step, in ladders that compare the fronts.
FRONTS = {
    "apache-prefork": Step("prefork", "Apache with a process for each connection."),
    "apache-worker": Step("worker", "Apache with a thread for each connection."),
    "apache": Step("event", "Apache with a thread for each request; an idle connection holds none."),
    "nginx": Step("nginx", "nginx: a few processes, each with an event loop for all its connections."),
}


@dataclass(frozen=True)
class Ladder:
    """A ladder. `about`: what it shows, in a sentence or two. `connections`: of a step that has no number of its
    own; `most_connections`: of any step.
    `tcp`: gateways are asked over TCP, which needs ports. `path`: what is asked for."""

    title: str
    about: str
    steps: tuple[Step, ...]
    start: Callable[[Ground], Iterator[Target]]
    connections: int = 4
    most_connections: int = 32
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


def document(described: list[Description]) -> Document:
    """The list of ladders in words."""
    columns = [Column("step", least=12, gives="lines"), Column("what it changes", least=40, gives="lines")]
    tables = [
        Table(f"{each.name}: {each.title}. {each.about}", columns, [[step.name, step.change] for step in each.steps])
        for each in described
    ]
    facts = ["./zoo bench --ladder NAME starts servers of its own, and measures all steps in interleaved rounds."]
    return Document(f"{len(described)} ladders", facts, [], tables, [])
