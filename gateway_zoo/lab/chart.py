"""Bars of characters."""

import math

EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(value: float, most: float, width: int) -> str:
    """A bar of at most `width` characters, the length of `most`. A value above 0 is never invisible."""
    if value <= 0 or most <= 0 or width <= 0:
        return ""
    whole, rest = divmod(max(1, round(min(value / most, 1) * width * 8)), 8)
    return "█" * whole + (EIGHTHS[rest] if rest else "")


def log_bar(value: float, most: float, width: int, least: float = 0.1) -> str:
    """A bar on a logarithmic scale that begins at `least`."""
    if value <= least or most <= least:
        return ""
    return bar(math.log(value / least), math.log(most / least), width)
