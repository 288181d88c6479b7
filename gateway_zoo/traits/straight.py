"""Ask a gateway straight at its socket, in its own protocol, without a front."""

import functools
from pathlib import Path

from gateway_zoo.errors import Stop
from gateway_zoo.registry.cages import load
from gateway_zoo.traits.cell import Cell, text
from gateway_zoo.traits.outcome import NotAsked
from gateway_zoo.wire.ask import direct
from gateway_zoo.wire.ask.client import Patience
from gateway_zoo.wire.ask.request import ClientRequest
from gateway_zoo.wire.codecs import Codecs

SECONDS = 8.0
CANNOT_SAY = 2  # the status of Stop for a request that the protocol cannot carry
PAUSE_S = 0.2  # before the last bytes of an HTTP request


@functools.cache
def _codecs(root: Path) -> Codecs:
    return Codecs(load(root))


def ask_straight(cell: Cell, name: str, value: str) -> tuple[str, bytes]:
    """Send a request with one header to the trait's program: its status, or a word for why none came; and the bytes of
    the answer. Raises NotAsked where the gateway has no socket."""
    registry, settings, id = cell.zoo.plan.registry, cell.zoo.settings, cell.exhibit.id
    if registry.socket_protocol(id) == "none" or cell.inside:
        raise NotAsked(f"the program lives inside {cell.front}, and has no socket")
    if registry.socket_protocol(id) == "HTTP":
        return _in_two_parts(cell, cell.request(f"{cell.path_at_gateway}/", headers=[(name, value)], absolute=True))
    request = ClientRequest(f"/{cell.path.rpartition('/')[2]}/", headers=(f"{name}: {value}",))
    try:
        seen = direct.send(settings, registry, _codecs(settings.root), id, request, Patience(wait=SECONDS))
    except Stop as stop:
        cell.note("not sent", stop.text)
        return "too long to say" if stop.status == CANNOT_SAY else "no connection", b""
    cell.note(f"request straight at the gateway, {seen.protocol}", text(bytes(seen.request)))
    cell.note("response of the gateway", text(bytes(seen.response)) or "[nothing]")
    return str(seen.status or "no answer"), bytes(seen.response)


def _in_two_parts(cell: Cell, data: bytes) -> tuple[str, bytes]:
    """Send HTTP so that the head is not complete at first: some servers count only a head for which they must wait."""
    with cell.connect_to_gateway() as connection:
        seen = cell.send(data[:-2], PAUSE_S, data[-2:], seconds=SECONDS, until_whole=True, on=connection)
    return str(seen.status or "no answer"), seen.received
