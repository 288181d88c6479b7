"""What differs between two matrices: an upgrade's effect (`--diff`), or a drift from the kept values (`--expected`).

A probe runs twice, so an answer that varies may show one of its faces only. Therefore answers are the same where each
new one is among the old ones. A figure is compared where its trait says within which share it may move.
"""

from collections.abc import Iterable

import msgspec

from gateway_zoo.traits import groups
from gateway_zoo.traits.groups import number
from gateway_zoo.traits.records import OWN_PROGRAM, Answer, Matrix, TraitFacts

CHANGED, NEW, GONE = "changed", "new", "gone"
Key = tuple[str, str, str]


class Version(msgspec.Struct, frozen=True):
    """A part whose version differs; empty where the part is not there."""

    name: str
    before: str
    after: str


class Change(msgspec.Struct, frozen=True):
    """A difference in one cell. `kind`: "changed"; "new": only the new matrix has an answer; "gone": only the old one
    has. `before` and `after`: the answers in words."""

    kind: str
    trait: str
    exhibit: str
    front: str
    before: str
    after: str


class Changes(msgspec.Struct, frozen=True):
    """`compared`: how many cells of traits both matrices have an answer for."""

    versions: list[Version]
    changes: list[Change]
    compared: int


def changes(old: Matrix, new: Matrix) -> Changes:
    """Compare; the order is that of the traits and cells. An incomplete matrix has lost nothing."""
    facts = {trait.name: trait for trait in (*old.traits, *new.traits)}
    before, after = _answers(old.answers), _answers(new.answers)
    found = []
    for key in before | after:
        one, other = before.get(key), after.get(key)
        if one and other and not _same(facts[key[0]], one, other):
            found.append(Change(CHANGED, *key, *_words(facts[key[0]], one, other)))
        elif other and not one:
            found.append(Change(NEW, *key, "", groups.words(other)))
        elif one and not other and new.complete:
            found.append(Change(GONE, *key, groups.words(one), _closed(new, one)))
    order = {name: number for number, name in enumerate(facts)}
    found.sort(key=lambda change: order[change.trait])
    return Changes(versions(old.versions, new.versions), found, len(before.keys() & after.keys()))


def versions(old: dict[str, str], new: dict[str, str]) -> list[Version]:
    """The versions that differ."""
    parts = old | new
    return [Version(p, old.get(p, ""), new.get(p, "")) for p in parts if old.get(p) != new.get(p)]


def _answers(answers: Iterable[Answer]) -> dict[Key, Answer]:
    return {(a.trait, a.exhibit, a.front): a for a in answers if a.why != OWN_PROGRAM}


def _same(trait: TraitFacts, old: Answer, new: Answer) -> bool:
    if not old.answers or not new.answers:
        return old.state == new.state
    return set(new.answers) <= set(old.answers) and not _moved(trait, old, new)


def _moved(trait: TraitFacts, old: Answer, new: Answer) -> bool:
    """Is the figure another one?"""
    if not trait.within or (old.figure is None and new.figure is None):
        return False
    if old.figure is None or new.figure is None:
        return True
    return abs(new.figure - old.figure) > trait.within * abs(old.figure)


def _words(trait: TraitFacts, old: Answer, new: Answer) -> tuple[str, str]:
    """Both answers, with their figures where these have moved."""
    figures = _moved(trait, old, new)
    return _word(trait, old, figures), _word(trait, new, figures)


def _word(trait: TraitFacts, answer: Answer, figure: bool) -> str:
    text = groups.words(answer)
    return f"{text}, {number(answer.figure)} {trait.unit}" if figure and answer.figure is not None else text


def _closed(matrix: Matrix, answer: Answer) -> str:
    """Why a matrix has no answer of this cell."""
    for cell in matrix.cells:
        if groups.place(cell) == groups.place(answer) and cell.closed:
            return f"closed: {cell.closed}"
    return ""
