"""`zoo wire`: ask a gateway, show the bytes field by field.

Exit status: 0 for a whole answer (HTTP status 500 is one; a broken rule that leaves it whole is a warning), 1 if bytes
are missing, surplus, not asked for or unreadable, or the answer has no end, 2 for a wrong command line, 3 if nothing
listens. A stream that was watched and stopped is no error.
"""

import sys
from dataclasses import replace
from functools import partial
from typing import NoReturn

from gateway_zoo.errors import fail
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.safe_io import bounded_file
from gateway_zoo.settings import Settings
from gateway_zoo.wire.ask import client, parties
from gateway_zoo.wire.ask.client import DEADLINE_S, LONGEST_S, Patience
from gateway_zoo.wire.ask.kept import Kept
from gateway_zoo.wire.ask.options import Options
from gateway_zoo.wire.ask.parties import Party
from gateway_zoo.wire.ask.request import ClientRequest
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange
from gateway_zoo.wire.view.present import present, view_of

RIGHT = (
    "zoo wire ID [/PATH], zoo wire --fastcgi ADDRESS [/PATH], zoo wire --diff ID ID [/PATH] or zoo wire --show FILE [N]"
)
NO_PARAM = "--param is for a gateway; with --via the front makes the variables, --header is what a client can say"
NO_MESSAGE = "--ask is for a gateway; with --via the front makes the messages, and makes ordinary requests only"


def run(settings: Settings, options: Options) -> int:
    """Run the command line. Returns the exit status; raises Stop for 2 and 3."""
    _check(options)
    registry = load(settings.root)
    codecs = Codecs(registry)
    if options.recording:
        from gateway_zoo.wire.view import playback

        return playback.run(codecs, options)
    words, target = _words_and_target(options.words)
    asked = _parties(settings, registry, codecs, words, options)
    request = _request(target, options)
    with Kept(options.output) as kept:
        exchanges = _ask(settings, registry, codecs, asked, request, options, kept)
        kept.write(codecs, secrets=options.secrets)
    if options.diff:
        from gateway_zoo.wire.view import diff

        named = (replace(each, exhibit=party.words) for each, party in zip(exchanges, asked, strict=True))
        first, other = (view_of(exchange, codecs, secrets=options.secrets) for exchange in named)
        return diff.run(codecs, first, other, options)
    if options.body:
        from gateway_zoo.wire.view import body_alone

        return body_alone.print_body(codecs, exchanges[0], options)
    if options.watch:
        from gateway_zoo.wire.ask import watch

        return watch.present_end(codecs, exchanges[0], options)
    return present(codecs, exchanges[0], options)


def _words_and_target(words: list[str]) -> tuple[list[str], str]:
    """The words for gateways, and the path, which is `/` if none is given."""
    *others, last = words or [""]
    return (others, last) if last.startswith("/") else (words, "/")


def _parties(settings: Settings, registry: Registry, codecs: Codecs, words: list[str], options: Options) -> list[Party]:
    """The gateways to ask. Raises Stop for a word that names none, or does not go with an option."""
    if options.foreign:
        protocol, text = next(iter(options.foreign.items()))
        return [parties.foreign(protocol, text)]
    given = [parties.party(word, registry, codecs, settings) for word in words]
    for each in given:
        if (options.via or options.program) and each.words != each.id:
            _refuse(f"{'--via' if options.via else '--program'} takes exhibits, not {each.words}")
        if each.front and options.params:
            _refuse(f"{NO_PARAM}, as in {each.words}")
        if each.front and options.ask is not None:
            _refuse(f"{NO_MESSAGE}, as in {each.words}")
    return [each._replace(front=options.via) for each in given] if options.via else given


def _request(target: str, options: Options) -> ClientRequest:
    name, _, value = (options.ask or "").partition("=")
    message = None if options.ask is None else name.upper().replace("-", "_")
    body, headers, params = _data("--data", options.data), tuple(options.headers), tuple(options.params)
    value_bytes = _data("--ask", value) or b""
    return ClientRequest(target, options.method, body, headers, params, message, value_bytes)


def _patience(options: Options) -> Patience:
    longer = min(6 * max(options.wait or 0, DEADLINE_S), LONGEST_S)
    hints = [f"--wait {longer:g} waits longer"] if options.wait != LONGEST_S else []
    hints += [] if options.program or options.diff else ["--watch shows a stream as it comes"]
    show = None
    if options.watch:
        from gateway_zoo.wire.ask import watch

        show = watch.print_json_piece if options.as_json else partial(watch.print_piece, every=options.every)
    return Patience(options.wait, show, ", ".join(hints))


