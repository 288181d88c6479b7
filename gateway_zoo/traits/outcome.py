"""What a probe returns or raises."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """`text`: short, the same words for the same behaviour. `figure`: a measured number beside it."""

    text: str
    figure: float | None = None


class NotAsked(Exception):
    """The question makes no sense in this cell; says why."""


class Unknown(Exception):
    """The probe could not find out; says why."""
