"""Each page of the visitor centre for each visitor: axe-core's judgment, sizes, schemes, the keyboard, weight.

All pages are those that the glob finds. One load of a page goes through its states; in each state the window changes
its size and its scheme.
"""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from browser import chromium
from centre_in_test import CentreZoo, a_centre  # noqa: F401 - a fixture
from centre_pages import addresses, finish, prepare, requests_of, settle, visit
from centre_tab import SEEN, SIZES, fits, tab_to

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

MOST_BYTES = 150_000
LEAST_TEXT = 16  # px, at the projector's size
QUICK = ("map", "exhibit")
NO_ZOO = "no zoo runs"
#: What a class page shows where the fronts are open to others and the board has stickers.
OPEN = {
    "addresses": [{"front": "nginx", "url": "http://192.0.2.7:8080/"}],
    "qr": ["10", "01"],
    "why": "",
    "stickers": 3,
}

ALL: dict[str, Any] = {"resultTypes": ["violations"]}
COLOURS = ALL | {"runOnly": ["color-contrast"]}
#: Size, scheme, rules of axe-core: all rules in both sizes, the colours in both schemes.
VIEWS = [("projector", "light", ALL), ("projector", "dark", COLOURS), ("phone", "dark", ALL), ("phone", "light", None)]

#: A control that a visitor can use now, by words that stay when the page draws it again.
KEY = """(each) => [each.tagName, each.id, each.name ?? "", each.getAttribute("href") ?? "", each.value ?? "",
  (each.getAttribute("aria-label") ?? each.textContent).trim().slice(0, 30)].join("|")"""
CONTROLS = f"""() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]
  .filter((each) => each.checkVisibility({{ visibilityProperty: true }}) && !each.disabled && each.tabIndex >= 0)
  .map({KEY})"""
FOCUSED = f"() => document.activeElement === document.body ? '' : ({KEY})(document.activeElement)"


@contextlib.contextmanager
def tab_of(centre: CentreZoo, expect: tuple[str, ...] = ()) -> Iterator[tuple["Tab", list[str]]]:
    """A tab of a browser, and what it asks for."""
    asked: list[str] = []
    with chromium(expect) as browser, browser.new_context(reduced_motion="reduce") as context:
        context.on("request", lambda request: asked.append(request.url))
        tab = context.new_page()
        tab.set_viewport_size({"width": 1280, "height": 720})
        yield tab, asked
    assert [url for url in asked if not url.startswith(f"{centre.origin}/")] == []


