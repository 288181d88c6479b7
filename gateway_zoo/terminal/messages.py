"""Messages on standard error, JSON on standard output, and the exit status of a program that stopped."""

import io
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from gateway_zoo.errors import Stop


def write_anything() -> None:
    """Print a substitute for a character that the encoding of the output lacks: a table must not end in the middle.

    PYTHONIOENCODING is a wish about output, so it counts, although Python itself does not see it under `-I`.
    """
    wish = os.environ.get("PYTHONIOENCODING", "").partition(":")[0] or None
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it was closed
            try:
                stream.reconfigure(encoding=wish, errors="replace")
            except LookupError:  # no such encoding
                stream.reconfigure(errors="replace")


def say(*texts: str) -> None:
    """Print lines on standard error: standard output is for tables and JSON."""
    for text in texts:
        print(f"zoo: {text}", file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=1)
    print()


def status_of(program: Callable[[], int]) -> int:
    """Run a program that is no command of `zoo`; say why where it stops. Returns its exit status."""
    try:
        return program()
    except Stop as stop:
        say(stop.text)
        return stop.status
