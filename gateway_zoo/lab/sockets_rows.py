"""The records of sockets.py, with their units."""

from dataclasses import dataclass

Limits = dict[str, int | None]  # name of a kernel's limit -> its value; None where the kernel has none


@dataclass(frozen=True)
class Door:
    """How to reach an exhibit. `mode`, `owner` and `folder_mode` (of its directory) are those of a unix socket; `third`
    is the result of another user's attempt, None with the reason in `third_why` if there was none."""

    exhibit: str
    address: str
    mode: str | None
    folder_mode: str | None
    owner: str | None
    third: str | None
    third_why: str | None = None


@dataclass(frozen=True)
class Cost:
    """A ping on each kind of socket, in µs: medians of rounds that took turns. `ratio` is TCP / unix of the same round:
    median and quartiles. `what` names wall time or the servers' CPU time."""

    what: str
    unix_us: float
    tcp_us: float
    ratio: float
    ratio_low: float
    ratio_high: float
