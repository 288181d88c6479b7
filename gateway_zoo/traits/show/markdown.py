"""A matrix as Markdown: a table for each axis, a row for each trait, the answers grouped. GitHub renders it.

`telling_rows` are the ten rows of the README: `python -m gateway_zoo.traits` writes them there from the kept values.
"""

from collections.abc import Iterator, Sequence

from gateway_zoo.errors import printable
from gateway_zoo.traits import groups
from gateway_zoo.traits.groups import Group
from gateway_zoo.traits.records import Matrix, TraitFacts

SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\|*_`<>[]"})


def whole(matrix: Matrix) -> str:
    """The whole matrix, with the versions above it."""
    made = matrix.made.replace("T", " ").replace("+00:00", " UTC")
    lines = ["# Behaviours, measured", "", f"{_text(made)}, {_text(matrix.place)}, {_text(matrix.system)}.", ""]
    lines += ["" if matrix.complete else "**Stopped: not every cell was asked.**\n"]
    lines += [", ".join(f"{_text(name)} {_text(v)}" for name, v in matrix.versions.items()), ""]
    for axis in dict.fromkeys(trait.axis for trait in matrix.traits):
        lines += [f"## {axis}", "", *table(matrix, [t for t in matrix.traits if t.axis == axis]), ""]
    if own := groups.own_programs(matrix):
        lines += [f"Own program, not asked: {', '.join(own)}.", ""]
    return "\n".join(lines)


def table(matrix: Matrix, traits: Sequence[TraitFacts]) -> Iterator[str]:
    """A row for each trait."""
    yield "| question | answers |"
    yield "|---|---|"
    for trait in traits:
        found = groups.groups(groups.answers_of(matrix, trait))
        texts = [_group(trait, group, found) for group in found]
        if texts:
            yield f"| {_text(trait.question)} | {'<br>'.join(texts)} |"


def _group(trait: TraitFacts, group: Group, found: Sequence[Group]) -> str:
    figures = groups.figures(group, trait.unit)
    return f"**{_text(group.text)}**{f' ({_text(figures)})' if figures else ''}: {_text(groups.in_words(group, found))}"


def _text(text: str) -> str:
    return printable(text).translate(SPECIAL)
