"""`news`: four ways to hear news through every cell (measure/news.py)."""

from dataclasses import asdict

from gateway_zoo.commands.tables import news_table
from gateway_zoo.errors import fail
from gateway_zoo.measure import news, targets
from gateway_zoo.registry import why_closed
from gateway_zoo.settings import Settings
from gateway_zoo.terminal.messages import print_json, say


def run(settings: Settings, ids: list[str] | None, as_json: bool, urls: dict[str, str]) -> int:
    """Exit 0 if all is as declared, 1 if not, 3 if no wanted cell is open."""
    registry, cells = targets.find(settings, ids, urls)
    cells = [cell for cell in cells if news.interface_of(registry, cell.exhibit) in news.INTERFACES]
    data = news.ways(settings)
    if not data["way"] or not cells:
        fail("no exhibit here tells news", 3)
    results = news.try_all(registry, cells, data)
    wrong = [result for result in results if not result.as_declared]
    if as_json:
        print_json({"ok": not wrong, "cells": [asdict(r) | {"as_declared": r.as_declared} for r in results]})
    if whys := why_closed.nothing_open(cells):
        say(*whys)
        return why_closed.NOTHING_OPEN
    if not as_json:
        news_table.show_all(results, [way["id"] for way in data["way"]])
        news_table.show_closed(cells, by_name=bool(ids))
    return 1 if wrong else 0
