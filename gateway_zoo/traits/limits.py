"""Look for the longest thing that gets through, with few requests.

Lengths are doubled until one is refused; the last that got through is the answer, because a power of two stays the same
where a limit moves by some bytes. A few steps between the two make the figure.
"""

from collections.abc import Callable

from gateway_zoo.traits.outcome import Outcome, Unknown

SMALLEST, LARGEST = 2_000, 128_000  # bytes
STEPS = 3  # of the search between two powers of two: to an eighth


def longest(attempt: Callable[[int], str], unit: int = 1, largest: int = LARGEST) -> Outcome:
    """`attempt` sends so many bytes, and returns "" if they got through, else a word for what happened. `unit`: every
    length is a multiple of it; none is more than `largest`. The answer: "8 kB, then 400", and the figure in kB.
    Raises Unknown."""
    good, bad, refusal = 0, SMALLEST, ""
    while bad <= largest and not (refusal := attempt(bad)):
        good, bad = bad, bad * 2
    if not good:
        raise Unknown(f"not even {SMALLEST} bytes get through: {refusal}")
    if not refusal:
        return Outcome(f"{good // 1000} kB and more", good / 1000)
    answer = f"{good // 1000} kB, then {refusal}"
    for _ in range(STEPS):
        middle = (good + bad) // 2 // unit * unit
        if middle in (good, bad):
            break
        good, bad = (good, middle) if attempt(middle) else (middle, bad)
    return Outcome(answer, good / 1000)