def _ask(
    settings: Settings,
    registry: Registry,
    codecs: Codecs,
    asked: list[Party],
    request: ClientRequest,
    options: Options,
    kept: Kept,
) -> list[Exchange]:
    patience = replace(_patience(options), keep=kept.entry if options.output else client.USUAL.keep)
    if options.program:
        from gateway_zoo.wire.ask import program

        return [program.run_program(settings, registry, codecs, each.id, request, patience) for each in asked]
    return parties.ask(settings, registry, codecs, asked, request, patience)


def _data(option: str, text: str | None) -> bytes | None:
    """TEXT of an option, or the contents of @FILE; @- is standard input. Raises Stop."""
    if text is None or not text.startswith("@"):
        return None if text is None else text.encode("utf-8", "surrogateescape")
    try:
        return bounded_file.limited(sys.stdin.buffer) if text == "@-" else bounded_file.whole(text[1:])
    except OSError as error:
        fail(f"{option} {text}: {bounded_file.why(error)}; expected a file that can be read", 2)


def _check(options: Options) -> None:
    """Raise Stop for a command line that makes no sense, and tell a right one."""
    sources = len(options.foreign) + bool(options.recording) + options.diff
    ways = bool(options.foreign) + bool(options.via) + options.program
    if sources > 1 or ways > 1:
        _refuse("these options do not go together")
    if options.via and options.params:
        _refuse(NO_PARAM)
    if options.wait is not None and not 0 < options.wait <= LONGEST_S:
        fail(f"--wait {options.wait:g}: expected seconds, more than 0 and at most {LONGEST_S:g}", 2)
    if options.recording:
        _check_recording(options)
    elif options.pcap:
        _refuse("--pcap exports a recording: --show FILE --pcap OUT")
    else:
        _check_way(options)
        _check_words(options)
    if options.body:
        _check_body(options)


def _check_way(options: Options) -> None:
    """Raise Stop for --ask and --watch where they cannot be."""
    if options.ask is not None and options.via:
        _refuse(NO_MESSAGE)
    if options.ask is not None and options.program:
        _refuse("--ask is for a gateway's socket; a program is run for an ordinary request")
    if options.ask is not None and options.diff:
        _refuse("--diff compares ordinary requests; --ask asks one gateway")
    if options.watch and options.program:
        _refuse("--watch reads a socket; the output of a program is read when it has ended")
    if options.watch and options.diff:
        _refuse("--watch shows one answer; --diff compares two")


def _check_body(options: Options) -> None:
    others = {"--json": options.as_json, "--all": options.every, "--hex": options.dump, "--diff": options.diff}
    for name, given in {**others, "--watch": options.watch}.items():
        if given:
            _refuse(f"--body prints the body of one answer, and nothing else; {name} does not go with it")
    if options.recording and not options.words:
        _refuse("--body prints the body of one answer; with --show, give its number, too")


def _check_recording(options: Options) -> None:
    if options.output:
        _refuse("-o keeps what is asked; --show asks no gateway, and its recording is a file already")
    request = options.via, options.program, options.method, options.data is not None, options.headers, options.params
    if any(request) or options.watch or options.ask is not None or options.wait is not None:
        _refuse("--show shows what was recorded; it asks no gateway")
    if options.words and options.pcap:
        _refuse("--pcap exports all of a recording, not one exchange")
    if len(options.words) > 1 or not all(word.isascii() and word.isdigit() for word in options.words):
        _refuse(f"--show takes the number of one exchange, not {' '.join(options.words)!r}")


def _check_words(options: Options) -> None:
    ids, _ = _words_and_target(options.words)
    wanted = 0 if options.foreign else 2 if options.diff else 1
    if wanted and not ids:
        _refuse("no exhibit given")
    if len(ids) != wanted:
        rule = ("an address needs no exhibit", "one exhibit is asked", "two gateways are compared")[wanted]
        _refuse(f"{rule}, not {len(ids)}: {' '.join(ids)}; a path begins with /")


def _refuse(problem: str) -> NoReturn:
    fail(f"{problem}; expected {RIGHT}", 2)
