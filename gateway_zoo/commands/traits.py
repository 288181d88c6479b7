"""`zoo traits`: behaviours, measured in every cell (traits/measure.py), and shown (traits/show).

Exit status: 0, also where a cell could not be asked; 1 where an answer has drifted from the kept one; 2 for wrong
words; 3 where nothing can be measured, or Ctrl-C stopped it.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from gateway_zoo.commands.tables import traits_progress
from gateway_zoo.errors import fail, known_ids
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import say
from gateway_zoo.traits import catalogue, changes, files, groups, kept, measure
from gateway_zoo.traits.catalogue import Trait
from gateway_zoo.traits.records import Matrix, TraitFacts
from gateway_zoo.traits.show import html, lines, markdown

STOPPED = 3


@dataclass(frozen=True)
class Choice:
    """What the command line chose. An empty field chooses all. `old`: the file to show instead of measuring."""

    ids: list[str]
    names: list[str]
    front: str = ""
    quick: bool = False
    old: str = ""


@dataclass(frozen=True)
class Form:
    """How to show it. `html`: the file for the report."""

    json: bool = False
    markdown: bool = False
    html: str = ""
    short: bool = False
    evidence: bool = False

    def check(self) -> None:
        """Raises Stop where two forms want standard output."""
        given = {"--json": self.json, "--markdown": self.markdown, "--short": self.short, "--evidence": self.evidence}
        names = [name for name, wanted in given.items() if wanted]
        if len(names) > 1:
            fail(f"{names[0]} and {names[1]} are two forms of the output; expected one", 2)


def run(settings: Settings, choice: Choice, form: Form, *, keep: bool, allow: bool, expected: bool) -> int:
    """Measure or read a matrix; show, keep or compare it."""
    form.check()
    registry, traits = load(settings.root), catalogue.find(settings.root)
    facts = [trait.facts for trait in traits.values()]
    if form.html:
        html.check(form.html)
    doubt = _doubt(settings, registry, facts, choice) if expected and not choice.old else None
    matrix = _read(choice, registry, facts) if choice.old else _measure(settings, registry, traits, choice, doubt)
    status = 0 if matrix.complete else STOPPED
    if form.html:
        say(f"wrote {html.write(form.html, matrix)}")
    if keep or allow:
        say(f"kept in {kept.keep(settings.root, matrix, registry, facts, allow=allow)}")
    elif expected:
        found = kept.drift(settings.root, matrix, registry, facts, choice.ids, choice.front)
        _show_changes(found, "kept", "now", form)
        return 1 if found.changes else status
    if form.json or form.markdown or not (form.html or keep or allow):
        _show(matrix, choice, form)
    if not matrix.complete:
        say("stopped; what was measured is shown")
    return status


def listed(settings: Settings, as_json: bool) -> int:
    """List the traits with their questions."""
    facts = [trait.facts for trait in catalogue.find(settings.root).values()]
    if as_json:
        _json(facts)
        return 0
    out = tables.console()
    size = max(len(trait.name) for trait in facts)
    for axis in catalogue.AXES:
        tables.line(out, axis, lines.TITLE)
        for trait in (trait for trait in facts if trait.axis == axis):
            tables.line(out, f"  {trait.name:{size}}  {trait.question}{' (slow)' if trait.slow else ''}")
    return 0


def diff(settings: Settings, old: str, new: str, choice: Choice, form: Form) -> int:
    """Compare two files; exit 0, because a difference is no fault."""
    form.check()
    registry = load(settings.root)
    facts = [trait.facts for trait in catalogue.find(settings.root).values()]
    before, after = (_read_part(name, choice, registry, facts) for name in (old, new))
    _show_changes(changes.changes(before, after), Path(old).name, Path(new).name, form)
    return 0


def _measure(
    settings: Settings, registry: Registry, traits: dict[str, Trait], choice: Choice, doubt: measure.Doubt | None
) -> Matrix:
    """With a `doubt`, each probe runs once, and the doubted ones again."""
    chosen = catalogue.known(traits, choice.names)
    if choice.quick and not (chosen := [trait for trait in chosen if not trait.facts.slow]):
        fail("--quick leaves out every trait that was chosen; without --quick they are measured", 2)
    if choice.front and choice.front not in measure.FRONTS:
        fail(f"unknown front '{choice.front}'; expected {' or '.join(measure.FRONTS)}", 2)
    for name in choice.ids:
        if name in traits:
            fail(f"{name} is a trait and no exhibit; zoo traits -t {name} asks it", 2)
    ids = known_ids(choice.ids, list(registry.exhibits))
    fronts = (choice.front,) if choice.front else measure.FRONTS
    again = doubt or (lambda matrix: ())
    with traits_progress.shown(chosen) as progress:
        return measure.measure(settings, registry, chosen, ids, fronts, progress, once=bool(doubt), doubt=again)


def _read(choice: Choice, registry: Registry, facts: list[TraitFacts]) -> Matrix:
    return _read_part(choice.old, choice, registry, facts)


def _read_part(name: str, choice: Choice, registry: Registry, facts: list[TraitFacts]) -> Matrix:
    matrix = files.read(name, registry, facts)
    return groups.choose(matrix, choice.names, choice.ids, choice.front, quick=choice.quick)


def _doubt(settings: Settings, registry: Registry, facts: list[TraitFacts], choice: Choice) -> measure.Doubt:
    """Doubt what differs from the kept values: a race may show another face once. Say so, because it is no drift."""

    def doubted(matrix: Matrix) -> list[measure.Key]:
        found = kept.drift(settings.root, matrix, registry, facts, choice.ids, choice.front).changes
        for each in found:
            say(f"again: {each.trait}, {each.exhibit} behind {each.front}: {each.before or 'new'} -> {each.after}")
        return [(each.trait, each.exhibit, each.front) for each in found if each.kind == changes.CHANGED]

    return doubted


def _show(matrix: Matrix, choice: Choice, form: Form) -> None:
    if form.json:
        _json(matrix)
    elif form.markdown:
        sys.stdout.write(markdown.whole(matrix))
    else:
        out = tables.console()
        _print(out, _lines(matrix, choice, form, out.width))


def _lines(matrix: Matrix, choice: Choice, form: Form, width: int) -> Iterable[lines.Line]:
    ids = list(dict.fromkeys(choice.ids))
    if form.evidence:
        return lines.evidence(matrix)
    if form.short:
        return lines.in_short(matrix, width)
    if len(ids) == 1:
        return lines.one_exhibit(matrix, ids[0], width)
    if len(ids) == 2:
        return lines.two_exhibits(matrix, ids[0], ids[1], width)
    return lines.whole(matrix, width)


def _show_changes(found: changes.Changes, before: str, after: str, form: Form) -> None:
    if form.json:
        _json(found)
    else:
        out = tables.console()
        _print(out, lines.changes(found, before, after, out.width))


def _print(out: Any, shown: Iterable[lines.Line]) -> None:
    for text, style in shown:
        tables.line(out, text, style)


def _json(value: object) -> None:
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")
