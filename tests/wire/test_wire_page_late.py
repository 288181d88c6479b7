"""The page that shows the wire, when answers come late: in another order, or to another question than the last."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recordings import WIRES, Film
from wire_page import Page
from wire_tab import a_browser, a_film, beside, halves, replaced  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

pytestmark = pytest.mark.slow


HOLD = """(() => {
  const real = window.fetch;
  window.asked = [];
  window.held = [];                                  // of answers that came, what lets the page have them
  window.fetch = async (path, ...more) => {
    if (!new RegExp("PATHS").test(path)) return real(path, ...more);
    asked.push(path);
    const answer = await real(path, ...more), told = await answer.json();
    await new Promise((go) => { document.documentElement.dataset.held = held.push(go); });
    answer.json = async () => told;
    return answer;
  };
})()"""


@contextlib.contextmanager
def holding(browser: "Browser", path: Path, paths: str) -> Iterator["Tab"]:
    """The page of a recording; it is not given the answers from these paths, which are as old as they are, before
    `let_go`."""
    with Page(path) as page, browser.new_context() as context:
        context.add_init_script(HOLD.replace("PATHS", paths))
        tab = context.new_page()
        tab.goto(page.url)
        tab.locator("#state[data-state=on]").wait_for()
        yield tab


def held(tab: "Tab", count: int) -> None:
    """Wait until so many answers are held back."""
    tab.locator(f"html[data-held='{count}']").wait_for()


def let_go(tab: "Tab", index: int) -> None:
    """Give the page an answer; it has dealt with it when this returns, as far as it can without another."""
    tab.evaluate(
        """async (index) => {
            held.splice(index, 1)[0]();
            document.documentElement.dataset.held = held.length;
            await new Promise(requestAnimationFrame);
        }""",
        index,
    )


WHOLE = f"From the gateway: {len(WIRES['uwsgi'].response(200, [], b'ok'))} bytes"


def test_of_two_answers_the_later_counts(browser: "Browser", film: Film) -> None:
    """Whatever their order: the older has half of the exchange, and another was selected in between."""
    half, rest = halves(film, "/uwsgi/grows")
    film.write(half)
    with holding(browser, film.path, "exchanges/1$") as tab:
        held(tab, 1)
        film.scene("/uwsgi/other")
        tab.locator("#list .row", has_text="/uwsgi/other").click()
        tab.locator("#title", has_text="/uwsgi/other").wait_for()
        film.write(rest)
        row = tab.locator("#list .row", has_text="/uwsgi/grows")
        row.locator(".good", has_text="200").wait_for()
        row.click()
        held(tab, 2)
        let_go(tab, 1)
        assert tab.locator("#tab-response").inner_text() == WHOLE
        let_go(tab, 0)
        assert tab.locator("#tab-response").inner_text() == WHOLE
        assert "/uwsgi/grows" in tab.locator("#title").inner_text()


def test_one_question_at_a_time_and_once_more_if_it_has_changed(browser: "Browser", film: Film) -> None:
    half, rest = halves(film, "/uwsgi/grows")
    film.write(half)
    with holding(browser, film.path, "exchanges/1$") as tab:
        held(tab, 1)
        film.write(rest)
        tab.locator("#list .row .good", has_text="200").wait_for()
        assert tab.evaluate("asked") == ["exchanges/1"]
        let_go(tab, 0)
        assert tab.locator("#tab-response").inner_text() == "From the gateway: 0 bytes", "what there is, is shown"
        held(tab, 1)
        let_go(tab, 0)
        assert tab.locator("#tab-response").inner_text() == WHOLE
        assert tab.evaluate("asked") == ["exchanges/1"] * 2


def test_an_answer_of_the_last_recording_is_not_shown_in_the_next(browser: "Browser", film: Film) -> None:
    """Neither while nothing is selected there, nor as the one that has its number."""
    film.scene("/uwsgi/of-the-first")
    with holding(browser, film.path, "exchanges/1$") as tab:
        held(tab, 1)
        tab.click("#pause")
        replaced(film, "/uwsgi/of-the-last")
        tab.locator("#count", has_text="1 new while paused").wait_for()
        let_go(tab, 0)
        assert tab.locator("#title").inner_text() == "Select an exchange"
        tab.click("#pause")
        held(tab, 1)
        replaced(film, "/uwsgi/of-the-next")
        held(tab, 2)
        let_go(tab, 1)
        assert "of-the-next" in tab.locator("#title").inner_text()
        let_go(tab, 0)
        assert "of-the-next" in tab.locator("#title").inner_text()


def test_two_beside_each_other_are_asked_for_once_at_a_time(browser: "Browser", film: Film) -> None:
    film.scene("/uwsgi/whole")
    half, rest = halves(film, "/uwsgi/grows")
    film.write(half)
    with holding(browser, film.path, "exchanges/1/2$") as tab:
        beside(tab, "/uwsgi/whole", "/uwsgi/grows")
        held(tab, 1)
        film.write(rest)
        tab.locator("#tab-response", has_text=WHOLE).wait_for()  # the question for No. 2 alone is not held back
        assert tab.evaluate("asked") == ["exchanges/1/2"]
        let_go(tab, 0)
        caption = tab.locator("#compare table.response caption .b")
        assert caption.inner_text() == "B 0 bytes"
        held(tab, 1)
        let_go(tab, 0)
        assert caption.inner_text() == WHOLE.replace("From the gateway:", "B")
        tab.click("#tab-request")
        tab.click("#tab-compare")
        held(tab, 1)
        tab.click("#tab-request")
        let_go(tab, 0)
        assert tab.locator("#means", has_text="Point at a field").count() == 1, "who looks elsewhere is left there"


def test_beside_a_lies_the_one_that_was_selected_last(browser: "Browser", film: Film) -> None:
    for name in ("one", "two", "three"):
        film.scene(f"/uwsgi/{name}")
    with holding(browser, film.path, "exchanges/1/[23]$") as tab:
        beside(tab, "/uwsgi/one", "/uwsgi/two")
        held(tab, 1)
        tab.locator("#list .row", has_text="/uwsgi/three").click()
        held(tab, 2)
        b = tab.locator("#compare table.request th.b")
        let_go(tab, 1)
        assert b.inner_text().startswith("B: No. 3 ")
        let_go(tab, 0)
        assert b.inner_text().startswith("B: No. 3 ")


def test_two_of_the_last_recording_are_not_laid_beside_each_other_in_the_next(browser: "Browser", film: Film) -> None:
    film.scene("/uwsgi/old-a", more=[(b"HTTP_X_OLD", b"1")])
    film.scene("/uwsgi/old-b")
    with holding(browser, film.path, "exchanges/1/2$") as tab:
        beside(tab, "old-a", "old-b")
        held(tab, 1)
        replaced(film, "/uwsgi/new-a", "/uwsgi/new-b")
        beside(tab, "new-a", "new-b")
        held(tab, 2)
        let_go(tab, 1)
        assert "new-a" in tab.locator("#compare").inner_text()
        let_go(tab, 0)
        assert "new-a" in tab.locator("#compare").inner_text()
        assert "HTTP_X_OLD" not in tab.locator("#compare").inner_text()


# --- What is kept, what is pinned, who listens ------------------------------------------------------------------------
