"""Bars of characters."""

import math

EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(value: float, most: float, width: int) -> str:
    """A bar of at most `width` characters; `most` is as long as the width, anything above 0 shows at least a trace."""
    if value <= 0 or most <= 0 or width <= 0:
        return ""
    whole, rest = divmod(max(1, round(min(value / most, 1) * width * 8)), 8)
    return "█" * whole + (EIGHTHS[rest] if rest else "")


def log_bar(value: float, most: float, width: int, least: float = 0.1) -> str:
    """The same with a logarithmic scale that begins at `least`."""
    if value <= least or most <= least:
        return ""
    return bar(math.log(value / least), math.log(most / least), width)
