"""Hints for a peer that speaks another protocol: which option asks it right."""

from shlex import quote

from gateway_zoo.wire.ask.client import NO_END, Address
from gateway_zoo.wire.ask.request import ClientRequest
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange

#: An HTTP server's answers to bytes that are no HTTP. Such an answer is sound in uwsgi, and nearly so in SCGI.
REFUSALS = {400, 408, 501, 505}


def add(codecs: Codecs, exchange: Exchange, address: Address, request: ClientRequest, *, known: bool) -> None:
    """Add hints to the errors, or to the warnings if the answer is whole. `known`: an exhibit of the zoo, whose
    protocol is certain."""
    speaks = exchange.findings.speaks.get("response", "")
    if speaks:
        exchange.errors.append(_right(codecs, speaks, address, request))
    elif not exchange.size("response"):
        exchange.errors.append(_silent(codecs, exchange, address, request, known=known))
    elif (
        exchange.protocol != "HTTP" and exchange.status in REFUSALS and exchange.response[:5] == b"HTTP/" and not known
    ):
        exchange.warnings.append(f"the peer may speak HTTP: {_right(codecs, 'HTTP', address, request)}")


def _right(codecs: Codecs, protocol: str, address: Address, request: ClientRequest) -> str:
    if protocol in codecs.with_port():
        return f"zoo wire --{protocol.lower()} {quote(str(address))} {quote(request.target)} asks in {protocol}"
    return f"zoo wire does not speak {protocol}; ask a socket without it"


def _silent(codecs: Codecs, exchange: Exchange, address: Address, request: ClientRequest, *, known: bool) -> str:
    """The reasons for an answer of no byte."""
    ends = any(error.startswith(NO_END) for error in exchange.errors)
    did = f"{address} sent no byte" if ends else f"{address} closed the connection without a byte"
    if request.message is not None:
        did += f": it may not know {request.message}"
    if known:
        return f"{did}; zoo logs {exchange.exhibit} may say why"
    others = [f"{name} (--{name.lower()})" for name in codecs.with_port() if name != exchange.protocol]
    may = "it may speak another protocol than" if request.message is None else "or speak another protocol than"
    return f"{did}{':' if request.message is None else ','} {may} {exchange.protocol}, such as {', '.join(others)}, TLS"
