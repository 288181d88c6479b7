"""`crowd`: many requests at once, and a picture of when each ran, in which process and thread (measure/crowd.py).

With --stop-worker a process of the exhibit's family is killed meanwhile (measure/worker_death.py). --inside takes a CGI
request apart instead (measure/cgi_time.py).
"""

from dataclasses import asdict

import msgspec

from gateway_zoo.errors import fail, printable
from gateway_zoo.keeper import privileges
from gateway_zoo.keeper.stop_worker import NotStopped
from gateway_zoo.measure import cgi_time, crowd, targets, worker_death
from gateway_zoo.measure.cgi_time import NotMeasured
from gateway_zoo.measure.crowd import Bar, Crowd, Lane
from gateway_zoo.measure.figures import count, milliseconds
from gateway_zoo.measure.time_parts import Part
from gateway_zoo.measure.worker_death import Death
from gateway_zoo.registry import why_closed
from gateway_zoo.registry.plans import Cell
from gateway_zoo.settings import Settings, kind
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.columns import Column
from gateway_zoo.terminal.messages import print_json

NAME = 22  # columns of a lane's name
MOST = 2  # exhibits under each other
RAN, WAITED, FAILED = "█▓", "░", "x"  # neighbours differ


def run(
    settings: Settings, ids: list[str], front: str, requests: int, hold_ms: int, as_json: bool, urls: dict[str, str]
) -> int:
    """Send a crowd to one exhibit or two, one after the other, and draw both on the same axis. Returns 1 if a request
    got no answer. Raises Stop: 2 for wrong words, 3 for a closed cell."""
    if len(ids) > MOST:
        fail(f"{len(ids)} exhibits; expected one, or two to see their pictures under each other", 2)
    _, cells = targets.find(settings, ids, urls)
    chosen = [_choose(cells, id, front) for id in dict.fromkeys(ids)]
    try:
        crowds = [crowd.send(cell, requests, hold_ms) for cell in chosen]
    except ValueError as problem:
        fail(str(problem), 2)
    if as_json:
        print_json([asdict(each) for each in crowds])
    else:
        longest = max(each.total_ms for each in crowds)
        for each in crowds:
            _print(each, longest)
    return int(any(each.failed for each in crowds))


def run_inside(settings: Settings, ids: list[str], front: str, as_json: bool) -> int:
    """Take the requests of one CGI exhibit apart, and print the parts. Raises Stop."""
    registry, cells = targets.find(settings, ids, targets.around(settings) if settings.compose else {})
    privileges.become_owner(settings)
    try:
        inside = cgi_time.of_cgi(settings, registry, _choose(cells, _one(ids), front))
    except NotMeasured as problem:
        fail(str(problem), 3)
    if as_json:
        print_json(msgspec.to_builtins(inside))
    else:
        out = tables.console()
        words = f"a request to {inside.exhibit} behind {inside.front}, median of {inside.rounds}"
        tables.line(out, f"Where the time goes: {words}", "bold")
        _print_parts(inside.parts)
    return 0


def run_stop_worker(
    settings: Settings, ids: list[str], front: str, requests: int, hold_ms: int, place: int | None, as_json: bool
) -> int:
    """Stop a process of an exhibit's family amid a crowd, and draw it. Returns 1 if the exhibit does not come back."""
    settings.only_natively(f"in containers: docker compose kill {_one(ids)}")
    registry, cells = targets.find(settings, ids, {})
    cell = _choose(cells, _one(ids), front)
    privileges.become_owner(settings)
    try:
        place = worker_death.usual_place(settings, registry, cell.exhibit) if place is None else place
        death = worker_death.stop_amid(settings, registry, cell, place, requests, hold_ms)
    except NotStopped as problem:
        fail(str(problem), 3)
    except ValueError as problem:
        fail(str(problem), 2)
    if as_json:
        print_json(msgspec.to_builtins(death))
    else:
        _print_death(death)
    return int(death.answered is None)


def _one(ids: list[str]) -> str:
    if len(set(ids)) != 1:
        fail(f"{len(set(ids))} exhibits; expected one", 2)
    return ids[0]


