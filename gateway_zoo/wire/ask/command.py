"""`wire`: one client for all gateway protocols. Asks, and shows what crossed the wire, field by field.

Exit status: 0 if there was an answer in the protocol (an HTTP status of 500 is one), 1 if the bytes are not the
protocol or no answer came to its end, 2 for wrong usage, 3 if nobody is there to be asked.
"""

import sys
from dataclasses import dataclass, field
from typing import NoReturn

from gateway_zoo import bounded_file, show
from gateway_zoo.registry import Registry, load
from gateway_zoo.settings import Settings
from gateway_zoo.speak import fail, known, print_json
from gateway_zoo.wire.ask import asking, client
from gateway_zoo.wire.ask.told import Asked
from gateway_zoo.wire.exchanges import Exchange, whole
from gateway_zoo.wire.show import hide
from gateway_zoo.wire.wires import Wires

RIGHT = "zoo wire ID /PATH, zoo wire --fastcgi ADDRESS /PATH, zoo wire --diff ID ID /PATH or zoo wire --show FILE [N]"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The command line as it was written. `foreign`: protocol -> address of a socket that is not the zoo's."""

    words: list[str]
    foreign: dict[str, str] = field(default_factory=dict)
    via: str = ""
    diff: bool = False
    program: bool = False
    recording: str = ""
    pcap: str = ""
    method: str = ""
    data: str | None = None
    headers: list[str] = field(default_factory=list)
    params: list[str] = field(default_factory=list)
    every: bool = False
    dump: bool = False
    secrets: bool = False
    as_json: bool = False


def run(made: Settings, options: Options) -> int:
    _check(options)
    registry = load(made.root)
    wires = Wires(registry)
    if options.recording:
        from gateway_zoo.wire.show import playback

        return playback.run(wires, options)
    *ids, target = options.words
    known(ids, list(registry.exhibits))
    asked = Asked(target, options.method, _data(options.data), tuple(options.headers), tuple(options.params))
    found = _ask(made, registry, wires, ids, asked, options)
    if options.diff:
        from gateway_zoo.wire.show import diff

        shown = [each if options.secrets else hide.secrets_of(each, wires) for each in found]
        return diff.run(wires, shown[0], shown[1], options)
    return present(wires, found[0], options)


def _ask(
    made: Settings, registry: Registry, wires: Wires, ids: list[str], asked: Asked, options: Options
) -> list[Exchange]:
    """One exchange, or two for a comparison."""
    if options.foreign:
        protocol, text = next(iter(options.foreign.items()))
        try:
            at = client.address(text)
        except ValueError as error:
            fail(str(error), 2)
        return [asking.foreign(wires, protocol, at, asked)]
    if options.via:
        from gateway_zoo.wire.ask import via

        return via.ask(made, registry, wires, ids, asked, options.via)
    if options.program:
        from gateway_zoo.wire.ask import program

        return [program.ask(made, registry, wires, id, asked) for id in ids]
    return [asking.exhibit(made, registry, wires, id, asked) for id in ids]


def present(wires: Wires, exchange: Exchange, options: Options) -> int:
    """Show one exchange; its exit status."""
    shown = exchange if options.secrets else hide.secrets_of(exchange, wires)
    if options.as_json:
        print_json(whole(shown, wires))
    else:
        from gateway_zoo.wire.show import view

        view.show(show.console(), shown, wires, options.every, options.dump)
    return 1 if exchange.errors else 0


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
