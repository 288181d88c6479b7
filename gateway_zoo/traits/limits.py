"""Look for the longest thing that gets through, with few requests.

Limits are powers of two, more or less: 8190 bytes, or 16,384 for all variables together. So the lengths that are tried
lie in the middle between powers of two: 3, 6, 12, ... kB. If 6 kB get through and 12 kB do not, the limit is about
8 kB. That answer stays the same where a limit moves by some bytes. A few more steps make the figure.
"""

import math
from collections.abc import Callable, Sequence

from gateway_zoo.traits.exchange import Exchange
from gateway_zoo.traits.outcome import Outcome, Unknown

LENGTHS = (3_000, 6_000, 12_000, 24_000, 48_000, 96_000)  # bytes
#: Both fronts allow 8190 bytes for a line, so 8100 tell their limit from a gateway's that comes just before.
AT_FRONTS = (3_000, 6_000, 8_100, 12_000)
STEPS = 4  # of the search between two lengths: to a sixteenth


def longest(attempt: Callable[[int], str], lengths: Sequence[int] = LENGTHS, unit: int = 1) -> Outcome:
    """`attempt` sends so many bytes, and returns "" if they got through, else a word for what happened. `unit`: every
    length is a multiple of it. The answer: "8 kB, then 400", and the figure in kB. Raises Unknown."""
    good, refusal = 0, ""
    for bad in lengths:
        if refusal := attempt(bad):
            break
        good = bad
    if not good:
        raise Unknown(f"not even {bad} bytes get through: {refusal}")
    if not refusal:
        return Outcome(f"{good // 1000} kB and more", good / 1000)
    answer = f"{_about(good, bad)}, then {refusal}"
    for _ in range(STEPS):
        middle = (good + bad) // 2 // unit * unit
        if middle in (good, bad):
            break
        good, bad = (good, middle) if attempt(middle) else (middle, bad)
    return Outcome(answer, good / 1000)


def _about(good: int, bad: int) -> str:
    """Name a limit from `good` to `bad` by the power of two that is nearest."""
    power = 2 ** round(math.log2(math.sqrt(good * bad) / 1000))
    return f"under {power} kB" if bad < power * 1200 else f"{power} kB"


def received(seen: Exchange, length: int) -> str:
    """Empty if the program got so many bytes, else a word for what happened."""
    if f'"length": {length}}}'.encode() in seen.body:
        return ""
    if seen.status == 503 or (seen.status == 200 and not seen.body):
        return "503 or empty 200"  # mod_proxy_fcgi, if its gateway closes the connection: chance decides
    return seen.refusal or "cut"
