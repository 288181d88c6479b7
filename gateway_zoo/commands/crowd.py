"""`crowd`: many requests at once, and a picture of when each ran, in which process and thread (measure/crowd.py)."""

from dataclasses import asdict

from gateway_zoo.errors import fail, printable
from gateway_zoo.measure import crowd, targets
from gateway_zoo.measure.crowd import Crowd, Lane
from gateway_zoo.registry import why_closed
from gateway_zoo.registry.plans import Cell
from gateway_zoo.settings import Settings, kind
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import print_json

NAME = 22  # columns of a lane's name
MOST = 2  # exhibits under each other
RAN, WAITED = "█▓", "░"  # neighbours differ


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
    width = max(20, out.width - NAME - 1)
    for line in (sentence(each), f"{'process / thread':{NAME}} {_axis(longest, width)}"):
        tables.line(out, line, "bold" if line[0] != "p" else "dim")
    for lane in each.lanes:
        tables.line(out, f"{_name(lane):{NAME}} {bar(lane, longest, width)}")
    for failed in each.failed:
        tables.line(out, f"request {failed.number}: {printable(failed.error)}", "red")
    tables.line(out, f"{'':{NAME}} {WAITED} waits  {RAN[0]} runs\n", "dim")


def sentence(each: Crowd) -> str:
    """The picture in words."""
    took = f"{_count(each.requests, 'request')} of {each.hold_ms} ms took {each.total_ms:.0f} ms"
    processes = _count(len({lane.pid for lane in each.lanes}), "process")
    threads = _count(len(each.lanes), "thread")
    return f"{each.exhibit} behind {each.front}: {took}, {each.parallel} at a time, in {processes} and {threads}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 'es' if noun.endswith('s') else 's'}"


def _name(lane: Lane) -> str:
    return str(lane.pid) if lane.pid == lane.thread else f"{lane.pid} / {lane.thread}"


def _axis(longest: float, width: int) -> str:
    middle, end = f"{longest / 2:.0f}", f"{longest:.0f} ms"
    fits = width // 2 + len(middle) < width - len(end)
    line = f"{'0':{width // 2}}{middle if fits else ''}"
    return f"{line:{width - len(end)}}{end}"


def bar(lane: Lane, longest: float, width: int) -> str:
    """A lane as text: each column is a piece of the time axis."""
    columns = [" "] * width

    def fill(low: float, high: float, sign: str) -> None:
        first = min(width - 1, int(low / longest * width))
        for column in range(first, max(first + 1, min(width, round(high / longest * width)))):
            columns[column] = sign

    for each in lane.bars:
        fill(each.sent, each.began or 0.0, WAITED)
    for number, each in enumerate(lane.bars):
        fill(each.began or 0.0, each.ended or 0.0, RAN[number % 2])
    return "".join(columns).rstrip()
