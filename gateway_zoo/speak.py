"""Talking to people and programs: lines on standard error, JSON on standard output, and ends with an exit status."""

import difflib
import io
import json
import os
import sys
from typing import Any, NoReturn

import typer


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


def say(text: str) -> None:
    """A line for people, on standard error: standard output is for tables and JSON."""
    typer.echo(f"zoo: {text}", err=True)


def fail(text: str, status: int) -> NoReturn:
    """Say why, and leave."""
    say(text)
    raise typer.Exit(status)


def printable(text: object) -> str:
    """Escape control characters: paths, headers and log lines are written by strangers."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def hint(name: str, names: list[str], otherwise: str) -> str:
    """What was probably meant, or where to look."""
    near = difflib.get_close_matches(name, names, 1)
    return f"did you mean '{near[0]}'?" if near else otherwise


def known(ids: list[str] | None, exhibits: list[str], more: tuple[str, ...] = ()) -> list[str]:
    """The ids given, or exit 2 with the nearest that exists."""
    for name in ids or []:
        if name not in exhibits and name not in more:
            fail(f"unknown exhibit '{name}'; {hint(name, [*exhibits, *more], 'zoo ls lists them')}", 2)
    return ids or []


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=1)
    print()
