"""The records of a benchmark. Records only: no I/O, no statistics.

A Report has Targets (the URLs), Rounds (each with one Sample of each target, and the control), Rows (one for each
target, over all rounds) and Comparisons (a row beside its base). Raw samples stay in the report, so that each figure
can be computed again from them.

An unknown figure is None, never 0; a `why` beside it names the reason. Units are in the names: `_s` seconds, `_ms`
milliseconds, `rps` requests per second; memory is in bytes of PSS (a shared page counts once, divided among its users).
"""

from typing import Literal

import msgspec

FORMAT = 1  # of the JSON; a report with another number is not compared

Verdict = Literal["faster", "slower", "no difference shown", "failed"]
Mode = Literal["quick", "full", "ladder", "self-test"]


class Side(msgspec.Struct, frozen=True):
    """The processes of one side, the gateway or the front: those of these sessions (pids of session leaders).

    `family`: only those that serve this family or front (keeper/families.py); empty: all. `sessions` is None where the
    processes cannot be seen, or where the exhibit has none of its own, for the reason `why`.
    """

    sessions: list[int] | None = None
    family: str = ""
    why: str = ""


class Target(msgspec.Struct, frozen=True):
    """A URL under load. `url` is on loopback; `body`: the bytes that each answer must have; None: those of the first.

    `processes` x `threads`: how many requests it runs at once, as declared; None: unknown or without limit. `behind`:
    the name of the front; empty: there is none. `base`: the name of the target beside which this one is set; empty:
    none. `difference`: what else differs from the base, in words, besides the thing that is compared (such as fewer
    workers); empty: nothing. `connections`: of its closed loop; None: as many as the method says. `change`: of a step
    of a ladder, a sentence about what it changes beside the step before.
    """

    name: str
    url: str
    body: bytes | None = None
    processes: int | None = None
    threads: int | None = None
    gateway: Side = Side()
    front: Side = Side()
    base: str = ""
    difference: str = ""
    behind: str = ""
    connections: int | None = None
    change: str = ""


class Cost(msgspec.Struct, frozen=True):
    """What one side used during a closed loop. None: unknown, for the reason `why`.

    `cpu_ms`: CPU milliseconds per request, user and system, ended children included. `voluntary` and `involuntary`:
    context switches per request, of the processes that lived all the time. `pss_idle`: bytes before the load;
    `pss_peak`: the most of the readings during it.
    """

    cpu_ms: float | None = None
    voluntary: float | None = None
    involuntary: float | None = None
    pss_idle: int | None = None
    pss_peak: int | None = None
    why: str = ""


class Latency(msgspec.Struct, frozen=True):
    """Latencies at a constant rate, each from the intended send to the last byte, in ms.

    `rate`: intended requests/s. `requests`: answers that count. `p50_ms` is None below 20 requests, `p99_ms` below
    1,000, `p999_ms` below 10,000 (`why`): ten requests must lie above a percentile. `in_flight`: mean number of
    requests under way, by Little's law: rate x mean latency. `histogram`: all latencies in microseconds, as
    HdrHistogram's base64; it can be merged.
    """

    rate: float
    requests: int
    p50_ms: float | None = None
    p99_ms: float | None = None
    p999_ms: float | None = None
    max_ms: float | None = None
    mean_ms: float | None = None
    in_flight: float | None = None
    histogram: str = ""
    why: str = ""


class Sample(msgspec.Struct, frozen=True):
    """One target in one round: a closed loop of wrk, then a constant rate of h2load (`latency`).

    `rps`, `requests`, `seconds`, `gateway`, `front` and `client_cpu_ms` (wrk's own CPU per request) belong to the
    closed loop. `forks`: processes started meanwhile on the whole machine, without the load generator's, per request.
    `errors` (connect, read, write, timeout) and `non_2xx` are those of both. `little_ms`: mean time of a request in the
    closed loop, by Little's law: connections / rps. `failed`: why the sample does not count; empty: it counts.
    """

    target: str
    requests: int
    seconds: float
    errors: int
    non_2xx: int
    rps: float | None
    little_ms: float | None
    latency: Latency | None
    gateway: Cost
    front: Cost
    client_cpu_ms: float | None
    forks: float | None = None
    failed: str = ""


