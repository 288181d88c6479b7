"""An exhibit: its facts, its family as boxes, the crowd picture, its label, configuration and source."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from gateway_zoo.centre.context import Context
from gateway_zoo.centre.crowds import send_crowd
from gateway_zoo.centre.page import Page, known_exhibits
from gateway_zoo.keeper import state
from gateway_zoo.measure import process_tree
from gateway_zoo.measure.comparison import axes_of
from gateway_zoo.measure.process_tree import ProcessRow

MOST = 200_000  # bytes of a file that are shown
CHECK = known_exhibits("id")


class File(msgspec.Struct, frozen=True):
    """A file of the checkout. `lines`: all of it."""

    path: str
    text: str


class Exhibit(msgspec.Struct, frozen=True):
    """`fronts`: front -> why it is closed there, or null. `family`: None where its processes cannot be seen, with the
    reason in `family_why`."""

    id: str
    about: str
    year: int
    cage: str
    axes: dict[str, str]
    slots: int | None
    fronts: dict[str, str | None]
    family: list[ProcessRow] | None
    family_why: str
    label: str
    configuration: list[File]
    source: list[File]


def data(context: Context, given: Mapping[str, str]) -> Exhibit:
    """Raises NotThere for an id that no exhibit has."""
    registry, id = context.registry, given["id"]
    CHECK(context, given)
    exhibit, cage, family = registry.exhibits[id], registry.cage_of(id), registry.family_of(id)
    root = context.settings.root
    fronts = {cell.front: cell.closed for cell in context.cells() if cell.exhibit == id}
    rows, why = _family(context, id)
    configuration = [root / kind / "cages" / f"{cage.name}.conf" for kind in ("nginx", "apache")]
    source = [cage.path / "cage.toml", *sorted(cage.path.glob("*.py")), root / "app/zoo_app.py"]
    return Exhibit(
        id,
        exhibit.about,
        cage.file.year,
        cage.name,
        axes_of(registry, id),
        family.slots,
        fronts,
        rows,
        why,
        (cage.path / "README.md").read_text(encoding="utf-8", errors="replace")[:MOST],
        [_file(root, path) for path in configuration if path.is_file()],
        [_file(root, path) for path in source],
    )


def _file(root: Path, path: Path) -> File:
    return File(str(path.relative_to(root)), path.read_text(encoding="utf-8", errors="replace")[:MOST])


def _family(context: Context, id: str) -> tuple[list[ProcessRow] | None, str]:
    if context.settings.compose:
        return None, f"in containers a process is seen from its own container only: docker compose exec {id} zoo ps"
    running = state.of_running(context.settings)
    if running is None:
        return None, "no zoo runs"
    rows = context.once("processes", 2.0, lambda: process_tree.collect(context.settings, running))
    names = process_tree.families_of(context.registry, [id])
    return [row for row in rows if row.exhibit in names], ""


def text(exhibit: Exhibit) -> str:
    """The facts, and the label as it is."""
    facts = [f"{exhibit.id}: {exhibit.about}", ""]
    facts += [f"{axis:22} {value}" for axis, value in exhibit.axes.items()]
    facts += [f"{'behind ' + front:22} {why or 'open'}" for front, why in exhibit.fronts.items()]
    return "\n".join([*facts, "", exhibit.label])


PAGE = Page("/exhibit/{id}", "Exhibit", data, text, check=CHECK, actions={"crowd": send_crowd})
