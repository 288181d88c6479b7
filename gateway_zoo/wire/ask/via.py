"""`wire --via`: the request goes through a real front, and the relay behind it shows what the front made of it.

The front is one of our own with the zoo's configuration (fronted.py); an ordinary HTTP request goes to it. What cannot
be seen is what has no socket: programs that live inside Apache.
"""

import time
from dataclasses import replace

from gateway_zoo.errors import fail
from gateway_zoo.registry.cages import Registry
from gateway_zoo.settings import Settings
from gateway_zoo.wire.ask import client, direct
from gateway_zoo.wire.ask.request import FRONT, BadWordError, ClientRequest, headers_for_a_front
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchanges import KEEP_ONE, Exchange, Exchanges
from gateway_zoo.wire.faults import CannotEncode
from gateway_zoo.wire.recorder.layout import CannotFront
from gateway_zoo.wire.recorder.recording_fronts import RecordingFronts

PATIENCE_S = 2.0  # for the gateway's last bytes, once the front has answered


def ask(
    settings: Settings, registry: Registry, codecs: Codecs, ids: list[str], asked: ClientRequest, front: str
) -> list[Exchange]:
    """One exchange for each exhibit: between the front and its gateway. Exit 2 for a front that does not exist, 3
    where there is no socket to look at, or none was used."""
    if front not in settings.fronts:
        fail(f"unknown front '{front}'; expected {' or '.join(settings.fronts)}", 2)
    settings.only_natively("a container cannot look between a front and its gateways; start a zoo by ./zoo up")
    told = Exchanges(codecs, keep=lambda _: KEEP_ONE)
    try:
        with RecordingFronts(settings, [front], ids, told.feed, secrets=True, registry=registry) as fronted:
            closed = {cell.exhibit: cell.closed for cell in fronted.cells}
            for id in ids:
                if reason := closed.get(id):
                    fail(f"{id} behind {front} cannot be seen: {reason}", 3)
            return [_one(settings, registry, codecs, id, asked, fronted.url(front, id), told) for id in ids]
    except CannotFront as error:
        fail(str(error), 3)


def _one(
    settings: Settings, registry: Registry, codecs: Codecs, id: str, asked: ClientRequest, url: str, told: Exchanges
) -> Exchange:
    """Ask the front; find the exchange that this has caused behind it."""
    before = max(told.all, default=0)
    at = client.address(url.removeprefix("http://").partition("/")[0])
    where = replace(direct.place(settings, registry, id, asked), host=at.host, port=at.port)
    where = replace(where, uri=f"/{id}{asked.target}")
    try:
        request = codecs["HTTP"].request(headers_for_a_front(asked, where), asked.data or b"")
        answer = client.ask(codecs, at, request, "HTTP", at.host, FRONT)
    except (BadWordError, CannotEncode) as error:
        fail(f"an ordinary client cannot say this: {error}", 2)
    except OSError as error:
        fail(f"the front on {at} does not answer: {error.strerror or error}", 3)
    deadline = time.monotonic() + PATIENCE_S
    while (found := told.all.get(before + 1)) is None or found.seconds is None:
        if time.monotonic() > deadline or (found and found.status == 101):
            break
        time.sleep(0.01)
    if found is None:
        fail(f"the front answered {answer.status} itself: nothing went to {id}", 3)
    found.errors += [error for error in answer.errors if error not in found.errors]
    return found
