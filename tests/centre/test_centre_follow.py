"""The page "Follow one request": what may be sent, what is answered, and its stations by mouse and by keyboard."""

import itertools
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from browser import chromium
from centre_in_test import CentreZoo, a_centre  # noqa: F401 - a fixture
from centre_tab import SEEN, SIZES, fits, tab_to
from test_centre_hostile import INSERTED, PAYLOADS, RUN, hostile

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab
    from playwright.sync_api import Route

SEND = "follow/send"
GOOD: dict[str, Any] = {
    "cells": [["fastcgi", "nginx"]],
    "endpoint": "/hello",
    "method": "GET",
    "headers": [],
    "body": "",
}


@pytest.fixture(scope="module", autouse=True)
def recorder_that_ends(centre: CentreZoo) -> Iterator[None]:
    """The centre's recording fronts end before the zoo does, so that nothing of them is left under load."""
    yield
    centre.post({}, action="wire/end")


def post(centre: CentreZoo, **changes: Any) -> Any:
    return centre.post(GOOD | changes, action=SEND)


# --- without a browser ------------------------------------------------------------------------------------------------


def test_send_answers_the_way_that_the_command_answers(centre: CentreZoo) -> None:
    (way,) = post(centre, headers=[["Cookie", "a=c2VjcmV0"]]).json()["ways"]
    done = centre.cli("follow", "nginx:fastcgi", "/hello", "-H", "Cookie: a=c2VjcmV0", "--json")
    (other,) = json.loads(done.stdout)["ways"]
    assert way.keys() == other.keys()
    assert "c2VjcmV0" not in json.dumps(way)
    assert [line["text"] for line in way["decision"]["lines"]] == [line["text"] for line in other["decision"]["lines"]]
    names = [[each["name"] for each in one["wire"]["variables"]] for one in (way, other)]
    assert names[0] == names[1]
    assert all(moment["ms"] is not None for moment in way["moments"])
    assert way["program"]["report"]["pid"] == centre.session("fastcgi")


def test_two_cells_and_one_inside_apache(centre: CentreZoo) -> None:
    answer = post(centre, cells=[["fastcgi", "apache"], ["mod_wsgi", "apache"]]).json()
    assert [way["inside"] for way in answer["ways"]] == [False, True]
    assert [way["program"]["report"]["exhibit"] for way in answer["ways"]] == ["fastcgi", "mod_wsgi"]
    assert len(answer["beside"]) == 6


@pytest.mark.parametrize(
    ("changes", "status", "expected"),
    [
        ({"cells": [["mod_wsgi", "nginx"]]}, 409, "mod_wsgi is closed behind nginx: "),
        ({"cells": [["nothing", "nginx"]]}, 422, "there is no cell 'nothing' behind 'nginx'"),
        ({"cells": [["fastcgi", "127.0.0.1:22"]]}, 422, "there is no cell 'fastcgi' behind '127.0.0.1:22'"),
        ({"cells": [["fastcgi", "nginx"]] * 3}, 422, '"cells": expected one or two pairs'),
        ({"cells": "fastcgi"}, 422, '"cells": expected one or two pairs'),
        ({"endpoint": "http://evil.example/"}, 422, "the endpoint 'http://evil.example/': expected a path"),
        ({"endpoint": "/a\r\nX: y"}, 422, "the endpoint "),
        ({"endpoint": 5}, 422, 'expected "endpoint"'),
        ({"method": "CONNECT"}, 422, "the method 'CONNECT'; expected GET, "),
        ({"headers": [["X", "y"]] * 21}, 422, "21 headers; expected at most 20"),
        ({"headers": [["Transfer-Encoding", "chunked"]]}, 422, "the header Transfer-Encoding cannot be chosen"),
        ({"headers": [["X-Zoo-Follow", "9"]]}, 422, "the header X-Zoo-Follow cannot be chosen"),
        ({"headers": [["X", "a\r\nY: b"]]}, 422, "the header 'X': 'a\\r\\nY: b'"),
        ({"body": "x" * 65_537}, 422, "a body of 65,537 bytes; expected at most 65,536"),
    ],
)
def test_what_is_out_of_bounds_is_refused_in_words(centre: CentreZoo, changes: Any, status: int, expected: str) -> None:
    answer = post(centre, **changes)
    assert answer.status == status
    assert answer.body.decode().startswith(expected)


