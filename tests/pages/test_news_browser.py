"""The page /news/ in a real browser, through both fronts: four ways at once, and an event stream across origins."""

import re
from typing import TYPE_CHECKING

import pytest
from browser import chromium
from zoo_in_test import FRONTS, Zoo, slow

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

WAYS = ("Polling", "Long polling", "Event stream (SSE)", "WebSocket")
SIZES = {"lecture room": (1280, 720), "telephone": (390, 844)}


def page_url(zoo: Zoo, front: str, exhibit: str) -> str:
    return f"http://localhost:{zoo.ports[front]}/news/#{exhibit}"


def panel(page: "Page", name: str) -> "Locator":
    return page.locator("section.panel").filter(has=page.get_by_role("heading", name=name, exact=True))


def number(page: "Page", name: str, what: str) -> float:
    text = panel(page, name).locator(f"[data-is={what}]").inner_text()
    return float(re.sub(r"[^\d.]", "", text) or 0)


def heard(page: "Page", name: str, items: int) -> None:
    """Wait until a panel has that many items."""
    cell = panel(page, name).locator("[data-is=items]")
    page.wait_for_function("([e, n]) => Number(e.textContent) >= n", arg=[cell.element_handle(), items], timeout=20000)


@pytest.mark.parametrize("front", [FRONTS[0], *slow(*FRONTS[1:])])
def test_all_four_ways_run_side_by_side(zoo: Zoo, front: str) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(page_url(zoo, front, "asgi"))
        page.get_by_role("button", name="Start all").click()
        for name in WAYS:
            heard(page, name, 5)
        requests = {name: number(page, name, "requests") for name in WAYS}
        assert requests["Polling"] >= 3  # on a busy machine two items come at once
        assert requests["Long polling"] >= 5
        assert requests["Event stream (SSE)"] == requests["WebSocket"] == 1
        assert number(page, "WebSocket", "received") < number(page, "Polling", "received")
        for name in WAYS:
            assert 300 < number(page, name, "sent") < 20000, name
            assert number(page, name, "received") > 300, name
            assert number(page, name, "median") < (1500 if name == "Polling" else 500), name
            assert panel(page, name).locator("[data-is=held]").inner_text() == "0 (a loop)", name
        page.locator("#waiting", has_text="3 of at most").wait_for(timeout=10_000)  # it is asked again and again
        assert "holding 1 worker (0.33 each)" in page.locator("#waiting").inner_text()
        page.get_by_role("button", name="Stop all").click()
        stopped = {name: number(page, name, "requests") for name in WAYS}
        page.wait_for_timeout(2500)
        assert {name: number(page, name, "requests") for name in WAYS} == stopped


@pytest.mark.slow
def test_a_start_before_the_page_knows_its_costs_counts_them_all_the_same(zoo: Zoo) -> None:
    held: list[Route] = []

    def hold(route: "Route") -> None:
        held.append(route)

    with chromium() as browser:
        page = browser.new_page()
        page.route("**/exhibits.json", hold)
        with page.expect_request("**/exhibits.json"):
            page.goto(page_url(zoo, "nginx", "asgi"), wait_until="commit")
        page.locator(".panel").nth(3).wait_for()
        assert page.get_by_role("button", name="Start all").is_disabled(), "nobody to ask yet"
        assert page.get_by_role("button", name="Start WebSocket").is_disabled()
        page.route("**/news/waiting", hold)
        held.pop().continue_()
        page.get_by_role("button", name="Start all").click()
        for name in WAYS:
            heard(page, name, 2)
            assert panel(page, name).locator("[data-is=sent]").inner_text() == "", "not known yet, and not 0"
        page.unroute("**/news/waiting")
        for request in held:
            request.continue_()
        for name in WAYS:
            cell = panel(page, name).locator("[data-is=sent]")
            page.wait_for_function("e => e.textContent", arg=cell.element_handle(), timeout=10000)
            assert 300 < number(page, name, "sent") < 20000, name
            assert number(page, name, "received") > 300, name


