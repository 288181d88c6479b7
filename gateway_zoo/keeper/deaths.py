"""Report deaths and returns of children to the terminal of a foreground `up`.

A child that dies again and again must not flood the terminal. The third death in a row gets the last line, until the
child stays alive. The log of the keeper has every death. A terminal that is full loses lines: the keeper never waits.
"""

import contextlib
import socket
import time
from dataclasses import dataclass

QUIET_S = 10.0  # a death so long after the last begins a new row
REPORTED = 2  # deaths in a row that get a line each


@dataclass
class _Row:
    """Deaths in a row of one child; `last` in monotonic seconds."""

    deaths: int = 0
    last: float = 0.0
    away: bool = False


class Deaths:
    """Deaths of all children. `terminal`: the socket to `up`; None for a zoo in the background."""

    def __init__(self, terminal: socket.socket | None) -> None:
        self.terminal = terminal
        self._rows: dict[str, _Row] = {}

    def died(self, name: str, how: str) -> None:
        """Report a death, unless too many were reported."""
        row, now = self._rows.setdefault(name, _Row()), time.monotonic()
        row.deaths = 1 if now > row.last + QUIET_S else row.deaths + 1
        row.last, row.away = now, True
        if row.deaths <= REPORTED:
            self._report(f"{name} ended ({how}); it is started again")
        elif row.deaths == REPORTED + 1:
            self._report(f"{name} ended ({how}), as before, and goes on so; logs/keeper.log in ZOO_RUN has every death")

    @property
    def awaited(self) -> list[str]:
        """Names of dead children whose return may be reported by now."""
        now = time.monotonic()
        return [n for n, row in self._rows.items() if row.away and (row.deaths <= REPORTED or now > row.last + QUIET_S)]

    @property
    def waiting(self) -> bool:
        """Is there a child whose return is not reported?"""
        return self.terminal is not None and any(row.away for row in self._rows.values())

    def returned(self, name: str) -> None:
        """Report that a child is back."""
        row = self._rows[name]
        row.away = False
        self._report(f"{name} is back" + (f", after {row.deaths} deaths in a row" if row.deaths > 1 else ""))

    def _report(self, text: str) -> None:
        if self.terminal is not None:
            with contextlib.suppress(OSError):
                self.terminal.send(text.encode() + b"\n", socket.MSG_DONTWAIT)