def judge(tab: "Tab", state: str, scope: str = "body") -> list[str]:
    """All faults of what is seen now, in both sizes and both schemes."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="requirements-test.lock").Axe()
    faults: list[str] = []
    for size, scheme, rules in VIEWS:
        tab.set_viewport_size(dict(zip(("width", "height"), SIZES[size], strict=True)))  # type: ignore[arg-type]
        tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        where = f"{state}, {size}, {scheme}"
        for fault in axe.run(tab, scope, rules).response["violations"] if rules else ():
            places = [str(node["target"]) for node in fault["nodes"]][:3]
            faults.append(f"{where}: axe {fault['id']}: {', '.join(places)}")
        if not fits(tab):
            faults.append(f"{where}: wider than the window")
        seen = tab.evaluate(SEEN)
        if size == "projector":
            faults += [f"{where}: {px} px: {text}" for text, px, _ in seen if px < LEAST_TEXT - 0.01]
        faults += [f"{where}: contrast {contrast:.1f}: {text}" for text, _, contrast in seen if contrast < 4.5]
    tab.set_viewport_size({"width": 1280, "height": 720})
    return faults


def open_all(tab: "Tab") -> None:
    """Open each part of the page that can be opened."""
    tab.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true })")
    tab.wait_for_timeout(100)


def open_dialogs(tab: "Tab") -> list[str]:
    """Open each dialog of the page as its button does; judge it."""
    faults: list[str] = []
    for number in range(tab.locator("dialog").count()):
        dialog = tab.locator("dialog").nth(number)
        for button in reversed(tab.locator("main button:enabled:visible").all()):
            button.click()
            if dialog.is_visible():
                faults += judge(tab, "dialog", "dialog[open]")
                tab.keyboard.press("Escape")
                dialog.wait_for(state="hidden")
                break
        else:
            faults.append("no button opens the dialog")
    return faults


def faults_of(centre: CentreZoo, name: str, path: str) -> list[str]:
    """Lead a tab through the states of a page."""
    faults: list[str] = []
    with tab_of(centre, ("503",)) as (tab, _):
        visit(tab, centre.origin + path)
        faults += judge(tab, "loaded")
        tab.locator("nav summary").click()
        faults += judge(tab, "menu", "header")
        tab.keyboard.press("Escape")
        assert tab.locator("nav details[open]").count() == 0, "Escape closes the menu"
        if act := prepare(tab):
            act.click()
            finish(tab, centre)
        open_all(tab)
        faults += judge(tab, "all open" if act is None else "after its act, all open")
        if name == "class":
            tab.route("**/api/class", lambda route: route.fulfill(json=OPEN))
        if tab.locator("dialog").count():
            visit(tab, centre.origin + path)
            faults += open_dialogs(tab)
        tab.route("**/api/**", lambda route: route.fulfill(status=503, body=f"{NO_ZOO}\n"))
        tab.goto(centre.origin + path)
        if "/api/" in str(tab.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")):
            tab.locator("#link:not(:empty)").wait_for()
        faults += judge(tab, "no zoo", "body")
    return [f"{name}: {fault}" for fault in faults]


def test_two_pages_have_no_fault(centre: CentreZoo) -> None:
    found = addresses()
    faults = [fault for name in QUICK for fault in faults_of(centre, name, found[name])]
    assert not faults, "\n".join(faults)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_page_has_a_fault_in_any_state(centre: CentreZoo) -> None:
    rest = {name: path for name, path in addresses().items() if name not in QUICK}
    faults = [fault for name, path in rest.items() for fault in faults_of(centre, name, path)]
    assert not faults, "\n".join(faults)


@pytest.mark.slow
def test_the_keyboard_alone_reaches_every_control_and_does_the_main_act(centre: CentreZoo) -> None:
    missed: dict[str, set[str]] = {}
    for name, path in addresses().items():
        with tab_of(centre) as (tab, _):
            visit(tab, centre.origin + path)
            open_all(tab)
            wanted, reached = set(tab.evaluate(CONTROLS)), set[str]()
            for _step in range(2 * len(wanted) + 20):
                tab.keyboard.press("Tab")
                key = tab.evaluate(FOCUSED)
                if not key and reached:
                    break
                reached.add(key)
            if lost := wanted - reached:
                missed[name] = lost
            visit(tab, centre.origin + path)
            if prepare(tab):
                sent = requests_of(tab)
                tab.evaluate("document.activeElement.blur()")
                tab_to(tab, "[data-act=main]", most=300)
                tab.keyboard.press("Enter")
                for _wait in range(100):
                    if not any(each.method == "POST" for each in sent):
                        tab.wait_for_timeout(100)
                assert "POST" in {each.method for each in sent}, f"{name}: Enter on its main act sends nothing"
                finish(tab, centre)
    assert missed == {}


def test_each_page_weighs_at_most_150_kb(centre: CentreZoo) -> None:
    heavy = {}
    for name, path in addresses().items():
        with tab_of(centre) as (tab, asked):
            visit(tab, centre.origin + path)
            settle(tab)
            files = {url.removeprefix(centre.origin) for url in asked if "/api/" not in url}
        assert f"/pages/{name}/page.js" in files, "the page has its script"
        size = sum(len(centre.ask(file, "Accept: text/html, */*").body) for file in files)
        if size > MOST_BYTES:
            heavy[name] = size
    assert heavy == {}
