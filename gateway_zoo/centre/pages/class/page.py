"""For a class: the addresses of the fronts, large and as a QR code; and the end of all stickers on the board."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway_zoo.centre.context import Context
from gateway_zoo.centre.page import Page, Refused
from gateway_zoo.errors import Stop
from gateway_zoo.keeper import board
from gateway_zoo.measure import class_addresses
from gateway_zoo.measure.class_addresses import ClassAddress
from gateway_zoo.registry import plans


class ForAClass(msgspec.Struct, frozen=True):
    """`qr`: the code of the first address, as rows of 1 (dark) and 0. `why`: the reason for no address, else empty.
    `stickers`: None where the board does not answer, with the reason in `board_why`."""

    addresses: list[ClassAddress]
    qr: list[str]
    why: str
    stickers: int | None
    board_why: str


def data(context: Context, _: Mapping[str, str]) -> ForAClass:
    """Read the interfaces of this machine, and ask the board. Raises Stop where no zoo runs."""
    found = class_addresses.addresses(context.settings, plans.open_fronts(context.cells()))
    why = "" if found else class_addresses.why_none(context.settings)
    count, board_why = _stickers(context)
    return ForAClass(found, class_addresses.qr(found[0].url) if found else [], why, count, board_why)


def _stickers(context: Context) -> tuple[int | None, str]:
    try:
        return context.once("stickers", 1.0, lambda: board.stickers(context.settings)), ""
    except Stop as problem:
        return None, problem.text


def clear_board(context: Context, _: Mapping[str, Any]) -> dict[str, int]:
    """Remove all stickers: `{}`. Raises Refused where the board does not answer."""
    try:
        return {"removed": board.clear(context.settings)}
    except Stop as problem:
        raise Refused(problem.text, 503) from None


def text(page: ForAClass) -> str:
    """A line for each address."""
    lines = [f"{each.url} ({each.front})" for each in page.addresses] or [page.why]
    lines.append(page.board_why if page.stickers is None else f"stickers on the board: {page.stickers}")
    return "\n".join(lines) + "\n"


PAGE = Page("/class", "For a class", data, text, order=9, actions={"clear-board": clear_board})
