"""The expected values: traits/expected/native.json (Debian 12) and image.json (Debian 13).

`zoo traits --keep` writes them, `zoo traits --expected` compares with them. The file is read by people and by `git
diff`, so it has a line for each answer, and short names of cells: "cgi" means all its cells, "nginx:cgi" one of them.

    "cells": "cgi fastcgi apache:ajp",
    "traits": {
     "pid_each_time": {"answers": [
       {"answers": ["yes"], "cells": "cgi"},
       {"answers": ["no"], "cells": "fastcgi ajp"}
      ]},

Several answers in one line: each of them is right, because they vary. A figure is kept where its trait says within
which share it may move. `matrix` makes a Matrix of it, without evidence, for every output.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from gateway_zoo.errors import fail
from gateway_zoo.registry.cages import Registry
from gateway_zoo.traits.changes import Changes, changes
from gateway_zoo.traits.groups import Place, place
from gateway_zoo.traits.measure import FRONTS, cell_facts
from gateway_zoo.traits.records import ANSWERED, OWN_PROGRAM, SCHEMA, VARIES, Answer, Matrix, TraitFacts


class KeptAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer and its cells. `answers`: each of them is right. `state` and `why` as in Answer."""

    cells: str
    answers: list[str] = []
    state: str = ANSWERED
    why: str = ""


class KeptTrait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answers of a trait. `figures`: cell -> figure."""

    answers: list[KeptAnswer] = []
    figures: dict[str, float] = {}


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file. `cells`: those with answers. `own_program`: those that are not asked."""

    made: str
    place: str
    system: str
    versions: dict[str, str]
    cells: str
    own_program: str
    traits: dict[str, KeptTrait]
    schema: int = SCHEMA


def path(root: Path, place: str) -> Path:
    return root / "traits/expected" / f"{place}.json"


def read(root: Path, place: str) -> Kept | None:
    """The kept values of a place; None where there are none. Raises Stop for a file that is damaged."""
    file = path(root, place)
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=Kept)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        fail(f"{file}: {error}; zoo traits --keep writes it", 3)
    if kept.schema != SCHEMA:
        fail(f"{file} has schema {kept.schema}, expected {SCHEMA}; zoo traits --keep writes it", 3)
    return kept


# --- a file as a matrix -----------------------------------------------------------------------------------------------


def matrix(kept: Kept, registry: Registry, traits: Sequence[TraitFacts]) -> Matrix:
    """The kept values as a matrix. A trait or an exhibit that is no more is left out."""
    fronts = _fronts(kept.cells)
    cells = [cell for cell in _places(kept.cells, fronts) if cell[0] in registry.exhibits]
    own = [cell for cell in _places(kept.own_program, {}) if cell[0] in registry.exhibits]
    order = {cell: number for number, cell in enumerate(cells)}
    answers = [
        Answer(t.name, *cell, "not asked", why=OWN_PROGRAM) for t in traits if t.name in kept.traits for cell in own
    ]
    for trait in traits:
        group = kept.traits.get(trait.name, KeptTrait())
        figures = {cell: figure for name, figure in group.figures.items() for cell in _places(name, fronts)}
        found = {
            cell: Answer(trait.name, *cell, line.state, line.answers, line.why, figures.get(cell))
            for line in group.answers
            for cell in _places(line.cells, fronts)
            if cell in order
        }
        answers += [found[cell] for cell in sorted(found, key=order.__getitem__)]
    facts = [cell_facts(registry, *cell) for cell in cells] + [cell_facts(registry, *cell, OWN_PROGRAM) for cell in own]
    known = [trait for trait in traits if trait.name in kept.traits]
    return Matrix(kept.made, kept.place, kept.system, kept.versions, known, facts, answers)


def _fronts(cells: str) -> dict[str, list[str]]:
    """Exhibit -> fronts, of all cells of a file."""
    fronts: dict[str, list[str]] = defaultdict(list)
    for exhibit, front in _places(cells, {}):
        fronts[exhibit].append(front)
    return fronts


def _places(names: str, fronts: Mapping[str, Sequence[str]]) -> list[Place]:
    found = []
    for name in names.split():
        front, colon, exhibit = name.rpartition(":")
        found += [(exhibit, each) for each in ([front] if colon else fronts.get(exhibit, FRONTS))]
    return found


def drift(
    root: Path, measured: Matrix, registry: Registry, traits: Sequence[TraitFacts], ids: Sequence[str], front: str
) -> Changes:
    """What a measurement of these exhibits (none: all) and this front (none: both) says otherwise than the kept values
    of its place. Raises Stop where none are kept."""
    values = read(root, measured.place)
    if values is None:
        file = path(root, measured.place)
        fail(f"nothing is kept for {measured.place}: zoo traits --keep measures, and writes {file}", 3)
    names = {trait.name for trait in measured.traits}
    before = matrix(values, registry, traits)
    wanted = [
        a for a in before.answers if a.trait in names and (not ids or a.exhibit in ids) and front in ("", a.front)
    ]
    return changes(msgspec.structs.replace(before, answers=wanted), measured)


