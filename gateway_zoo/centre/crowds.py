"""The action behind "send 8 at once": a crowd before one cell or two, for every page that has the button."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway_zoo.centre.context import Context
from gateway_zoo.centre.page import Refused
from gateway_zoo.measure import crowd
from gateway_zoo.measure.crowd import Crowd
from gateway_zoo.registry.plans import Cell


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
    try:
        pairs = msgspec.convert(given, list[tuple[str, str]])
    except msgspec.ValidationError:
        pairs = []
    if not 1 <= len(pairs) <= 2:
        raise Refused('"cells": expected one or two pairs of an exhibit and a front')
    return pairs


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
