"""Find the services of a zoo in containers that do not answer, over HTTP.

A container may not ask Docker, because no container has its socket. A helper service serves nothing by itself: it is
away if an exhibit answers and the part that the helper brings is missing.
"""

import concurrent.futures
from collections.abc import Iterator

from gateway_zoo.measure import contract, targets
from gateway_zoo.registry.cagefile import Family, Question
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell, Plan


def services(plan: Plan, urls: dict[str, str]) -> Iterator[tuple[list[str], list[str]]]:
    """Return services that do not answer, with the cells that miss them.

    A list has several services where the answers do not show which of them is away.
    """
    cells = [cell for cell in targets.elsewhere(plan.settings, plan.registry, urls) if cell.closed is None]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        fronts = {cell.front: cell.url.removesuffix(f"/{cell.exhibit}") for cell in cells}
        answers = pool.map(targets.said, fronts.values())
        away = [front for front, answer in zip(fronts, answers, strict=True) if answer is None]
        cells = [cell for cell in cells if cell.front not in away]
        silent = [cell for cell, yes in zip(cells, pool.map(targets.answers, cells), strict=True) if not yes]
    yield from (([front], ["every exhibit there"]) for front in away)
    missed: dict[str, list[str]] = {}
    for cell in silent:
        inside = plan.registry.runs_inside(cell.exhibit, cell.front)
        service = cell.front if inside else plan.service(cell.exhibit)
        missed.setdefault(service, []).append(f"{cell.exhibit} behind {cell.front}")
    yield from (([service], cells) for service, cells in missed.items())
    yield from _helpers(plan.registry, [cell for cell in cells if cell not in silent])


def _helpers(registry: Registry, cells: list[Cell]) -> Iterator[tuple[list[str], list[str]]]:
    missed: dict[tuple[str, ...], list[str]] = {}
    for family in (family for family in registry.families.values() if family.serves):
        answers = [contract.ask_own(cell, ask, None) for cell, ask in _helped(registry, family, cells)]
        wrong = [f"{answer.exhibit}/{answer.endpoint}" for answer in answers if answer.state == "failed"]
        if wrong:
            missed.setdefault(tuple(dict.fromkeys(wrong)), []).append(family.id)
    yield from ((helpers, list(wrong)) for wrong, helpers in missed.items())


def _helped(registry: Registry, family: Family, cells: list[Cell]) -> Iterator[tuple[Cell, Question]]:
    """Return questions and the cells to ask. If a family helps all, one cell is enough."""
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
