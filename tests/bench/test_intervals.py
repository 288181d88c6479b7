"""The intervals of a benchmark cover the truth in 95 % of all cases: simulated, with seeds, at few rounds."""

import math
import random
import statistics
from collections.abc import Callable

import pytest

from gateway_zoo.bench import intervals
from gateway_zoo.bench.records import Figure

TRIALS = 3000  # so that a share of 95 % is known to 0.4 %
TRUTH = 1.3
Noise = Callable[[random.Random], float]

#: name -> (noise around 1, the least and the most that the paired interval may cover)
NOISES: dict[str, tuple[Noise, float, float]] = {
    "normal": (lambda dice: math.exp(dice.gauss(0, 0.05)), 0.935, 0.965),
    "skewed": (lambda dice: math.exp(dice.gauss(0, 0.02)) * (1 + dice.expovariate(10)), 0.935, 0.975),
    "outliers": (lambda dice: math.exp(dice.gauss(0, 0.02)) + (dice.random() < 0.1) * 2 * dice.random(), 0.935, 0.995),
}


@pytest.mark.parametrize("rounds", [5, 7, 10])
@pytest.mark.parametrize("name", NOISES)
def test_a_paired_interval_covers_the_truth_in_95_of_100_cases(name: str, rounds: int) -> None:
    noise, least, most = NOISES[name]
    dice = random.Random(f"{name} {rounds}")  # noqa: S311 - a simulation
    covered = 0
    for _ in range(TRIALS):
        drift = [dice.lognormvariate(0, 0.5) for _ in range(rounds)]  # of the machine, between rounds
        pairs = [(TRUTH * slow * noise(dice), slow * noise(dice)) for slow in drift]
        seen = intervals.comparison("target", "base", "cpu_ms", pairs)
        assert seen.low is not None
        assert seen.high is not None
        covered += seen.low <= TRUTH <= seen.high
    assert least <= covered / TRIALS <= most


@pytest.mark.parametrize("rounds", [5, 10])
@pytest.mark.parametrize("name", NOISES)
def test_the_interval_of_one_row_covers_the_median_of_its_rounds(name: str, rounds: int) -> None:
    noise, *_ = NOISES[name]
    dice = random.Random(f"{name} {rounds}")  # noqa: S311 - a simulation
    middle = statistics.median(noise(dice) for _ in range(50_001))
    covered = 0
    for _ in range(TRIALS):
        figure = intervals.figure([noise(dice) for _ in range(rounds)])
        assert figure
        assert figure.low is not None
        assert figure.high is not None
        covered += figure.low <= middle <= figure.high
    assert 0.92 <= covered / TRIALS <= 0.975


def test_the_method_that_was_not_chosen_covers_too_little() -> None:
    """The percentile bootstrap over five rounds of normal noise."""
    dice = random.Random(1)  # noqa: S311 - a simulation
    covered, trials = 0, 500
    for _ in range(trials):
        rounds = [dice.gauss(0, 1) for _ in range(5)]
        means = sorted(statistics.fmean(dice.choices(rounds, k=5)) for _ in range(200))
        covered += means[4] <= 0 <= means[195]
    assert covered / trials < 0.9


@pytest.mark.parametrize(
    ("name", "ratios", "verdict"),
    [
        ("rps", [1.20, 1.22, 1.21, 1.19, 1.23], "faster"),
        ("rps", [0.80, 0.81, 0.79, 0.82, 0.80], "slower"),
        ("cpu_ms", [1.20, 1.22, 1.21, 1.19, 1.23], "slower"),
        ("p99_ms", [0.80, 0.81, 0.79, 0.82, 0.80], "faster"),
        ("rps", [1.20, 0.90, 1.30, 0.95, 1.10], "no difference shown"),
        ("rps", [1.20, 1.22, 1.21, 1.19, 60.0], "no difference shown"),  # an outlier proves nothing
        ("rps", [1.0, 1.0, 1.0], "no difference shown"),
    ],
)
def test_a_verdict_is_that_of_the_interval(name: str, ratios: list[float], verdict: str) -> None:
    seen = intervals.comparison("target", "base", name, [(ratio * 50, 50.0) for ratio in ratios])
    assert (seen.verdict, seen.rounds, seen.why) == (verdict, len(ratios), "")
    assert seen.ratio == pytest.approx(statistics.geometric_mean(ratios))


def test_a_figure_that_is_not_known_is_no_verdict() -> None:
    few = intervals.comparison("target", "base", "rps", [(1.0, 2.0), (1.0, 2.0), (None, 2.0), (1.0, None)])
    assert (few.verdict, few.ratio, few.rounds) == ("failed", None, 2)
    assert few.why == "2 rounds have this figure on both sides; 3 are needed"
    wrong = intervals.comparison("target", "base", "rps", [(1.0, 2.0)] * 5, "target: 3 answers were no 2xx")
    assert (wrong.verdict, wrong.ratio, wrong.why) == ("failed", None, "target: 3 answers were no 2xx")
    assert intervals.figure([]) is None
    assert intervals.figure([4.0, 9.0]) == Figure(6.0), "no interval"
    assert intervals.figure([0.0, 1.0, 2.0]) == Figure(1.0), "no logarithm, so no interval"


def test_rows_whose_intervals_overlap_share_a_rank() -> None:
    figures = {
        "slow": Figure(10, 9, 11),
        "middle": Figure(20, 15, 25),
        "touches middle": Figure(27, 24, 30),  # and so does not differ from it, nor from the next
        "touches the last": Figure(32, 29, 35),
        "fast": Figure(50, 40, 60),
        "too few rounds": Figure(70),
        "failed": None,
    }
    by_rate = {"fast": 1, "middle": 2, "touches middle": 2, "touches the last": 2, "slow": 5}
    assert intervals.ranks("rps", figures) == by_rate
    by_cost = {"slow": 1, "middle": 2, "touches middle": 2, "touches the last": 2, "fast": 5}
    assert intervals.ranks("cpu_ms", figures) == by_cost
    assert intervals.ranks("rps", {}) == {}
