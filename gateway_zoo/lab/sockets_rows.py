"""What sockets.py measures: records, with their units."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Door:
    """How an exhibit is reached. `mode`, `owner` and the mode of its directory, for a unix socket; `third` is what
    happened to another user who tried, None with `third_why` where nobody else could be asked."""

    exhibit: str
    address: str
    mode: str | None
    folder_mode: str | None
    owner: str | None
    third: str | None
    third_why: str | None = None


@dataclass(frozen=True)
class Cost:
    """A ping on each kind of socket in microseconds, medians of rounds that took turns; `ratio` is TCP / unix of the
    same round: median and quartiles. `what` says whether wall time or CPU of the servers."""

    what: str
    unix_us: float
    tcp_us: float
    ratio: float
    ratio_low: float
    ratio_high: float
