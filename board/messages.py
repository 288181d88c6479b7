"""The messages to the board, by WebSocket and by POST.

Their limits are checked here, before a change is stored or sent to other visitors.
"""

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

TEXT = 280  # characters on a sticker


def _text(text: str) -> str:
    """Check the text of a sticker. Raises ValueError.

    Control characters but line feeds are refused: a terminal (curl) would obey them.
    """
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
    """A message with exact types: "1" is no number."""

    model_config = ConfigDict(strict=True, extra="forbid")


class New(Message):
    """The body of a POST; without `x`, `y` we choose the place."""

    text: Text
    colour: Colour = "yellow"
    x: Fraction | None = None
    y: Fraction | None = None


class Add(New):
    """Add a sticker."""

    do: Literal["add"]


class Move(Message):
    """Move a sticker."""

    do: Literal["move"]
    id: Id
    x: Fraction
    y: Fraction


class Edit(Message):
    """Change the text or the colour of a sticker."""

    do: Literal["edit"]
    id: Id
    text: Text
    colour: Colour


class Remove(Message):
    """Remove a sticker."""

    do: Literal["remove"]
    id: Id


Change = Add | Move | Edit | Remove
CHANGE: TypeAdapter[Change] = TypeAdapter(Annotated[Change, Field(discriminator="do")])


def sentence(errors: Any) -> str:
    """Write the first of pydantic's errors in one line.

    Example: `move.x: Input should be less than or equal to 1`.
    """
    first = errors[0]
    field = ".".join(str(part) for part in first["loc"] if part != "body")
    message: str = first["msg"].removeprefix("Value error, ")
    return f"{field}: {message}" if field else message
