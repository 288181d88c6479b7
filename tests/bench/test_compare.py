"""`--compare`: two reports, when they may be compared, and what is then said."""

import random
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from report_in_test import report

from gateway_zoo.bench import compare, intervals
from gateway_zoo.bench.records import Report
from gateway_zoo.errors import Stop

OLD = report(seed=1)


def verdicts(old: Report, new: Report) -> dict[tuple[str, str], str]:
    return {(each.target, each.figure): each.verdict for each in compare.moved(old, new).comparisons}


def test_only_what_moved_is_said_to_have_moved() -> None:
    new = report(seed=2, slower=2.0)
    seen = verdicts(OLD, new)
    assert {name for name, verdict in seen.items() if verdict == "slower"} == {
        ("nginx:uwsgi", "rps"),
        ("nginx:uwsgi", "cpu_ms"),
        ("nginx:uwsgi", "p99_ms"),
    }
    assert seen["control", "rps"] == seen["nginx:wsgi", "rps"] == "no difference shown"
    assert seen["broken", "rps"] == "failed"
    rate = next(
        each for each in compare.moved(OLD, new).comparisons if (each.target, each.figure) == ("nginx:uwsgi", "rps")
    )
    assert rate.low is not None
    assert rate.high is not None
    assert rate.low < 0.5 < rate.high


def test_latencies_at_different_rates_are_not_compared() -> None:
    def at(rate: float) -> Report:
        rounds = [
            replace(
                each, samples=[replace(s, latency=s.latency and replace(s.latency, rate=rate)) for s in each.samples]
            )
            for each in OLD.rounds
        ]
        return replace(OLD, rounds=rounds)

    assert ("nginx:uwsgi", "p99_ms") in verdicts(at(200.0), at(200.0))
    assert ("nginx:uwsgi", "p99_ms") not in verdicts(at(200.0), at(400.0))


def test_a_machine_that_moved_is_said_first() -> None:
    rounds = [replace(each, controls=[rate / 2 for rate in each.controls]) for each in OLD.rounds]
    [warning] = compare.moved(OLD, replace(OLD, rounds=rounds)).warnings
    assert warning.startswith(
        "the machine itself has changed: the control is slower: 1/2.00 of the requests/s than then"
    )


def test_other_versions_are_listed_and_other_machines_refused() -> None:
    machine = replace(OLD.machine, versions={"Python": "3.13.5", "Apache": "2.4"}, kernel="Linux 6.12")
    changes = compare.moved(OLD, replace(OLD, machine=machine)).changes
    longer = replace(OLD, method=replace(OLD.method, seconds=1.5))
    assert compare.moved(OLD, longer).changes == ["seconds of a closed loop: 3 -> 1.5"]
    assert changes == [
        "Linux 6.1 -> Linux 6.12",
        "Python 3.11.2 -> 3.13.5",
        "nginx 1.22.1 -> absent",
        "Apache absent -> 2.4",
    ]
    with pytest.raises(Stop, match="different machines, so they are not compared: number of cores 2 then, 4 now"):
        compare.moved(OLD, replace(OLD, machine=replace(OLD.machine, cores=4)))
    with pytest.raises(
        Stop,
        match="different methods, so they are not compared: mode full then, quick now; path /ping then, /hello now",
    ):
        compare.moved(OLD, replace(OLD, method=replace(OLD.method, mode="quick", path="/hello")))
    with pytest.raises(Stop, match="no target in common"):
        compare.moved(OLD, replace(OLD, targets=[], rows=[]))


def test_a_file_that_is_no_report_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    file.write_bytes(msgspec.json.encode(OLD))
    assert compare.read(file) == OLD
    for text, words in (
        ("{}", "is no report of zoo bench --json: "),
        ("[" * 100_000, "is no report of zoo bench --json: "),
        ('{"format": 99}', "has the format 99, this zoo reads 1; measure again"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(Stop, match=words):
            compare.read(file)
    with pytest.raises(Stop, match="cannot be read: No such file"):
        compare.read(tmp_path / "absent.json")


@pytest.mark.parametrize("rounds", [5, 7])
def test_an_interval_of_two_runs_covers_the_truth(rounds: int) -> None:
    dice = random.Random(rounds)  # noqa: S311 - a simulation
    covered, trials = 0, 3000
    for _ in range(trials):
        now, then = ([dice.lognormvariate(0, spread) for _ in range(rounds)] for spread in (0.02, 0.05))
        seen = intervals.between("target", "rps", [1.3 * value for value in now], then)
        assert seen.low is not None
        assert seen.high is not None
        covered += seen.low <= 1.3 <= seen.high
    assert 0.935 <= covered / trials <= 0.975
