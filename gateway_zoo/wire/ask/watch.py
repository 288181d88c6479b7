"""Print the pieces of an answer as they come: `zoo wire --watch`."""

import json

from rich.text import Text

from gateway_zoo.errors import printable
from gateway_zoo.terminal import tables
from gateway_zoo.wire.ask.client import Piece
from gateway_zoo.wire.ask.options import Options
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange, whole
from gateway_zoo.wire.fields import text as escaped
from gateway_zoo.wire.view.present import present, view_of
from gateway_zoo.wire.view.view import line


def print_piece(piece: Piece, every: bool) -> None:
    """Print one line. It is cut at the terminal's width, unless `every` is set."""
    out = tables.console()
    stream = "" if piece.stream == "body" else f"{printable(piece.stream)}: "
    text = Text(f"{piece.seconds:9.3f} s {len(piece.data):7,}  {stream}{escaped(piece.data)}")
    if every:
        out.print(text, soft_wrap=True)
    else:
        line(out, text)


def print_json_piece(piece: Piece) -> None:
    """Print an object in one line."""
    row = {"seconds": round(piece.seconds, 6), "stream": piece.stream, "length": len(piece.data)}
    print(json.dumps(row | {"bytes": piece.data.hex(), "text": escaped(piece.data)}), flush=True)


def present_end(codecs: Codecs, exchange: Exchange, options: Options) -> int:
    """Print the exchange behind its pieces. Returns the exit status: 1 if it has errors."""
    if not options.as_json:
        print()
        return present(codecs, exchange, options)
    print(json.dumps(whole(*view_of(exchange, codecs, secrets=options.secrets))))
    return int(bool(exchange.errors))
