"""Hints: which option asks a peer right that speaks another protocol, or that lacks the name of a file to run."""

from shlex import quote

from gateway_zoo.wire.ask.client import NO_END, Address
from gateway_zoo.wire.ask.request import ClientRequest
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange

#: An HTTP server's answers to bytes that are no HTTP. Such an answer is sound in uwsgi, and nearly so in SCGI.
REFUSALS = {400, 408, 501, 505}
SCRIPT = "SCRIPT_FILENAME"
#: How FastCGI programs that run files say that there is none: php-fpm, php-cgi, fcgiwrap.
NO_SCRIPT = (b"Primary script unknown", b"File not found.", b"No input file specified.", b"Cannot get script name")
NAME_ONE = f"a php-fpm must be told which file to run: --param {SCRIPT}=/path/in/its/filesystem.php"
IN_ITS_OWN = f" for this gateway: {SCRIPT} is a path in its own file system, which its user can read"


def add(codecs: Codecs, exchange: Exchange, address: Address, request: ClientRequest, *, known: bool) -> None:
    """Add hints to the errors, or to the warnings if the answer is whole. `known`: an exhibit of the zoo, whose
    protocol is certain."""
    speaks = exchange.findings.speaks.get("response", "")
    if speaks:
        exchange.errors.append(_right(codecs, speaks, address, request))
    elif not exchange.size("response"):
        if _runs_files(exchange, request, known=known) and not _script(request):
            exchange.errors.append(NAME_ONE)
        exchange.errors.append(_silent(codecs, exchange, address, request, known=known))
    elif _runs_files(exchange, request, known=known) and any(words in exchange.response for words in NO_SCRIPT):
        script = _script(request)
        exchange.warnings.append(f"no file {script}{IN_ITS_OWN}" if script else NAME_ONE)
    elif (
        exchange.protocol != "HTTP" and exchange.status in REFUSALS and exchange.response[:5] == b"HTTP/" and not known
    ):
        exchange.warnings.append(f"the peer may speak HTTP: {_right(codecs, 'HTTP', address, request)}")


def _runs_files(exchange: Exchange, request: ClientRequest, *, known: bool) -> bool:
    """Tell whether the peer may be a program that runs a file which the request names."""
    return exchange.protocol == "FastCGI" and request.message is None and not known


def _script(request: ClientRequest) -> str:
    """The file that the request names; empty if it names none."""
    return dict(word.partition("=")[::2] for word in request.params).get(SCRIPT, "")


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
