"""The visitor centre in a real browser: the way to the first crowd picture, both sizes and schemes, a lost centre."""

import re
from typing import TYPE_CHECKING

import pytest
from browser import chromium
from centre_in_test import EXHIBITS, CentreZoo, a_centre, a_fresh_centre  # noqa: F401 - fixtures
from centre_states import PATHS, visit
from centre_tab import drawn, fits, inside, opened, tab_to
from zoo_in_test import slow

from gateway_zoo.centre import page as pages

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

LOST = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "403")


def pictures(tab: "Tab", count: int) -> list[str]:
    """Wait for so many crowd pictures; their sentences."""
    tab.locator(".crowd").nth(count - 1).wait_for(timeout=20_000)
    assert tab.locator(".crowd").count() == count
    assert inside(tab) == []
    assert tab.locator(".crowd .ran").count() > 0
    return tab.locator(".crowd figcaption").all_inner_texts()


def assert_two(sentences: list[str]) -> None:
    cgi, fastcgi = sentences
    assert re.fullmatch(
        r"cgi behind nginx: 8 requests of 300 ms took [\d,]+ ms, \d at a time, in 8 processes and 8 threads\.", cgi
    )
    assert re.fullmatch(
        r"fastcgi behind nginx: 8 requests of 300 ms took [\d,]+ ms, 4 at a time, in 1 process and 4 threads\.", fastcgi
    )


# --- the way ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", ["projector", *slow("phone")])
def test_three_clicks_lead_to_the_first_picture_of_two(centre: CentreZoo, size: str) -> None:
    with opened(centre, size=size) as tab:
        tab.get_by_label("compare cgi", exact=True).click()
        tab.get_by_label("compare fastcgi", exact=True).click()
        tab.get_by_role("button", name="Send 8 at once to both").click()
        assert_two(pictures(tab, 2))
        assert tab.url == f"{centre.origin}/compare/cgi/fastcgi", "an address to bookmark"
        tab.reload()
        drawn(tab)
        assert tab.locator(".crowd").count() == 0, "a reload, or a bookmark, sends nothing"


@pytest.mark.slow
def test_the_keyboard_alone_leads_there(centre: CentreZoo) -> None:
    with opened(centre) as tab:
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.className") == "skip"
        tab.keyboard.press("Enter")
        tab.select_option("select[name='wire protocol']", "CGI")  # a far row is near with a filter
        tab.select_option("select[name='wire protocol']", "")
        for id in ("cgi", "fastcgi"):
            tab_to(tab, f"#map input[value={id}]", most=100)
            tab.keyboard.press("Space")
            assert tab.evaluate("document.activeElement.value") == id, "the focus stays"
            assert tab.evaluate("document.activeElement.checked")
        tab_to(tab, "#press", "Shift+Tab", most=100)
        tab.keyboard.press("Enter")
        assert_two(pictures(tab, 2))


@pytest.mark.slow
def test_an_exhibit_draws_its_crowd_by_mouse_and_by_keyboard(centre: CentreZoo) -> None:
    with opened(centre, "/exhibit/uwsgi") as tab:
        assert tab.locator("#press").bounding_box()["y"] < 500, "the main act is on the first screen"  # type: ignore[index]
        tab.fill("#requests", "4")
        tab.get_by_role("button", name="Send 4 at once").click()
        (sentence,) = pictures(tab, 1)
        assert sentence.startswith("uwsgi behind nginx: 4 requests of 300 ms took ")
        tab.select_option("#front", "apache")
        tab.focus("#requests")
        tab.keyboard.press("Enter")
        first, _ = pictures(tab, 2)
        assert first.startswith("uwsgi behind apache: 4 requests"), "the newest is the first"
        assert tab.locator(".crowd .ran").count() == 8
        assert tab.locator(".crowd svg").first.get_attribute("aria-label") == first


@pytest.mark.slow
def test_a_cell_leads_to_its_front_and_a_closed_one_says_why(centre: CentreZoo) -> None:
    with opened(centre) as tab:
        tab.locator("#map a[href='/exhibit/fastcgi?front=apache']").click()
        drawn(tab)
        assert tab.input_value("#front") == "apache"
        tab.goto(f"{centre.origin}/exhibit/mod_wsgi?front=nginx")
        drawn(tab)
        assert tab.input_value("#front") == "apache", "the one that is open"
        assert "closed behind nginx: " in tab.locator("main").inner_text()
        tab.goto(f"{centre.origin}/exhibit/scgi")
        drawn(tab)
        assert tab.locator("#send").is_disabled()


@pytest.mark.slow
def test_a_number_out_of_bounds_is_not_sent(centre: CentreZoo) -> None:
    before = centre.requests()
    with opened(centre, "/exhibit/fastcgi", expect=("422",)) as tab:
        tab.fill("#requests", "99")
        tab.click("#send")
        assert tab.locator("#requests:invalid").count() == 1
        tab.locator("#press").evaluate("(form) => { form.noValidate = true }")
        tab.click("#send")
        tab.locator("#told", has_text="99 requests; expected 1 to 32").wait_for()
        assert tab.locator("#send").is_enabled()
    assert centre.requests() <= before + 1


