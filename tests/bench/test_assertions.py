"""`--assert`: the grammar, its errors, and what a report says to it."""

import pytest
from report_in_test import report

from gateway_zoo.bench import assertions
from gateway_zoo.bench.assertions import Assertion
from gateway_zoo.errors import Stop

REPORT = report()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wsgi.p99 < 50ms", ("wsgi", "", "p99", "<", 50.0, "ms")),
        ("wsgi.apache.p99.9<=0.05s", ("wsgi", "apache", "p99.9", "<=", 0.05, "s")),
        ("mod_wsgi-embedded.rps >= 1e3/s", ("mod_wsgi-embedded", "", "rps", ">=", 1000.0, "/s")),
        ("nginx:uwsgi-http.gateway-cpu > 200us", ("nginx:uwsgi-http", "", "gateway-cpu", ">", 200.0, "us")),
        ("cgi.forks <= 1", ("cgi", "", "forks", "<=", 1.0, "")),
    ],
)
def test_an_assertion_has_a_target_a_figure_and_a_limit(text: str, expected: tuple[object, ...]) -> None:
    assert assertions.parse(text) == Assertion(text, *expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("wsgi is fast", "'wsgi is fast' is no assertion; expected TARGET.FIGURE < NUMBER UNIT, such as"),
        ("wsgi.p98 < 5ms", "names no figure; did you mean 'p99'?"),
        ("wsgi < 5ms", "names no figure; figures are rps, mean, p50"),
        ("wsgi.p99 == 5ms", "compares by '=='; expected one of < <= > >="),
        ("wsgi.p99 < fast", "has no number after <"),
        ("wsgi.p99 < 5", "the unit '' does not fit p99; expected us or ms or s"),
        ("wsgi.rps > 5ms", "the unit 'ms' does not fit rps; expected /s"),
        ("wsgi.forks < 1ms", "the unit 'ms' does not fit forks; expected no unit"),
    ],
)
def test_a_wrong_assertion_is_told_what_would_be_right(text: str, words: str) -> None:
    with pytest.raises(Stop) as stop:
        assertions.parse(text)
    assert words in stop.value.text
    assert stop.value.status == 2


@pytest.mark.parametrize(
    ("text", "holds", "words"),
    [
        ("uwsgi.rps > 500/s", True, "rps of nginx:uwsgi is 1,"),
        ("uwsgi.nginx.mean < 1ms", False, "mean of nginx:uwsgi is 5."),
        (
            "uwsgi.gateway-cpu < 550us",
            False,
            "; the limit lies within the interval, so another run may decide otherwise",
        ),
        ("nginx:cgi.forks <= 1", True, "forks of nginx:cgi is 1.00"),
        ("cgi.p99 < 9s", False, "p99 of nginx:cgi is unknown: p99 needs 1000 requests"),
        ("wsgi.front-pss < 9MB", False, "unknown: the memory of its processes may not be read"),
        ("broken.rps > 0/s", False, "broken failed: 12 errors and 3 answers other than 2xx"),
    ],
)
def test_a_figure_that_is_unknown_or_failed_does_not_hold(text: str, holds: bool, words: str) -> None:
    outcome = assertions.check(REPORT, assertions.parse(text))
    assert outcome.holds is holds
    assert words in outcome.sentence


def test_a_target_that_was_not_measured_is_no_figure() -> None:
    with pytest.raises(Stop, match=r"'nginx:uwsgo' is not measured; did you mean 'nginx:uwsgi'\?"):
        assertions.check(REPORT, assertions.parse("nginx:uwsgo.rps > 1/s"))
