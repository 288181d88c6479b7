"""What c10k.py measures: records, with their units."""

from dataclasses import dataclass

from gateway_zoo.measure.process_use import Use

GOAL_MS = 50.0


@dataclass(frozen=True)
class Visitors:
    """New visitors' waits for `ping`, connect to last byte, in ms. None: so many were not answered within PATIENCE_S
    that there is no such percentile."""

    asked: int
    answered: int
    p50_ms: float | None
    p99_ms: float | None
    slowest_ms: float | None


@dataclass(frozen=True)
class Row:
    """One front under one kind of guest. Of `connections` guests, `accepted` is the most that the server had taken up
    at once (as the kernel saw); at that moment `waiting` were in the listen backlog and `outside` not even there: their
    handshake was not done. `answered` idle guests got their first ping; `closed` were ended by the server, `failed`
    refused."""

    front: str
    kind: str
    connections: int
    accepted: int
    waiting: int
    outside: int
    answered: int
    closed: int
    failed: int
    fill_s: float
    before: Use
    full: Use
    bytes_per_connection: int | None  # (full - before) / accepted; processes forked for the purpose are in it
    patience_s: float
    empty: Visitors
    visitors: Visitors
    tcp_buffers: int  # bytes in TCP sockets' buffers on this machine, both ends, more than before
    generator_cpu: float  # share of one core that this process used while the visitors came: well below 1, or else
    # it is the generator that was measured
    machine_busy: float  # share of all cores that was used meanwhile, by anybody
    goal_ms: float = GOAL_MS

    @property
    def goal_met(self) -> bool:
        """For idle connections on a front that is made for them."""
        wait = self.visitors.p99_ms
        return self.accepted >= self.connections and wait is not None and wait <= self.goal_ms