@pytest.mark.slow
def test_the_map_is_filtered_and_the_filter_is_an_address(centre: CentreZoo) -> None:
    with opened(centre) as tab:
        assert f"{2 * len(EXHIBITS) - 1} cells answer, 0 are down" in tab.locator("#state").inner_text()
        tab.select_option("select[name='wire protocol']", "FastCGI")
        assert tab.locator("#map tbody").count() == 1
        address = tab.url
        tab.goto(address)
        drawn(tab)
        assert tab.locator("#map tbody").count() == 1
        assert tab.input_value("select[name='wire protocol']") == "FastCGI"


@pytest.mark.slow
def test_an_exhibit_opens_its_label_configuration_and_source(centre: CentreZoo) -> None:
    with opened(centre, "/exhibit/fastcgi") as tab:
        for part, words in {
            "label": "Origin.",
            "configuration": "fastcgi_pass",
            "source": "def ",
        }.items():
            tab.click(f"#{part} summary")
            assert words in tab.locator(f"#{part}").inner_text()
        assert fits(tab)


@pytest.mark.slow
def test_the_processes_are_a_table(centre: CentreZoo) -> None:
    with opened(centre, "/processes") as tab:
        assert re.fullmatch(
            r"\d+ processes, \d+ threads, [\d.]+ MB in \d+ families\.", tab.locator("#state").inner_text()
        )
        assert tab.locator("#tree .group th", has_text=re.compile(r"^centre server \d+$")).count() == 1


@pytest.mark.slow
def test_the_menu_closes_with_escape_and_with_a_click_elsewhere(centre: CentreZoo) -> None:
    with opened(centre) as tab:
        menu = tab.locator("nav details[open]")
        tab.locator("nav summary").click()
        assert menu.count() == 1
        tab.keyboard.press("Escape")
        assert menu.count() == 0
        assert tab.evaluate("document.activeElement.localName") == "summary", "the focus stays there"
        tab.keyboard.press("Enter")
        assert menu.count() == 1
        tab.locator("h1").click()
        assert menu.count() == 0


# --- a lost centre ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_open_pages_say_that_the_centre_is_lost_and_go_on_by_themselves(fresh_centre: CentreZoo) -> None:
    """All pages that ask again; the zoo is restarted, and its new centre has another token."""
    fresh_centre.up("fastcgi", "cgi")
    with chromium(LOST) as browser, browser.new_context() as context:
        tabs = {}
        for name, path in PATHS.items():
            script = (pages.FOLDER / name / "page.js").read_text(encoding="utf-8")
            if "keep(" in script or "live(" in script:
                tabs[name] = context.new_page()
                visit(tabs[name], fresh_centre.origin + path)
        assert {"map", "exhibit", "compare", "follow", "processes", "wire"} <= set(tabs)
        fresh_centre.down()
        lost = "The visitor centre does not answer; this page tries again."
        for name, tab in tabs.items():
            if name not in ("compare", "traits"):  # they have all that they ask for
                tab.locator("#link", has_text=lost).wait_for(timeout=20_000)
        tab = tabs["exhibit"]
        tab.click("#send")
        tab.locator("#told", has_text="The visitor centre does not answer.").wait_for()
        fresh_centre.up("fastcgi", "cgi")
        for each in tabs.values():
            each.locator("#link:empty").wait_for(timeout=20_000, state="attached")
        tab.click("#send")
        assert pictures(tab, 1)[0].startswith("fastcgi behind nginx: 8 requests"), "with the new centre's token"


@pytest.mark.slow
def test_an_exhibit_that_does_not_exist_is_said(centre: CentreZoo) -> None:
    with opened(centre, expect=("404",)) as tab:
        tab.goto(f"{centre.origin}/exhibit/nothing")
        assert tab.locator("body").inner_text().strip() == "there is no exhibit 'nothing'; / lists them"


@pytest.mark.slow
def test_a_link_from_another_site_opens_a_page_and_no_frame_shows_one(centre: CentreZoo) -> None:
    """The other site is a page of the front, on another port: same-site, but another origin."""
    front = f"http://127.0.0.1:{centre.ports['nginx']}/"
    with chromium(["frame-ancestors", "403", "CORS", "ERR_FAILED"]) as browser, browser.new_context() as context:
        other = context.new_page()
        other.route(
            front,
            lambda route: route.fulfill(
                content_type="text/html",
                body=f"<a id=link href='{centre.origin}/exhibit/cgi'>there</a><iframe src='{centre.origin}/'></iframe>",
            ),
        )
        other.goto(front)
        reads = other.evaluate(
            "(url) => fetch(url).then((answer) => answer.text(), () => 'blocked')", f"{centre.origin}/api/map"
        )
        assert reads == "blocked"
        assert len(other.frames) == 2
        assert "One app" not in other.frames[1].content()
        other.click("#link")
        other.locator("#name", has_text="cgi").wait_for()
