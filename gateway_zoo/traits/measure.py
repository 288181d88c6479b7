"""Measure a matrix: start a zoo of its own, run every probe in every open cell, stop the zoo.

Families work side by side, because most probes wait. Within a family one probe runs at a time, so that no probe sees
the requests of another. The order: quick traits, slow ones (all families at once: they wait for a minute, and need no
processor), then the traits that disturb a whole front, each alone.

Each probe runs twice, unless the trait says otherwise. Different answers make the state "varies". Who compares with
kept answers may doubt some: these cells are asked again, one family at a time, and the second look counts.
"""

import concurrent.futures
import datetime
import http.client
import platform
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import psutil

from gateway_zoo.errors import Stop, fail
from gateway_zoo.keeper import own_zoo, restart
from gateway_zoo.registry import plans, versions
from gateway_zoo.registry.cages import Registry
from gateway_zoo.settings import Settings
from gateway_zoo.traits.catalogue import Trait
from gateway_zoo.traits.cell import Cell
from gateway_zoo.traits.outcome import NotAsked, Outcome, Unknown
from gateway_zoo.traits.records import (
    ANSWERED,
    NOT_ASKED,
    OWN_PROGRAM,
    UNKNOWN,
    VARIES,
    Answer,
    CellFacts,
    Evidence,
    Matrix,
)

PROGRAM = "traits/program"
AT_ONCE = 6  # families at work with quick traits
FRONTS = ("nginx", "apache")
FAILURES = (Stop, OSError, ValueError, LookupError, TypeError, AttributeError, psutil.Error, http.client.HTTPException)

Progress = Callable[[int, int], None]
Key = tuple[str, str, str]  # trait, exhibit, front
Doubt = Callable[[Matrix], Iterable[Key]]
SECOND_LOOK = 3  # runs
Result = Outcome | NotAsked | Unknown


def measure(
    settings: Settings,
    registry: Registry,
    traits: Sequence[Trait],
    ids: Sequence[str] = (),
    fronts: Sequence[str] = FRONTS,
    progress: Progress = lambda done, of: None,
    *,
    once: bool = False,
    doubt: Doubt = lambda matrix: (),
) -> Matrix:
    """Measure these traits in these exhibits (none: all). `progress` gets the answers so far, and how many there will
    be. Ctrl-C ends it early: the matrix has what was measured until then. Raises Stop.

    `once`: each probe runs once. `doubt`: which answers of a matrix to measure again; the new ones take their place.
    """
    wanted = [id for id in registry.exhibits if id in ids] if ids else plans.with_groups(registry, [])
    own_zoo.stop_like_ctrl_c()
    with own_zoo.OwnZoo(settings, wanted, more={"ZOO_PROGRAM": PROGRAM}, in_a_container=True) as zoo:
        run = _Run(zoo, traits, fronts, progress, once)
        run.work()
        run.look_again(set(doubt(run.matrix(ids))))
        return run.matrix(ids)


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def place(settings: Settings) -> str:
    """Where the measurement is made; expected values are kept apart for each."""
    return "image" if settings.compose or Path("/opt/zoo/image.json").exists() else "native"


def cell_facts(registry: Registry, exhibit: str, front: str, closed: str = "") -> CellFacts:
    """A cell, as its cage declares it."""
    family = registry.family_of(exhibit)
    protocol, interface = registry.protocol_of(exhibit), registry.interface_of(exhibit)
    return CellFacts(exhibit, front, protocol, interface, family.model, family.server, closed)


