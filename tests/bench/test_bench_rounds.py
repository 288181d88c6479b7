"""Rounds: order, failures, stops; and what is made of their samples. Load on small servers of the test's own."""

import random
from pathlib import Path

import msgspec
import pytest
from servers_in_test import answering, fine, stalling, tools_or_skip

from gateway_zoo.bench import cells, h2load, plan, rounds, run
from gateway_zoo.bench.plan import Plan
from gateway_zoo.bench.records import Comparison, Cost, Latency, Report, Round, Sample, Side, Target
from gateway_zoo.bench.rows import rows
from gateway_zoo.errors import Stop
from gateway_zoo.keeper.state import State
from gateway_zoo.registry.cages import load
from gateway_zoo.registry.plans import Cell

TOOLS = tools_or_skip()
SHORT = Plan("quick", 7, 3, 0.3, 0.1, 0.1, 0.5, 0.15, connections=2, budget_s=50.0)
REGISTRY = load(Path(__file__).resolve().parents[2])


def order_of(seed: int, names: list[str], number: int) -> list[str]:
    """The order of a round, by the seed in the report."""
    shuffle = random.Random(seed)  # noqa: S311 - not a secret
    for _ in range(number):
        order = list(names)
        shuffle.shuffle(order)
    return order


def test_rounds_are_interleaved_and_what_fails_is_not_ranked() -> None:
    """One is fine; one answers with another body later on; Ctrl-C comes in the third round and keeps the rest."""
    shown: list[str] = []

    def progress(text: str, share: float, left_s: float | None) -> None:
        shown.append(text)
        if text.startswith("round 3"):
            raise KeyboardInterrupt

    def moody(number: int) -> tuple[int, bytes]:
        return 200, b"ok\n" if number < 40 else b"no\n"

    with answering(fine) as good, answering(fine) as other, answering(moody) as bad:
        targets = [
            Target("good", good, processes=2, threads=2),
            Target("other", other, b"ok\n", 4, 1, base="good"),
            Target("moody", bad, base="good", processes=1, threads=1),
        ]
        measured = rounds.measure(plan.differences(targets), SHORT, TOOLS, progress)
    assert measured.interrupted
    assert not measured.complete
    assert list(measured.failed) == ["moody"]
    assert "body b'no\\n', expected b'ok\\n'" in measured.failed["moody"]
    assert measured.targets[0].body == b"ok\n", "it was learnt"
    names = [target.name for target in targets]
    assert [each.order for each in measured.rounds] == [order_of(7, names, number) for number in (1, 2)]
    for each in measured.rounds:
        assert len(each.controls) == 3
        assert all(each.controls)
        good_ones = [sample for sample in each.samples if not sample.failed]
        assert {sample.target for sample in good_ones} == {"good", "other"}
        for sample in good_ones:
            assert sample.rps
            assert sample.little_ms == pytest.approx(2 / sample.rps * 1000)
            assert sample.latency
            assert sample.latency.rate in plan.RATES
    all_rows, comparisons = rows(measured.targets, measured.rounds, measured.failed)
    assert [bool(row.failed) for row in all_rows] == [False, False, True]
    assert {each.verdict for each in comparisons if each.target == "moody"} == {"failed"}
    sentences = run.warnings(measured, busy=0.5)
    assert "moody: it runs 1 request (1 x 1) at once, good 4 requests (2 x 2)." in sentences
    assert any("It was interrupted: 2 of 3 rounds have begun" in text for text in sentences)
    assert any("50% of the processors were busy" in text for text in sentences)


def test_errors_and_a_lack_of_requests_fail_a_target() -> None:
    def failing(number: int) -> tuple[int, bytes]:
        return (500, b"") if number > 5 else (200, b"ok\n")

    with answering(failing) as bad:
        measured = rounds.measure([Target("bad", bad)], SHORT, TOOLS)
    assert "answers other than 2xx" in measured.failed["bad"]
    assert not measured.rounds
    many = msgspec.structs.replace(SHORT, connections=100_000)
    assert rounds._Run([], many, TOOLS, rounds.silent)._too_few(499_999) == (
        "499999 requests in a closed loop, 500000 are needed"
    )


