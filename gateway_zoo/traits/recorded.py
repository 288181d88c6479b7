"""What crosses between a front and its gateways while a probe asks.

A second front of the same kind stands before a relay, as in `zoo record`; the gateways are those of the zoo of the
traits. An exhibit without a socket between them has no record.
"""

import contextlib
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway_zoo.traits.cell import Cell
from gateway_zoo.traits.exchange import SECONDS, Exchange, exchange
from gateway_zoo.traits.outcome import Unknown
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.events import Head, Pairs, Variables
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.recorder.layout import CannotFront
from gateway_zoo.wire.recorder.recording_fronts import RecordingFronts
from gateway_zoo.wire.recording import AnyEntry, Bytes, Opened

QUIET_S = 0.15  # after the last answer: a gateway may send its last record later


@dataclass
class Crossed:
    """What crossed for one exhibit. `given`: names of the last request's variables, or of its headers (HTTP, AJP):
    `kind` says which."""

    connections: int = 0
    to_gateway: bytearray = field(default_factory=bytearray)
    from_gateway: bytearray = field(default_factory=bytearray)
    given: list[str] = field(default_factory=list)
    kind: str = ""


class Recorded:
    """A recording front. `ask` sends a request to a cell through it; `crossed` is complete after the block."""

    def __init__(self, fronts: RecordingFronts, entries: list[AnyEntry], codecs: Codecs) -> None:
        self._fronts, self._entries, self._codecs = fronts, entries, codecs

    def ask(self, cell: Cell, on: socket.socket | None = None) -> Exchange:
        """Send GET / of the trait's program; without a connection, on one of its own."""
        request = cell.request(close=on is None)
        return exchange("127.0.0.1", self._port(cell), [request], until_whole=True, on=on)

    def connect(self, cell: Cell) -> socket.socket:
        """An open connection to the recording front; the caller closes it. Raises OSError."""
        return socket.create_connection(("127.0.0.1", self._port(cell)), timeout=SECONDS)

    def _port(self, cell: Cell) -> int:
        return urlsplit(self._fronts.url(cell.front, cell.exhibit.id)).port or 0

    def why_not(self, cell: Cell) -> str:
        """Why this cell is not recorded; empty if it is."""
        cells = self._fronts.cells
        return next((each.closed or "" for each in cells if each.exhibit == cell.exhibit.id), "it is not open")

    def crossed(self) -> dict[str, Crossed]:
        """Exhibit -> what crossed."""
        sums: dict[str, Crossed] = {}
        exhibits: dict[int, str] = {}
        exchanges = Exchanges(self._codecs, keep=lambda _: 0)
        for entry in self._entries:
            exchanges.feed(entry)
            if isinstance(entry, Opened):
                exhibits[entry.connection] = entry.exhibit
                sums.setdefault(entry.exhibit, Crossed()).connections += 1
            elif isinstance(entry, Bytes):
                crossed = sums[exhibits[entry.connection]]
                if entry.direction == "response":
                    crossed.from_gateway += entry.data
                    continue
                crossed.to_gateway += entry.data
                for each in exchanges.events:
                    if isinstance(each.event, Variables):
                        crossed.kind, crossed.given = "variables", _names(each.event.pairs)
                    elif isinstance(each.event, Head):
                        crossed.kind, crossed.given = "headers", _names(each.event.headers)
        return sums


def _names(pairs: Pairs) -> list[str]:
    return [name.decode("latin-1") for name, _ in pairs]


@contextlib.contextmanager
def recorded(cells: Sequence[Cell]) -> Iterator[Recorded]:
    """Record these cells of one front. Raises Unknown where no second front can be started."""
    zoo, entries = cells[0].zoo, list[AnyEntry]()
    registry, ids = zoo.plan.registry, [cell.exhibit.id for cell in cells]
    try:
        with RecordingFronts(
            *(zoo.settings, [cells[0].front], ids, entries.append),
            secrets=True,
            registry=registry,
            cells=zoo.plan.cells,
        ) as fronts:
            yield Recorded(fronts, entries, Codecs(registry))
            time.sleep(QUIET_S)
    except CannotFront as error:
        raise Unknown(str(error)) from None
