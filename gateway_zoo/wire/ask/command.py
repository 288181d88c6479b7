"""`wire`: one client for all gateway protocols. Asks, and shows what crossed the wire, field by field.

Exit status: 0 if there was an answer in the protocol (an HTTP status of 500 is one), 1 if the bytes are not the
protocol or no answer came to its end, 2 for wrong usage, 3 if nobody is there to be asked.
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
    _check(options)
    registry = load(settings.root)
    codecs = Codecs(registry)
    if options.recording:
        from gateway_zoo.wire.view import playback

        return playback.run(codecs, options)
    *ids, target = options.words
    known_ids(ids, list(registry.exhibits))
    asked = ClientRequest(target, options.method, _data(options.data), tuple(options.headers), tuple(options.params))
    exchanges = _ask(settings, registry, codecs, ids, asked, options)
    if options.diff:
        from gateway_zoo.wire.view import diff

        one, other = (view_of(exchange, codecs, secrets=options.secrets) for exchange in exchanges)
        return diff.run(one, other, options)
    return present(codecs, exchanges[0], options)


def _ask(
    settings: Settings, registry: Registry, codecs: Codecs, ids: list[str], asked: ClientRequest, options: Options
) -> list[Exchange]:
    """One exchange, or two for a comparison."""
    if options.foreign:
        protocol, text = next(iter(options.foreign.items()))
        try:
            at = client.address(text)
        except ValueError as error:
            fail(str(error), 2)
        return [direct.foreign(codecs, protocol, at, asked)]
    if options.via:
        from gateway_zoo.wire.ask import via

        return via.ask(settings, registry, codecs, ids, asked, options.via)
    if options.program:
        from gateway_zoo.wire.ask import program

        return [program.ask(settings, registry, codecs, id, asked) for id in ids]
    return [direct.exhibit(settings, registry, codecs, id, asked) for id in ids]


def _data(text: str | None) -> bytes | None:
    """TEXT, or the contents of @FILE; @- is standard input."""
    if text is None or not text.startswith("@"):
        return None if text is None else text.encode("utf-8", "surrogateescape")
    try:
        return bounded_file.limited(sys.stdin.buffer) if text == "@-" else bounded_file.whole(text[1:])
    except OSError as error:
        fail(f"--data {text}: {bounded_file.why(error)}; expected a file that can be read", 2)


def _check(options: Options) -> None:
    """Exit 2 for a command line that makes no sense, with what would."""
    words, places = options.words, len(options.foreign) + bool(options.recording) + options.diff
    if places > 1 or (options.foreign and (options.via or options.program)) or (options.via and options.program):
        _wrong("these options do not go together")
    if options.via and options.params:
        _wrong("--param is for a gateway; with --via the front makes the variables, --header is what a client can say")
    if options.pcap and not options.recording:
        _wrong("--pcap exports a recording: --show FILE --pcap OUT")
    if options.recording:
        asks = options.via, options.program, options.method, options.data is not None, options.headers, options.params
        if any(asks):
            _wrong("--show shows what was recorded; nobody is asked")
        if words and options.pcap:
            _wrong("--pcap exports all of a recording, not one exchange")
        if len(words) > 1 or not all(word.isascii() and word.isdigit() for word in words):
            _wrong(f"--show takes the number of one exchange, not {' '.join(words)!r}")
        return
    wanted = 0 if options.foreign else 2 if options.diff else 1
    if not words or not words[-1].startswith("/"):
        _wrong("a path is missing" if words else "who is to be asked?")
    if len(words) != wanted + 1:
        what = ("an address needs no exhibit", "one exhibit is asked", "two exhibits are compared")[wanted]
        _wrong(f"{what}: {len(words) - 1} names before the path, not {wanted}")


def _wrong(what: str) -> NoReturn:
    fail(f"{what}; expected {RIGHT}", 2)
