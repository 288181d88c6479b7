"""An exhibit: its facts, its family as boxes, the crowd picture, its label, configuration and source."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from gateway_zoo.centre.context import Context
from gateway_zoo.centre.page import NotThere, Page, Refused
from gateway_zoo.keeper import state
from gateway_zoo.measure import crowd, process_tree
from gateway_zoo.measure.comparison import axes_of
from gateway_zoo.measure.crowd import Crowd
from gateway_zoo.measure.process_tree import ProcessRow
from gateway_zoo.registry.plans import Cell

MOST = 200_000  # bytes of a file that are shown


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
    if id not in registry.exhibits:
        raise NotThere(f"there is no exhibit {id[:80]!a}; / lists them")
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


def send_crowd(context: Context, given: Mapping[str, Any]) -> list[Crowd]:
    """Send a crowd to one exhibit, or to two in turn. `{"cells": [[id, front], …], "requests": 8, "hold_ms": 300}`."""
    cells = [_cell(context, pair) for pair in _pairs(given.get("cells"))]
    requests, hold_ms = (_number(given, name, usual) for name, usual in (("requests", 8), ("hold_ms", 300)))
    if not context.crowd_lock.acquire(blocking=False):
        raise Refused("a crowd is under way; wait for its picture", 409)
    try:
        return [crowd.send(cell, requests, hold_ms) for cell in cells]
    except ValueError as problem:
        raise Refused(str(problem)) from None
    finally:
        context.crowd_lock.release()


def _pairs(given: object) -> list[tuple[str, str]]:
    pairs = [pair for pair in given if isinstance(pair, list) and len(pair) == 2] if isinstance(given, list) else []
    if not 1 <= len(pairs) <= 2 or not all(isinstance(word, str) for pair in pairs for word in pair):
        raise Refused('"cells": expected one or two pairs of an exhibit and a front')
    return [(id, front) for id, front in pairs]


def _cell(context: Context, pair: tuple[str, str]) -> Cell:
    for cell in context.cells():
        if (cell.exhibit, cell.front) == pair:
            if cell.closed:
                raise Refused(f"{cell.exhibit} is closed behind {cell.front}: {cell.closed}", 409)
            return cell
    raise Refused(f"there is no cell {pair[0][:80]!a} behind {pair[1][:80]!a}")


def _number(given: Mapping[str, Any], name: str, usual: int) -> int:
    value = given.get(name, usual)
    if type(value) is not int:
        raise Refused(f"{name}: expected a whole number")
    return value


PAGE = Page("/exhibit/{id}", "Exhibit", data, text, actions={"crowd": send_crowd})
