"""Measure targets in interleaved rounds.

Each target is warmed up first; what it reaches there decides how long it is measured and at which constant rate. Then
come rounds: each has each target once, in a random order of its own, and the control three times. So a slow minute of
the machine hits all targets of a round alike, and their ratios within the round are still right.

A target whose answer is wrong, which has an error, or which gets too few requests has failed: it is measured no more,
and never ranked. A stop (Ctrl-C, or the end of the budget) keeps all samples that are whole.
"""

import contextlib
import http.client
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from gateway_zoo.bench import control, h2load, wrk
from gateway_zoo.bench.control import Control
from gateway_zoo.bench.cost import Watch
from gateway_zoo.bench.plan import Plan
from gateway_zoo.bench.records import Latency, Round, Sample, Target
from gateway_zoo.bench.tools import Tools
from gateway_zoo.measure import probe

BODY_S = 15.0  # for one answer
OWN_FORKS = 1  # wrk's process; each of its threads counts, too

#: What is measured now, which share of all is done (0 to 1), and the seconds that are left, as far as known.
Progress = Callable[[str, float, float | None], None]


def silent(text: str, share: float, left_s: float | None) -> None:
    """Show no progress."""


@dataclass
class Measured:
    """What was measured. `failed`: target -> why. `complete`: all planned rounds are there. `plan`: as it was fitted.

    `interrupted`: Ctrl-C ended it.
    """

    plan: Plan
    targets: list[Target]
    rounds: list[Round] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    complete: bool = False
    interrupted: bool = False


def measure(targets: list[Target], plan: Plan, tools: Tools, progress: Progress = silent) -> Measured:
    """Measure all targets. Raises Stop if the control does not start. KeyboardInterrupt ends it early, and is not
    raised again."""
    run = _Run(targets, plan, tools, progress)
    try:
        with Control() as own, _at_most(plan.budget_s):
            run.warm_up(own.url)
            run.rounds(own.url)
    except OutOfTime:
        pass
    except KeyboardInterrupt:
        run.measured.interrupted = True
    return run.measured


