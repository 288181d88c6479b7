"""Several cells at once, for probes that disturb a family or a front; and a trickle of requests during a reload.

What trips people up: Ctrl-C in the middle. No pool here waits for its threads then: the zoo of the traits ends, so
their connections end, and so do they.
"""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby

from gateway_zoo.traits.cell import Cell, shown
from gateway_zoo.traits.exchange import Exchange
from gateway_zoo.traits.outcome import NotAsked, Outcome, Unknown

Result = str | Outcome | NotAsked | Unknown
Probe = Callable[[Cell], str | Outcome]

PAUSE_S = 0.05  # between two requests of a trickle


def at_once(cells: Sequence[Cell], probe: Probe) -> dict[Cell, Result]:
    """Probe all cells at the same time, each in a thread."""
    return {cell: result for part in _threads([[cell] for cell in cells], probe) for cell, result in part.items()}


def by_families(cells: Sequence[Cell], probe: Probe, side_by_side: int = 32) -> dict[Cell, Result]:
    """Probe all cells of a front: so many families side by side, cells of a family one after another; then, alone,
    those that live inside the front, because its processes may serve all the others, too."""
    outside = sorted((cell for cell in cells if not cell.inside), key=lambda cell: cell.family.id)
    rows = [list(row) for _, row in groupby(outside, key=lambda cell: cell.family.id)]
    results: dict[Cell, Result] = {}

    def probe_and_mend(cell: Cell) -> str | Outcome:
        try:
            return probe(cell)
        finally:
            cell.wait_until_back()

    for row in [rows, *([[cell]] for cell in cells if cell.inside)]:
        for part in _threads(row, probe_and_mend, side_by_side):
            results |= part
    return results


def _threads(rows: Sequence[Sequence[Cell]], probe: Probe, most: int = 32) -> list[dict[Cell, Result]]:
    pool = ThreadPoolExecutor(most)
    try:
        return [future.result() for future in [pool.submit(_row, row, probe) for row in rows]]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _row(row: Sequence[Cell], probe: Probe) -> dict[Cell, Result]:
    results: dict[Cell, Result] = {}
    for cell in row:
        if cell.stopped.is_set():
            break
        try:
            results[cell] = probe(cell)
        except (NotAsked, Unknown) as result:
            results[cell] = result
        except (OSError, ValueError, LookupError) as error:
            results[cell] = Unknown(f"the probe failed: {type(error).__name__}: {error}")
    return results


# --- a trickle --------------------------------------------------------------------------------------------------------


@dataclass
class Trickle:
    """What became of the requests of a cell: "200", "502", "reset", ... `pids`: of the last answers."""

    sent: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    lost: list[Exchange] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)

    def add(self, cell: Cell, seen: Exchange) -> None:
        """Count a request; it is lost unless its answer is 200 and whole."""
        self.sent += 1
        good = seen.status == 200 and seen.answer.whole
        self.outcomes[str(seen.status) if good or seen.status >= 400 else seen.refused or seen.ended] += 1
        if good:
            with contextlib.suppress(Unknown):
                self.pids = [*self.pids[-7:], cell.facts(seen)["pid"]]
        else:
            self.lost.append(seen)

    def result(self, cell: Cell) -> Outcome:
        """The answer of a trait: what was lost, and how many."""
        cell.note("requests", ", ".join(f"{count} x {kind}" for kind, count in self.outcomes.most_common()))
        if self.lost:
            cell.evidence += shown(self.lost[0])
            return Outcome("some lost", len(self.lost))
        return Outcome("none lost", 0)


@contextlib.contextmanager
def trickle(cells: Sequence[Cell], paths: Sequence[str]) -> Iterator[dict[Cell, Trickle]]:
    """Send requests through all cells until the block ends: for each path one after another."""
    enough = threading.Event()
    trickles = {cell: Trickle() for cell in cells}

    def go_on(cell: Cell, path: str) -> None:
        while not enough.is_set() and not cell.stopped.is_set():
            trickles[cell].add(cell, cell.send(cell.request(path), quiet=True))
            time.sleep(PAUSE_S)

    threads = [threading.Thread(target=go_on, args=[cell, path]) for cell in cells for path in paths]
    for thread in threads:
        thread.start()
    try:
        yield trickles
    except BaseException:
        enough.set()
        raise
    enough.set()
    for thread in threads:
        thread.join()
