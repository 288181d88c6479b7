"""Asking an exhibit of the running zoo, or a socket of somebody else's: no web server in between.

Ends the command (speak.fail) where nobody can be asked: 2 for what cannot be, 3 for what does not run.
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
from gateway_zoo.wire.ask import client
from gateway_zoo.wire.ask.client import Address
from gateway_zoo.wire.ask.request import FRONT, HANDSHAKE, BadWordError, ClientRequest, Target, variables
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.exchanges import Exchange
from gateway_zoo.wire.faults import CannotEncode


def exhibit(settings: Settings, registry: Registry, codecs: Codecs, id: str, asked: ClientRequest) -> Exchange:
    """The request, spoken in the exhibit's protocol to its socket."""
    one, protocol = registry.exhibits[id], registry.socket_protocol(id)
    if protocol == "none":
        inside = registry.family_of(id).runs_in
        fail(f"{id} has no socket: it lives inside {inside.title()}, and only {inside.title()} can ask it", 2)
    _must_run(settings, registry, one)
    request = encoded(codecs, protocol, asked, place(settings, registry, id, asked))
    at = _address(settings, one)
    try:
        return client.ask(codecs, at, request, protocol, id, FRONT)
    except OSError as error:
        fail(_why_silent(settings, registry, one, at, error), 3)


def foreign(codecs: Codecs, protocol: str, at: Address, asked: ClientRequest) -> Exchange:
    """The same to a socket that is not the zoo's. Nothing is known of it: its path is all PATH_INFO."""
    host, port = (at.host, at.port) if at.host else ("localhost", 80)
    request = encoded(codecs, protocol, asked, Target("", asked.target, host, port))
    try:
        return client.ask(codecs, at, request, protocol, str(at), FRONT)
    except OSError as error:
        why = "it is no socket" if _something_else(at) else error.strerror or error
        fail(f"{at} does not answer: {why}", 3)


def _something_else(at: Address) -> bool:
    """connect(2) calls it "Connection refused"."""
    path = Path(at.path)
    with suppress(OSError):
        return bool(at.path) and path.exists() and not path.is_socket()
    return False


def place(settings: Settings, registry: Registry, id: str, asked: ClientRequest) -> Target:
    """What the exhibit's front would tell it of where it is."""
    one, cage = registry.exhibits[id], registry.cage_of(id)
    more = [
        (name, value.replace("{cage}", str(places.checkout(settings) / cage.name)))
        for name, value in one.variables.items()
    ]
    path = asked.target.partition("?")[0].lstrip("/")
    if any(ask.upgrade and ask.path == path for ask in registry.questions(id)):
        more += HANDSHAKE.items()
    uri = asked.target if one.front_strips_prefix else f"/{id}{asked.target}"
    return Target(f"/{id}", uri, "127.0.0.1", settings.nginx_port, tuple(more))


def encoded(codecs: Codecs, protocol: str, asked: ClientRequest, where: Target) -> bytes:
    if protocol not in codecs:
        fail(f"nobody here speaks {protocol}; {', '.join(codecs.protocols)} are spoken", 2)

    def said(params: tuple[str, ...]) -> tuple[Pairs, bytes]:
        pairs = variables(replace(asked, params=params), where)
        return pairs, codecs[protocol].request(pairs, asked.data or b"")

    try:
        pairs, request = said(())
        for word in asked.params:
            changed, sent = said((word,))
            if sent == request and changed != pairs:
                fail(f"{protocol} has no place for --param {word}; --header is what it can say besides", 2)
        return said(asked.params)[1] if asked.params else request
    except BadWordError as error:
        fail(str(error), 2)
    except CannotEncode as error:
        fail(f"{protocol} cannot say this: {error}", 2)


def _must_run(settings: Settings, registry: Registry, one: Exhibit) -> None:
    if settings.compose:
        if not any(settings.sockets.glob("*.sock")):
            here = f"docker compose exec nginx zoo wire {one.id} /hello"
            fail(f"the gateways' sockets are not in this container, but in those of the fronts; {here}", 3)
    elif not state.running(settings):
        fail(f"no zoo is running in {settings.run}; ./zoo up starts one", 3)


def _address(settings: Settings, one: Exhibit) -> Address:
    if one.unix:
        return Address(path=str(settings.sockets / one.unix))
    return client.address(settings.tcp(one.id, one.tcp))


def closed(settings: Settings, registry: Registry, id: str) -> str:
    """Why this exhibit is closed in the running zoo behind every front, as a sentence; empty if it is not."""
    cells = [cell for cell in state.running_cells(settings) if cell.exhibit == id]
    return next(iter(why_closed.sentences(registry, cells, [id])), "") if cells else ""


def _why_silent(settings: Settings, registry: Registry, one: Exhibit, at: Address, error: OSError) -> str:
    """Why nobody answers, and what helps."""
    if isinstance(error, PermissionError):
        owner = Path(at.path).owner() if os.access(Path(at.path).parent, os.X_OK) else "the user of the zoo"
        return f"{at} is for {owner} and their group only; run this as {owner}, or as root"
    if why := closed(settings, registry, one.id):
        return why
    hint = Plan(settings, registry, [], []).start_hint(one.id)
    return f"{one.id} does not answer on {at}: {error.strerror or error}; {hint}"
