"""The answers of a trait, grouped: cells with the same answer stand together, and their names become few words.

A matrix has some forty cells. A table with forty columns fits no screen, but most cells give the same answer: "no: cgi;
yes: all others". So every output shows groups, and all of them take their words from here.

`choose` takes a part of a matrix. Pure functions: records in, records and texts out.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import msgspec

from gateway_zoo.errors import fail, nearest
from gateway_zoo.traits.records import NOT_ASKED, OWN_PROGRAM, VARIES, Answer, CellFacts, Matrix, TraitFacts

Place = tuple[str, str]  # exhibit and front


class Group(msgspec.Struct, frozen=True):
    """Cells with the same answer. `text`: the answer in words. `least` and `most`: of their figures."""

    text: str
    state: str
    cells: list[Place]
    least: float | None = None
    most: float | None = None


def place(cell: Answer | CellFacts) -> Place:
    return cell.exhibit, cell.front


def words(answer: Answer) -> str:
    """An answer in words: "yes", "varies: no or yes", "not asked: the program lives inside apache"."""
    text = " or ".join(answer.answers)
    if answer.state == VARIES:
        return f"varies: {text}"
    return text or f"{answer.state}: {answer.why}"


def groups(answers: Iterable[Answer]) -> list[Group]:
    """Group the answers of one trait. The largest group is the last; what was not asked follows. A cell with a program
    of its own is left out: `own_programs` names it."""
    same: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for answer in answers:
        if answer.why != OWN_PROGRAM:
            same[words(answer), answer.state].append(answer)
    found = []
    for (text, state), members in same.items():
        figures = [answer.figure for answer in members if answer.figure is not None]
        found.append(
            Group(text, state, [place(a) for a in members], min(figures, default=None), max(figures, default=None))
        )
    return sorted(found, key=lambda group: (group.state == NOT_ASKED, len(group.cells)))


def names(group: Group, others: Sequence[Group]) -> str:
    """Name the cells of a group among all groups of its trait: "cgi, nginx:scgi", "all behind apache", "all others"."""
    every = {cell for other in others for cell in other.cells if other.state != NOT_ASKED or other is group}
    cells, parts = set(group.cells), list[str]()
    if cells == {cell for other in others for cell in other.cells}:
        return "all"
    for front in dict.fromkeys(front for _, front in group.cells):
        behind = {cell for cell in every if cell[1] == front}
        if len(behind) > 1 and behind <= cells:
            parts.append(f"all behind {front}")
            cells, every = cells - behind, every - behind
    if group.state != NOT_ASKED and group is _last(others) and len(cells) > len(every) / 2:
        fronts = {front for _, front in every}
        return ", ".join([*parts, "all others" + (f" behind {fronts.pop()}" if parts and len(fronts) == 1 else "")])
    return ", ".join([*parts, *short(group, cells, every)])


def _last(others: Sequence[Group]) -> Group | None:
    """The largest group with an answer, where there are several."""
    asked = [other for other in others if other.state != NOT_ASKED]
    return asked[-1] if len(asked) > 1 else None


def short(group: Group, cells: Collection[Place], every: Collection[Place]) -> list[str]:
    """Short names: an exhibit, where all of its cells are there; else front:exhibit, as `zoo follow` has it."""
    found: dict[str, None] = {}
    for exhibit, front in group.cells:
        if (exhibit, front) in cells:
            whole = all(cell in cells for cell in every if cell[0] == exhibit)
            found[exhibit if whole else f"{front}:{exhibit}"] = None
    return list(found)


def figures(group: Group, unit: str) -> str:
    """The figures of a group: "12 to 15 ms"; empty where it has none."""
    if group.least is None or group.most is None:
        return ""
    least, most = number(group.least), number(group.most)
    return f"{least} to {most} {unit}" if least != most else f"{least} {unit}"


def number(value: float) -> str:
    """Three digits that count: 0.0123, 1.5, 12,345."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def answers_of(matrix: Matrix, trait: TraitFacts) -> list[Answer]:
    return [answer for answer in matrix.answers if answer.trait == trait.name]


def own_programs(matrix: Matrix) -> list[str]:
    """The exhibits with a program of their own."""
    return list(dict.fromkeys(answer.exhibit for answer in matrix.answers if answer.why == OWN_PROGRAM))


def choose(matrix: Matrix, names: Sequence[str], ids: Sequence[str], front: str, *, quick: bool) -> Matrix:
    """A part of a matrix; an empty choice leaves all. Raises Stop for a word that it does not have."""
    known = {
        "trait": (names, [trait.name for trait in matrix.traits]),
        "exhibit": (ids, list(dict.fromkeys(cell.exhibit for cell in matrix.cells))),
        "front": ([front] if front else [], list(dict.fromkeys(cell.front for cell in matrix.cells))),
    }
    for kind, (wanted, existing) in known.items():
        for name in wanted:
            if name not in existing:
                here = f"here are {', '.join(existing)}"
                fail(f"unknown {kind} '{name}'; {nearest(name, existing, here)}", 2)
    traits = [t for t in matrix.traits if (t.name in names or not names) and not (quick and t.slow)]
    cells = [c for c in matrix.cells if (c.exhibit in ids or not ids) and front in ("", c.front)]
    trait_names, places = {trait.name for trait in traits}, {place(cell) for cell in cells}
    answers = [answer for answer in matrix.answers if answer.trait in trait_names and place(answer) in places]
    return msgspec.structs.replace(matrix, traits=traits, cells=cells, answers=answers)
