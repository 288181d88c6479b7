"""What may be said to the board: the messages of a WebSocket and of POST, and what in them is refused.

Limits are looked at here, before anything is stored or told to others.
"""

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

TEXT = 280  # characters on a sticker


def _text(text: str) -> str:
    """Letters, signs and line feeds. Control characters are refused: in a terminal (curl) they would be commands."""
    if not text.strip():
        raise ValueError("is empty")
    if odd := next((c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Zl", "Zp")), None):
        raise ValueError(f"control character U+{ord(odd):04X}; only line feeds are allowed")
    return text


Text = Annotated[str, Field(max_length=TEXT), AfterValidator(_text)]
Colour = Literal["yellow", "green", "blue", "pink"]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]  # of the board's width or height
Id = Annotated[int, Field(ge=1, le=2**53)]  # what a JavaScript number holds exactly


class Message(BaseModel):
    """Fields are what they claim to be ("1" is no number), and there are no others."""

    model_config = ConfigDict(strict=True, extra="forbid")


class New(Message):
    """What POST takes: a sticker, placed by us where `x` and `y` are left out."""

    text: Text
    colour: Colour = "yellow"
    x: Fraction | None = None
    y: Fraction | None = None


class Add(New):
    """A new sticker."""

    do: Literal["add"]


class Move(Message):
    """The same sticker elsewhere."""

    do: Literal["move"]
    id: Id
    x: Fraction
    y: Fraction


class Edit(Message):
    """The same sticker with other words, or in another colour."""

    do: Literal["edit"]
    id: Id
    text: Text
    colour: Colour


class Remove(Message):
    """A sticker less."""

    do: Literal["remove"]
    id: Id


Change = Add | Move | Edit | Remove
CHANGE: TypeAdapter[Change] = TypeAdapter(Annotated[Change, Field(discriminator="do")])


def sentence(errors: Any) -> str:
    """The first of pydantic's errors in one line: `move.x: Input should be less than or equal to 1`."""
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    what = first["msg"].removeprefix("Value error, ")
    return f"{where}: {what}" if where else what
