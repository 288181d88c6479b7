"""Say in words why exhibits, cells and fronts are closed.

The label of an exhibit has the reason of a cell that can never be open (nginx embeds no interpreter). Such a reason
counts here only if the exhibit has no other.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from gateway_zoo.errors import printable
from gateway_zoo.registry.cagefile import Exhibit
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import LEFT_OUT, Cell
from gateway_zoo.settings import kind

NOTHING_OPEN = 3  # exit status: something that the command needs is missing


def sentence(exhibit: Exhibit, cells: Iterable[Cell]) -> str:
    """Say why an exhibit without an open cell is closed; a reason of several fronts once."""
    closed = [cell for cell in cells if cell.exhibit == exhibit.id and cell.closed]
    closed = [cell for cell in closed if kind(cell.front) not in exhibit.closed] or closed
    fronts: dict[str, list[str]] = {}
    for cell in closed:
        fronts.setdefault(str(cell.closed), []).append(cell.front)
    if len(fronts) == 1:
        return f"{exhibit.id} is closed: {next(iter(fronts))}"
    whys = "; ".join(f"behind {' and '.join(names)}: {reason}" for reason, names in fronts.items())
    return f"{exhibit.id} is closed {whys}" if whys else f"{exhibit.id} is in no front of this zoo"


def sentences(registry: Registry, cells: list[Cell], ids: Iterable[str]) -> list[str]:
    """Say why each of these exhibits without an open cell is closed."""
    opened = {cell.exhibit for cell in cells if cell.closed is None}
    return [sentence(registry.exhibits[id], cells) for id in ids if id not in opened and id in registry.exhibits]


def fronts(registry: Registry, cells: list[Cell]) -> dict[str, str]:
    """Map each front that is closed as a whole to the reason.

    All cells that it could have are then closed for one reason, and not because they were left out. (plans._reasons
    gives the reason of a front first.)
    """
    reasons: dict[str, set[str | None]] = {}
    for cell in cells:
        if kind(cell.front) not in registry.exhibits[cell.exhibit].closed:
            reasons.setdefault(cell.front, set()).add(cell.closed)
    alone = {front: next(iter(whys)) for front, whys in reasons.items() if len(whys) == 1}
    return {front: why for front, why in alone.items() if why is not None and why != LEFT_OUT}


def by_reason(registry: Registry, cells: list[Cell]) -> dict[str, list[str]]:
    """Map each reason to the closed exhibits that could be open.

    An exhibit that another front has is `exhibit behind front`. One open cell behind any Apache is enough for all.
    """
    closed: dict[str, list[str]] = {}
    for cell in _worth_telling(registry, cells):
        elsewhere = any(c.exhibit == cell.exhibit and c.closed is None for c in cells)
        name = f"{cell.exhibit} behind {cell.front}" if elsewhere else cell.exhibit
        names = closed.setdefault(str(cell.closed), [])
        if name not in names:
            names.append(name)
    return closed


def _worth_telling(registry: Registry, cells: list[Cell]) -> Iterator[Cell]:
    opened = {(cell.exhibit, kind(cell.front)) for cell in cells if cell.closed is None}
    given: set[tuple[str, str]] = set()
    for cell in cells:
        place = cell.exhibit, kind(cell.front)
        never = registry.exhibits[cell.exhibit].closed.get(kind(cell.front))
        if cell.closed and not never and place not in opened and place not in given:
            given.add(place)
            yield cell


def lines(cells: Iterable[Cell]) -> list[str]:
    """A line for each reason, with the cells that it closes."""
    reasons: dict[str, list[str]] = {}
    for cell in cells:
        if cell.closed is not None:
            reasons.setdefault(cell.closed, []).append(f"{cell.exhibit} behind {cell.front}")
    return [printable(f"closed: {', '.join(names)}: {reason}") for reason, names in reasons.items()]


def records(cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """The JSON: `[{exhibit, front, reason}]`."""
    return [{"exhibit": c.exhibit, "front": c.front, "reason": c.closed} for c in cells if c.closed is not None]


def nothing_open(cells: list[Cell]) -> list[str]:
    """Why none of the cells is open, in lines; empty where one is."""
    if any(cell.closed is None for cell in cells):
        return []
    return ["nothing that was asked for is open", *lines(cells)]
