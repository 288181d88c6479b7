"""`compare`: process models side by side, and what they contradict in cage.toml (measure/comparison.py)."""

from dataclasses import asdict

from gateway_zoo.commands.tables import compare_table
from gateway_zoo.errors import printable
from gateway_zoo.measure import targets
from gateway_zoo.measure.comparison import Comparison, axes_of, compare
from gateway_zoo.registry import why_closed
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import print_json, say


def run(settings: Settings, ids: list[str] | None, as_json: bool, urls: dict[str, str]) -> int:
    """Exit 0; 1 if an observation contradicts a cage.toml or a cell could not be observed; 3 if nothing is open."""
    registry, cells = targets.find(settings, ids, urls)
    with tables.console(error=True).status("timing") as status:
        result = compare(registry, [cell for cell in cells if cell.closed is None], status.update)
    if as_json:
        print_json({"cells": _records(result), "silent": result.silent, "closed": why_closed.records(cells)})
    if whys := why_closed.nothing_open(cells):
        say(*whys)
        return why_closed.NOTHING_OPEN
    if not as_json:
        axes = {id: axes_of(registry, id) for id in dict.fromkeys(cell.exhibit for cell in cells)}
        if ids and len(set(ids)) == 2:
            compare_table.sentences(result.observations, axes, list(dict.fromkeys(ids)))
        elif result.observations:
            compare_table.table(result.observations, axes)
        out = tables.console()
        against = ((*cell, text) for cell, texts in result.contradictions.items() for text in texts)
        for line in [*(f"{id} behind {front}: cage.toml {text}" for id, front, text in against), *result.silent]:
            out.print(printable(line), style="red", markup=False, soft_wrap=True)
        for line in why_closed.lines(cells) if ids else []:
            out.print(line, style="yellow", markup=False)
    return 1 if result.silent or any(result.contradictions.values()) else 0


def _records(result: Comparison) -> list[dict[str, object]]:
    against = result.contradictions
    return [asdict(o) | {"model": o.model, "contradictions": against[o.exhibit, o.front]} for o in result.observations]
