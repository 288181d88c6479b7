"""Processes: every family as a tree, with threads, memory, CPU and requests; births and deaths as they happen."""

import math
import time
from collections.abc import Mapping
from typing import Any

from gateway_zoo.centre.context import Context
from gateway_zoo.centre.crowds import send_crowd
from gateway_zoo.centre.page import Live, Page, Refused
from gateway_zoo.measure import population
from gateway_zoo.measure.crowd import Crowd
from gateway_zoo.measure.population import Family, Snapshot
from gateway_zoo.measure.population_away import AwayWatch
from gateway_zoo.measure.population_watch import Watch

LOOK_S = 0.5


def data(context: Context, _: Mapping[str, str]) -> Snapshot:
    """Look at the running zoo."""
    return context.once("population", math.inf, lambda: _watch(context)).look()


def _watch(context: Context) -> Watch | AwayWatch:
    if context.settings.compose:
        return AwayWatch(context.cells, context.registry)
    return Watch(context.settings, context.registry)


def send(context: Context, given: Mapping[str, Any]) -> list[Crowd]:
    """Send a small crowd to an exhibit, so that there is something to see. `{"exhibit": "cgi"}`."""
    for cell in context.cells():
        if cell.exhibit == given.get("exhibit") and cell.closed is None:
            return send_crowd(context, {"cells": [[cell.exhibit, cell.front]]})
    raise Refused('"exhibit": expected an exhibit that is open')


def text(snapshot: Snapshot) -> str:
    """A line for each process, and the last events."""
    lines = [snapshot.why] if snapshot.why else []
    lines += [f"{snapshot.processes} processes, {snapshot.threads} threads, {_size(snapshot.pss).strip()}", ""]
    for family in snapshot.families:
        lines += _family(family)
    for event in snapshot.events:
        at = time.strftime("%H:%M:%S", time.localtime(event.at))
        lines.append(f"{at}  {event.family} {event.pid} {event.kind}: {event.words}")
    return "\n".join(lines) + "\n"


def _family(family: Family) -> list[str]:
    lines = [f"{family.name}: {_requests(family.requests)}"]
    for row in family.rows:
        name = f"{'  ' * row.depth}{row.role} {row.pid}"
        use = f"threads {row.threads:3}  {_size(row.pss)}  {row.cpu_s:8.2f} s of CPU  {_requests(row.requests)}"
        lines.append(f"  {name:22} {use}")
    return lines


def _requests(count: int | None) -> str:
    return "requests unknown" if count is None else f"{count} requests"


def _size(pss: int | None) -> str:
    return "memory unknown" if pss is None else f"{pss / 1e6:8.1f} MB"


PAGE = Page(
    "/processes",
    "Processes",
    data,
    text,
    order=3,
    actions={"send": send},
    live=Live(LOOK_S, population.difference),
)
