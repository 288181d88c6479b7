"""Show one exchange, as JSON or for people, with or without its secrets."""

from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import print_json
from gateway_zoo.wire.ask.options import Options
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchanges import Exchange, whole
from gateway_zoo.wire.view import mask_exchange, view


def present(codecs: Codecs, exchange: Exchange, options: Options) -> int:
    """Show one exchange; its exit status."""
    shown = exchange if options.secrets else mask_exchange.secrets_of(exchange, codecs)
    if options.as_json:
        print_json(whole(shown, codecs))
    else:
        view.show(tables.console(), shown, codecs, options.every, options.dump)
    return 1 if exchange.errors else 0
