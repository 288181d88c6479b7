"""Other messages that a gateway can be asked: `--ask NAME` or `--ask NAME=VALUE`.

The `wire` of a protocol has them (REQUESTS). In a name, case, `-` and `_` do not count.
"""

from collections.abc import Callable
from typing import NoReturn

from gateway_zoo.errors import fail, nearest
from gateway_zoo.wire.ask.request import ClientRequest
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.events import Pairs


def writer(codecs: Codecs, protocol: str, request: ClientRequest) -> Callable[[Pairs, bytes], bytes]:
    """The function that writes the request, or the message that it names, from variables and a body. Raises Stop: 2 for
    a name that the protocol does not have."""
    if request.message is None:
        return codecs[protocol].request
    messages = codecs[protocol].REQUESTS
    encode = {_plain(name): message.encode for name, message in messages.items()}.get(_plain(request.message))
    if encode is None:
        _list(codecs, protocol, request.message)
    return lambda variables, body: encode(variables, body, request.value)


def _list(codecs: Codecs, protocol: str, name: str) -> NoReturn:
    messages = codecs[protocol].REQUESTS
    if not messages:
        fail(f"{protocol} has no other messages for --ask; {listed(codecs) or 'no protocol has any'}", 2)
    unknown = f"--ask {name}: {nearest(name, list(messages), 'unknown')}; " if name else "--ask: "
    means = [f"{each}: {message.means.removeprefix(f'{protocol}: ')}" for each, message in messages.items()]
    fail("\n  ".join([f"{unknown}{protocol} has", *means]), 2)


def listed(codecs: Codecs) -> str:
    """The names of all protocols, for --help."""
    with_some = {protocol: codec.REQUESTS for protocol, codec in codecs.with_port().items() if codec.REQUESTS}
    return "; ".join(f"{protocol} {', '.join(names)}" for protocol, names in with_some.items())


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").upper()
