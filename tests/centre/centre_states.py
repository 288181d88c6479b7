"""All pages of the centre, found as the centre finds them, and the states of a page that a visitor reaches easily.

A new page is covered without an edit: parameters of its path are filled from SAMPLES, and the words below know buttons
and details, not pages. A page with an act of another kind has a line in ACTS.
"""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from zoo_in_test import eventually

from gateway_zoo.centre import page as pages

if TYPE_CHECKING:
    from playwright.sync_api import Locator
    from playwright.sync_api import Page as Tab

SAMPLES = {"a": "cgi", "b": "fastcgi"}  # a parameter of any other name: the latter


def _filled(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: SAMPLES.get(match[1], SAMPLES["b"]), path)


PAGES = pages.find()
PATHS = {name: _filled(page.path) for name, page in PAGES.items()}
DATA = {name: "/api/" + name + _filled("".join(re.findall(r"/\{\w+\}", page.path))) for name, page in PAGES.items()}

#: Wait until nothing in the page has changed for 0.3 s; a page that is live may change for ever: at most 5 s.
STILL = """() => new Promise((done) => {
  let timer = setTimeout(done, 300);
  setTimeout(done, 5000);
  new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(done, 300); })
    .observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true, attributes: true });
})"""


#: The page as the server sent it, before a script has drawn its data.
SENT = """addEventListener("DOMContentLoaded", () => { window.sent = document.body.innerHTML; })"""


def visit(tab: "Tab", url: str) -> None:
    """Open a page and wait until it shows its data, or why there are none."""
    tab.add_init_script(SENT)
    tab.goto(url)
    eventually(lambda: tab.evaluate("document.body.innerHTML !== window.sent"), 20, f"{url} shows its data")
    still(tab)


def still(tab: "Tab") -> None:
    tab.evaluate(STILL)


def _choose_two(tab: "Tab", press: Callable[["Locator"], None]) -> None:
    for id in SAMPLES.values():
        press(tab.locator(f"main input[value={id}]"))
    tab.locator("#press:enabled").wait_for()


def _measure_and_stop(tab: "Tab", press: Callable[["Locator"], None]) -> None:
    """Begin a benchmark, which takes a minute, and stop it."""
    for button in ("#busy", "#run:enabled", "#stop:enabled"):
        press(tab.locator(button))
    tab.locator("#stop:disabled").wait_for()
    still(tab)


ACTS: dict[str, Callable[["Tab", Callable[["Locator"], None]], None]] = {"map": _choose_two, "bench": _measure_and_stop}


def act(tab: "Tab", name: str, by_keyboard: bool) -> None:
    """Do the main act and wait until it is done: the first button that can be pressed. A page of texts has none."""

    def press(element: "Locator") -> None:
        if by_keyboard:
            element.press("Space")
        else:
            element.click()

    buttons = tab.locator("main > form button:not([type=button]):enabled:visible, #recorder button:enabled:visible")
    if name in ACTS:
        ACTS[name](tab, press)
    elif buttons.count():
        if tab.locator("#hold").count():
            tab.fill("#hold", "50")
        before = tab.inner_text("main")
        press(buttons.first)
        eventually(lambda: tab.inner_text("main") != before, 30, "something happens")
        eventually(lambda: "under way" not in tab.inner_text("main"), 30, "it is done")
        still(tab)


def open_all(tab: "Tab") -> None:
    """Open every detail, and "More" of the navigation."""
    tab.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    still(tab)


def dialogs(tab: "Tab") -> Iterator[str]:
    """Open each dialog of the page in turn: by a button that leads to it, where there is one."""
    for number in range(tab.locator("dialog").count()):
        dialog = tab.locator("dialog").nth(number)
        opener = tab.locator("main button[data-place]:enabled:visible")
        if opener.count():
            opener.first.click()
        if not dialog.is_visible():
            dialog.evaluate("(each) => each.showModal()")
        yield f"dialog {number}"
        dialog.evaluate("(each) => each.close()")
