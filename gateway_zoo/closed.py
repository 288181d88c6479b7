"""Words for cells that are closed: which ones, and why; and the end of a command for which nothing is open."""

from collections.abc import Iterable
from typing import Any

from gateway_zoo.plan import Cell
from gateway_zoo.speak import printable, say

NOTHING_OPEN = 3  # exit status: something that the command needs is missing


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


def nothing_open(cells: list[Cell]) -> bool:
    """Say why, on standard error, if none of the cells is open."""
    if any(cell.closed is None for cell in cells):
        return False
    say("nothing that was asked for is open")
    for line in lines(cells):
        say(line)
    return True
