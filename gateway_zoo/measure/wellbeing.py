"""Is a running zoo well? Its own account (state.json) and its cells are asked; `doctor` prints the answers.

A family is not well if it is not running, or if it has ended several times in a row and is young again. A cell is not
well if it does not answer ping. Nothing here starts or ends anything.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from gateway_zoo.keeper import ready, state
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell
from gateway_zoo.settings import Settings

AGAIN_AND_AGAIN = 2  # deaths in a row
YOUNG_S = 10.0  # after this time the keeper takes a family for healthy (keeper.HEALTHY_S)
SETTLE_S = 15.0  # in which a zoo that is just starting may write its account
SHOWN = 4  # names in one sentence

Ill = tuple[str, str]  # what is not well, and what to do


def ills(settings: Settings, registry: Registry) -> list[Ill]:
    """All that is not well in the zoo of this run directory; empty: all is well."""
    running = _account(settings)
    if running is None:
        return [(f"a zoo holds {settings.run}, but has left no account of itself there", "./zoo down, then ./zoo up")]
    cells = [cell for cell in running.cells if cell.closed is None]
    families = list(_families(settings, running))
    return families + list(_cells(registry, running, cells, {name for name, _ in _dying(running)}))


def _account(settings: Settings) -> state.State | None:
    deadline = time.monotonic() + SETTLE_S
    while (running := state.read(settings)) is None and state.running(settings) and time.monotonic() < deadline:
        time.sleep(0.1)
    return running


def _families(settings: Settings, running: state.State) -> Iterator[Ill]:
    for name, deaths in _dying(running):
        now = "runs again" if name in running.sessions else "does not run now"
        log = settings.logs / f"{name}.log"
        yield f"{name} has ended {deaths} times in a row and {now}", f"see {log}, then ./zoo restart {name}"


def _dying(running: state.State) -> Iterator[tuple[str, int]]:
    """Families that do not run now, or have died again and again and are young."""
    for name, deaths in running.failures.items():
        session = running.sessions.get(name)
        if session is None or (deaths >= AGAIN_AND_AGAIN and age(session) < YOUNG_S):
            yield name, deaths


def age(pid: int) -> float:
    """Seconds since a process began; 0 for one that is gone."""
    import psutil

    try:
        return time.time() - psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


def _cells(registry: Registry, running: state.State, cells: list[Cell], dying: set[str]) -> Iterator[Ill]:
    """Cells that do not answer, a sentence for each exhibit. Those of a dying family have been told."""
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ready.answers, cells))
    silent: dict[str, list[str]] = {}
    for cell, answer in zip(cells, answers, strict=True):
        family = registry.exhibits[cell.exhibit].family if cell.exhibit in registry.exhibits else ""
        if not answer and not {cell.front, family} & dying:
            silent.setdefault(cell.exhibit, []).append(cell.front)
    for front, silent_there in _whole_fronts(cells, silent):
        yield f"{front} does not answer ({silent_there} cells)", f"./zoo logs; ./zoo restart {front}"
    for exhibit, fronts in silent.items():
        if fronts:
            what = f"{exhibit} does not answer behind {' and '.join(fronts)}"
            yield what, f"./zoo logs {exhibit}; ./zoo restart {exhibit}"


def _whole_fronts(cells: list[Cell], silent: dict[str, list[str]]) -> Iterator[tuple[str, int]]:
    """A front of which no cell answers is told once; it is taken out of `silent`."""
    for front in dict.fromkeys(cell.front for cell in cells):
        behind = [cell.exhibit for cell in cells if cell.front == front]
        if len(behind) > 1 and all(front in silent.get(exhibit, []) for exhibit in behind):
            for exhibit in behind:
                silent[exhibit].remove(front)
            yield front, len(behind)
