"""`wire --show FILE`: list, show or export a recording."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from gateway_zoo.errors import fail, printable
from gateway_zoo.safe_io import bounded_file
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.columns import Column
from gateway_zoo.terminal.messages import print_json, say
from gateway_zoo.wire.ask.options import Options
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import KEEP_ONE, Exchange, summary
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.recording import AnyEntry, BadRecording, Recorded, read

MOST = 1_000_000  # exchanges that are kept


def run(codecs: Codecs, options: Options) -> int:
    """Returns the exit status: 1 if a shown exchange has errors. Raises Stop for a file that is no recording."""
    if options.pcap:
        _export(options.recording, options.pcap, codecs)
        return 0
    wanted = int(options.words[0]) if options.words else 0
    exchanges = Exchanges(codecs, MOST, keep=lambda number: KEEP_ONE if number == wanted else 0)
    for entry in _entries(options.recording):
        exchanges.feed(entry)
    if options.words:
        from gateway_zoo.wire.view.present import present

        exchange = _choose(exchanges, wanted, options.recording)
        if options.body:
            from gateway_zoo.wire.view import body_alone

            return body_alone.print_body(codecs, exchange, options)
        return present(codecs, exchange, options)
    if options.as_json:
        print_json([summary(exchange) for exchange in exchanges.all.values()])
    else:
        _print(list(exchanges.all.values()))
    return int(any(exchange.errors for exchange in exchanges.all.values()))


def _entries(name: str) -> Iterator[AnyEntry]:
    try:
        for entry in read(bounded_file.lines(name), name):
            if isinstance(entry, Recorded) and entry.secrets:
                say("this recording was made with its passwords and cookies")
            yield entry
    except OSError as error:
        fail(f"--show {name}: {bounded_file.why(error)}; expected a file that can be read", 2)
    except BadRecording as error:
        fail(str(error), 2)


def _choose(exchanges: Exchanges, number: int, name: str) -> Exchange:
    if number not in exchanges.all:
        there = f"it has 1 to {max(exchanges.all)}" if exchanges.all else "there is none in it"
        fail(f"{name}: no exchange {number}; {there}", 2)
    return exchanges.all[number]


def _export(recording: str, name: str, codecs: Codecs) -> None:
    """Write the pcap. A nameless file comes first: a damaged recording must not leave half a pcap. Raises Stop."""
    from gateway_zoo.wire.recorder import pcap

    out = Path(name)
    try:
        with tempfile.TemporaryFile() as complete:
            pcap.export(_entries(recording), complete, codecs)
            complete.seek(0)
            if out.exists() and out.samefile(recording):
                fail(f"--pcap {name} is the recording itself; expected another file", 2)
            if out.is_file() and out.stat().st_size:
                fail(f"--pcap {name} exists, and no file is overwritten; give another name, or remove it", 2)
            # For its owner only: it has bodies, and perhaps passwords.
            with os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                shutil.copyfileobj(complete, file)
    except OSError as error:
        fail(f"--pcap {name}: {error.strerror}; expected a file that can be written", 2)


#: On a narrow terminal the number, the request and the status stay: the number opens the rest.
COLUMNS = (
    *(Column("#", right=True), Column("time", rank=3), Column("front", rank=4), Column("exhibit", rank=2)),
    *(Column("request", least=24), Column("status", right=True), Column("ms", right=True, rank=1)),
    *(Column("to", right=True, rank=5), Column("from", right=True, rank=6)),
)


def cells(each: Exchange) -> list[str]:
    """The texts of an exchange, as in COLUMNS."""
    took = "…" if each.seconds is None else f"{each.seconds * 1000:.1f}"
    texts = [
        *(str(each.number), time.strftime("%H:%M:%S", time.localtime(each.began)), each.front, each.exhibit),
        *(f"{each.method} {each.target}", "-" if each.status is None else str(each.status), took),
        *(str(each.size("request")), str(each.size("response"))),
    ]
    return [printable(text) for text in texts]


def _print(exchanges: list[Exchange]) -> None:
    out = tables.console()
    styles = ["bold red" if each.errors else "yellow" if each.warnings else "" for each in exchanges]
    tables.rows(out, COLUMNS, [cells(each) for each in exchanges], styles)
    out.print("\nto, from: bytes to and from the gateway. To see one: zoo wire --show FILE NUMBER", style="dim")
