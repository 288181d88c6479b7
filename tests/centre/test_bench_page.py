"""The page of the benchmark: one at a time, refusals in words, a stop that keeps what was measured, charts that fit."""

from typing import Any

import msgspec
import pytest
from browser import chromium
from centre_in_test import CentreZoo, a_centre, a_fresh_centre  # noqa: F401 - fixtures
from centre_tab import SIZES, fits
from zoo_in_test import eventually

from gateway_zoo.bench.records import Report

PATIENCE_S = 60.0


def run(centre: CentreZoo, **given: Any) -> tuple[int, str]:
    answer = centre.post({"ids": ["fastcgi"], "front": "nginx", "busy": True} | given, action="bench/run")
    return answer.status, answer.body.decode().strip()


def test_what_cannot_be_measured_is_refused_in_words(centre: CentreZoo) -> None:
    page = centre.json("/api/bench")
    assert set(page["fronts"]["nginx"]) == {"cgi", "fastcgi", "uwsgi"}
    assert page["typical"]["nginx"] == ["uwsgi", "fastcgi", "cgi"], "the slowest is the last"
    assert page["job"]["runs"] is False
    assert "nginx: cgi fastcgi uwsgi" in centre.ask("/bench").body.decode()
    if not page["missing"]:
        assert run(centre, ids=["mod_wsgi"]) == (422, "'mod_wsgi' is not open behind 'nginx'")
        assert run(centre, ids=["<b>"]) == (422, "'<b>' is not open behind 'nginx'")
        assert run(centre, ids=[]) == (422, "expected one to 6 exhibits, 0 were given")
        assert run(centre, ids="fastcgi")[1].startswith('expected "ids": a list of exhibits')
    stopped = centre.post({}, action="bench/stop")
    assert (stopped.status, stopped.body) == (409, b"no benchmark is under way\n")
    assert centre.ask("/api/bench/report.json").status == 404
    assert centre.json("/api/bench/shown") is None


def test_without_its_tools_the_page_shows_the_cure(centre: CentreZoo) -> None:
    cure = "wrk is not installed; sudo apt-get install -y wrk"
    data = centre.json("/api/bench") | {"missing": cure}
    with chromium() as browser:
        tab = browser.new_page(viewport={"width": 390, "height": 844})
        tab.route("**/api/bench", lambda route: route.fulfill(json=data))
        tab.goto(f"{centre.origin}/bench")
        tab.locator("#missing", has_text=cure).wait_for()
        assert tab.locator("#run").is_disabled()
        assert tab.locator("#ids input:checked").count() == 3
        assert fits(tab)


@pytest.mark.slow
def test_a_benchmark_that_is_stopped_keeps_what_was_measured(fresh_centre: CentreZoo) -> None:
    fresh_centre.up("uwsgi", "fastcgi")
    eventually(lambda: fresh_centre.ask("/").status == 200, 10, "the centre answers")
    if missing := fresh_centre.json("/api/bench")["missing"]:
        pytest.skip(missing)
    assert run(fresh_centre, ids=["uwsgi", "fastcgi"])[0] == 200
    assert run(fresh_centre) == (409, "a benchmark is under way; stop it, or wait for its report")
    crowd = fresh_centre.post({"cells": [["uwsgi", "nginx"]], "requests": 2, "hold_ms": 10})
    assert (crowd.status, crowd.body) == (409, b"a crowd or a benchmark is under way; wait for its end\n")

    def job() -> Any:
        return fresh_centre.json("/api/bench")["job"]

    eventually(lambda: job()["text"].startswith("round 2") or not job()["runs"], PATIENCE_S, "a round is whole")
    fresh_centre.post({}, action="bench/stop")
    eventually(lambda: not job()["runs"], PATIENCE_S, "it has ended")
    assert (job()["number"], job()["why"]) == (1, "")
    report = msgspec.json.decode(fresh_centre.ask("/api/bench/report.json").body, type=Report)
    assert {row.target for row in report.rows} == {"uwsgi", "fastcgi"}
    assert 1 <= len(report.rounds) <= report.method.rounds
    shown = fresh_centre.json("/api/bench/shown")
    assert "\nCapacity: uwsgi: " in fresh_centre.ask("/bench").body.decode(), "the text twin has the figures"
    for width, height in SIZES.values():
        with chromium() as browser:
            tab = browser.new_page(viewport={"width": width, "height": height})
            tab.goto(f"{fresh_centre.origin}/bench")
            tab.locator("#report figure").first.wait_for()
            assert tab.locator("#report figure").count() == len(shown["charts"]) > 0
            assert tab.locator("#report .point > *").count() >= sum(len(chart["series"]) for chart in shown["charts"])
            assert tab.locator("#report tbody tr").count() == sum(
                len(table["rows"]) for table in shown["document"]["tables"]
            )
            assert fits(tab)


@pytest.mark.slow
def test_a_benchmark_ends_with_its_centre(fresh_centre: CentreZoo) -> None:
    """Close the zoo amid a benchmark; the fixture finds what is left."""
    fresh_centre.up("uwsgi")
    eventually(lambda: fresh_centre.ask("/").status == 200, 10, "the centre answers")
    if missing := fresh_centre.json("/api/bench")["missing"]:
        pytest.skip(missing)
    assert run(fresh_centre, ids=["uwsgi"])[0] == 200
    eventually(lambda: "round" in fresh_centre.json("/api/bench")["job"]["text"], PATIENCE_S, "it measures")
    assert fresh_centre.cli("down").returncode == 0
    eventually(lambda: not fresh_centre.processes(), 20, "no process is left")
