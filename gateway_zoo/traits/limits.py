"""Look for the longest thing that gets through, with few requests.

Limits are powers of two, more or less: 8190 bytes, or 16,384 for all variables together. So the lengths that are tried
lie in the middle between powers of two: 3, 6, 12, ... kB. If 6 kB get through and 12 kB do not, the limit is about
8 kB. That answer stays the same where a limit moves by some bytes. A few more steps make the figure.
"""

from collections.abc import Callable, Sequence

from gateway_zoo.traits.outcome import Outcome, Unknown

LENGTHS = (3_000, 6_000, 12_000, 24_000, 48_000, 96_000)  # bytes
#: Both fronts allow 8 kB and little more, so this length tells their limit from a gateway's that comes just before.
AT_FRONTS = (3_000, 6_000, 8_000, 12_000)
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
    """Name a limit from `good` to `bad` by the power of two between them."""
    power = 1000
    while power < good:
        power *= 2
    return f"under {power // 1000} kB" if power == bad else f"{power // 1000} kB"
