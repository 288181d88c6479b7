"""Put the samples of all rounds together: a row for each target, and its comparison with its base.

Two laws stand beside the figures. Little's law: connections / rate is the mean time of a request in the closed loop.
Amdahl's law: a gateway that has the share s of a request's CPU can make it 1 / (1 - s) times cheaper at most.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

from gateway_zoo.bench import h2load, intervals
from gateway_zoo.bench.records import Comparison, Cost, Round, Row, Sample, Target


def rows(
    targets: Sequence[Target], rounds: Sequence[Round], failed: Mapping[str, str] | None = None
) -> tuple[list[Row], list[Comparison]]:
    """Return a row for each target, and the comparisons with the bases. `failed`: target -> why it is not ranked,
    beyond what its samples say."""
    whys = dict(failed or {})
    for sample in (sample for each in rounds for sample in each.samples if sample.failed):
        whys.setdefault(sample.target, sample.failed)
    all_rows = [_row(target, _samples(target.name, rounds), whys.get(target.name, "")) for target in targets]
    named = {target.name: target for target in targets}
    comparisons = [
        each
        for target in targets
        if target.base in named
        for each in _comparisons(target, named[target.base], rounds, whys)
    ]
    return all_rows, comparisons


def _samples(name: str, rounds: Sequence[Round]) -> list[Sample]:
    return [sample for each in rounds for sample in each.samples if sample.target == name]


def _row(target: Target, samples: list[Sample], failed: str) -> Row:
    failed = failed or ("" if samples else "no round is whole")
    good = [sample for sample in samples if not sample.failed]
    gateway = intervals.figure(_known(sample.gateway.cpu_ms for sample in good))
    front = intervals.figure(_known(sample.front.cpu_ms for sample in good))
    share = gateway.value / (gateway.value + front.value) if gateway and front and front.value > 0 else None
    return Row(
        target=target.name,
        failed=failed,
        rounds=len(good),
        requests=sum(sample.requests for sample in samples),
        errors=sum(sample.errors for sample in samples),
        non_2xx=sum(sample.non_2xx for sample in samples),
        rps=intervals.figure(_known(sample.rps for sample in good)),
        little_ms=_median(sample.little_ms for sample in good),
        latency=h2load.merged([sample.latency for sample in good if sample.latency]),
        gateway_cpu_ms=gateway,
        front_cpu_ms=front,
        gateway=_cost([sample.gateway for sample in good]),
        front=_cost([sample.front for sample in good]),
        client_cpu_ms=_median(sample.client_cpu_ms for sample in good),
        forks=_median(sample.forks for sample in good),
        gateway_share=share,
        amdahl=1 / (1 - share) if share is not None else None,
    )


def _cost(costs: list[Cost]) -> Cost:
    """The medians of the rounds; of the memory under load the most."""
    if not costs:
        return Cost(why="no round is whole")
    idle = _median(cost.pss_idle for cost in costs)
    peaks = _known(cost.pss_peak for cost in costs)
    return Cost(
        cpu_ms=_median(cost.cpu_ms for cost in costs),
        voluntary=_median(cost.voluntary for cost in costs),
        involuntary=_median(cost.involuntary for cost in costs),
        pss_idle=round(idle) if idle is not None else None,
        pss_peak=round(max(peaks)) if peaks else None,
        why=next((cost.why for cost in costs if cost.why), ""),
    )


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _median(values: Iterable[float | None]) -> float | None:
    """The median of the known values; None without any."""
    known = _known(values)
    return statistics.median(known) if known else None


# --- beside the base --------------------------------------------------------------------------------------------------


def _comparisons(
    target: Target, base: Target, rounds: Sequence[Round], whys: Mapping[str, str]
) -> Iterable[Comparison]:
    """Compare in each figure. CPU where it is known, p99 where both were asked at one rate: else there is nothing to
    compare."""
    failed = "; ".join(f"{each.name}: {whys[each.name]}" for each in (target, base) if whys.get(each.name))

    def pairs(value: Callable[[Target, Sample], float | None]) -> list[tuple[float | None, float | None]]:
        both = []
        for each in rounds:
            samples = {sample.target: sample for sample in each.samples if not sample.failed}
            if target.name in samples and base.name in samples:
                both.append((value(target, samples[target.name]), value(base, samples[base.name])))
        return both

    yield intervals.comparison(target.name, base.name, "rps", pairs(lambda _, sample: sample.rps), failed)
    for name, value in (("cpu_ms", cpu_ms), ("p99_ms", _p99_ms)):
        both = pairs(value)
        if any(None not in pair for pair in both) and (name != "p99_ms" or _one_rate(target, base, rounds)):
            yield intervals.comparison(target.name, base.name, name, both, failed)


def cpu_ms(target: Target, sample: Sample) -> float | None:
    """CPU milliseconds of gateway and front for one request; None if one is unknown.

    A gateway without a process of its own, inside the front, is counted there.
    """
    gateway, front = sample.gateway.cpu_ms, sample.front.cpu_ms
    inside = target.gateway.sessions is not None and target.gateway.sessions == target.front.sessions
    if front is None or (gateway is None and not inside):
        return None
    return front + (gateway or 0.0)


def _p99_ms(target: Target, sample: Sample) -> float | None:
    return sample.latency.p99_ms if sample.latency else None


def _one_rate(target: Target, base: Target, rounds: Sequence[Round]) -> bool:
    rates = {sample.latency.rate for each in (target, base) for sample in _samples(each.name, rounds) if sample.latency}
    return len(rates) == 1
