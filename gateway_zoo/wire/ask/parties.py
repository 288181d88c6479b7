"""What can be asked, as a word of the command line.

uwsgi                           an exhibit of the zoo, on its socket
fastcgi:unix:/run/php.sock      a gateway that is not the zoo's: the same as --fastcgi unix:/run/php.sock
nginx:uwsgi                     an exhibit through a front: the same as --via nginx uwsgi
"""

from typing import NamedTuple

from gateway_zoo.errors import fail, known_ids
from gateway_zoo.registry.cages import Registry
from gateway_zoo.settings import Settings
from gateway_zoo.wire.ask import client, direct
from gateway_zoo.wire.ask.client import Address, Patience
from gateway_zoo.wire.ask.request import ClientRequest
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange

FORMS = "ID, FRONT:ID or PROTOCOL:ADDRESS"


class Party(NamedTuple):
    """One gateway to ask. `words`: as the command line has it. `address` is None for an exhibit of the zoo."""

    words: str
    id: str = ""
    front: str = ""
    protocol: str = ""
    address: Address | None = None


def party(words: str, registry: Registry, codecs: Codecs, settings: Settings) -> Party:
    """Read a word. Raises Stop for one that names nothing."""
    first, colon, rest = words.partition(":")
    if not colon:
        return Party(words, id=known_ids([words], list(registry.exhibits))[0])
    if first in settings.fronts:
        return Party(words, id=known_ids([rest], list(registry.exhibits))[0], front=first)
    protocols = {name.lower(): name for name in codecs.with_port()}
    if first not in protocols:
        fail(f"{words}: expected {FORMS}; FRONT is {' or '.join(settings.fronts)}, PROTOCOL {', '.join(protocols)}", 2)
    return foreign(protocols[first], rest, words)


def foreign(protocol: str, text: str, words: str = "") -> Party:
    """A gateway that is not the zoo's. Raises Stop for a wrong address."""
    option = words or f"--{protocol.lower()} {text}"
    try:
        return Party(option, protocol=protocol, address=client.address(text))
    except ValueError:
        fail(f"{option}: expected unix:PATH or HOST:PORT as the address", 2)


def ask(
    settings: Settings,
    registry: Registry,
    codecs: Codecs,
    parties: list[Party],
    request: ClientRequest,
    patience: Patience,
) -> list[Exchange]:
    """Ask all of them the same. Those behind fronts come last: for them root becomes the zoo's user. Raises Stop."""
    answers: dict[int, Exchange] = {}
    behind = {place: each for place, each in enumerate(parties) if each.front}
    for place, each in enumerate(parties):
        if each.address:
            answers[place] = direct.send_to(codecs, each.protocol, each.address, request, patience)
        elif not each.front:
            answers[place] = direct.send(settings, registry, codecs, each.id, request, patience)
    if behind:
        from gateway_zoo.wire.ask import via

        cells = [(each.front, each.id) for each in behind.values()]
        exchanges = via.through_fronts(settings, registry, codecs, cells, request, patience)
        answers |= dict(zip(behind, exchanges, strict=True))
    return [answers[place] for place in range(len(parties))]