class Round(msgspec.Struct, frozen=True):
    """One round: each target once, in the random order `order`. `number` counts from 1.

    `controls`: requests/s of the control at the start, in the middle and at the end. `control_moved`: they differ by
    more than the method allows, so the machine was not steady. `samples` are in the order of their measurement.
    """

    number: int
    order: list[str]
    samples: list[Sample]
    controls: list[float]
    control_moved: bool


class Figure(msgspec.Struct, frozen=True):
    """The middle of the rounds' values, and its 95 % interval; None where too few rounds allow no interval."""

    value: float
    low: float | None = None
    high: float | None = None


class Row(msgspec.Struct, frozen=True):
    """One target over all rounds. `failed`: why it is not ranked; empty: it is.

    `latency`: the merged histograms of all rounds. `gateway_cpu_ms` and `front_cpu_ms`: per request; the other figures
    of `gateway` and `front` are medians over the rounds (`pss_peak`: the most).
    `gateway_share`: the gateway's part of the CPU of gateway and front, 0 to 1. `amdahl`: by Amdahl's law, how many
    times less CPU a request would take at most, if the gateway took none: 1 / (1 - share).
    """

    target: str
    failed: str
    rounds: int
    requests: int
    errors: int
    non_2xx: int
    rps: Figure | None
    little_ms: float | None
    latency: Latency | None
    gateway_cpu_ms: Figure | None
    front_cpu_ms: Figure | None
    gateway: Cost
    front: Cost
    client_cpu_ms: float | None
    forks: float | None = None
    gateway_share: float | None = None
    amdahl: float | None = None


class Comparison(msgspec.Struct, frozen=True):
    """A target beside its base in one figure: "rps", "cpu_ms" (gateway and front together) or "p99_ms".

    `ratio`: target / base, paired within rounds, with its 95 % interval `low` to `high`. `verdict`: in words; an
    interval that includes 1 is "no difference shown". `why`: the reason where the verdict is "failed".
    """

    target: str
    base: str
    figure: str
    rounds: int
    ratio: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    why: str = ""


class Tool(msgspec.Struct, frozen=True):
    """A load generator or a library, with its version."""

    name: str
    version: str


class Machine(msgspec.Struct, frozen=True):
    """Where and when. `load`: the load average over one minute at the start. `busy`: share of all cores that was busy
    in the second before the start, 0 to 1. `memory`: bytes of RAM. `date`: ISO 8601, UTC. `versions`: server ->
    version."""

    cpu: str
    cores: int
    memory: int
    kernel: str
    system: str
    load: float
    busy: float
    date: str
    versions: dict[str, str]


class Method(msgspec.Struct, frozen=True):
    """How it was measured. `mode` and `seed`: a run with the same seed has the same order.

    `rounds`: planned. `seconds`: of a closed loop, longer for a slow target, so that it gets `least` requests; with
    fewer a sample does not count. `latency_s`: of a constant rate (0: none). `warm_up_s`: of each target before the
    first round. `connections` and `threads`: wrk's. `rate_share`: the constant rate as a part of what the closed loop
    reached in the warm-up. `control_limit`: a control that differs from the others of its round by more than this share
    has moved. `path`: what each request asks for.
    """

    mode: Mode
    seed: int
    rounds: int
    seconds: float
    latency_s: float
    warm_up_s: float
    least: int
    connections: int
    threads: int
    rate_share: float
    control_limit: float
    path: str
    tools: list[Tool]


class Report(msgspec.Struct, frozen=True):
    """A benchmark. `complete`: all planned rounds are there; else it was stopped, and has what was measured.

    `ladder`: the name of the ladder, whose steps are the targets in their order; empty: none. `warnings`: sentences
    that a reader must see beside the figures (a control that moved, unequal workers, a busy machine).
    """

    machine: Machine
    method: Method
    targets: list[Target]
    rounds: list[Round]
    rows: list[Row]
    comparisons: list[Comparison]
    warnings: list[str]
    complete: bool = True
    ladder: str = ""
    format: int = FORMAT
