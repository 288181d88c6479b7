"""Two exhibits side by side: facts, crowd pictures, the bytes of the same request, configuration, memory and time."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway_zoo.centre import exhibit_files
from gateway_zoo.centre.context import Context
from gateway_zoo.centre.crowds import alone, cells_of
from gateway_zoo.centre.exhibit_files import File
from gateway_zoo.centre.page import Page, Refused, known_exhibits
from gateway_zoo.errors import Stop
from gateway_zoo.measure import compare_words, comparison
from gateway_zoo.measure.comparison import axes_of
from gateway_zoo.measure.observe import Observation
from gateway_zoo.wire.ask import direct
from gateway_zoo.wire.ask.client import USUAL
from gateway_zoo.wire.ask.request import ClientRequest
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.view import diff
from gateway_zoo.wire.view.present import view_of

SECONDS = 5.0
CHECK = known_exhibits("a", "b")


class Side(msgspec.Struct, frozen=True):
    """`fronts`: front -> why it is closed there, or null."""

    id: str
    about: str
    axes: dict[str, str]
    fronts: dict[str, str | None]
    configuration: list[File]


class Compared(msgspec.Struct, frozen=True):
    """`variables` and `sides` as in `zoo wire --diff --json`; None, with the reason, where a side has no socket."""

    a: Side
    b: Side
    variables: list[dict[str, Any]] | None
    sides: list[diff.Side] | None
    why: str = ""


class Measured(msgspec.Struct, frozen=True):
    """What `zoo compare A B` says of two cells, and the observations behind it. `silent`: cells that did not answer."""

    sentences: list[str]
    observations: list[Observation]
    silent: list[str]


def data(context: Context, given: Mapping[str, str]) -> Compared:
    """Raises NotThere for an id that no exhibit has."""
    CHECK(context, given)
    a, b = (_side(context, given[which]) for which in ("a", "b"))
    try:
        sides = context.once(f"diff {a.id} {b.id}", SECONDS, lambda: [_ask(context, side.id) for side in (a, b)])
    except Stop as stop:
        return Compared(a, b, None, None, stop.text)
    return Compared(a, b, diff.compare(*sides), sides)


def _side(context: Context, id: str) -> Side:
    fronts = {cell.front: cell.closed for cell in context.cells() if cell.exhibit == id}
    registry = context.registry
    files = exhibit_files.configuration(context.settings.root, registry.cage_of(id))
    return Side(id, registry.exhibits[id].about, axes_of(registry, id), fronts, files)


def _ask(context: Context, id: str) -> diff.Side:
    codecs = Codecs(context.registry)
    exchange = direct.send(context.settings, context.registry, codecs, id, ClientRequest("/hello"), USUAL)
    return diff.side(*view_of(exchange, codecs, secrets=False), codecs)


def measure(context: Context, given: Mapping[str, Any]) -> Measured:
    """Observe two cells behind one front. `{"cells": [[a, front], [b, front]]}`."""
    cells = cells_of(context, given)
    if len(cells) != 2 or cells[0].exhibit == cells[1].exhibit or cells[0].front != cells[1].front:
        raise Refused('"cells": expected two exhibits behind one front')
    ids = [cell.exhibit for cell in cells]
    result = alone(context, lambda: comparison.compare(context.registry, cells))
    axes = {id: axes_of(context.registry, id) for id in ids}
    return Measured(compare_words.explain(result.observations, axes, ids), result.observations, result.silent)


def text(compared: Compared) -> str:
    """The facts that differ, and the sizes."""
    lines = [f"{compared.a.id} and {compared.b.id}", ""]
    for axis, value in compared.a.axes.items():
        lines.append(f"{axis:22} {value:24} {compared.b.axes[axis]}")
    for side in compared.sides or []:
        lines.append(f"{side.exhibit}: {side.request.total} bytes of {side.protocol} there, {side.response.total} back")
    return "\n".join([*lines, compared.why]) + "\n"


PAGE = Page("/compare/{a}/{b}", "Side by side", data, text, check=CHECK, actions={"measure": measure})
