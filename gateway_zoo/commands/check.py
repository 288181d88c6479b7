"""`check`: every cell, every endpoint, GET and HEAD, held against the contract (measure/contract.py)."""

from dataclasses import asdict
from typing import Any

from gateway_zoo.commands.tables import check_table
from gateway_zoo.keeper import image
from gateway_zoo.measure import contract, targets
from gateway_zoo.measure.contract import Differences, Result
from gateway_zoo.registry import why_closed
from gateway_zoo.registry.plans import Cell
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import print_json, say


def run(settings: Settings, ids: list[str] | None, as_json: bool, urls: dict[str, str]) -> int:
    """Exit 0 if every open cell is right, 1 if a cell is not, 3 if no wanted cell is open."""
    registry, cells = targets.find(settings, ids, urls)
    differences: Differences = {}
    if old := image.older(settings, targets.image_of(cells)) if any(urls.values()) else None:
        say(old)
    if not ids:
        cells += contract.pages(registry, cells)
        cells += [] if any(urls.values()) else contract.tls(settings, cells)
    with tables.console(error=True).status("asking") as status:

        def progress(done: int, of: int) -> None:
            status.update(f"{done} of {of} endpoints asked")

        results = contract.ask_all(registry, cells, differences, str(settings.tls / "ca.pem"), progress)
    failed = sum(result.state == "failed" for result in results)
    opened = any(cell.closed is None for cell in cells)
    if as_json:
        print_json(_json(cells, results, differences) | {"old_image": old})
    else:
        check_table.report(tables.console(), cells, results, differences)
    say(*why_closed.sentences(registry, cells, ids or [] if opened else dict.fromkeys(c.exhibit for c in cells)))
    return 1 if failed else 0 if opened else 3


def _json(cells: list[Cell], results: list[Result], differences: Differences) -> dict[str, Any]:
    """Return the JSON. `closed` counts cells, as the table does; nothing open is not ok."""
    failed = sum(result.state == "failed" for result in results)
    ok = not failed and any(cell.closed is None for cell in cells)
    counts = {"failed": failed, "closed": sum(bool(cell.closed) for cell in cells)}
    return {"ok": ok, **counts, "cells": [asdict(result) for result in results], "differences": differences}