def test_without_the_token_nothing_is_sent(centre: CentreZoo) -> None:
    before = centre.requests()
    assert centre.post(GOOD, action=SEND, token=None).status == 403
    assert centre.post(GOOD, action=SEND, token="x").status == 403  # noqa: S106 - a wrong one
    assert centre.ask("/follow?exhibit=fastcgi&front=nginx&endpoint=/status").status == 200
    assert centre.requests() == before + 1, "a bookmark sends nothing"


def test_the_text_twin_names_the_command(centre: CentreZoo) -> None:
    text = centre.ask("/follow?exhibit=cgi&front=apache").body.decode()
    assert text.endswith("In a terminal: ./zoo follow cgi /hello --via apache\n")
    assert re.search(r"^  mod_wsgi .* nginx closed, apache open$", text, re.MULTILINE)
    hostile_word = centre.ask("/follow?exhibit=%24(reboot)&front=%3B").body.decode()
    assert hostile_word.endswith("In a terminal: ./zoo follow fastcgi /hello\n")


# --- in a browser -----------------------------------------------------------------------------------------------------


def ready(tab: "Tab", centre: CentreZoo, query: str = "") -> None:
    tab.goto(f"{centre.origin}/follow{query}")
    tab.locator("#send:enabled").wait_for()


@pytest.mark.slow
def test_the_stations_open_by_mouse_and_by_keyboard(centre: CentreZoo) -> None:
    with chromium() as browser, browser.new_context(viewport={"width": 1280, "height": 720}) as context:
        tab = context.new_page()
        tab.goto(f"{centre.origin}/")
        tab.get_by_role("link", name="Follow one request").click()
        tab.locator("#send:enabled").wait_for()
        assert tab.input_value("#exhibit") == "fastcgi"
        tab.get_by_role("button", name="Send").click()
        tab.locator(".way").wait_for(timeout=30_000)
        row = tab.locator(".stations").bounding_box()
        assert row
        assert row["y"] + row["height"] < 720, "the way is on the first screen"
        assert re.fullmatch(
            r"fastcgi behind nginx: GET /fastcgi/hello, status 200, [\d.,]+ m?s", tab.inner_text(".way figcaption")
        )
        assert tab.locator(".stations .time").count() == 5
        tab.locator("#opened tr", has_text="SCRIPT_NAME").locator("button").first.click()  # to the line that made it
        assert tab.inner_text("#opened h2") == "the front decides"
        assert "nginx/cages/fastcgi.conf" in tab.inner_text("tr.lit")
        tab.get_by_role("button", name="browser → front").click()
        tab.locator("#fields .field").first.wait_for()
        assert "GET" in tab.inner_text("#fields")
        tab.get_by_role("button", name="From the front: ").click()
        tab.locator("#fields .field", has_text="200").first.wait_for()

        tab.focus("#endpoint")
        tab.keyboard.press("Control+A")
        tab.keyboard.type("/ping")
        tab.keyboard.press("Enter")
        tab.locator(".way figcaption", has_text="/fastcgi/ping").wait_for(timeout=30_000)
        assert "endpoint=%2Fping" in tab.url, "an address to bookmark"
        tab_to(tab, "[data-station='3']")
        tab.keyboard.press("Enter")
        assert tab.inner_text("#opened h2") == "gateway → program"
        assert "def ping()" in tab.inner_text("#opened pre")
        assert tab.evaluate("document.activeElement.dataset.station") == "3", "the focus stays"
        tab.reload()
        tab.locator("#send:enabled").wait_for()
        assert tab.input_value("#endpoint") == "/ping"
        assert tab.locator(".way").count() == 0, "a bookmark sends nothing"


