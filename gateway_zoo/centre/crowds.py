"""The actions that send requests: a crowd before one cell or two, a crowd amid which a worker is stopped, and a CGI
request taken apart. One at a time, for every page that has the buttons.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from gateway_zoo.centre.context import Context
from gateway_zoo.centre.page import Refused
from gateway_zoo.keeper.stop_worker import NotStopped
from gateway_zoo.measure import cgi_time, crowd, worker_death
from gateway_zoo.measure.cgi_time import Inside, NotMeasured
from gateway_zoo.measure.crowd import Crowd
from gateway_zoo.measure.worker_death import Death
from gateway_zoo.registry.plans import Cell

T = TypeVar("T")


def send_crowd(context: Context, given: Mapping[str, Any]) -> list[Crowd]:
    """Send a crowd to one exhibit, or to two in turn. `{"cells": [[id, front], …], "requests": 8, "hold_ms": 300}`."""
    cells = cells_of(context, given)
    requests, hold_ms = _size(given)
    return alone(context, lambda: [crowd.send(cell, requests, hold_ms) for cell in cells])


def stop_worker(context: Context, given: Mapping[str, Any]) -> Death:
    """Stop a process of an exhibit's family amid a crowd. As send_crowd with one cell, and `"place": 2`."""
    (cell, *more), place = cells_of(context, given), _number(given, "place", 1)
    requests, hold_ms = _size(given)
    if more:
        raise Refused('"cells": expected one pair of an exhibit and a front')
    return alone(
        context,
        lambda: worker_death.stop_amid(context.settings, context.registry, cell, place, requests, hold_ms),
    )


def measure_inside(context: Context, given: Mapping[str, Any]) -> Inside:
    """Take the requests of a CGI exhibit apart. `{"cells": [[id, front]]}`."""
    cell, *_ = cells_of(context, given)
    return alone(context, lambda: cgi_time.of_cgi(context.settings, context.registry, cell))


def alone(context: Context, work: Callable[[], T]) -> T:
    """Do what sends requests, unless another such action is under way. Raises Refused."""
    if not context.crowd_lock.acquire(blocking=False):
        raise Refused("a crowd or a benchmark is under way; wait for its end", 409)
    try:
        return work()
    except ValueError as problem:
        raise Refused(str(problem)) from None
    except (NotStopped, NotMeasured) as problem:
        raise Refused(str(problem), 409) from None
    finally:
        context.crowd_lock.release()


def _size(given: Mapping[str, Any]) -> tuple[int, int]:
    return _number(given, "requests", crowd.REQUESTS), _number(given, "hold_ms", crowd.USUAL_MS)


def cells_of(context: Context, given: Mapping[str, Any]) -> list[Cell]:
    """The open cells that `"cells": [[id, front], …]` names, one or two. Raises Refused."""
    return [_cell(context, pair) for pair in _pairs(given.get("cells"))]


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