@pytest.mark.parametrize("front", [FRONTS[0], *slow(*FRONTS[1:])])
def test_a_way_that_fails_shows_the_reason(zoo: Zoo, front: str) -> None:
    with chromium(expect=["501"]) as browser:
        page = browser.new_page()
        page.goto(page_url(zoo, front, "fastcgi"))
        start = page.get_by_role("button", name="Start WebSocket")
        start.click(trial=True)  # waits until it can be pressed: `press` does not
        start.press("Enter")  # by keyboard
        failed = panel(page, "WebSocket")
        failed.get_by_text("fails: 501").wait_for(timeout=10000)
        assert failed.locator(".latest").inner_text().startswith("no WebSocket here: a WSGI program")
        assert failed.get_by_role("button", name="Start WebSocket").is_visible()
        page.get_by_role("button", name="Start Long polling").click()
        page.get_by_role("button", name="Start Event stream (SSE)").click()
        heard(page, "Long polling", 3)
        heard(page, "Event stream (SSE)", 3)
        assert number(page, "Event stream (SSE)", "held") > 0.8
        page.select_option("#exhibit", "wsgi-sync")  # what runs goes on there
        heard(page, "Event stream (SSE)", 2)
        assert "Waiting at wsgi-sync now" in page.locator("#waiting").inner_text()
        failed.get_by_text("fails: 501").wait_for(timeout=10000)  # tried again there, and no WebSocket there either


@pytest.mark.slow
@pytest.mark.parametrize("front", [FRONTS[0], *slow(*FRONTS[1:])])
def test_a_full_house_is_told_and_left_by_itself(zoo: Zoo, front: str) -> None:
    with chromium(expect=["503"]) as browser:
        pages = [browser.new_page() for _ in range(4)]
        for page in pages:
            page.goto(page_url(zoo, front, "wsgi"))
            page.get_by_role("button", name="Start Event stream (SSE)").click()
        failed = [page for page in pages if page.locator("section.panel.runs").count() == 0 or full(page)]
        assert len(failed) >= 1
        assert "clients wait here already" in failed[0].locator(".panel.fails .latest").inner_text()
        for page in pages:
            if page not in failed:
                page.close()
        heard(failed[0], "Event stream (SSE)", 2)


def full(page: "Page") -> bool:
    """Was this one refused? It takes a moment to know."""
    name = "Event stream (SSE)"
    done = "e => e.classList.contains('fails') || Number(e.querySelector('[data-is=items]').textContent) > 0"
    page.wait_for_function(done, arg=panel(page, name).element_handle(), timeout=10000)
    return "fails" in (panel(page, name).get_attribute("class") or "")


@pytest.mark.parametrize("front", [FRONTS[0], *slow(*FRONTS[1:])])
def test_an_event_stream_of_another_origin_is_refused_and_allowed(zoo: Zoo, front: str) -> None:
    other = zoo.ports[{"nginx": "apache", "apache": "nginx"}[front]]
    with chromium(expect=["blocked by CORS policy", "net::ERR_FAILED"]) as browser:
        page = browser.new_page()
        page.goto(page_url(zoo, front, "asgi"))
        page.wait_for_function("() => document.querySelector('#other').value")
        assert page.input_value("#other") == f"http://localhost:{other}"
        page.get_by_role("button", name="Try both").click()
        page.locator("#with.good").wait_for(timeout=10000)
        assert page.locator("#with").inner_text().startswith("allowed: item ")
        assert "refused by the browser" in page.locator("#without.bad").inner_text()


@pytest.mark.parametrize("size", SIZES)
def test_the_page_fits(zoo: Zoo, size: str) -> None:
    width, height = SIZES[size]
    with chromium() as browser:
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(page_url(zoo, "nginx", "asgi"))
        page.get_by_role("button", name="Start all").click()
        heard(page, "WebSocket", 2)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        boxes = [panel(page, name).bounding_box() for name in WAYS]
        bottoms = [box["y"] + box["height"] for box in boxes if box]
        assert len(bottoms) == 4
        if size == "lecture room":
            assert max(bottoms) <= height, "all counters without scrolling"


# --- clocks, and exhibits one after the other -------------------------------------------------------------------------

#: Before any script of the page: this browser's clock is off by so many ms, from the beginning.
CLOCK_OFF = """(() => {{
  const real = performance.timeOrigin;
  Object.defineProperty(performance, "timeOrigin", {{ get: () => real + {0} }});
  const date = Date.now;
  Date.now = () => date() + {0};
}})()"""