# --- a matrix as a file -----------------------------------------------------------------------------------------------


def keep(
    root: Path, measured: Matrix, registry: Registry, traits: Sequence[TraitFacts], *, allow: bool = False
) -> Path:
    """Write what was measured into the file of its place. What was not measured stays, if its trait still exists.
    `allow`: other answers than the kept ones vary: keep both. Raises Stop."""
    old = read(root, measured.place)
    before = matrix(old, registry, traits).answers if old else []
    answers = {_key(answer): answer for answer in before}
    names = [trait.name for trait in traits]
    for answer in (answer for answer in measured.answers if answer.trait in names):
        kept = answers.get(_key(answer))
        answers[_key(answer)] = _both(kept, answer) if kept and allow else answer
    file = path(root, measured.place)
    ordered = sorted(answers.values(), key=lambda a: names.index(a.trait))
    try:
        file.parent.mkdir(exist_ok=True)
        file.write_text(_text(_kept(measured, ordered, registry, traits)), encoding="utf-8")
    except OSError as error:
        fail(f"{file}: {error.strerror}; write zoo traits --json > FILE, and keep it elsewhere: --keep --from FILE", 3)
    return file


def _key(answer: Answer) -> tuple[str, str, str]:
    return answer.trait, answer.exhibit, answer.front


def _both(kept: Answer, new: Answer) -> Answer:
    if not kept.answers or not new.answers:
        return new
    answers = sorted({*kept.answers, *new.answers})
    figure = new.figure if kept.figure is None else kept.figure
    return msgspec.structs.replace(new, answers=answers, state=VARIES if len(answers) > 1 else ANSWERED, figure=figure)


def _kept(measured: Matrix, answers: list[Answer], registry: Registry, traits: Sequence[TraitFacts]) -> Kept:
    order = [(exhibit, front) for exhibit in registry.exhibits for front in FRONTS]
    asked = {place(a) for a in answers if a.why != OWN_PROGRAM}
    own = {place(a) for a in answers if a.why == OWN_PROGRAM} - asked
    cells = [cell for cell in order if cell in asked]
    kept: dict[str, KeptTrait] = {}
    for trait in traits:
        lines: dict[tuple[tuple[str, ...], str, str], set[Place]] = defaultdict(set)
        figures: dict[str, float] = {}
        for answer in (a for a in answers if a.trait == trait.name and place(a) in asked):
            why = answer.why if not answer.answers else ""
            lines[tuple(answer.answers), answer.state, why].add(place(answer))
            if trait.within and answer.figure is not None:
                figures[f"{answer.front}:{answer.exhibit}"] = answer.figure
        if lines:
            found = [
                KeptAnswer(_names(group, cells), list(texts), state, why)
                for (texts, state, why), group in lines.items()
            ]
            kept[trait.name] = KeptTrait(sorted(found, key=lambda line: (line.state, line.answers, line.why)), figures)
    return Kept(
        measured.made,
        measured.place,
        measured.system,
        measured.versions,
        _names(asked, order),
        _names(own, order),
        kept,
    )


def _names(group: set[Place], every: Sequence[Place]) -> str:
    """Short names, in the order of all cells."""
    names: dict[str, None] = {}
    for exhibit, front in every:
        if (exhibit, front) in group:
            whole = all(cell in group for cell in every if cell[0] == exhibit)
            names[exhibit if whole else f"{front}:{exhibit}"] = None
    return " ".join(names)


def _text(kept: Kept) -> str:
    """JSON with a line for each answer."""
    head = {name: value for name, value in msgspec.to_builtins(kept).items() if name != "traits"}
    lines = [f" {json.dumps(name)}: {json.dumps(value)}," for name, value in head.items()]
    traits = []
    for name, trait in kept.traits.items():
        answers = ",\n".join(f"   {json.dumps(_line(answer))}" for answer in trait.answers)
        figures = f', "figures": {json.dumps(trait.figures)}' if trait.figures else ""
        traits.append(f'  {json.dumps(name)}: {{"answers": [\n{answers}\n  ]{figures}}}')
    return "\n".join(["{", *lines, ' "traits": {', ",\n".join(traits), " }", "}", ""])


def _line(answer: KeptAnswer) -> dict[str, object]:
    fields = {"answers": answer.answers, "state": answer.state, "why": answer.why, "cells": answer.cells}
    return {name: value for name, value in fields.items() if value and (name, value) != ("state", ANSWERED)}
