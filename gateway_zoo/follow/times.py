"""The times of a request: the moments that clocks saw, and the legs between them.

Three clocks belong to one machine. The client and the relay read its wall clock; the program reads CLOCK_MONOTONIC,
which containers share. `Clock` sees both at once, so that the program's moments can stand beside the others. If
somebody sets the wall clock meanwhile, no moment can be trusted.

What trips people up: the relay notes when bytes pass it, not when the front decides to send them; and a program ends
before its gateway has sent all of its answer. So each leg says what lies in it.
"""

import time
from itertools import pairwise

import msgspec

SET_MEANWHILE = 0.001  # seconds by which the wall clock may drift from the monotonic one during a request
CLOCK_WAS_SET = "the clock of this machine was set meanwhile"

BROWSER, FRONT, WIRE, PROGRAM, BACK = range(5)  # stations
#: Moments in their order -> the station, and what happens.
MOMENTS = {
    "sent": (BROWSER, "the client connects to the front"),
    "to_gateway": (WIRE, "the first byte goes to the gateway"),
    "began": (PROGRAM, "the program begins"),
    "ended": (PROGRAM, "the program has its answer"),
    "from_gateway": (BACK, "the last byte of the answer leaves the gateway"),
    "answered": (BACK, "the client has the last byte"),
}
#: What lies between a moment and the next: a place, and what happens there.
BETWEEN = (
    ("in the front", "it accepts, reads, decides, connects"),
    ("in the gateway", "it accepts, reads, hands over"),
    ("in the program", "it runs"),
    ("in the gateway", "it sends the answer"),
    ("in the front", "it sends the answer on"),
)


class Moment(msgspec.Struct, frozen=True):
    """`ms` since the client began; None where no clock saw it, for the reason in `why`. `station`: from 0."""

    name: str
    station: int
    means: str
    ms: float | None
    why: str = ""


class Leg(msgspec.Struct, frozen=True):
    """The time between two moments that are known, one after the other. `start`, `end`: their stations."""

    start: int
    end: int
    ms: float
    means: str


class Clock:
    """Both clocks at one moment, before the request."""

    def __init__(self) -> None:
        self.offset = time.time() - time.monotonic()

    def wall(self, monotonic: float) -> float:
        """The wall clock's time of a moment of CLOCK_MONOTONIC."""
        return monotonic + self.offset

    def was_set(self) -> bool:
        """Tell whether somebody has set the wall clock since."""
        return abs(time.time() - time.monotonic() - self.offset) > SET_MEANWHILE


def moments(at: dict[str, float], why: dict[str, str]) -> list[Moment]:
    """All moments. `at`: name -> unix time; `why`: name -> the reason why it is unknown."""
    start = at["sent"]
    return [
        Moment(name, station, means, round((at[name] - start) * 1000, 3) if name in at else None, why.get(name, ""))
        for name, (station, means) in MOMENTS.items()
    ]


def legs(all_moments: list[Moment]) -> list[Leg]:
    """The legs between the moments that are known."""
    known = [(index, moment) for index, moment in enumerate(all_moments) if moment.ms is not None]
    return [
        Leg(first.station, then.station, round((then.ms or 0.0) - (first.ms or 0.0), 3), _means(low, high))
        for (low, first), (high, then) in pairwise(known)
    ]


def _means(low: int, high: int) -> str:
    """What lies between two moments. Several places are not known apart."""
    if high == low + 1:
        return ": ".join(BETWEEN[low])
    *first, last = dict.fromkeys(place.removeprefix("in ") for place, _ in BETWEEN[low:high])
    return f"in {', '.join(first)} and {last}, not known apart"
