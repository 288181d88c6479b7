"""`wire --via`: send a request through a real front.

The front is a second one with the zoo's configuration and a relay behind it (recording_fronts.py). It gets an ordinary
HTTP request. Programs that live inside Apache have no socket, and cannot be seen.
"""

import time
from dataclasses import replace

from gateway_zoo.errors import fail
from gateway_zoo.registry.cages import Registry
from gateway_zoo.settings import Settings
from gateway_zoo.wire.ask import client, direct
from gateway_zoo.wire.ask.client import Patience
from gateway_zoo.wire.ask.request import FRONT, BadWordError, ClientRequest, headers_for_a_front
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import KEEP_ONE, Exchange
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.faults import CannotEncode
from gateway_zoo.wire.recorder.layout import CannotFront
from gateway_zoo.wire.recorder.recording_fronts import RecordingFronts
from gateway_zoo.wire.recording import AnyEntry

PATIENCE_S = 2.0  # for the gateway's last bytes, once the front has answered


def through_fronts(
    settings: Settings,
    registry: Registry,
    codecs: Codecs,
    cells: list[tuple[str, str]],
    request: ClientRequest,
    patience: Patience,
) -> list[Exchange]:
    """Send the request to each cell (front, exhibit). Returns the exchanges between fronts and gateways. Raises Stop: 2
    for an unknown front, 3 where there is no socket to look at, or the front used none."""
    names, ids = list(dict.fromkeys(front for front, _ in cells)), list(dict.fromkeys(id for _, id in cells))
    for front in names:
        if front not in settings.fronts:
            fail(f"unknown front '{front}'; expected {' or '.join(settings.fronts)}", 2)
    exchanges = Exchanges(codecs, keep=lambda _: KEEP_ONE)

    def feed(entry: AnyEntry) -> None:
        patience.keep(entry)
        exchanges.feed(entry)

    try:
        with RecordingFronts(settings, names, ids, feed, secrets=True, registry=registry) as fronts:
            closed = {(cell.front, cell.exhibit): cell.closed for cell in fronts.cells}
            for front, id in cells:
                if reason := closed.get((front, id)):
                    fail(f"{id} behind {front} cannot be seen: {reason}", 3)
            place, ours = (settings, registry, codecs), replace(patience, keep=client.USUAL.keep)
            return [_send(*place, id, request, fronts.url(front, id), exchanges, ours) for front, id in cells]
    except CannotFront as error:
        fail(str(error), 3)


def _send(
    settings: Settings,
    registry: Registry,
    codecs: Codecs,
    id: str,
    request: ClientRequest,
    url: str,
    seen: Exchanges,
    patience: Patience,
) -> Exchange:
    """Send the request to the front; find the exchange that it causes behind the front."""
    before = max(seen.all, default=0)
    address = client.address(url.removeprefix("http://").partition("/")[0])
    target = replace(direct.target_of(settings, registry, id, request), host=address.host, port=address.port)
    target = replace(target, uri=f"/{id}{request.target}")
    try:
        data = codecs["HTTP"].request(headers_for_a_front(request, target), request.data or b"")
        answer = client.ask(codecs, address, data, "HTTP", address.host, FRONT, patience)
    except (BadWordError, CannotEncode) as error:
        fail(f"an ordinary client cannot say this: {error}", 2)
    except OSError as error:
        fail(f"the front on {address} does not answer: {error.strerror or error}", 3)
    deadline = time.monotonic() + PATIENCE_S
    while (exchange := seen.all.get(before + 1)) is None or exchange.seconds is None:
        if time.monotonic() > deadline or (exchange and exchange.status == 101):
            break
        time.sleep(0.01)
    if exchange is None:
        fail(f"the front answered {answer.status} itself: nothing went to {id}", 3)
    exchange.errors += [error for error in answer.errors if error not in exchange.errors]
    return exchange
