"""A matrix as a page draws it, in few bytes: the answers grouped, cells as numbers, no evidence.

The page of the visitor centre and the report in one file get the same record, and the same script draws it
(public/matrix.js).
"""

import msgspec

from gateway_zoo.traits import groups
from gateway_zoo.traits.groups import Place
from gateway_zoo.traits.records import Matrix, TraitFacts


class Named(msgspec.Struct, frozen=True, array_like=True):
    """A name of cells: "cgi", "all others". `cells`: their places in View.cells. JSON: ["cgi", [2, 3]]."""

    text: str
    cells: list[int]


class Answers(msgspec.Struct, frozen=True):
    """Cells with the same answer."""

    text: str
    state: str
    names: list[Named]
    figures: str = ""


class Row(msgspec.Struct, frozen=True):
    """A trait."""

    name: str
    axis: str
    question: str
    why: str
    source: str
    slow: bool
    answers: list[Answers]


class View(msgspec.Struct, frozen=True):
    """See the module's text. `cells`: exhibit and front of each cell that has an answer. `own`: exhibits with a program
    of their own."""

    made: str
    place: str
    system: str
    versions: dict[str, str]
    complete: bool
    fronts: list[str]
    cells: list[Place]
    own: list[str]
    rows: list[Row]


def view(matrix: Matrix) -> View:
    cells = list(dict.fromkeys(groups.place(answer) for answer in matrix.answers))
    own = groups.own_programs(matrix)
    cells = [cell for cell in cells if cell[0] not in own]
    fronts = sorted({front for _, front in cells}, reverse=True)
    numbers = {cell: number for number, cell in enumerate(cells)}
    rows = [
        Row(
            trait.name,
            trait.axis,
            trait.question,
            trait.why,
            trait.source,
            trait.slow,
            _answers(matrix, trait, numbers),
        )
        for trait in matrix.traits
    ]
    return View(matrix.made, matrix.place, matrix.system, matrix.versions, matrix.complete, fronts, cells, own, rows)


def _answers(matrix: Matrix, trait: TraitFacts, numbers: dict[Place, int]) -> list[Answers]:
    found = groups.groups(groups.answers_of(matrix, trait))
    return [
        Answers(
            group.text,
            group.state,
            [Named(name.text, [numbers[cell] for cell in name.cells]) for name in groups.names(group, found)],
            groups.figures(group, trait.unit),
        )
        for group in found
    ]
