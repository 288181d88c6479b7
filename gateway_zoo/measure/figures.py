"""Numbers for people: as many digits as mean something, an interval where there is one, the sign for "not zero".

A figure that is rounded to 0 says "nothing", which is a statement of its own: 0.013 stays 0.013, and what is unknown
is "-".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

MB = 1_000_000
KB = 1_000


def two_digits(value: float) -> str:
    """Two significant digits, without an exponent: 0.013, 1.2, 45, 1200."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "-"
    places = 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    places = 1 - math.floor(math.log10(abs(rounded)))  # 0.0996 has become 0.10
    return f"{rounded:.{max(0, places)}f}"


def ratio(first: float, other: float) -> str | None:
    """How many times as much; None where nothing was measured."""
    return two_digits(first / other) if first > 0 and other > 0 else None


def milliseconds(value: float) -> str:
    """Without the unit: 0.043, 1.2, 134."""
    if 0 < value < 1:
        return two_digits(value)
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def megabytes(size: float | None) -> str:
    """Bytes as MB, without the unit: 0.42, 1.2, 23; "-" for unknown."""
    if size is None:
        return "-"
    return two_digits(size / MB) if abs(size) < 10 * MB else f"{size / MB:.0f}"


def memory(size: float | None) -> str:
    """Bytes with their unit: 256 B, 42 kB, 1.2 MB; "unknown" for None."""
    if size is None:
        return "unknown"
    if abs(size) < KB:
        return f"{size:.0f} B"
    return f"{two_digits(size / KB)} kB" if abs(size) < MB else f"{megabytes(size)} MB"


@dataclass(frozen=True)
class Interval:
    """A figure, and between which values it lies, in one unit. Where 0 lies between them, too little was measured."""

    value: float
    low: float
    high: float

    @property
    def measurable(self) -> bool:
        """Is it certain that there is something?"""
        return self.low > 0

    def apart_from(self, other: "Interval") -> bool:
        """Are the two certainly different?"""
        return self.low > other.high or other.low > self.high


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank: the smallest value that is not below `share` (0 to 1) of them."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def count(number: int, word: str) -> str:
    """Return a number with its noun: "1 process", "4 processes"."""
    plural = word + ("es" if word.endswith("s") else "s")
    return f"{number} {word if number == 1 else plural}"
