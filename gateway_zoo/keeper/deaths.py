"""What the terminal of a foreground `up` hears of deaths: a line for the death, and one for the return.

What dies again and again must not flood the terminal: from the third death in a row on it is told once, and then only
when it has stayed. The log of the keeper has every death. A terminal that takes no more text loses lines: the keeper
never waits for one.
"""

import contextlib
import socket
import time
from dataclasses import dataclass

QUIET_S = 10.0  # a death so long after the one before begins a new row
TOLD = 2  # deaths in a row that are told one by one


@dataclass
class _Row:
    """Deaths in a row of one thing; `last` in monotonic seconds."""

    deaths: int = 0
    last: float = 0.0
    away: bool = False


class Deaths:
    """`terminal`: the socket to `up`, or None for a zoo in the background, which is told nothing."""

    def __init__(self, terminal: socket.socket | None) -> None:
        self.terminal = terminal
        self._rows: dict[str, _Row] = {}

    def died(self, name: str, how: str) -> None:
        """Tell that `name` has died, unless that was told too often already."""
        row, now = self._rows.setdefault(name, _Row()), time.monotonic()
        row.deaths = 1 if now > row.last + QUIET_S else row.deaths + 1
        row.last, row.away = now, True
        if row.deaths <= TOLD:
            self._tell(f"{name} ended ({how}); it is started again")
        elif row.deaths == TOLD + 1:
            self._tell(f"{name} ended ({how}), as before, and goes on so; logs/keeper.log in ZOO_RUN has every death")

    @property
    def awaited(self) -> list[str]:
        """Names of what has died and was not told to be back: those whose return may be told by now."""
        now = time.monotonic()
        return [n for n, row in self._rows.items() if row.away and (row.deaths <= TOLD or now > row.last + QUIET_S)]

    @property
    def waiting(self) -> bool:
        """Is there anything whose return is not told yet?"""
        return self.terminal is not None and any(row.away for row in self._rows.values())

    def returned(self, name: str) -> None:
        """Tell that `name` is back."""
        row = self._rows[name]
        row.away = False
        self._tell(f"{name} is back" + (f", after {row.deaths} deaths in a row" if row.deaths > 1 else ""))

    def _tell(self, text: str) -> None:
        if self.terminal is not None:
            with contextlib.suppress(OSError):
                self.terminal.send(text.encode() + b"\n", socket.MSG_DONTWAIT)
