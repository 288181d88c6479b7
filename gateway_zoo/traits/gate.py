"""A gate in the middle of an answer: the program waits there until its first piece is with the client.

A pause of a fixed length would be a guess: on a busy machine both pieces may reach the front together, and a front that
sees the whole answer at once treats it otherwise (Apache counts its length). A front that collects pieces never passes
the first one on: then the probe opens the gate after a moment.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a gateway imports this file for each CGI request
    from gateway_zoo.traits.cell import Cell
    from gateway_zoo.traits.exchange import Exchange

HELD_S = 0.6  # a front that has passed nothing on by then collects
LONGEST_S = 10.0  # the program never waits longer


def wait_at_gate(environ: Mapping[str, Any]) -> None:
    """Wait, in the program, until the probe opens the gate that the path names."""
    gate = Path(os.environ["ZOO_RUN"], f"gate-{Path(environ['PATH_INFO']).name}")
    deadline = time.monotonic() + LONGEST_S
    while gate.exists() and time.monotonic() < deadline:
        time.sleep(0.01)


def ask_with_gate(cell: "Cell", mark: str = "", seconds: float = 20.0) -> "Exchange":
    """Ask for `/<mark>`, open the gate when the first bytes come, and read on until the front closes."""
    import select

    from gateway_zoo.traits.cell import shown

    mark = mark or os.urandom(8).hex()
    gate = cell.zoo.run / f"gate-{mark}"
    request = cell.request(f"/{mark}")
    gate.touch()
    try:
        with cell.connect() as connection:
            connection.sendall(request)
            select.select([connection], [], [], HELD_S)
            gate.unlink()
            seen = cell.send(on=connection, seconds=seconds, quiet=True)
    finally:
        gate.unlink(missing_ok=True)
    seen.sent = request
    cell.evidence += shown(seen)
    return seen
