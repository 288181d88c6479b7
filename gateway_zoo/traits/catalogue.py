"""Find the traits: each file traits/NAME.py is a trait. Adding a file adds a trait.

A trait has, as plain names of the module:

    AXIS       the group in the table: "Process", "Request", "Response", "Trouble" or "Cost"
    QUESTION   the question, which the answers answer
    WHY        a short explanation: why the answers differ
    SOURCE     the document that says what is right, with its section
    probe      (Cell) -> a text, an Answer of outcome.py; or raises NotAsked, Unknown
    app        optional: the WSGI program that the gateway runs for /<exhibit>/NAME/...; also `asgi` and `cgi`
               (traits/program/zoo_app.py)

and, where the default does not fit:

    SCOPE      "cell" (the default): probe(cell). "family": probe(cells of one family) -> {cell: outcome}, for what
               disturbs a family. "front": the same with all cells of a front, for what disturbs a front
    SLOW       True: waits long; left out of the quick matrix
    RUNS       how often the probe runs; 2, or 1 for a slow trait
    UNIT       of the figure
    WITHIN     share by which a figure may differ before it has drifted; 0: it is never compared
"""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from gateway_zoo.errors import fail, nearest
from gateway_zoo.traits.records import TraitFacts

AXES = ("Process", "Request", "Response", "Trouble", "Cost")
SCOPES = ("cell", "family", "front")
TEXTS = ("AXIS", "QUESTION", "WHY", "SOURCE")


@dataclass(frozen=True)
class Trait:
    """A trait with its probe."""

    facts: TraitFacts
    probe: Callable[..., Any]
    scope: str
    runs: int

    @property
    def name(self) -> str:
        return self.facts.name


def find(root: Path) -> dict[str, Trait]:
    """Load every trait: name -> trait, in the order of the axes. Raises Stop for a file that is no trait."""
    traits = [_trait(file) for file in sorted((root / "traits").glob("*.py"))]
    traits.sort(key=lambda trait: (AXES.index(trait.facts.axis), trait.facts.slow, trait.name))
    return {trait.name: trait for trait in traits}


def known(traits: dict[str, Trait], names: list[str]) -> list[Trait]:
    """The traits of these names; all where there is none. Raises Stop with the nearest that exists."""
    for name in names:
        if name not in traits:
            fail(f"unknown trait '{name}'; {nearest(name, list(traits), 'zoo traits --list lists them')}", 2)
    return [traits[name] for name in names] or list(traits.values())


def _trait(file: Path) -> Trait:
    module = _load(file)
    missing = [name for name in (*TEXTS, "probe") if not hasattr(module, name)]
    if missing:
        fail(f"{file}: a trait has {', '.join(missing)}, and this file has not", 3)
    scope, slow = getattr(module, "SCOPE", "cell"), getattr(module, "SLOW", False)
    if module.AXIS not in AXES or scope not in SCOPES:
        fail(f"{file}: AXIS is {' or '.join(AXES)}, SCOPE is {' or '.join(SCOPES)}", 3)
    question, why, source = (" ".join(getattr(module, name).split()) for name in TEXTS[1:])
    facts = TraitFacts(
        file.stem,
        module.AXIS,
        question,
        why,
        source,
        slow=slow,
        unit=getattr(module, "UNIT", ""),
        within=getattr(module, "WITHIN", 0.0),
    )
    return Trait(facts, module.probe, scope, getattr(module, "RUNS", 1 if slow else 2))


def _load(file: Path) -> ModuleType:
    name = f"zoo_trait_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
