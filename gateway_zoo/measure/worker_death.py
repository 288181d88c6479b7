"""The death of a worker amid requests: which requests it costs, and how long its family needs until it is whole again.

A crowd is sent (crowd.py). While its first requests run, the keeper kills one process of the family. From then on short
requests follow, one after another, until one was answered and the family has as many processes as before.

What trips people up: a family that starts a process for each request replaces nothing, and a pool that grows under load
(Apache's, php-fpm's) starts another process only when it needs one. There the family stays smaller, and that is no
fault.
"""

import concurrent.futures
import time

import msgspec

from gateway_zoo.keeper import families, state
from gateway_zoo.keeper.stop_worker import NotStopped, Stopped, stop_worker
from gateway_zoo.measure import crowd
from gateway_zoo.measure.crowd import Bar, Crowd
from gateway_zoo.measure.figures import count
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell
from gateway_zoo.settings import Settings

SHORT_MS = 10  # a request after the death runs so long
STEP_S = 0.1  # between two such requests
BIRTH_S = 3.0  # until the process of a request exists, where each request has its own
WHOLE_S = 5.0  # a family that answers, and is not whole by then, stays so
BACK_S = 20.0  # a family that does not answer by then is given up


class Death(msgspec.Struct, frozen=True):
    """One death. Times in ms since the crowd began.

    `crowd`: all requests, those before and after the death. `died`: the signal was sent. `lost`: requests without an
    answer, that were sent before the death, and after it. `answered`: the first answer to a request that was sent after
    the death. `whole`: the family had as many processes as before; else None, and `why` says why. `sentences`: all this
    in words.
    """

    crowd: Crowd
    stopped: Stopped
    places: int
    died: float
    lost_before: int
    lost_after: int
    answered: float | None
    whole: float | None
    why: str
    sentences: list[str] = []


def usual_place(settings: Settings, registry: Registry, exhibit: str) -> int:
    """The place of a worker: the youngest process of the family; with a process per request, the one born next.

    Raises NotStopped where no zoo runs, or where it runs in containers.
    """
    return max(1, len(_pids(settings, registry, exhibit)) + _is_born_for_a_request(registry, exhibit))


def stop_amid(settings: Settings, registry: Registry, cell: Cell, place: int, requests: int, hold_ms: int) -> Death:
    """Send a crowd to a cell, and stop the process at this place of its family. Raises NotStopped, ValueError."""
    crowd.check(requests, hold_ms)
    before = _pids(settings, registry, cell.exhibit)
    family = registry.family_of(cell.exhibit).id
    with concurrent.futures.ThreadPoolExecutor(requests) as pool:
        start = time.monotonic()
        sent = [pool.submit(crowd.ask, cell, number, hold_ms, start) for number in range(1, requests + 1)]
        time.sleep(hold_ms / 2000)
        unborn = place == len(before) + 1 and _is_born_for_a_request(registry, cell.exhibit)
        stopped = _stop(settings, family, place, BIRTH_S if unborn else 0)
        died = _ms_since(start)
        later, answered, whole = _until_back(settings, registry, cell, start, len(before), stopped)
        bars = [future.result() for future in sent]
    why = "" if whole is not None else _why_not(registry, cell.exhibit)
    death = Death(
        crowd.sum_up(cell, bars + later, hold_ms),
        stopped,
        len(before),
        died,
        sum(bool(bar.error) for bar in bars),
        sum(bool(bar.error) for bar in later),
        answered,
        whole,
        why,
    )
    return msgspec.structs.replace(death, sentences=story(death))


def story(death: Death) -> list[str]:
    """The death in sentences."""
    crowd, stopped, place = death.crowd, death.stopped, f"place {death.stopped.place}"
    where = f"{place} of {death.places}" if stopped.place <= death.places else f"{place}, born for a request"
    lines = [
        f"{crowd.exhibit} behind {crowd.front}: process {stopped.pid} of {stopped.family} ({where}) got SIGKILL after "
        f"{death.died:.0f} ms.",
        f"It cost {count(death.lost_before, 'request')} of those at once, and {death.lost_after} of the later ones.",
    ]
    if death.answered is None:
        return [*lines, "No later request had an answer."]
    lines.append(f"{death.answered - death.died:.0f} ms after the death a new request had its answer.")
    if death.whole is None:
        return [*lines, f"{death.why[:1].upper()}{death.why[1:]}."]
    back = count(death.places, "process")
    return [*lines, f"{death.whole - death.died:.0f} ms after the death the family had {back} again."]


def _stop(settings: Settings, family: str, place: int, patience: float) -> Stopped:
    """A process that is born for a request may not exist yet: ask again for so many seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return stop_worker(settings, family, place)
        except NotStopped:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _until_back(
    settings: Settings, registry: Registry, cell: Cell, start: float, before: int, stopped: Stopped
) -> tuple[list[Bar], float | None, float | None]:
    """Return the requests after the death, the time of the first answer, and the time when the family was whole."""
    bars: list[Bar] = []
    answered = whole = None
    died = time.monotonic()
    replaces = not _is_born_for_a_request(registry, cell.exhibit)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        while True:
            began = time.monotonic()
            asked = pool.submit(crowd.ask, cell, len(bars) + crowd.MOST_REQUESTS + 1, SHORT_MS, start)
            while not asked.done() or time.monotonic() < began + STEP_S:
                if replaces and whole is None and _is_whole(settings, registry, cell.exhibit, before, stopped.pid):
                    whole = _ms_since(start)
                time.sleep(0.02)
            bars.append(asked.result())
            if answered is None and not bars[-1].error:
                answered = bars[-1].answered
            waited = time.monotonic() - died
            if waited > BACK_S or (answered and (whole or not replaces or waited > WHOLE_S)):
                return bars, answered, whole


def _is_whole(settings: Settings, registry: Registry, exhibit: str, before: int, dead: int) -> bool:
    try:
        pids = _pids(settings, registry, exhibit)
    except NotStopped:  # state.json is written anew
        return False
    return len(pids) >= before and dead not in pids


def _pids(settings: Settings, registry: Registry, exhibit: str) -> list[int]:
    """The processes of an exhibit's family, the oldest first. Raises NotStopped if no zoo runs here."""
    family = registry.family_of(exhibit).id
    running = None if settings.compose else state.of_running(settings)
    if running is None:
        raise NotStopped("no zoo that ./zoo up has started runs here; in containers: docker compose kill " + family)
    members = families.living(running.token, running.sessions, settings.run).get(family, [])
    return [born.pid for born in members]


def _is_born_for_a_request(registry: Registry, exhibit: str) -> bool:
    return registry.family_of(exhibit).model == "fork per request"


def _why_not(registry: Registry, exhibit: str) -> str:
    if _is_born_for_a_request(registry, exhibit):
        return "each request has a process of its own: nothing is to be replaced"
    return f"after {WHOLE_S:.0f} s it has fewer processes: a pool may start another only when it needs one"


def _ms_since(start: float) -> float:
    return round((time.monotonic() - start) * 1000, 2)
