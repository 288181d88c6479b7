"""An exhibit: its facts, the crowd picture, its family as boxes, a worker's death, where the time goes, and its files.

`?live` in the address of the data gives the family alone: the page asks for it again and again.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway_zoo.centre import exhibit_files, markdown
from gateway_zoo.centre.context import Context
from gateway_zoo.centre.crowds import measure_inside, send_crowd, stop_worker
from gateway_zoo.centre.exhibit_files import File
from gateway_zoo.centre.markdown import Node
from gateway_zoo.centre.page import Page, known_exhibits
from gateway_zoo.errors import printable
from gateway_zoo.keeper import state
from gateway_zoo.measure import process_tree
from gateway_zoo.measure.comparison import axes_of
from gateway_zoo.measure.process_tree import ProcessRow

SECONDS = 2.0  # so old may the family be
CHECK = known_exhibits("id")


class Family(msgspec.Struct, frozen=True):
    """The processes of an exhibit, and of the families that help it. `rows`: None where they cannot be seen, with the
    reason in `why`. `born`: the place of a process that is born for a request; None: none is."""

    name: str
    rows: list[ProcessRow] | None
    why: str = ""
    born: int | None = None


class Exhibit(msgspec.Struct, frozen=True):
    """`fronts`: front -> why it is closed there, or null. `kill`: the command that stops it in containers; else empty.
    `inside`: does each request start a program that can be taken apart? `plain_label`: the label as it was written."""

    id: str
    about: str
    year: int
    cage: str
    axes: dict[str, str]
    slots: int | None
    fronts: dict[str, str | None]
    family: Family
    kill: str
    inside: bool
    label: list[Node]
    plain_label: str
    configuration: list[File]
    source: list[File]


def data(context: Context, given: Mapping[str, str]) -> Exhibit | Family:
    """Raises NotThere for an id that no exhibit has."""
    registry, id = context.registry, given["id"]
    CHECK(context, given)
    if "live" in given:
        return _family(context, id)
    exhibit, cage, family = registry.exhibits[id], registry.cage_of(id), registry.family_of(id)
    root = context.settings.root
    source = exhibit_files.source(root, cage)
    label = (cage.path / "README.md").read_text(encoding="utf-8", errors="replace")[: exhibit_files.MOST]
    service = family.id if family.command else family.runs_in
    return Exhibit(
        id=id,
        about=exhibit.about,
        year=cage.file.year,
        cage=cage.name,
        axes=axes_of(registry, id),
        slots=family.slots,
        fronts={cell.front: cell.closed for cell in context.cells() if cell.exhibit == id},
        family=_family(context, id),
        kill=f"docker compose kill {service}" if context.settings.compose else "",
        inside=registry.interface_of(id) == "CGI program" and bool(exhibit.program),
        label=markdown.nodes(label, [file.path.removeprefix(f"{cage.name}/") for file in source]),
        plain_label=label,
        configuration=exhibit_files.configuration(root, cage),
        source=source,
    )


def _family(context: Context, id: str) -> Family:
    family = context.registry.family_of(id)
    if context.settings.compose:
        return context.once(f"family of {id}", SECONDS, lambda: _family_over_http(context, id))
    running = state.of_running(context.settings)
    if running is None:
        return Family(family.id, None, "no zoo runs")
    rows = context.once("processes", SECONDS, lambda: process_tree.collect(context.settings, running))
    names = process_tree.families_of(context.registry, [id])
    born = sum(row.exhibit == family.id for row in rows) + 1 if family.model == "fork per request" else None
    return Family(family.id, [row for row in rows if row.exhibit in names], born=born)


def _family_over_http(context: Context, id: str) -> Family:
    """In containers only the exhibit itself sees its processes."""
    name = context.registry.family_of(id).id
    for cell in context.cells():
        if cell.exhibit == id and cell.closed is None:
            try:
                rows = process_tree.collect_over_http(cell, name)
            except process_tree.NotSeen as problem:
                return Family(name, None, str(problem))
            return Family(name, rows, "as the exhibit itself says, with the numbers that its container gives")
    return Family(name, None, "no front has it open, so it cannot say which processes it has")


def text(exhibit: Exhibit | Family) -> str:
    """The facts, the family, and the label as it is."""
    if isinstance(exhibit, Family):
        return "\n".join(_family_lines(exhibit)) + "\n"
    facts = [f"{exhibit.id}: {exhibit.about}", ""]
    facts += [f"{axis:22} {value}" for axis, value in exhibit.axes.items()]
    facts += [f"{'behind ' + front:22} {why or 'open'}" for front, why in exhibit.fronts.items()]
    return "\n".join([*facts, "", *_family_lines(exhibit.family), "", exhibit.plain_label])


def _family_lines(family: Family) -> list[str]:
    lines = []
    for row in family.rows or []:
        memory = "memory unknown" if row.pss is None else f"{row.pss // 1024:7} kB"
        role = f"{row.role} {row.pid}"
        lines.append(f"{printable(role):22} threads {row.threads:3}  {memory}  {row.cpu_s:7.2f} s of CPU")
    return [*lines, *([family.why] if family.why else [])] or ["no process now"]


ACTIONS: dict[str, Any] = {"crowd": send_crowd, "stop-worker": stop_worker, "inside": measure_inside}
PAGE = Page("/exhibit/{id}", "Exhibit", data, text, check=CHECK, actions=ACTIONS)
