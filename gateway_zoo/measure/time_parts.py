"""Where the time of a crowd's requests goes: the way there, the queue, the program, the way back.

An answer says when its program began and ended, on the clock of the one who asks (crowd.py). The request that waited
least waited for nothing: its way there is the way of all. What another one waited longer, it waited in a queue. The
front's own share and the gateway's are not told apart here: both are in the way there and in the way back.
"""

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway_zoo.measure.crowd import Bar


@dataclass(frozen=True)
class Part:
    """One part of a request's time, in ms: the median of several requests, the least and the most. `how`: how it was
    measured."""

    name: str
    ms: float
    least: float
    most: float
    how: str


def part(name: str, values: list[float], how: str) -> Part:
    """Sum up the values of several requests."""
    median, least, most = (round(value, 2) for value in (statistics.median(values), min(values), max(values)))
    return Part(name, median, least, most, how)


def of_bars(bars: "list[Bar]") -> list[Part]:
    """The four parts, in their order, of requests that were answered; empty if there is none."""
    waited = [(bar.began or 0.0) - bar.sent for bar in bars]
    if not bars:
        return []
    there = min(waited)
    return [
        part("way there", [there], "until the program began, for the request that waited least"),
        part("queue", [each - there for each in waited], "until the program began, without the way there"),
        part("program", [(bar.ended or 0.0) - (bar.began or 0.0) for bar in bars], "as the program's own clock says"),
        part(
            "way back",
            [bar.answered - (bar.ended or 0.0) for bar in bars],
            "from the program's end until the last byte",
        ),
    ]
