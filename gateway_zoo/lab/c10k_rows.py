"""The records of c10k.py, with their units."""

from dataclasses import dataclass

from gateway_zoo.measure.process_use import Use

GOAL_MS = 50.0


@dataclass(frozen=True)
class Visitors:
    """Waits of new visitors for `ping`, from connect to the last byte, in ms. None: too few got an answer within
    PATIENCE_S for this percentile."""

    asked: int
    answered: int
    p50_ms: float | None
    p99_ms: float | None
    slowest_ms: float | None


@dataclass(frozen=True)
class C10kRow:
    """One front under one kind of guest. Counts of the `connections` guests: `accepted`: the most that the server had
    accepted at once (by the kernel); at that moment `waiting` were in the listen backlog, and `outside` had no
    handshake yet. `answered`: idle guests that got their first ping; `closed`: ended by the server; `failed`: refused.
    """

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
    bytes_per_connection: int | None  # (full - before) / accepted; includes processes forked for it
    patience_s: float
    empty: Visitors
    visitors: Visitors
    tcp_buffers: int  # growth of all TCP socket buffers on this machine, both ends, in bytes
    generator_cpu: float  # share of one core that the lab used for the visitors; near 1 it would measure itself
    machine_busy: float  # share of all cores that all processes used meanwhile
    goal_ms: float = GOAL_MS

    @property
    def goal_met(self) -> bool:
        """Meaningful for idle connections on nginx and event."""
        wait = self.visitors.p99_ms
        return self.accepted >= self.connections and wait is not None and wait <= self.goal_ms