class _Run:
    """One measurement. `answers`: (trait, exhibit, front) -> answer."""

    def __init__(
        self, zoo: own_zoo.OwnZoo, traits: Sequence[Trait], fronts: Sequence[str], progress: Progress, once: bool
    ) -> None:
        self.zoo = zoo
        self.once = once
        self.traits = traits
        self.places = [cell for cell in zoo.plan.open_cells if cell.front in fronts]
        self.fronts = fronts
        self.progress = progress
        self.answers: dict[tuple[str, str, str], Answer] = {}
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.began = time.monotonic()
        self.made = now()
        if not self.places:
            fail("none of these cells is open here; ./zoo ls says why", 3)

    def work(self) -> None:
        """Run all probes; Ctrl-C ends the work, and is no error."""
        try:
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                own = set(pool.map(self._has_own_program, self.places)) - {None}
            self.places = [cell for cell in self.places if cell not in own]
            for cell in own:
                if cell:
                    self._keep(self._skipped(cell, trait, OWN_PROGRAM) for trait in self.traits)
            self._side_by_side([t for t in self.traits if t.scope != "front" and not t.facts.slow], AT_ONCE)
            self._side_by_side([t for t in self.traits if t.scope != "front" and t.facts.slow], 64)
            for trait in self.traits:
                if trait.scope == "front":
                    for front in self.fronts:
                        self._ask(trait, [cell for cell in self.places if cell.front == front])
        except KeyboardInterrupt:
            self.stopped.set()

    def look_again(self, keys: set[Key]) -> None:
        """Measure these answers once more, with nothing else at work. Their neighbours in a probe stay as they are."""
        first = dict(self.answers)
        try:
            for trait in self.traits:
                doubted = [cell for cell in self.places if (trait.name, cell.exhibit, cell.front) in keys]
                groups = {self._group(trait, cell): None for cell in doubted}
                for group in groups:
                    self._ask(trait, list(group), SECOND_LOOK)
        except KeyboardInterrupt:
            self.stopped.set()
        self.answers |= {key: answer for key, answer in first.items() if key not in keys}

    def _group(self, trait: Trait, cell: plans.Cell) -> tuple[plans.Cell, ...]:
        """The cells that a probe asks together with this one."""
        family = self.zoo.plan.registry.family_of
        if trait.scope == "cell":
            return (cell,)
        same = [c for c in self.places if family(c.exhibit) == family(cell.exhibit)]
        return tuple(same if trait.scope == "family" else [c for c in self.places if c.front == cell.front])

    def matrix(self, ids: Sequence[str]) -> Matrix:
        """The record of what was measured."""
        plan, registry = self.zoo.plan, self.zoo.plan.registry
        shown = [cell for cell in plan.cells if cell.front in self.fronts and (not ids or cell.exhibit in ids)]
        cells = [
            cell_facts(
                registry,
                cell.exhibit,
                cell.front,
                OWN_PROGRAM if registry.family_of(cell.exhibit).group else cell.closed or "",
            )
            for cell in shown
        ]
        order = {(t.name, c.exhibit, c.front): n for n, (t, c) in enumerate((t, c) for t in self.traits for c in shown)}
        return Matrix(
            self.made,
            place(self.zoo.settings),
            f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
            {each.name: each.version for each in versions.versions(self.zoo.settings, registry) if each.version},
            [trait.facts for trait in self.traits],
            cells,
            [self.answers[key] for key in sorted(self.answers, key=lambda key: order.get(key, len(order)))],
            complete=not self.stopped.is_set(),
            seconds=round(time.monotonic() - self.began, 1),
        )

    # --- the order of the work ----------------------------------------------------------------------------------------

    def _has_own_program(self, place: plans.Cell) -> plans.Cell | None:
        """An exhibit with a page for browsers has a program around ours, which may answer in its place."""
        cell = Cell(self.zoo, place, "")
        return None if not cell.exhibit.page and cell.reaches_the_program() else place

    def _side_by_side(self, traits: list[Trait], at_once: int) -> None:
        families: dict[str, list[plans.Cell]] = defaultdict(list)
        for cell in self.places:
            families[self.zoo.plan.registry.family_of(cell.exhibit).id].append(cell)
        if not traits:
            return
        pool = concurrent.futures.ThreadPoolExecutor(at_once)
        try:
            work = [pool.submit(self._family, traits, cells) for cells in families.values()]
            for future in concurrent.futures.as_completed(work):
                future.result()
        except KeyboardInterrupt:
            self.stopped.set()
            raise
        finally:
            pool.shutdown(wait=not self.stopped.is_set(), cancel_futures=True)

    def _family(self, traits: list[Trait], cells: list[plans.Cell]) -> None:
        for trait in traits:
            for group in [cells] if trait.scope == "family" else [[cell] for cell in cells]:
                if not self.stopped.is_set():
                    self._ask(trait, group)

    # --- one probe ----------------------------------------------------------------------------------------------------

    def _ask(self, trait: Trait, places: list[plans.Cell], times: int = 0) -> None:
        """Run a probe so many times (0: as its trait says), and keep the answers of these cells."""
        runs: dict[plans.Cell, list[tuple[Result, list[Evidence]]]] = {place: [] for place in places}
        for _ in range(times or (1 if self.once else trait.runs)):
            if self.stopped.is_set() or not places:
                return
            cells = [Cell(self.zoo, place, trait.name, self.stopped) for place in places]
            for cell, result in _results(trait, cells).items():
                runs[cell.place].append((result, cell.evidence))
            for cell in cells:
                if trait.scope != "cell" or not cell.well:
                    self._mend(cell)
        if not self.stopped.is_set():
            self._keep(_summed_up(trait, place, results) for place, results in runs.items())

    def _mend(self, cell: Cell) -> None:
        """A probe may leave a family that does not answer: the next one needs it again. To reach the program costs less
        than `ping`: a CGI program need not load the zoo's app."""
        if self.stopped.is_set() or cell.reaches_the_program() or cell.wait_until_back() or not cell.family.command:
            return
        try:
            restart.restart(self.zoo.settings, cell.exhibit.id)
        except Stop as stop:
            cell.note("restart", stop.text)

    def _skipped(self, place: plans.Cell, trait: Trait, why: str) -> Answer:
        return Answer(trait.name, place.exhibit, place.front, NOT_ASKED, why=why)

    def _keep(self, answers: Iterable[Answer]) -> None:
        with self.lock:
            self.answers |= {(answer.trait, answer.exhibit, answer.front): answer for answer in answers}
            done = len(self.answers)
        self.progress(done, len(self.traits) * len(self.zoo.plan.open_cells))


