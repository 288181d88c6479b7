"""Plan a benchmark: how many rounds, how long each part takes, and at which constant rate a target is asked.

A closed loop is longer for a slow target, which needs `least` requests: wrk leaves one request of each connection
unfinished, so few requests would give a rate that is too small. A quick run has to end within a minute: its parts
become shorter until the estimate fits.
"""

import math
import os

import msgspec

from gateway_zoo.bench import h2load
from gateway_zoo.bench.records import Method, Mode, Target, Tool

QUICK_S = 56.0  # with start and report a minute
QUICK_CELLS = 6
SPARE_S = 3.0  # of a quick run, for what the estimate does not know
FULL_S = 3600.0
SHORTEST_S = 0.4
LATENCY_PART = 0.5  # of the seconds of a closed loop, in a quick run
CONTROL_S = 0.25
CONTROL_BESIDE_S = 0.05
BESIDE_S = 0.3  # for each sample: bodies are verified, processes are read, a load settles
SLOW_MARGIN = 1.5  # a slow target becomes slower on a noisy machine
REQUESTS_PER_CONNECTION = 5  # that a sample needs
#: Requests/s of a constant rate: few steps, so that targets of like speed are asked at the same rate.
RATES = (1, 2, 5, 10, 20, 50, 100, 200, 400, 800, h2load.MOST_RPS)


class Plan(msgspec.Struct, frozen=True):
    """What a benchmark will do. `most_s`: of one closed loop. `budget_s`: after which it ends and keeps what it has."""

    mode: Mode
    seed: int
    rounds: int
    seconds: float
    latency_s: float
    warm_up_s: float
    most_s: float
    control_s: float
    connections: int
    budget_s: float
    threads: int = 1
    rate_share: float = 0.5
    control_limit: float = 0.1

    @property
    def least(self) -> int:
        """Requests that a sample needs."""
        return REQUESTS_PER_CONNECTION * self.connections

    def closed_s(self, rps: float) -> float:
        """Seconds of the closed loop of a target that reaches this rate."""
        return min(self.most_s, max(self.seconds, SLOW_MARGIN * self.least / rps)) if rps > 0 else self.seconds

    def rate(self, rps: float) -> float:
        """The constant rate for a target that reaches this rate in a closed loop."""
        return float(max((rate for rate in RATES if rate <= rps * self.rate_share), default=RATES[0]))

    def sample_s(self, rps: float) -> float:
        """Estimate the seconds of a sample of a target that reaches this rate."""
        beside_s = BESIDE_S + (4 / rps if rps > 0 else 0.0)  # two bodies, and the requests that wrk leaves unfinished
        return self.closed_s(rps) + self.latency_s + beside_s

    def round_s(self, speeds: list[float]) -> float:
        """Estimate the seconds of one round over targets that reach these rates."""
        return sum(map(self.sample_s, speeds)) + 3 * (self.control_s + CONTROL_BESIDE_S)

    def fitted(self, speeds: list[float], left_s: float) -> "Plan":
        """Shorten the parts of a quick run until all rounds fit into `left_s`, as far as that is possible."""
        plan = self
        while plan.rounds * plan.round_s(speeds) + SPARE_S > left_s and plan.seconds > SHORTEST_S:
            shorter = max(SHORTEST_S, plan.seconds - 0.05)
            plan = msgspec.structs.replace(plan, seconds=shorter, latency_s=shorter * LATENCY_PART)
        return plan

    def method(self, path: str, tools: list[Tool]) -> Method:
        """The record of this plan."""
        return Method(
            mode=self.mode,
            seed=self.seed,
            rounds=self.rounds,
            seconds=round(self.seconds, 3),
            latency_s=round(self.latency_s, 3),
            warm_up_s=self.warm_up_s,
            least=self.least,
            connections=self.connections,
            threads=self.threads,
            rate_share=self.rate_share,
            control_limit=self.control_limit,
            path=path,
            tools=tools,
        )


def quick(seed: int) -> Plan:
    """A plan that ends within a minute; its figures are indicative."""
    return Plan(
        mode="quick",
        seed=seed,
        rounds=5,
        seconds=1.0,
        latency_s=LATENCY_PART,
        warm_up_s=0.5,
        most_s=3.0,
        control_s=CONTROL_S,
        connections=4,
        budget_s=QUICK_S,
    )


def full(seed: int) -> Plan:
    """A plan with longer parts and more rounds."""
    return Plan(
        mode="full",
        seed=seed,
        rounds=7,
        seconds=3.0,
        latency_s=3.0,
        warm_up_s=2.0,
        most_s=10.0,
        control_s=1.0,
        connections=8,
        budget_s=FULL_S,
    )


def new_seed() -> int:
    """A seed of few digits, which a reader can type again."""
    return int.from_bytes(os.urandom(3))


def differences(targets: list[Target]) -> list[Target]:
    """Name what differs between a target and its base: the number of requests at once (processes x threads)."""
    named = {target.name: target for target in targets}
    return [_with_difference(target, named.get(target.base)) for target in targets]


def _with_difference(target: Target, base: Target | None) -> Target:
    if base is None or _slots(target) == _slots(base):
        return target
    text = f"it runs {_shape(target)} at once, {base.name} {_shape(base)}"
    return msgspec.structs.replace(target, difference="; ".join(filter(None, (target.difference, text))))


def _slots(target: Target) -> int | None:
    """Requests at once; None: unknown or without limit."""
    return None if target.processes is None or target.threads is None else target.processes * target.threads


def _shape(target: Target) -> str:
    if (slots := _slots(target)) is None:
        return "no fixed number of requests"
    return f"{slots} request{'s' if slots != 1 else ''} ({target.processes} x {target.threads})"


def minutes(seconds: float) -> str:
    """A time for a person: 40 s, 3 min."""
    return f"{math.ceil(seconds)} s" if seconds < 100 else f"{math.ceil(seconds / 60)} min"
