"""Observe many cells, and hold each against its cage.toml (observe.py observes one cell).

Two phases. Each cell is timed alone, one cell after the other. Then crowds are sent to four families in parallel, to
one cell of each at a time. Families that are embedded in a front come last and alone: everything that this front does
would be measured with them.
"""

import concurrent.futures
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from gateway_zoo.measure import observe
from gateway_zoo.measure.figures import count
from gateway_zoo.measure.observe import InTurn, NotObservable, Observation, OverLimit
from gateway_zoo.registry.cagefile import Family
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell

#: Declared model -> models that look the same from outside.
LOOKS_LIKE = {
    "event loop": {"threads"},  # the loop itself runs no app: a2wsgi's threads do
    "embedded": {"threads", "prefork x threads", "prefork"},  # as many of the web server's own as were needed
}
GIVEN_UP_AFTER = 2  # cells of one front, one after the other, whose answers break a limit
FAMILIES_TOGETHER = 4

Axes = dict[str, str]  # "wire protocol", "programming interface", "process model", "server" -> as declared


@dataclass(frozen=True)
class Comparison:
    """The observations of many cells.

    `silent`: a sentence for each cell that could not be observed. `contradictions`: exhibit and front -> sentences.
    """

    observations: list[Observation]
    silent: list[str]
    contradictions: dict[tuple[str, str], list[str]]


def compare(registry: Registry, cells: list[Cell], progress: Callable[[str], None] = lambda text: None) -> Comparison:
    """Observe these open cells, and compare each with its cage.toml.

    `progress` is called with a short text before each step, also from other threads.
    """
    silent: list[str] = []
    timings = _time_all(cells, silent, progress)
    seen: dict[Cell, Observation] = {}

    def crowd(family: Family) -> None:
        for cell in (cell for cell in timings if registry.family_of(cell.exhibit) == family):
            try:
                seen[cell] = observe.observe_crowd(cell, timings[cell], family.slots)
            except NotObservable as error:
                silent.append(str(error))
            progress(f"crowding: {len(seen)} of {len(timings)} cells")

    families = list({f.id: f for f in (registry.family_of(cell.exhibit) for cell in timings)}.values())
    with concurrent.futures.ThreadPoolExecutor(FAMILIES_TOGETHER) as pool:
        list(pool.map(crowd, [family for family in families if family.model != "embedded"]))
    for family in families:
        if family.model == "embedded":
            crowd(family)
    observations = [seen[cell] for cell in cells if cell in seen]
    against = {(o.exhibit, o.front): contradictions(o, registry.family_of(o.exhibit)) for o in observations}
    return Comparison(observations, silent, against)


def _time_all(cells: list[Cell], silent: list[str], progress: Callable[[str], None]) -> dict[Cell, InTurn]:
    """Time each cell; give up a front whose answers break our limits again and again."""
    timings: dict[Cell, InTurn] = {}
    broken: Counter[str] = Counter()  # front -> cells in turn whose answer broke a limit
    for cell in cells:
        if broken[cell.front] >= GIVEN_UP_AFTER:
            continue
        progress(f"timing {cell.exhibit} behind {cell.front}")
        try:
            timings[cell] = observe.observe_in_turn(cell)
            broken[cell.front] = 0
        except NotObservable as error:
            silent.append(str(error))
            broken[cell.front] = broken[cell.front] + 1 if isinstance(error, OverLimit) else 0
    silent += [f"{f}: {n} cells in a row broke a limit; its others were not asked" for f, n in broken.items() if n > 1]
    return timings


def axes_of(registry: Registry, id: str) -> Axes:
    """Return the place of an exhibit in the zoo's space, as declared."""
    return {
        "wire protocol": registry.protocol_of(id),
        "programming interface": registry.interface_of(id),
        "process model": registry.family_of(id).model,
        "server": registry.family_of(id).server,
    }


def contradictions(o: Observation, family: Family) -> list[str]:
    """Return a sentence for each value of cage.toml that the observation contradicts."""
    sentences = []
    slots = family.slots
    if o.model != family.model and o.model not in LOOKS_LIKE.get(family.model, ()):
        sentences.append(f"declares {family.model!r}, looks like {o.model!r}")
    if slots and o.parallel != min(slots, o.crowd):
        sentences.append(f"declares {slots} slots, {o.parallel} of {o.crowd} requests ran in parallel")
    if slots and o.parallel == slots and o.busy_processes != family.processes:
        sentences.append(f"declares {count(family.processes, 'process')}, its slots were in {o.busy_processes}")
    if slots and o.busy_threads > family.threads:
        sentences.append(f"declares {count(family.threads, 'thread')} a process, {o.busy_threads} in parallel in one")
    return sentences
