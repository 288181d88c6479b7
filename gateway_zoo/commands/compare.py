"""`compare`: process models side by side, from observation (observe.py), and what in cage.toml they contradict.

Here cells are watched and held against their cage.toml; compare_table.py prints what came of it.
"""

import concurrent.futures
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict

from gateway_zoo.commands.tables import compare_table
from gateway_zoo.commands.tables.compare_table import Axes, count
from gateway_zoo.errors import printable
from gateway_zoo.measure import observe, targets
from gateway_zoo.measure.observe import NotObservable, Observation, OverLimit, Row
from gateway_zoo.registry import why_closed
from gateway_zoo.registry.cagefile import Family
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import print_json, say

#: Declared model -> models that observation may show instead, because from outside they look alike.
LOOKS_LIKE = {
    "event loop": {"threads"},  # the loop itself runs no app: a2wsgi's threads do
    "embedded": {"threads", "prefork x threads", "prefork"},  # as many of the web server's own as were needed
}


#: So many of a front's cells whose answers break a limit, one after the other, and the front is given up.
GIVEN_UP_AFTER = 2


def run(settings: Settings, ids: list[str] | None, as_json: bool, urls: dict[str, str]) -> int:
    """Exit 0; 1 if an observation contradicts a cage.toml or a cell could not be observed; 3 if nothing is open."""
    registry, cells = targets.find(settings, ids, urls)
    seen, silent = _watch_all(registry, [cell for cell in cells if cell.closed is None])
    against = {(o.exhibit, o.front): contradictions(o, _family(registry, o.exhibit)) for o in seen}
    if as_json:
        rows = [asdict(o) | {"model": o.model, "contradictions": against[o.exhibit, o.front]} for o in seen]
        print_json({"cells": rows, "silent": silent, "closed": why_closed.records(cells)})
    if whys := why_closed.nothing_open(cells):
        for why in whys:
            say(why)
        return why_closed.NOTHING_OPEN
    if not as_json:
        axes = {id: axes_of(registry, id) for id in dict.fromkeys(cell.exhibit for cell in cells)}
        if ids and len(set(ids)) == 2:
            compare_table.explain(seen, axes, list(dict.fromkeys(ids)))
        elif seen:
            compare_table.table(seen, axes)
        out = tables.console()
        for line in [*_against_lines(against), *silent]:
            out.print(printable(line), style="red", markup=False, soft_wrap=True)
        for line in why_closed.lines(cells) if ids else []:
            out.print(line, style="yellow", markup=False)
    return 1 if silent or any(against.values()) else 0


def axes_of(registry: Registry, id: str) -> Axes:
    """What is declared of an exhibit: where it stands in the zoo's space."""
    return {
        "wire protocol": registry.protocol_of(id),
        "programming interface": registry.interface_of(id),
        "process model": _family(registry, id).model,
        "server": _family(registry, id).server,
    }


def _against_lines(against: dict[tuple[str, str], list[str]]) -> list[str]:
    return [f"{id} behind {front}: cage.toml {text}" for (id, front), texts in against.items() for text in texts]


def _family(registry: Registry, exhibit: str) -> Family:
    return registry.family_of(exhibit)


def _watch_all(registry: Registry, cells: list[Cell]) -> tuple[list[Observation], list[str]]:
    """Time each cell alone, then crowd four families in parallel, one cell of each at a time. The embedded ones come
    last and alone: they live in a front, so whatever else that front does would be measured with them."""
    silent: list[str] = []
    with tables.console(error=True).status("timing") as status:
        rows = _time_all(cells, silent, status.update)
        seen: dict[Cell, Observation] = {}

        def crowd(family: Family) -> None:
            for cell in (cell for cell in rows if _family(registry, cell.exhibit) == family):
                try:
                    seen[cell] = observe.at_once(cell, rows[cell], family.slots)
                except NotObservable as error:
                    silent.append(str(error))
                status.update(f"crowding: {len(seen)} of {len(rows)} cells")

        families = list({f.id: f for f in (_family(registry, cell.exhibit) for cell in rows)}.values())
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(crowd, [family for family in families if family.model != "embedded"]))
        for family in families:
            if family.model == "embedded":
                crowd(family)
    return [seen[cell] for cell in cells if cell in seen], silent


def _time_all(cells: list[Cell], silent: list[str], progress: Callable[[str], None]) -> dict[Cell, Row]:
    """First phase of each cell. A front that breaks our limits again and again is not asked for all of its cells."""
    rows: dict[Cell, Row] = {}
    broken: Counter[str] = Counter()  # front -> cells in a row whose answer broke a limit
    for cell in cells:
        if broken[cell.front] >= GIVEN_UP_AFTER:
            continue
        progress(f"timing {cell.exhibit} behind {cell.front}")
        try:
            rows[cell] = observe.in_a_row(cell)
            broken[cell.front] = 0
        except NotObservable as error:
            silent.append(str(error))
            broken[cell.front] = broken[cell.front] + 1 if isinstance(error, OverLimit) else 0
    silent += [f"{f}: {n} cells in a row broke a limit; its others were not asked" for f, n in broken.items() if n > 1]
    return rows


# --- declared and observed ------------------------------------------------------------------------


def contradictions(o: Observation, family: Family) -> list[str]:
    """What cage.toml declares and the observation shows otherwise, in words."""
    found = []
    slots = family.slots
    if o.model != family.model and o.model not in LOOKS_LIKE.get(family.model, ()):
        found.append(f"declares {family.model!r}, looks like {o.model!r}")
    if slots and o.at_once != min(slots, o.crowd):
        found.append(f"declares {slots} slots, {o.at_once} of {o.crowd} requests ran at once")
    if slots and o.at_once == slots and o.busy_processes != family.processes:
        found.append(f"declares {count(family.processes, 'process')}, its slots were in {o.busy_processes}")
    if slots and o.busy_threads > family.threads:
        found.append(f"declares {count(family.threads, 'thread')} a process, {o.busy_threads} ran at once in one")
    return found