def _choose(cells: list[Cell], id: str, front: str) -> Cell:
    """The open cell of an exhibit: behind this front, else behind the first. Raises Stop."""
    own = [cell for cell in cells if cell.exhibit == id and (not front or front in (cell.front, kind(cell.front)))]
    opened = [cell for cell in own if cell.closed is None]
    if not own:
        fail(f"there is no front '{front}'; expected {' or '.join(dict.fromkeys(cell.front for cell in cells))}", 2)
    if not opened:
        fail("; ".join(why_closed.lines(own)), 3)
    return opened[0]


def _print(each: Crowd, longest: float) -> None:
    out = tables.console()
    tables.line(out, sentence(each), "bold")
    _print_picture(each, longest)
    for failed in each.failed:
        tables.line(out, f"request {failed.number}: {printable(failed.error)}", "red")
    _print_parts(each.parts)
    tables.line(out, "")


def _print_picture(each: Crowd, longest: float) -> None:
    out = tables.console()
    width = max(20, out.width - NAME - 1)
    tables.line(out, f"{'process / thread':{NAME}} {_axis(longest, width)}", "dim")
    for lane in each.lanes:
        tables.line(out, f"{_name(lane):{NAME}} {bar(lane, longest, width)}")
    if each.failed:
        tables.line(out, f"{'no answer':{NAME}} {failures(each.failed, longest, width)}", "red")
    legend = f"{WAITED} waits  {RAN[0]} runs" + (f"  {FAILED} no answer" if each.failed else "")
    tables.line(out, f"{'':{NAME}} {legend}", "dim")


def _print_parts(parts: list[Part]) -> None:
    columns = (
        *(Column("part"), Column("ms", right=True), Column("least", right=True, rank=1)),
        *(Column("most", right=True, rank=1), Column("measured as", rank=2, least=30, gives="lines")),
    )
    cells = [[each.name, *map(milliseconds, (each.ms, each.least, each.most)), each.how] for each in parts]
    if cells:
        tables.rows(tables.console(), columns, cells)


def _print_death(death: Death) -> None:
    out = tables.console()
    for number, line in enumerate(death.sentences):
        tables.line(out, line, "" if number else "bold")
    _print_picture(death.crowd, death.crowd.total_ms)


def sentence(each: Crowd) -> str:
    """The picture in words."""
    took = f"{count(each.requests, 'request')} of {each.hold_ms} ms took {each.total_ms:.0f} ms"
    processes = count(len({lane.pid for lane in each.lanes}), "process")
    threads = count(len(each.lanes), "thread")
    return f"{each.exhibit} behind {each.front}: {took}, {each.parallel} at a time, in {processes} and {threads}."


def _name(lane: Lane) -> str:
    return str(lane.pid) if lane.pid == lane.thread else f"{lane.pid} / {lane.thread}"


def _axis(longest: float, width: int) -> str:
    middle, end = f"{longest / 2:.0f}", f"{longest:.0f} ms"
    fits = width // 2 + len(middle) < width - len(end)
    line = f"{'0':{width // 2}}{middle if fits else ''}"
    return f"{line:{width - len(end)}}{end}"


def bar(lane: Lane, longest: float, width: int) -> str:
    """A lane as text: each column is a piece of the time axis."""
    spans = [(each.sent, each.began or 0.0, WAITED) for each in lane.bars]
    spans += [(each.began or 0.0, each.ended or 0.0, RAN[number % 2]) for number, each in enumerate(lane.bars)]
    return _drawn(spans, longest, width)


def failures(failed: list[Bar], longest: float, width: int) -> str:
    """The requests without an answer as one lane: from their beginning until they failed."""
    return _drawn([(each.sent, each.answered, FAILED) for each in failed], longest, width)


def _drawn(spans: list[tuple[float, float, str]], longest: float, width: int) -> str:
    columns = [" "] * width
    for low, high, sign in spans:
        first = min(width - 1, int(low / longest * width))
        for column in range(first, max(first + 1, min(width, round(high / longest * width)))):
            columns[column] = sign
    return "".join(columns).rstrip()