def median_is_known(page: "Page", name: str) -> float:
    cell = panel(page, name).locator("[data-is=median]")
    page.wait_for_function("e => e.textContent", arg=cell.element_handle(), timeout=20000)
    return float(cell.inner_text().removesuffix(" ms"))


@pytest.mark.slow
@pytest.mark.parametrize(("off", "said"), [(30_000, "30.0 s ahead of"), (-30_000, "30.0 s behind"), (0, "agree to")])
def test_a_clock_that_is_off_is_told_and_taken_out(zoo: Zoo, off: int, said: str) -> None:
    with chromium() as browser:
        page = browser.new_page()
        page.add_init_script(CLOCK_OFF.format(off))
        page.goto(page_url(zoo, "nginx", "asgi"))
        page.get_by_role("button", name="Start all").click()
        for name in WAYS[1:]:
            heard(page, name, 3)
            assert -100 < median_is_known(page, name) < 900, name
        assert said in page.locator("#clock").inner_text()


@pytest.mark.slow
def test_a_clock_that_is_set_meanwhile_spoils_no_delay(zoo: Zoo) -> None:
    with chromium() as browser:
        page = browser.new_page()
        page.goto(page_url(zoo, "nginx", "asgi"))
        page.get_by_role("button", name="Start WebSocket").click()
        median_is_known(page, "WebSocket")
        page.evaluate(CLOCK_OFF.format(7000))
        page.get_by_text("7.00 s ahead of the server's; corrected").wait_for(timeout=20000)
        heard(page, "WebSocket", int(number(page, "WebSocket", "items")) + 3)
        last = panel(page, "WebSocket").locator("[data-is=last]").inner_text()
        assert -100 < float(last.removesuffix(" ms")) < 900


def test_measurements_that_contradict_each_other_are_a_clock_that_was_set(zoo: Zoo) -> None:
    with chromium() as browser:
        page = browser.new_page()
        page.goto(page_url(zoo, "nginx", "asgi"))
        told = page.evaluate("""async () => {
          const { Clock } = await import("/news/clock.js");
          const clock = new Clock(), told = [];
          clock.delay(1000, 1200, (ms) => told.push(ms));   // before anything is known
          clock.heard(0, 40, 520);                          // 500 ahead of us, give or take 20
          clock.heard(100, 104, 611);                       // the faster one counts: 509
          clock.delay(1000, 1200, (ms) => told.push(ms));
          clock.heard(2000, 2004, 9000);                    // set: what waited is not known
          clock.delay(1000, 1200, (ms) => told.push(ms));
          clock.heard(3000, 3004, 10000);
          return [told, clock.offset, String(clock)];
        }""")
        assert told == [[700, 7198], 6998, "Your clock is 7.00 s behind the server's; corrected, to 2 ms."]


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True], ids=["told at once", "told late"])
def test_what_failed_begins_again_with_the_next_exhibit(zoo: Zoo, late: bool) -> None:
    """Also if the reason of the old one's failure comes when the next runs."""
    held: list[Route] = []

    def hold(route: "Route") -> None:
        held.append(route)

    with chromium(expect=["501"]) as browser:
        page = browser.new_page()
        if late:
            page.route("**/fastcgi/news/socket", hold)
        page.goto(page_url(zoo, "nginx", "fastcgi"))
        page.get_by_role("button", name="Start all").click()
        if late:
            heard(page, "Polling", 1)
            for _ in range(100):
                if held:
                    break
                page.wait_for_timeout(100)
        else:
            panel(page, "WebSocket").get_by_text("fails: 501").wait_for(timeout=10000)
        page.select_option("#exhibit", "asgi")
        for route in held:
            route.continue_()
        for name in WAYS:
            heard(page, name, 2)
        page.wait_for_timeout(1500)
        assert panel(page, "WebSocket").get_by_role("button", name="Stop WebSocket").is_visible()
        assert number(page, "WebSocket", "workers") == 1
        page.locator("#waiting", has_text="3 of at most").wait_for(timeout=10_000)  # it is asked again and again
        page.get_by_role("button", name="Stop all").click()
        page.wait_for_function(
            "() => document.querySelector('#waiting').textContent.includes(': 0 of at most')", timeout=20000
        )
