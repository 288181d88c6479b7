"""`wire --body`: the body of an answer as it is, on standard output. Problems go to standard error."""

import sys

from gateway_zoo.errors import printable
from gateway_zoo.terminal.messages import say
from gateway_zoo.wire.ask.options import Options
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange
from gateway_zoo.wire.recorder.replay import answer_of
from gateway_zoo.wire.view.present import view_of


def print_body(codecs: Codecs, exchange: Exchange, options: Options) -> int:
    """Print it. Returns the exit status: 1 if the answer has errors."""
    sys.stdout.flush()
    sys.stdout.buffer.write(answer_of(codecs, exchange).body)
    sys.stdout.buffer.flush()
    shown, _ = view_of(exchange, codecs, secrets=options.secrets)
    say(*(printable(error) for error in shown.errors))
    say(*(f"warning: {printable(warning)}" for warning in shown.warnings))
    return int(bool(exchange.errors))
