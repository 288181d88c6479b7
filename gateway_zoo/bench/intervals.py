"""Intervals at 95 % from a few rounds, verdicts, and ranks. Pure functions: numbers in, records out.

The method is Student's t on logarithms. Of each round counts one number: the logarithm of target / base, both measured
in that round, so that a slow minute of the machine hits both and cancels. The mean of these numbers +- t x s / sqrt(n)
is the interval; its exponentials are the ratio and its bounds.

Why this method, at 5 to 20 rounds:
- A percentile bootstrap resamples five numbers, which are too alike: it covers the truth in some 85 % of all cases, not
  95 % (a test simulates it). The exact test of signed ranks (Wilcoxon) cannot reach 95 % with five rounds at all.
- The order within a round is random, so target and base have the same noise, however skewed it is. The difference of
  two such logarithms is symmetric. For symmetric noise Student's t covers 95 % (normal) or more (heavy tails).
- An outlier makes the interval wider, never narrower. The method then finds less, and says so ("no difference shown").
  No round is left out after its figures are known: a round whose control moved counts, and is named.

The figure of one row alone is not paired: it is the geometric mean of the rounds, with the same interval, which is read
as one of their median. Under skewed noise it covers the median in 92 to 97 % of all cases (a test simulates this, too).

What trips people up: each interval misses in 1 of 20 cases. A table with 20 comparisons shows a difference by chance.
"""

import math
import statistics
from collections.abc import Mapping, Sequence

from gateway_zoo.bench.records import Comparison, Figure, Verdict

#: Student's t: 97.5 % lie below, by degrees of freedom from 1 on. More degrees than there are here count as the last.
T975 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
LEAST_ROUNDS = 3  # for an interval: with two, a coincidence of both looks like certainty
#: Figures of which more is better; of all others less is.
MORE_IS_BETTER = frozenset({"rps"})


def figure(values: Sequence[float]) -> Figure | None:
    """The geometric mean of the rounds' values; the median, without an interval, where a value is not above 0."""
    if not values:
        return None
    if min(values) <= 0:
        return Figure(statistics.median(values))
    middle, half = _middle([math.log(value) for value in values])
    if half is None:
        return Figure(math.exp(middle))
    return Figure(math.exp(middle), math.exp(middle - half), math.exp(middle + half))


def _middle(logarithms: Sequence[float]) -> tuple[float, float | None]:
    """The mean, and half the width of its interval; None with too few."""
    count = len(logarithms)
    middle = statistics.fmean(logarithms)
    if count < LEAST_ROUNDS:
        return middle, None
    return middle, _t(count - 1) * statistics.stdev(logarithms, middle) / math.sqrt(count)


def comparison(
    target: str, base: str, name: str, pairs: Sequence[tuple[float | None, float | None]], failed: str = ""
) -> Comparison:
    """Set a target beside its base in the figure `name`. `pairs`: (target, base) of each round; None: unknown.

    `failed`: why one of both is not ranked. A pair that lacks a value does not count.
    """
    ratios = [first / second for first, second in pairs if first and second and first > 0 and second > 0]
    if not failed and len(ratios) < LEAST_ROUNDS:
        failed = f"{len(ratios)} rounds have this figure on both sides; {LEAST_ROUNDS} are needed"
    ratio = figure(ratios)
    if failed or not ratio or ratio.low is None or ratio.high is None:
        return Comparison(target, base, name, len(ratios), None, None, None, "failed", failed)
    verdict = _verdict(name, ratio.low, ratio.high)
    return Comparison(target, base, name, len(ratios), ratio.value, ratio.low, ratio.high, verdict)


def between(target: str, name: str, now: Sequence[float], then: Sequence[float], failed: str = "") -> Comparison:
    """Compare a figure of two runs, whose rounds are no pairs: Welch's t on logarithms. `ratio`: now / then."""
    known = [[math.log(value) for value in values if value > 0] for values in (now, then)]
    fewest = min(map(len, known))
    if not failed and fewest < LEAST_ROUNDS:
        failed = f"{fewest} rounds have this figure; {LEAST_ROUNDS} are needed"
    if failed:
        return Comparison(target, target, name, fewest, None, None, None, "failed", failed)
    difference = statistics.fmean(known[0]) - statistics.fmean(known[1])
    parts = [statistics.variance(values) / len(values) for values in known]
    half = _t(_degrees(parts, [len(values) - 1 for values in known])) * math.sqrt(sum(parts))
    low, high = math.exp(difference - half), math.exp(difference + half)
    return Comparison(target, target, name, fewest, math.exp(difference), low, high, _verdict(name, low, high))


def _degrees(variances: Sequence[float], degrees: Sequence[int]) -> int:
    """Welch's and Satterthwaite's degrees of freedom, rounded down."""
    parts = sum(each**2 / count for each, count in zip(variances, degrees, strict=True))
    return math.floor(sum(variances) ** 2 / parts) if parts else min(degrees)


def _t(degrees: int) -> float:
    return T975[min(degrees, len(T975)) - 1]


def _verdict(name: str, low: float, high: float) -> Verdict:
    """Less CPU and shorter latencies are "faster", as more requests per second are."""
    if low <= 1 <= high:
        return "no difference shown"
    return "faster" if (low > 1) == (name in MORE_IS_BETTER) else "slower"


def ranks(name: str, figures: Mapping[str, Figure | None]) -> dict[str, int]:
    """The rank of each row that has an interval, the best first. Rows of one group share a rank.

    A row belongs to a group if its interval overlaps the interval of any row in it. So two rows that overlap never have
    different ranks, and a row without an interval has none.
    """
    spans = {target: (each.low, each.high) for target, each in figures.items() if each and each.low and each.high}
    better = sorted(spans, key=lambda target: spans[target][0])
    groups: list[list[str]] = []
    reach = 0.0
    for target in better:
        low, high = spans[target]
        if groups and low <= reach:
            groups[-1].append(target)
        else:
            groups.append([target])
        reach = max(reach, high)
    if name in MORE_IS_BETTER:
        groups.reverse()
    places = [1 + sum(map(len, groups[:number])) for number in range(len(groups))]
    return {target: place for place, group in zip(places, groups, strict=True) for target in group}
