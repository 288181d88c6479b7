"""Reports as a benchmark would write them, of noise with a seed: for tests of what is done with a report."""

import functools
import math
import random

from gateway_zoo.bench import h2load, rows
from gateway_zoo.bench.records import (
    Cost,
    Machine,
    Method,
    Report,
    Round,
    Sample,
    Side,
    Target,
    Tool,
)

MACHINE = Machine(
    cpu="Test CPU <x> 3 GHz",
    cores=2,
    memory=8_000_000_000,
    kernel="Linux 6.1",
    system="Debian GNU/Linux 12",
    load=0.21,
    busy=0.03,
    date="2026-11-29T00:40:00+00:00",
    versions={"Python": "3.11.2", "nginx": "1.22.1"},
)
METHOD = Method(
    mode="full",
    seed=4711,
    rounds=5,
    seconds=3.0,
    latency_s=3.0,
    warm_up_s=2.0,
    least=40,
    connections=8,
    threads=1,
    rate_share=0.5,
    control_limit=0.1,
    path="/ping",
    tools=[Tool("wrk", "4.1.0"), Tool("h2load", "1.52.0"), Tool("hdrhistogram", "0.10.3")],
)
#: name -> (requests/s, CPU ms of the gateway, of the front); the first is the base
SPEEDS = {
    "nginx:wsgi": (900.0, 0.81, 0.06),
    "nginx:uwsgi": (1480.0, 0.52, 0.055),
    "nginx:fastcgi": (890.0, 0.83, 0.061),
    "nginx:cgi": (7.9, 118.0, 0.2),
}


@functools.cache
def report(seed: int = 1, slower: float = 1.0, noise: float = 0.03, failed: str = "broken", rounds: int = 5) -> Report:
    """A report of SPEEDS, and of a target that failed. `slower`: all of uwsgi's times are so many times as long."""
    dice = random.Random(seed)  # noqa: S311 - a simulation
    names = list(SPEEDS)
    targets = [
        Target(
            *(name, "http://127.0.0.1:8080/", b"pong\n", 2, 1, Side([100]), Side([200])),
            base="" if name == names[0] else names[0],
            behind="nginx",
        )
        for name in names
    ]
    targets.append(Target(failed, "http://127.0.0.1:8080/", base=names[0], difference="1 process, and 2 there"))
    measured = []
    for number in range(1, rounds + 1):
        drift = dice.lognormvariate(0, 0.1)
        samples = [_sample(dice, name, drift * (slower if name == "nginx:uwsgi" else 1.0), noise) for name in names]
        if number == 1:
            samples.append(_broken(failed))
        controls = [20_000 / drift * dice.lognormvariate(0, 0.01) for _ in range(3)]
        measured.append(Round(number, [each.target for each in samples], samples, controls, number == 3))
    all_rows, comparisons = rows.rows(targets, measured)
    warnings = ["The machine was not steady: the control moved by more than 10% in 1 of 5 rounds (3)."]
    return Report(MACHINE, METHOD, targets, measured, all_rows, comparisons, warnings)


def _sample(dice: random.Random, name: str, drift: float, noise: float) -> Sample:
    rps, gateway, front = (value * math.exp(dice.gauss(0, noise)) for value in SPEEDS[name])
    rps, gateway, front = rps / drift, gateway * drift, front * drift
    few = rps < 100
    waits = (1 + dice.lognormvariate(0, 0.4) * 1e6 / rps for _ in range(round(rps * 1.5)))
    latency = h2load.figures(SPEEDS[name][0] // 2, h2load.histogram_of(round(wait) for wait in waits))
    cost = Cost(gateway, 1.02, 0.11, 41_000_000, 43_500_000)
    unseen = Cost(front, 2.0, 0.02, None, None, "the memory of its processes may not be read")
    requests = round(3 * rps)
    return Sample(name, requests, 3.0, 0, 0, rps, 8000 / rps, latency, cost, unseen, 0.02, float(few))


def _broken(name: str) -> Sample:
    unknown = Cost(why="no requests")
    why = "12 errors and 3 answers other than 2xx"
    return Sample(name, 100, 3.0, 12, 3, 33.0, 240.0, None, unknown, unknown, None, None, why)
