"""Stop, the one exception that ends a command. Library code raises it; only the command line exits (cli.py).

A page that calls the same function catches it and shows its text.
"""

import difflib
from typing import NoReturn


class Stop(Exception):
    """The text says what is wrong and what is right.

    `status` is the exit status of the command: 1 for a failed check, 2 for wrong usage, 3 if no zoo runs or something
    is missing.
    """

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


def fail(text: str, status: int) -> NoReturn:
    """Raise Stop."""
    raise Stop(text, status)


def printable(text: object) -> str:
    """Escape control characters: paths, headers and log lines are written by strangers."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def nearest(name: str, names: list[str], otherwise: str) -> str:
    """Ask whether the nearest of the names was meant; without a near one return `otherwise`."""
    near = difflib.get_close_matches(name, names, 1)
    return f"did you mean '{near[0]}'?" if near else otherwise


def known_ids(ids: list[str] | None, exhibits: list[str], more: tuple[str, ...] = ()) -> list[str]:
    """Return the ids if each exists. Raises Stop with the nearest that exists."""
    for name in ids or []:
        if name not in exhibits and name not in more:
            fail(f"unknown exhibit '{name}'; {nearest(name, [*exhibits, *more], 'zoo ls lists them')}", 2)
    return ids or []
