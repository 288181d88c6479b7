"""Which services of a zoo in containers do not answer, found by asking over HTTP, as everybody else does.

A container may not ask Docker (no socket of it is in any), so a service that serves nothing by itself is found by what
it does for others: it is named where an exhibit answers and what the helper brings is missing.
"""

import concurrent.futures
from collections.abc import Iterator

from gateway_zoo.measure import contract, targets
from gateway_zoo.registry.cagefile import Family, Question
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell, Plan


def services(plan: Plan, urls: dict[str, str]) -> Iterator[tuple[list[str], list[str]]]:
    """Services that do not answer, with what misses them. Several, where from outside nobody can tell which of them."""
    cells = [cell for cell in targets.elsewhere(plan.settings, plan.registry, urls) if cell.closed is None]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        fronts = {cell.front: cell.url.removesuffix(f"/{cell.exhibit}") for cell in cells}
        away = [front for front, there in zip(fronts, pool.map(_answers, fronts.values()), strict=True) if not there]
        cells = [cell for cell in cells if cell.front not in away]
        silent = [cell for cell, yes in zip(cells, pool.map(targets.answers, cells), strict=True) if not yes]
    yield from (([front], ["every exhibit there"]) for front in away)
    missed: dict[str, list[str]] = {}
    for cell in silent:
        missed.setdefault(_server(plan, cell), []).append(f"{cell.exhibit} behind {cell.front}")
    yield from (([service], cells) for service, cells in missed.items())
    yield from _helpers(plan.registry, [cell for cell in cells if cell not in silent])


def _answers(base: str) -> bool:
    return targets.said(base) is not None


def _server(plan: Plan, cell: Cell) -> str:
    """What must run for this cell: the front itself, where the app is in it."""
    return cell.front if targets.inside(plan.registry, cell.exhibit, cell.front) else plan.service(cell.exhibit)


def _helpers(registry: Registry, cells: list[Cell]) -> Iterator[tuple[list[str], list[str]]]:
    missed: dict[tuple[str, ...], list[str]] = {}
    for family in (family for family in registry.families.values() if family.serves):
        wrong = [f"{cell.exhibit}/{ask.path}" for cell, ask in _helped(registry, family, cells) if _fails(cell, ask)]
        if wrong:
            missed.setdefault(tuple(dict.fromkeys(wrong)), []).append(family.id)
    yield from ((helpers, list(wrong)) for wrong, helpers in missed.items())


def _helped(registry: Registry, family: Family, cells: list[Cell]) -> Iterator[tuple[Cell, Question]]:
    """What to ask, of whom. One cell tells it for all, if a family helps all."""
    every = registry.cage_of(family.id).file.ask_all
    for cell in cells:
        all_of_them = "*" in family.serves
        asks = (
            [a for a in registry.questions(cell.exhibit) if a in every]
            if all_of_them
            else registry.exhibits[cell.exhibit].ask
        )
        if asks and (all_of_them or cell.exhibit in family.serves):
            yield from ((cell, ask) for ask in asks)
            return


def _fails(cell: Cell, ask: Question) -> bool:
    return contract.ask_own(cell, ask, None).state == "failed"
