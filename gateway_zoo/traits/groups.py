"""The answers of a trait, grouped: cells with the same answer stand together, and their names become few words.

A matrix has some forty cells. A table with forty columns fits no screen, but most cells give the same answer: "no: cgi;
yes: all others". So every output shows groups, and all of them take their words from here.

`choose` takes a part of a matrix. Pure functions: records in, records and texts out.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from gateway_zoo.errors import fail, nearest
from gateway_zoo.traits.records import NOT_ASKED, OWN_PROGRAM, VARIES, Answer, CellFacts, Matrix, TraitFacts

Place = tuple[str, str]  # exhibit and front
SEVERAL = 5  # cells behind one front are named together
MOST = 0.6  # share of the cells from which on a group is "all others"


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


class Name(msgspec.Struct, frozen=True):
    """A name of some cells of a group."""

    text: str
    cells: list[Place]


def names(group: Group, others: Sequence[Group]) -> list[Name]:
    """Name the cells of a group among all groups of its trait: "cgi" and "nginx:scgi"; "all behind apache"; "all
    others", for the largest group, which is the last."""
    cells = list(group.cells)
    if len(others) == 1:
        return [Name("all", cells)]
    every = [cell for other in others for cell in other.cells if other.state != NOT_ASKED or other is group]
    largest = group.state != NOT_ASKED and group is _last(others)
    if largest and len(cells) > len(every) * MOST:
        return [Name("all others", cells)]
    found = []
    for front in dict.fromkeys(front for _, front in cells):
        behind = [cell for cell in every if cell[1] == front]
        if len(behind) > 1 and set(behind) <= set(cells):
            found.append(Name(f"all behind {front}", behind))
            cells, every = [[cell for cell in some if cell[1] != front] for some in (cells, every)]
    if cells and largest and len(cells) > len(every) / 2:
        fronts = {front for _, front in every}
        where = f" behind {fronts.pop()}" if found and len(fronts) == 1 else ""
        return [*found, Name(f"all others{where}", cells)]
    for exhibit in dict.fromkeys(exhibit for exhibit, _ in cells):
        own = [cell for cell in cells if cell[0] == exhibit]
        whole = len(own) == sum(cell[0] == exhibit for cell in every)
        found += [Name(exhibit, own)] if whole else [Name(f"{cell[1]}:{exhibit}", [cell]) for cell in own]
    return found


def in_words(group: Group, others: Sequence[Group]) -> str:
    """The names in a line: "cgi, nginx:scgi"; "behind apache: all but ajp, cgi"; "all others (34 cells)"."""
    found = names(group, others)
    words = [f"{name.text} ({len(name.cells)} cells)" for name in found if name.text.startswith("all")]
    few = [name for name in found if not name.text.startswith("all")]
    for front in dict.fromkeys(name.cells[0][1] for name in few):
        here = [name for name in few if {cell[1] for cell in name.cells} == {front}]
        if len(here) >= SEVERAL:
            few = [name for name in few if name not in here]
            words.append(f"behind {front}: {_behind(front, [name.cells[0][0] for name in here], others)}")
    return "; ".join([*([", ".join(name.text for name in few)] if few else []), *words])


def _behind(front: str, exhibits: Sequence[str], others: Sequence[Group]) -> str:
    every = [cell[0] for other in others for cell in other.cells if cell[1] == front and other.state != NOT_ASKED]
    rest = [exhibit for exhibit in every if exhibit not in exhibits]
    return f"all but {', '.join(rest)}" if 0 < len(rest) < SEVERAL <= len(exhibits) else ", ".join(exhibits)


def _last(others: Sequence[Group]) -> Group | None:
    """The largest group with an answer."""
    return next((other for other in reversed(others) if other.state != NOT_ASKED), None)


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
