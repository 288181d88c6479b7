"""Whether each cell answers now: every open cell gets a `ping`."""

import concurrent.futures
import http.client
from dataclasses import dataclass

from gateway_zoo.measure import probe
from gateway_zoo.registry.plans import Cell

TOGETHER = 16  # pings at once
PATIENCE_S = 3.0  # a CGI program on a busy machine takes one or two


@dataclass(frozen=True)
class CellState:
    """A cell. `state`: "answers", "down" or "closed"; `why`: the reason of the two latter."""

    exhibit: str
    front: str
    url: str
    state: str
    why: str = ""


def states(cells: list[Cell]) -> list[CellState]:
    """Ask all open cells, and return a state for each cell, in the order of `cells`."""
    with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
        return list(pool.map(_state, cells))


def _state(cell: Cell) -> CellState:
    if cell.closed:
        return CellState(cell.exhibit, cell.front, cell.url, "closed", cell.closed)
    try:
        answer = probe.ask(f"{cell.url}/ping", timeout=PATIENCE_S, limit=10_000)
    except (OSError, http.client.HTTPException) as error:
        return CellState(cell.exhibit, cell.front, cell.url, "down", f"{type(error).__name__}: {error}")
    wrong = probe.faults("ping", "GET", answer)
    return CellState(cell.exhibit, cell.front, cell.url, "down" if wrong else "answers", "; ".join(wrong))
