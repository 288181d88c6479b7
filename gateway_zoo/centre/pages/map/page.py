"""The map: exhibits x fronts, grouped by wire protocol. Each cell says whether it answers now."""

from collections.abc import Mapping

import msgspec

from gateway_zoo.centre.context import Context
from gateway_zoo.centre.page import Page
from gateway_zoo.measure import cell_states
from gateway_zoo.measure.cell_states import CellState
from gateway_zoo.measure.comparison import axes_of

SECONDS = 2.0  # so old may a state be


class Exhibit(msgspec.Struct, frozen=True):
    """A row. `axes` as in `compare`; `cells`: front -> its state."""

    id: str
    about: str
    year: int
    axes: dict[str, str]
    cells: dict[str, CellState]


class Map(msgspec.Struct, frozen=True):
    """`protocols`: wire protocol -> its exhibits."""

    fronts: list[str]
    protocols: dict[str, list[Exhibit]]


def data(context: Context, _: Mapping[str, str]) -> Map:
    """Ask every open cell. Raises Stop where no zoo runs."""
    registry, protocols = context.registry, dict[str, list[Exhibit]]()
    states = context.once("states", SECONDS, lambda: cell_states.states(context.cells()))
    for exhibit in registry.exhibits.values():
        cells = {state.front: state for state in states if state.exhibit == exhibit.id}
        year = registry.cage_of(exhibit.id).file.year
        row = Exhibit(exhibit.id, exhibit.about, year, axes_of(registry, exhibit.id), cells)
        protocols.setdefault(registry.protocol_of(exhibit.id), []).append(row)
    return Map(list(dict.fromkeys(state.front for state in states)), protocols)


def text(map: Map) -> str:
    """A line for each exhibit."""
    lines = ["The Gateway Zoo: one app through every gateway.", ""]
    for protocol, exhibits in map.protocols.items():
        lines.append(protocol)
        for exhibit in exhibits:
            states = ", ".join(f"{front} {state.state}" for front, state in exhibit.cells.items())
            lines.append(f"  {exhibit.id:18} {exhibit.about:44} {states}")
    return "\n".join(lines) + "\n"


PAGE = Page("/", "Map", data, text, order=1)
