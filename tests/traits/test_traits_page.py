"""The page of behaviours: the kept matrix at once, as JSON and text; one cell measured live, with its evidence."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from centre_in_test import CentreZoo, a_centre  # noqa: F401 - a fixture
from centre_tab import opened
from zoo_in_test import ROOT

from gateway_zoo.traits import kept

SECONDS = 200.0
CELL = {"trait": "pid_each_time", "cell": ["cgi", "nginx"]}


def live(centre: CentreZoo, given: dict[str, Any]) -> requests.Response:
    """The action; it may take long on a busy machine."""
    headers = {"X-Zoo-Token": centre.token}
    return requests.post(f"{centre.origin}/api/traits/live", json=given, headers=headers, timeout=SECONDS)


def test_the_kept_matrix_is_there_at_once_and_small(centre: CentreZoo) -> None:
    answer = centre.ask("/api/traits")
    values = kept.read(ROOT, "native")
    assert values
    data = answer.json()
    assert [row["name"] for row in data["view"]["rows"]] != []
    assert {row["name"] for row in data["view"]["rows"]} <= set(values.traits)
    page = centre.ask("/traits", "Accept: text/html").body
    own = sum(
        len(centre.ask(path).body) for path in ("/public/matrix.js", "/public/matrix.css", "/pages/traits/page.js")
    )
    assert len(answer.body) + len(page) + own < 110_000, "with what all pages share: 150 kB"
    text = centre.ask("/traits").body.decode()
    assert "Is the process new with each request?\n  yes: cgi\n  no: all others\n" in text


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, b'expected "trait": a name, and "cell": an exhibit and a front'),
        ({"trait": "nothing", "cell": ["cgi", "nginx"]}, b"there is no trait 'nothing'"),
        ({"trait": "pid_each_time", "cell": ["cgi", "lighttpd"]}, b"there is no cell 'cgi' behind 'lighttpd'"),
        ({"trait": "pid_each_time", "cell": ["--html", "x.html"]}, b"there is no cell '--html' behind 'x.html'"),
    ],
)
def test_what_is_no_cell_is_refused_in_words(centre: CentreZoo, given: dict[str, Any], says: bytes) -> None:
    answer = live(centre, given)
    assert (answer.status_code, answer.content.strip()) == (422, says)


@pytest.mark.slow
def test_a_cell_is_measured_live_and_a_second_press_meanwhile_is_refused(centre: CentreZoo) -> None:
    """Two presses at once: a zoo takes seconds, so one of them comes second. The running zoo is not changed."""
    before = centre.session("cgi")
    cells = [["cgi", "nginx"], ["cgi", "apache"]]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda cell: live(centre, CELL | {"cell": cell}), cells))
    (cell, measured), (_, refused) = sorted(zip(cells, answers, strict=True), key=lambda pair: pair[1].status_code)
    assert (measured.status_code, refused.status_code) == (200, 409), (measured, refused)
    assert refused.content == b"another cell is being measured; wait for its answer\n"
    record = measured.json()
    assert ([record["exhibit"], record["front"]], record["answers"]) == (cell, ["yes"])
    assert "GET /cgi/pid_each_time/" in record["evidence"][0]["text"]
    assert centre.session("cgi") == before


@pytest.mark.slow
def test_a_visitor_filters_and_measures(centre: CentreZoo) -> None:
    with opened(centre) as tab:
        tab.goto(f"{centre.origin}/traits")
        tab.select_option("select[name=exhibit]", "fastcgi")
        assert tab.url.endswith("/traits#exhibit=fastcgi")
        tab.locator("#pid_each_time button.cell", has_text="behind nginx").click()
        assert tab.inner_text("#answer") == "no"
        tab.click("#measure")
        tab.locator("#result h3", has_text="fastcgi behind nginx now: no").wait_for(timeout=SECONDS * 1000)
        assert tab.locator("#result pre").count() > 2
        tab.click("#close")
        assert tab.locator("dialog[open]").count() == 0
