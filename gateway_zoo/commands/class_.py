"""`class`: the addresses for a class, as text and as QR codes; and the end of all stickers on the board."""

import sys

from gateway_zoo.errors import fail
from gateway_zoo.keeper import board, state
from gateway_zoo.measure import class_addresses
from gateway_zoo.registry import plans
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import print_json, say

#: Two rows of a QR code share a line of text.
HALVES = {"11": "█", "10": "▀", "01": "▄", "00": " "}
QUIET = 2  # light signs around a code, so that a telephone finds it


def run(settings: Settings, as_json: bool) -> int:
    """Print the address of each front, and a QR code of the first. Returns 1 where others cannot reach the fronts."""
    cells = [] if settings.compose else state.running_cells(settings)
    found = class_addresses.addresses(settings, plans.open_fronts(cells))
    why = "" if found else class_addresses.why_none(settings)
    if as_json:
        print_json({"addresses": [{"front": each.front, "url": each.url} for each in found], "why": why})
        return int(not found)
    if not found:
        say(why)
        return 1
    out = tables.console()
    for each in found:
        tables.line(out, f"{each.url}  ({each.front})", "bold")
    for line in drawn(class_addresses.qr(found[0].url)):
        tables.line(out, line)
    return 0


def drawn(rows: list[str]) -> list[str]:
    """A QR code as lines of text: dark on light, because some telephones read no other."""
    width = len(rows[0]) + 2 * QUIET
    empty = ["0" * width] * QUIET
    all_rows = [*empty, *("0" * QUIET + row + "0" * QUIET for row in rows), *empty]
    pairs = zip(all_rows[::2], [*all_rows[1::2], "0" * width], strict=False)
    light = str.maketrans({"0": "1", "1": "0"})  # a terminal is dark, so the light signs are drawn
    return [
        "".join(HALVES[high + low] for high, low in zip(above.translate(light), below.translate(light), strict=True))
        for above, below in pairs
    ]


def clear_board(settings: Settings, sure: bool, as_json: bool) -> int:
    """Remove all stickers, after a question. Raises Stop: 2 where nobody can answer it."""
    count = board.stickers(settings)
    if not sure:
        if not sys.stdin.isatty():
            fail("--clear-board asks a question, and standard input is no terminal; add --yes", 2)
        if input(f"Remove all {count} stickers from the board and from every screen? [y/N] ").strip().lower() != "y":
            say("nothing was removed")
            return 0
    removed = board.clear(settings)
    if as_json:
        print_json({"removed": removed})
    else:
        say("1 sticker was removed" if removed == 1 else f"{removed} stickers were removed")
    return 0