@pytest.mark.slow
def test_a_server_that_answers_no_longer_ends_with_the_budget() -> None:
    with answering(stalling(at=60, seconds=4)) as url:
        measured = rounds.measure([Target("stalled", url)], msgspec.structs.replace(SHORT, budget_s=2.0), TOOLS)
    assert not measured.complete
    assert not measured.interrupted
    assert any(text.startswith("2 s were over: ") for text in run.warnings(measured, busy=0.0))


# --- rows ------------------------------------------------------------------------------------------------------------


def sample(target: str, rps: float, gateway: float | None, front: float, **more: object) -> Sample:
    costs = Cost(cpu_ms=gateway), Cost(cpu_ms=front)
    record = Sample(target, 100, 1.0, 0, 0, rps, 4 / rps * 1000, None, *costs, client_cpu_ms=0.1)
    return msgspec.structs.replace(record, **more)


def round_of(number: int, *samples: Sample) -> Round:
    return Round(number, [each.target for each in samples], list(samples), [1.0, 1.0, 1.0], False)


def test_rows_pair_within_rounds_and_name_both_laws() -> None:
    """The machine is twice as slow in the second round: the ratio does not move."""
    targets = [Target("base", "", gateway=Side([1]), front=Side([2])), Target("half", "", base="base")]
    all_rounds = [
        round_of(number, sample("base", speed, 3.0, 1.0), sample("half", speed / 2 * noise, 6.0, 2.0))
        for number, (speed, noise) in enumerate([(1000, 1.0), (500, 1.01), (1010, 0.99), (990, 1.0)], 1)
    ]
    all_rows, comparisons = rows(targets, all_rounds)
    base = all_rows[0]
    assert base.gateway_share == pytest.approx(0.75)
    assert base.amdahl == pytest.approx(4.0), "a gateway for nothing would leave a quarter"
    assert base.little_ms
    assert base.rounds == 4
    rps = next(each for each in comparisons if each.figure == "rps")
    assert rps.ratio == pytest.approx(0.5, rel=0.01)
    assert rps.verdict == "slower"
    cpu = next(each for each in comparisons if each.figure == "cpu_ms")
    assert cpu.ratio == pytest.approx(2.0)
    assert cpu.verdict == "slower"


def test_a_gateway_inside_the_front_is_compared_with_its_front() -> None:
    inside = Target("inside", "", gateway=Side([2], "mod"), front=Side([2]), base="base")
    targets = [Target("base", "", gateway=Side([1]), front=Side([2])), inside]
    all_rounds = [
        round_of(number, sample("base", 100, 3.0, 1.0), sample("inside", 100, None, 2.0 + number / 100))
        for number in (1, 2, 3)
    ]
    all_rows, comparisons = rows(targets, all_rounds)
    assert all_rows[1].amdahl is None
    cpu = next(each for each in comparisons if each.figure == "cpu_ms")
    assert cpu.ratio == pytest.approx(0.505, rel=0.01)


def test_latencies_at_different_rates_are_not_compared() -> None:
    def slow(rate: float) -> Latency:
        return Latency(rate, 1000, p99_ms=2.0, histogram=empty)

    def comparisons(rate: float) -> list[Comparison]:
        all_rounds = [
            round_of(n, sample("a", 100, 1.0, 1.0, latency=slow(100)), sample("b", 100, 1.0, 1.0, latency=slow(rate)))
            for n in (1, 2, 3)
        ]
        return [each for each in rows(targets, all_rounds)[1] if each.figure == "p99_ms"]

    empty = h2load.figures(1, h2load.histogram_of([])).histogram
    targets = [Target("a", ""), Target("b", "", base="a")]
    assert comparisons(200) == []
    assert [each.ratio for each in comparisons(100)] == [pytest.approx(1.0)]


def test_a_report_survives_json() -> None:
    target = Target("a", "http://127.0.0.1/", b"\x00\xff", gateway=Side([1]), front=Side(why="away"))
    assert msgspec.json.decode(msgspec.json.encode(target), type=Target) == target
    assert msgspec.inspect.type_info(Report)


