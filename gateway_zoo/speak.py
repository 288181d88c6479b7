"""Talking to people and programs: lines on standard error, JSON on standard output, and ends with an exit status."""

import difflib
import json
import sys
from typing import Any, NoReturn

import typer


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


def known(ids: list[str] | None, exhibits: list[str], more: tuple[str, ...] = ()) -> list[str]:
    """The ids given, or exit 2 with the nearest that exists."""
    for name in ids or []:
        if name not in exhibits and name not in more:
            near = difflib.get_close_matches(name, [*exhibits, *more], 1)
            hint = f"did you mean '{near[0]}'?" if near else "zoo ls lists them"
            fail(f"unknown exhibit '{name}'; {hint}", 2)
    return ids or []


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=1)
    print()
