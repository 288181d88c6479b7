"""Send a request straight to a gateway's socket.

Raises Stop: 2 for a request that the protocol cannot carry, 3 for a gateway that does not run.
"""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gateway_zoo.errors import fail
from gateway_zoo.keeper import state
from gateway_zoo.registry import places, why_closed
from gateway_zoo.registry.cagefile import Exhibit
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Plan
from gateway_zoo.settings import Settings
from gateway_zoo.wire.ask import client, hints, messages
from gateway_zoo.wire.ask.client import Address, Patience
from gateway_zoo.wire.ask.request import FRONT, HANDSHAKE, BadWordError, ClientRequest, Target, variables
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.exchange import Exchange
from gateway_zoo.wire.faults import CannotEncode


def send(
    settings: Settings, registry: Registry, codecs: Codecs, id: str, request: ClientRequest, patience: Patience
) -> Exchange:
    """Send the request to an exhibit of the running zoo, in its protocol. Raises Stop."""
    exhibit, protocol = registry.exhibits[id], registry.socket_protocol(id)
    if protocol == "none":
        inside = registry.family_of(id).runs_in
        fail(f"{id} has no socket: it lives inside {inside.title()}, and only {inside.title()} can ask it", 2)
    _must_run(settings, exhibit)
    data = encode(codecs, protocol, request, target_of(settings, registry, id, request))
    address = address_of(settings, exhibit)
    try:
        exchange = client.ask(codecs, address, data, protocol, id, FRONT, patience)
    except OSError as error:
        fail(_why_silent(settings, registry, exhibit, address, error), 3)
    hints.add(codecs, exchange, address, request, known=True)
    return exchange


def send_to(codecs: Codecs, protocol: str, address: Address, request: ClientRequest, patience: Patience) -> Exchange:
    """Send the request to a socket that is not the zoo's. The program behind it is unknown: all of the path is
    PATH_INFO. Raises Stop."""
    host, port = (address.host, address.port) if address.host else ("localhost", 80)
    data = encode(codecs, protocol, request, Target("", request.target, host, port))
    try:
        exchange = client.ask(codecs, address, data, protocol, str(address), FRONT, patience)
    except OSError as error:
        why = "it is no socket" if _is_other_file(address) else error.strerror or error
        fail(f"{address} does not answer: {why}", 3)
    hints.add(codecs, exchange, address, request, known=False)
    return exchange


def _is_other_file(address: Address) -> bool:
    """Tell a file from a socket: connect(2) reports "Connection refused" for both."""
    path = Path(address.path)
    with suppress(OSError):
        return bool(address.path) and path.exists() and not path.is_socket()
    return False


def target_of(settings: Settings, registry: Registry, id: str, request: ClientRequest) -> Target:
    """Where the request leads, as the exhibit's front would tell it."""
    exhibit, cage = registry.exhibits[id], registry.cage_of(id)
    more = [
        (name, value.replace("{cage}", str(places.checkout(settings) / cage.name)))
        for name, value in exhibit.variables.items()
    ]
    path = request.target.partition("?")[0].lstrip("/")
    if any(ask.upgrade and ask.path == path for ask in registry.questions(id)):
        more += HANDSHAKE.items()
    uri = request.target if exhibit.front_strips_prefix else f"/{id}{request.target}"
    return Target(f"/{id}", uri, "127.0.0.1", settings.nginx_port, tuple(more))


def encode(codecs: Codecs, protocol: str, request: ClientRequest, target: Target) -> bytes:
    """The bytes of the request, or of the message that it names. Raises Stop if the protocol cannot carry it, or has no
    place for one --param."""
    if protocol not in codecs:
        fail(f"the zoo does not speak {protocol}; it speaks {', '.join(codecs.protocols)}", 2)
    write = messages.writer(codecs, protocol, request)

    def with_params(params: tuple[str, ...]) -> tuple[Pairs, bytes]:
        pairs = variables(replace(request, params=params), target)
        return pairs, write(pairs, request.data or b"")

    try:
        pairs, plain = with_params(())
        for word in request.params:
            changed, bytes_with_it = with_params((word,))
            if bytes_with_it == plain and changed != pairs:
                besides = "" if request.message is not None else "; --header is what it can say besides"
                fail(f"{request.message or protocol} has no place for --param {word}{besides}", 2)
        return with_params(request.params)[1] if request.params else plain
    except BadWordError as error:
        fail(str(error), 2)
    except CannotEncode as error:
        fail(f"{protocol} cannot say this: {error}", 2)


def _must_run(settings: Settings, exhibit: Exhibit) -> None:
    if settings.compose:
        if not any(settings.sockets.glob("*.sock")):
            command = f"docker compose run --rm zoo wire {exhibit.id} /hello"
            fail(f"no gateway has its socket in this container; while the zoo is up: {command}", 3)
    elif not state.running(settings):
        fail(f"no zoo is running in {settings.run}; ./zoo up starts one", 3)


def address_of(settings: Settings, exhibit: Exhibit) -> Address:
    """Where the exhibit listens."""
    if exhibit.unix:
        return Address(path=str(settings.sockets / exhibit.unix))
    return client.address(settings.tcp(exhibit.id, exhibit.tcp))


def closed(settings: Settings, registry: Registry, id: str) -> str:
    """Why this exhibit is closed in the running zoo behind every front, as a sentence; empty if it is not."""
    cells = [cell for cell in state.running_cells(settings) if cell.exhibit == id]
    return next(iter(why_closed.sentences(registry, cells, [id])), "") if cells else ""


def _why_silent(settings: Settings, registry: Registry, exhibit: Exhibit, address: Address, error: OSError) -> str:
    if isinstance(error, PermissionError):
        path = Path(address.path)
        owner = path.owner() if os.access(path.parent, os.X_OK) else "the user of the zoo"
        return f"{address} is for {owner} and their group only; run this as {owner}, or as root"
    if why := closed(settings, registry, exhibit.id):
        return why
    hint = Plan(settings, registry, [], []).start_hint(exhibit.id)
    return f"{exhibit.id} does not answer on {address}: {error.strerror or error}; {hint}"
