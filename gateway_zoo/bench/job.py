"""A quick benchmark for a program that has threads and must not wait: `python -m gateway_zoo.bench.job ID…`.

The visitor centre runs it as a child. Its standard input is a pipe, whose end stops the job as Ctrl-C would; so the
kernel stops it, too, however the other program has ended. It prints lines of JSON (Message): progress, and at its end
a report, or why there is none.
"""

import argparse
import os
import signal
import sys
import threading

import msgspec

from gateway_zoo.bench.records import Report
from gateway_zoo.bench.zoo import Wanted, measure
from gateway_zoo.errors import Stop
from gateway_zoo.keeper import state
from gateway_zoo.measure import targets
from gateway_zoo.settings import SettingsError, read_settings

NOTHING = "it ended before anything was measured"


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """`text`: what is measured now; `share`: what is done, 0 to 1; `left_s`: seconds that are left, if known.

    At the end: `report`, or `why` there is none.
    """

    text: str = ""
    share: float = 0.0
    left_s: float | None = None
    report: Report | None = None
    why: str = ""


def main(argv: list[str]) -> int:
    """Measure until it is done, or until standard input ends. Returns 3 where nothing was measured."""
    parser = argparse.ArgumentParser("zoo bench job", description="measure for another program")
    parser.add_argument("ids", nargs="+")
    parser.add_argument("--front", default="")
    parser.add_argument("--busy", action="store_true")
    words = parser.parse_args(argv)
    threading.Thread(target=_stop_at_the_end_of_input, daemon=True).start()
    try:
        settings = state.running_settings(read_settings())
        urls = targets.around(settings) if settings.compose else {}
        wanted = Wanted(words.ids, words.front, busy=words.busy)
        report = measure(settings, wanted, urls, _progress)
        _say(Message(report=report) if report.rounds else Message(why=NOTHING))
    except Stop as problem:
        _say(Message(why=problem.text))
    except SettingsError as problem:
        _say(Message(why=str(problem)))
    except KeyboardInterrupt:
        _say(Message(why=NOTHING))
    else:
        return 0
    return 3


def _stop_at_the_end_of_input() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGINT)


def _progress(text: str, share: float, left_s: float | None) -> None:
    _say(Message(text, share, left_s))


def _say(message: Message) -> None:
    try:
        sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # the other program has ended, and so do we
        os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