def _results(trait: Trait, cells: list[Cell]) -> dict[Cell, Result]:
    """Run a probe once."""
    try:
        if trait.scope == "cell":
            return {cells[0]: _outcome(trait.probe(cells[0]))}
        found: dict[Cell, Outcome | str | NotAsked | Unknown] = trait.probe(cells)
        return {cell: _outcome(found.get(cell, Unknown("the probe has no answer"))) for cell in cells}
    except (NotAsked, Unknown) as result:
        return dict.fromkeys(cells, result)
    except FAILURES as error:
        return dict.fromkeys(cells, Unknown(f"the probe failed: {type(error).__name__}: {error}"))


def _outcome(result: Result | str) -> Result:
    return Outcome(result) if isinstance(result, str) else result


def _summed_up(trait: Trait, place: plans.Cell, results: list[tuple[Result, list[Evidence]]]) -> Answer:
    """One answer of several runs. A run without an answer counts only if no run has one."""
    outcomes = [(result, evidence) for result, evidence in results if isinstance(result, Outcome)]
    if not outcomes:
        result, evidence = results[-1]
        state = NOT_ASKED if isinstance(result, NotAsked) else UNKNOWN
        return Answer(trait.name, place.exhibit, place.front, state, why=str(result), evidence=evidence)
    different = {outcome.text: evidence for outcome, evidence in reversed(outcomes)}
    texts = sorted(different)
    figures = sorted(outcome.figure for outcome, _ in outcomes if outcome.figure is not None)
    evidence = [piece for text in texts for piece in different[text]]
    return Answer(
        trait.name,
        place.exhibit,
        place.front,
        ANSWERED if len(texts) == 1 else VARIES,
        texts,
        figure=figures[len(figures) // 2] if figures else None,
        evidence=evidence,
    )
