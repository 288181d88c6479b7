"""`zoo wire`: ask a gateway, show the bytes field by field.

Exit status: 0 for an answer in the protocol (HTTP status 500 is one), 1 if the bytes break the protocol or the answer
has no end, 2 for a wrong command line, 3 if nothing listens.
"""

import sys
from typing import NoReturn

from gateway_zoo.errors import fail, known_ids
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.safe_io import bounded_file
from gateway_zoo.settings import Settings
from gateway_zoo.wire.ask import client, direct
from gateway_zoo.wire.ask.options import Options
from gateway_zoo.wire.ask.request import ClientRequest
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchanges import Exchange
from gateway_zoo.wire.view.present import present, view_of

RIGHT = "zoo wire ID /PATH, zoo wire --fastcgi ADDRESS /PATH, zoo wire --diff ID ID /PATH or zoo wire --show FILE [N]"


def run(settings: Settings, options: Options) -> int:
    """Run the command line. Returns the exit status; raises Stop for 2 and 3."""
    _check(options)
    registry = load(settings.root)
    codecs = Codecs(registry)
    if options.recording:
        from gateway_zoo.wire.view import playback

        return playback.run(codecs, options)
    *ids, target = options.words
    known_ids(ids, list(registry.exhibits))
    request = ClientRequest(target, options.method, _data(options.data), tuple(options.headers), tuple(options.params))
    exchanges = _ask(settings, registry, codecs, ids, request, options)
    if options.diff:
        from gateway_zoo.wire.view import diff

        first, other = (view_of(exchange, codecs, secrets=options.secrets) for exchange in exchanges)
        return diff.run(codecs, first, other, options)
    return present(codecs, exchanges[0], options)


def _ask(
    settings: Settings, registry: Registry, codecs: Codecs, ids: list[str], request: ClientRequest, options: Options
) -> list[Exchange]:
    if options.foreign:
        protocol, text = next(iter(options.foreign.items()))
        try:
            address = client.address(text)
        except ValueError as error:
            fail(str(error), 2)
        return [direct.send_to(codecs, protocol, address, request)]
    if options.via:
        from gateway_zoo.wire.ask import via

        return via.through_front(settings, registry, codecs, ids, request, options.via)
    if options.program:
        from gateway_zoo.wire.ask import program

        return [program.run_program(settings, registry, codecs, id, request) for id in ids]
    return [direct.send(settings, registry, codecs, id, request) for id in ids]


def _data(text: str | None) -> bytes | None:
    """TEXT, or the contents of @FILE; @- is standard input. Raises Stop."""
    if text is None or not text.startswith("@"):
        return None if text is None else text.encode("utf-8", "surrogateescape")
    try:
        return bounded_file.limited(sys.stdin.buffer) if text == "@-" else bounded_file.whole(text[1:])
    except OSError as error:
        fail(f"--data {text}: {bounded_file.why(error)}; expected a file that can be read", 2)


def _check(options: Options) -> None:
    """Raise Stop for a command line that makes no sense, and tell a right one."""
    sources = len(options.foreign) + bool(options.recording) + options.diff
    ways = bool(options.foreign) + bool(options.via) + options.program
    if sources > 1 or ways > 1:
        _refuse("these options do not go together")
    if options.via and options.params:
        _refuse("--param is for a gateway; with --via the front makes the variables, --header is what a client can say")
    if options.recording:
        _check_recording(options)
    elif options.pcap:
        _refuse("--pcap exports a recording: --show FILE --pcap OUT")
    else:
        _check_words(options)


def _check_recording(options: Options) -> None:
    request = options.via, options.program, options.method, options.data is not None, options.headers, options.params
    if any(request):
        _refuse("--show shows what was recorded; it asks no gateway")
    if options.words and options.pcap:
        _refuse("--pcap exports all of a recording, not one exchange")
    if len(options.words) > 1 or not all(word.isascii() and word.isdigit() for word in options.words):
        _refuse(f"--show takes the number of one exchange, not {' '.join(options.words)!r}")


def _check_words(options: Options) -> None:
    if not options.words:
        _refuse("no exhibit given")
    if not options.words[-1].startswith("/"):
        _refuse("a path is missing")
    given, wanted = len(options.words) - 1, 0 if options.foreign else 2 if options.diff else 1
    if given != wanted:
        rule = ("an address needs no exhibit", "one exhibit is asked", "two exhibits are compared")[wanted]
        _refuse(f"{rule}: {given} names before the path, not {wanted}")


def _refuse(problem: str) -> NoReturn:
    fail(f"{problem}; expected {RIGHT}", 2)
