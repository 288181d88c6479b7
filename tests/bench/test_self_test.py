"""`zoo bench --self-test`: what it computes from its runs, and a short one on a zoo of its own."""

import os
import random
import statistics
import subprocess

import msgspec
import pytest
from report_in_test import report
from zoo_in_test import ROOT, needs_sight, python_of

from gateway_zoo.bench import intervals, readme, self_test
from gateway_zoo.bench.records import Comparison
from gateway_zoo.bench.self_test import AGAIN, SAME, SLOWER, SelfTest
from gateway_zoo.commands.tables import bench_table

ROUNDS, NOISE = 7, 0.05


def pair(dice: random.Random, target: str, effect: float) -> Comparison:
    """A comparison of noise alone, or of noise and an effect."""
    values = [(effect * dice.lognormvariate(0, NOISE), dice.lognormvariate(0, NOISE)) for _ in range(ROUNDS)]
    return intervals.comparison(target, SAME, "cpu_ms", values)


def runs_of(dice: random.Random, effect: float, count: int = self_test.RUNS) -> SelfTest:
    """The result of runs that compare noise with noise, and noise with an effect."""
    before = report(rounds=1)
    reports = [
        msgspec.structs.replace(before, comparisons=[pair(dice, AGAIN, 1.0), pair(dice, SLOWER, effect)])
        for _ in range(count)
    ]
    return self_test._result(before, reports, self_test.RUNS, effect - 1, 32, 0.216)


def test_the_smallest_effect_is_found_in_about_19_of_20_runs() -> None:
    """An effect of that size, in other runs of the same noise; the median of many self-tests."""
    dice = random.Random(1)  # noqa: S311 - a simulation
    rates = []
    for _ in range(25):
        smallest = runs_of(dice, 1.15).smallest
        assert smallest is not None
        others = [pair(dice, SLOWER, smallest).verdict == "slower" for _ in range(40)]
        rates.append(statistics.fmean(others))
    assert 0.85 <= statistics.median(rates) <= 1.0


def test_a_result_holds_if_it_finds_what_is_there_and_no_more() -> None:
    dice = random.Random(2)  # noqa: S311 - a simulation
    good = runs_of(dice, 1.5)
    assert (good.holds, good.found, good.complete) == (True, 20, True)
    assert good.false_alarms["cpu_ms"] <= self_test.FALSE_ALARMS
    none_found = runs_of(dice, 1.0)
    assert none_found.holds is False
    stopped = runs_of(dice, 1.5, 10)
    assert (stopped.holds, stopped.complete, stopped.found) == (False, False, 10)
    assert "It was stopped, so fewer runs than planned are there." in self_test.sentences(stopped)


@pytest.mark.parametrize(("runs", "alarms", "found"), [(1, 1, 1), (2, 1, 2), (10, 2, 10), (20, 3, 19), (40, 6, 38)])
def test_the_limits_are_those_of_20_runs(runs: int, alarms: int, found: int) -> None:
    assert (self_test.allowed(runs), self_test.needed(runs)) == (alarms, found)


@pytest.mark.parametrize("width", [80, 120])
def test_the_result_in_words(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    result = runs_of(random.Random(3), 1.5)  # noqa: S311 - a simulation
    bench_table.show(self_test.document(result))
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= width
    plain = " ".join(text.split())
    assert "50% more CPU per request (32 us burnt in addition to 0.216 ms) were found in 20 of 20 runs" in plain
    assert "The smallest effect that this machine finds in 19 of 20 runs: " in plain
    assert readme.results_block(result).count("\n| ") == 1 + 1 + 20, "head, rule, runs"


@needs_sight
@pytest.mark.slow
def test_a_short_self_test_finds_twice_the_cpu() -> None:
    """In a process of its own, because a zoo of its own gives up root. 15 % would be too little for a busy machine."""
    code = (
        "import sys, msgspec\n"
        "from gateway_zoo.bench import self_test\n"
        "from gateway_zoo.settings import read_settings\n"
        "result = self_test.run_all(read_settings(), self_test.plan_of(7), runs=2, more=1.0, busy=True)\n"
        "sys.stdout.buffer.write(msgspec.json.encode(result))\n"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("ZOO_")} | {"ZOO_ROOT": str(ROOT)}
    done = subprocess.run([python_of(), "-I", "-c", code], env=env, capture_output=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr.decode()
    result = msgspec.json.decode(done.stdout, type=SelfTest)
    assert (result.runs, result.complete, result.exhibit) == (2, True, "uwsgi")
    assert result.burnt_us == round(1000 * result.cpu_ms)
    assert result.found == 2, result
    assert result.false_alarms["cpu_ms"] < 2, result
    assert {(each.comparison.target, each.comparison.base) for each in result.pairs} == {(AGAIN, SAME), (SLOWER, SAME)}
