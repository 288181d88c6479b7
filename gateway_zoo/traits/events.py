"""A stream of five events: the program writes them with pauses, and the probe looks when the first one comes.

Each event has the time of its writing. All processes of a machine read the same monotonic clock.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a gateway imports this file for each CGI request
    from gateway_zoo.traits.cell import Cell
    from gateway_zoo.traits.outcome import Outcome

EVENTS = 5
PAUSE_S = 0.12


def write_events() -> Iterator[bytes]:
    """Write the events, in the program."""
    for number in range(EVENTS):
        if number:
            time.sleep(PAUSE_S)
        yield b"data: %d %.4f\n\n" % (number, time.monotonic())


def ask_events(cell: "Cell") -> "Outcome":
    """Did the first event come before the last one was written? The figure: the first one's arrival, in ms."""
    from gateway_zoo.traits.outcome import Outcome, Unknown

    seen = cell.ask()
    began = time.monotonic() - seen.ms / 1000
    if seen.body.count(b"data:") != EVENTS:
        raise Unknown(f"not all events came: {seen.status or seen.ended}")
    written = float(seen.body.split()[-1])
    first = next(piece.ms for piece in seen.pieces if b"data: " in piece.data)
    pieces = sum(b"data: " in piece.data for piece in seen.pieces)
    cell.note("events", f"{EVENTS} events came in {pieces} pieces")
    return Outcome("as written" if began + first / 1000 < written else "at the end", round(first))
