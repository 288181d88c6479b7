"""Print one exchange, as JSON or for people, with or without its secrets."""

from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import print_json
from gateway_zoo.wire.ask.options import Options
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange, Fields, fields_of, whole
from gateway_zoo.wire.view import mask_exchange, view


def present(codecs: Codecs, exchange: Exchange, options: Options) -> int:
    """Print one exchange. Returns the exit status: 1 if it has errors."""
    shown, fields = view_of(exchange, codecs, secrets=options.secrets)
    if options.as_json:
        print_json(whole(shown, fields))
    else:
        view.show(tables.console(), shown, fields, options.every, options.dump)
    return 1 if exchange.errors else 0


def view_of(exchange: Exchange, codecs: Codecs, *, secrets: bool) -> tuple[Exchange, Fields]:
    """What a view shows: the exchange, masked unless `secrets` is set, and its fields."""
    return (exchange, fields_of(exchange, codecs)) if secrets else mask_exchange.mask(exchange, codecs)