# --- the plan --------------------------------------------------------------------------------------------------------


def test_a_quick_run_fits_into_a_minute() -> None:
    """Six exhibits, one of them CGI with 12 requests/s."""
    speeds = [4000.0, 7000.0, 2500.0, 3000.0, 1200.0, 12.0]
    fitted = plan.quick(1).fitted(speeds, left_s=plan.QUICK_S - 7)
    assert fitted.rounds == 5
    assert fitted.rounds * fitted.round_s(speeds) < plan.QUICK_S - 7
    assert fitted.closed_s(12.0) * 12 > fitted.least, "the slow one gets enough requests"
    assert fitted.closed_s(7000.0) == fitted.seconds >= plan.SHORTEST_S
    assert plan.quick(1).fitted([7000.0], 50).seconds == 1.0, "one exhibit needs no hurry"
    assert (fitted.rate(7000), fitted.rate(900), fitted.rate(12), fitted.rate(0.1)) == (1600, 400, 5, 1)


# --- which cells -----------------------------------------------------------------------------------------------------


def cell(exhibit: str, front: str, closed: str | None = None) -> Cell:
    return Cell(exhibit, front, f"http://127.0.0.1:1/{exhibit}", closed)


OPEN = [cell(id, front) for id in ("cgi", "fastcgi", "uwsgi", "wsgi", "mod_wsgi") for front in ("nginx", "apache")]
CELLS = [each for each in OPEN if (each.exhibit, each.front) != ("mod_wsgi", "nginx")] + [
    cell("mod_wsgi", "nginx", "nginx runs no Python"),
    cell("ajp", "nginx", "nginx speaks no AJP"),
    cell("ajp", "apache", "left out"),
]
RUNNING = State(
    pid=1, token="", sessions={"nginx": 10, "apache": 11, "cgi": 12, "uwsgi": 13, "wsgi": 14, "fastcgi": 15}, cells=[]
)


def test_targets_name_their_processes() -> None:
    choice = cells.choose(REGISTRY, CELLS, ["wsgi", "apache:mod_wsgi", "apache:cgi"], "", 6, RUNNING)
    wsgi, mod_wsgi, cgi = choice.targets
    assert (wsgi.gateway, wsgi.front, wsgi.base) == (Side([14]), Side([10]), "")
    assert (mod_wsgi.gateway.sessions, mod_wsgi.gateway.family, mod_wsgi.base) == ([11], "mod_wsgi", "wsgi")
    assert (cgi.gateway.sessions, cgi.processes) == ([11], None), "Apache's own daemon starts it"
    away = cells.choose(REGISTRY, CELLS, ["wsgi"], "", 6, None).targets[0]
    assert away.gateway.sessions is None
    assert "another container" in away.gateway.why


def test_without_names_the_typical_ones_are_chosen() -> None:
    names = [target.name for target in cells.choose(REGISTRY, CELLS, [], "nginx", 3, RUNNING).targets]
    assert names == ["wsgi", "uwsgi", "cgi"], "CGI stays in, however few there are"
    names = [target.name for target in cells.choose(REGISTRY, CELLS, [], "", None, RUNNING).targets]
    assert names == ["wsgi", "uwsgi", "fastcgi", "cgi", "mod_wsgi"]


@pytest.mark.parametrize(
    ("names", "words", "status"),
    [
        (["wsgy"], "unknown exhibit 'wsgy'; did you mean", 2),
        (["ngin:wsgi"], "unknown front 'ngin'; did you mean 'nginx'?", 2),
        (["nginx:mod_wsgi"], "nginx:mod_wsgi: nginx runs no Python", 3),
        (["wsgi", "uwsgi", "cgi"], "at most 2 exhibits, 3 were given; --full", 2),
    ],
)
def test_a_wrong_choice_is_named(names: list[str], words: str, status: int) -> None:
    with pytest.raises(Stop, match=words) as stop:
        cells.choose(REGISTRY, CELLS, names, "", 2, RUNNING)
    assert stop.value.status == status