@pytest.mark.slow
@pytest.mark.parametrize(("size", "scheme"), [("projector", "light"), ("phone", "dark")])
def test_every_station_fits_and_can_be_read(centre: CentreZoo, size: str, scheme: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    width, height = SIZES[size]
    window: Any = {"width": width, "height": height}
    with chromium() as browser, browser.new_context(viewport=window, color_scheme=scheme, bypass_csp=True) as context:
        tab = context.new_page()
        for query in ("", "?exhibit=fastcgi&front=nginx&beside=mod_wsgi&beside_front=apache"):
            ready(tab, centre, query)
            tab.click("#send")
            tab.locator(".way").first.wait_for(timeout=30_000)
            for station in range(5):
                tab.locator(f"[data-station='{station}']").first.click()
                assert fits(tab), (query, station)
                seen = tab.evaluate(SEEN)
                least = 16 if size == "projector" else 13
                assert [each for each in seen if each[1] < least - 0.01] == []
                assert [each for each in seen if each[2] < 4.5] == []
                violations = axe.run(tab).response["violations"]
                assert violations == [], [(each["id"], each["nodes"][0]["html"]) for each in violations]


@pytest.mark.slow
def test_payloads_in_every_text_stay_text(centre: CentreZoo) -> None:
    def replace(route: "Route") -> None:
        answer = route.fetch()
        payloads = itertools.cycle(PAYLOADS)
        data = answer.json()
        for way in data["ways"]:
            for talk in filter(None, (way["browser"], way["wire"]["talk"])):
                talk["warnings"] = talk["errors"] = ["broken"]
        route.fulfill(response=answer, body=json.dumps(keep_bytes(hostile(data, payloads), data)))

    with chromium() as browser, browser.new_context(viewport={"width": 390, "height": 844}) as context:
        context.route("**/api/follow/send", replace)
        tab = context.new_page()
        for query in ("", "?beside=cgi&beside_front=apache"):
            ready(tab, centre, query)
            before = tab.evaluate(INSERTED)  # the page's own
            tab.click("#send")
            tab.locator(".way").first.wait_for(timeout=30_000)
            for station in range(5):
                tab.locator(f"[data-station='{station}']").first.click()
                assert RUN in (tab.locator("#opened").text_content() or ""), station
                assert tab.evaluate(INSERTED) == before
                assert tab.evaluate("window.ran") is None
                assert fits(tab), station


def keep_bytes(changed: Any, given: Any) -> Any:
    """The record with its numbers for the scripts as they were: bytes, and the words by which they choose."""
    if isinstance(given, dict):
        kept = ("bytes", "is", "kind")
        return {
            k: g if k in kept and isinstance(g, str) else keep_bytes(c, g)
            for (k, g), c in zip(given.items(), changed.values(), strict=True)
        }
    if isinstance(given, list):
        return [keep_bytes(c, g) for c, g in zip(changed, given, strict=True)]
    return changed


@pytest.mark.slow
def test_what_cannot_be_sent_is_said(centre: CentreZoo) -> None:
    with chromium(["422"]) as browser, browser.new_context() as context:
        tab = context.new_page()
        ready(tab, centre, "?exhibit=nothing&endpoint=/status")
        assert tab.inner_text("#told") == "nothing: closed, or no exhibit of this zoo"
        tab.get_by_text("Headers and body").click()
        tab.fill("#headers", "Connection: close")
        tab.click("#send")
        tab.locator("#told", has_text="the header Connection cannot be chosen").wait_for()
        assert tab.locator("#send").is_enabled()
        tab.fill("#headers", "Accept: a/b\nX-Thing: 1")
        tab.click("#send")
        tab.locator(".way").wait_for(timeout=30_000)
        assert "HTTP_X_THING" in tab.inner_text("#opened")
