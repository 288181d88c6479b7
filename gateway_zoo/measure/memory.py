"""What an exhibit's processes use: at rest, with one request in flight, with several, and what one request adds.

The measure is PSS: resident memory in which a shared page counts once, divided among the processes that have it. It is
read by the exhibit itself (`status?full`, the processes of one session with one command line), so it works over HTTP
and in containers. What can be known differs with the process model:

* processes that stay (threads, prefork, embedded): at rest and in flight they are the same processes. The reader is
  itself a request in flight, so memory `at rest` contains one, which cannot be told apart;
* a process per request: at rest the program has no process at all, so 0, as far as the program is counted. The
  gateway that starts it (fcgiwrap, mod_cgid) answers no HTTP: its memory is unknown, None, never 0.

Errors: the same thing is read twice, and the spread of the readings is the interval. What a request adds is the
difference to the memory `after` it, when nothing is in flight again: a first request also makes things that stay
(imports, a pool that grows), and those are no cost of a request in flight. The interval that reaches 0 is too little
to measure. `rest` depends on what came before, an earlier crowd for example: the number of processes stands beside each
figure. Embedded in a front, the processes are that front's, with all that it serves. And PSS becomes less when another
family starts more processes of the same program (php-fpm beside php-fpm): the shared pages have more users then.
"""

from dataclasses import dataclass
from statistics import median

from gateway_zoo.measure.figures import Interval

NOT_READABLE = "the kernel does not let the exhibit read the memory of all its processes"
STARTER = "the gateway that starts a process for each request answers no HTTP itself: its memory is not counted"
STAYS = "the process that started these answers no HTTP: its memory is not counted"


@dataclass(frozen=True)
class Reading:
    """One look: `pss` in bytes by pid (None: may not be read), while `in_flight` requests ran, the reader's too."""

    in_flight: int
    reader: int
    pss: dict[int, int | None]


@dataclass(frozen=True)
class Memory:
    """Bytes of PSS of the processes that run the program; None where `why` says why.

    `rest`: nothing in flight, before the crowd came. `one`: one request. `parallel`: `requests` of them at the same
    time, in `parallel_processes`. `after`: nothing in flight again. `per_request`: (parallel - after) / requests.
    `helper`: processes that work for the exhibit and do not run the program; HTTP cannot ask them, so it is None, and
    `helper_why` says which those are.
    """

    rest: float | None
    rest_processes: int
    one: float | None
    parallel: float | None
    parallel_processes: int
    requests: int
    after: float | None
    per_request: Interval | None
    why: str | None
    helper: None
    helper_why: str


def sum_up(rest: list[Reading], parallel: list[Reading], after: list[Reading], wanted: int, fresh: bool) -> Memory:
    """The figures from the readings before the crowd, with `wanted` requests in flight, and afterwards. `fresh`: each
    request had a process of its own, which then ended."""
    most = max(reading.in_flight for reading in parallel)
    parallel = [reading for reading in parallel if reading.in_flight == most]
    ones, fulls = [_total(r) for r in rest], [_total(r) for r in parallel]
    rests, afters = ([_total(r, without=r.reader if fresh else None) for r in some] for some in (rest, after))
    why = None if most >= wanted else f"of {wanted} requests only {most} were in flight at once"
    if None in ones + fulls + rests + afters:
        why = NOT_READABLE
    return Memory(
        rest=_median(rests),
        rest_processes=max(len(r.pss) for r in rest) - fresh,
        one=_median(ones),
        parallel=_median(fulls),
        parallel_processes=max(len(r.pss) for r in parallel),
        requests=most,
        after=_median(afters),
        per_request=_added(afters, fulls, most),
        why=why,
        helper=None,
        helper_why=STARTER if fresh else STAYS,
    )


def _total(reading: Reading, without: int | None = None) -> float | None:
    sizes = [size for pid, size in reading.pss.items() if pid != without]
    known = [size for size in sizes if size is not None]
    return float(sum(known)) if len(known) == len(sizes) else None


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if len(known) == len(values) else None


def _added(rests: list[float | None], fulls: list[float | None], requests: int) -> Interval | None:
    """Per request: the medians' difference, and the least and the most that single readings allow."""
    before = [value for value in rests if value is not None]
    during = [value for value in fulls if value is not None]
    if len(before) < len(rests) or len(during) < len(fulls):
        return None
    low, high = min(during) - max(before), max(during) - min(before)
    return Interval((median(during) - median(before)) / requests, low / requests, high / requests)