class OutOfTime(Exception):
    """The budget is spent, or does not allow another sample."""


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise OutOfTime in the block after so many seconds, even if a server answers no longer. A thread of its own gets
    no signals: there the budget is looked at before each sample only."""

    def over(signum: int, frame: object) -> None:
        raise OutOfTime

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGALRM, over)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)


class _Run:
    """One benchmark. `speeds`: target -> requests/s of its warm-up."""

    def __init__(self, targets: list[Target], plan: Plan, tools: Tools, progress: Progress) -> None:
        self.measured = Measured(plan, list(targets))
        self.tools = tools
        self.progress = progress
        self.began = time.monotonic()
        self.speeds: dict[str, float] = {}
        self.rounds_began = self.began
        self.done_s = 0.0  # of the rounds, by the estimate

    @property
    def plan(self) -> Plan:
        return self.measured.plan

    def left(self) -> list[Target]:
        """The targets that have not failed."""
        return [target for target in self.measured.targets if target.name not in self.measured.failed]

    def warm_up(self, control_url: str) -> None:
        """Warm the control and every target up, so that imports, caches and pools are there; learn a target's body and
        its speed."""
        self._control(control_url)
        for target in list(self.measured.targets):
            self.progress(f"warming up {target.name}", 0.0, None)
            if why := self._body_differs(target):
                self.measured.failed[target.name] = why
                continue
            load = self._closed(target, self.plan.warm_up_s)
            if not load.why and load.requests < 2 * self._connections(target):
                load = self._closed(target, self.plan.most_s)
            self.speeds[target.name] = load.rps
            if why := load.why or _errors(load.errors, load.non_2xx):
                self.measured.failed[target.name] = f"in the warm-up: {why}"
        spent_s = time.monotonic() - self.began
        speeds = [self.speeds[target.name] for target in self.left()]
        if self.plan.mode == "quick":
            self.measured.plan = self.plan.fitted(speeds, self.plan.budget_s - spent_s)
        self.rounds_began = time.monotonic()

    def rounds(self, control_url: str) -> None:
        """Measure all rounds, as far as the budget allows."""
        shuffle = random.Random(self.plan.seed)  # noqa: S311 - not a secret
        for number in range(1, self.plan.rounds + 1):
            if not self.left():
                return
            order = [target.name for target in self.measured.targets]
            shuffle.shuffle(order)  # all of them, so that the order does not depend on what failed
            self._round(number, order, control_url)
        self.measured.complete = True

    def _round(self, number: int, order: list[str], control_url: str) -> None:
        """Measure one round. What is whole is kept, also after Ctrl-C."""
        samples: list[Sample] = []
        controls: list[float] = []
        wanted = {target.name: target for target in self.left()}
        names = [name for name in order if name in wanted]
        try:
            for place, name in enumerate(names):
                self._show(number, names[place:])
                estimate_s = self.plan.round_s([self.speeds[name]])
                if time.monotonic() - self.began + estimate_s > self.plan.budget_s:
                    raise OutOfTime
                if place == 0 or place == (len(names) + 1) // 2:
                    controls.append(self._control(control_url))
                samples.append(self._sample(wanted[name]))
                self.done_s += self.plan.sample_s(self.speeds[name])
            if len(names) == 1:
                controls.append(self._control(control_url))
            controls.append(self._control(control_url))
            self.done_s += self.plan.round_s([])
        finally:
            if samples:
                moved = control.moved(controls, self.plan.control_limit)
                self.measured.rounds.append(Round(number, order, samples, controls, moved))

    def _show(self, number: int, left: list[str]) -> None:
        """Show what comes next: the first of these targets, which are left in this round."""
        rounds_s = (self.plan.rounds - number) * self.plan.round_s([self.speeds[target.name] for target in self.left()])
        left_s = rounds_s + sum(self.plan.sample_s(self.speeds[name]) for name in left)
        share = self.done_s / (self.done_s + left_s)
        slowness = (time.monotonic() - self.rounds_began) / self.done_s if share > 0.1 else 1.0
        self.progress(f"round {number} of {self.plan.rounds}: {left[0]}", share, left_s * slowness)

    def _control(self, url: str) -> float:
        return wrk.run(self.tools.wrk, url, self.plan.control_s, self.plan.connections, self.plan.threads).rps

    def _connections(self, target: Target) -> int:
        return target.connections or self.plan.connections

    def _closed(self, target: Target, seconds: float, look: Callable[[], None] = lambda: None) -> wrk.Load:
        return wrk.run(self.tools.wrk, target.url, seconds, self._connections(target), self.plan.threads, look)

    def _sample(self, target: Target) -> Sample:
        """Measure a target once: verify, closed loop, constant rate, verify."""
        speed = self.speeds[target.name]
        why = self._body_differs(target)
        watch = Watch(target.gateway, target.front)
        load = self._closed(target, self.plan.closed_s(speed), watch.look)
        # wrk leaves one request of each connection unfinished, and the servers finish it.
        begun = load.requests + self._connections(target) if load.requests else 0
        gateway, front, forks = watch.end(begun, OWN_FORKS + self.plan.threads)
        constant = None
        if self.plan.latency_s and not load.why:
            constant = h2load.run(self.tools.h2load, target.url, self.plan.rate(speed), self.plan.latency_s)
        errors = load.errors + (constant.errors if constant else 0)
        non_2xx = load.non_2xx + (constant.non_2xx if constant else 0)
        why = why or load.why or _errors(errors, non_2xx) or self._too_few(load.requests) or self._body_differs(target)
        if why:
            self.measured.failed[target.name] = why
        return Sample(
            target=target.name,
            requests=load.requests,
            seconds=load.seconds,
            errors=errors,
            non_2xx=non_2xx,
            rps=load.rps or None,
            little_ms=self._connections(target) / load.rps * 1000 if load.rps else None,
            latency=_of(constant),
            gateway=gateway,
            front=front,
            client_cpu_ms=load.cpu_s * 1000 / load.requests if load.requests else None,
            forks=forks,
            failed=why,
        )

    def _too_few(self, requests: int) -> str:
        least = self.plan.least
        return f"{requests} requests in a closed loop, {least} are needed" if requests < least else ""

    def _body_differs(self, target: Target) -> str:
        """Ask once. Says how the answer differs from the expected one; empty if it does not."""
        try:
            answer = probe.ask(target.url, timeout=BODY_S)
        except (OSError, http.client.HTTPException) as error:
            return f"no answer: {type(error).__name__}: {error}"
        if answer.status != 200:
            return f"status {answer.status}, expected 200"
        expected = target.body
        if expected is None:
            expected = answer.body
            self._learn(target, expected)
        return "" if answer.body == expected else f"body {answer.body[:60]!r}, expected {expected[:60]!r}"

    def _learn(self, target: Target, body: bytes) -> None:
        """Expect this body of a target from now on."""
        place = self.measured.targets.index(target)
        self.measured.targets[place] = msgspec.structs.replace(target, body=body)


def _of(constant: h2load.Constant | None) -> Latency | None:
    return constant.latency if constant else None


def _errors(errors: int, non_2xx: int) -> str:
    """Say how many answers failed; empty if none."""
    words = [f"{errors} error{'s' if errors > 1 else ''}"] if errors else []
    words += [f"{non_2xx} answer{'s' if non_2xx > 1 else ''} other than 2xx"] if non_2xx else []
    return " and ".join(words)
