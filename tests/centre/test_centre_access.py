"""Every page of the centre for everybody: axe-core, both sizes, both schemes, the keyboard alone, weight, origin.

A page is opened at each size and led through its states: its data are there, its main act is done (by keyboard, or by
mouse) and all that opens is open, a dialog asks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from browser import chromium
from centre_in_test import CentreZoo, a_centre, a_fresh_centre  # noqa: F401 - fixtures
from centre_states import DATA, PATHS, act, dialogs, open_all, visit
from centre_tab import SCHEMES, SEEN, SIZES, fits

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

QUICK = {("map", "projector"), ("exhibit", "phone")}
AXE = {("projector", "light"), ("phone", "dark")}
MOST_BYTES = 150_000
LEAST_PX = {"projector": 16, "phone": 13}
CONTRAST = 4.5  # WCAG 2.2, 1.4.3; axe-core does not look into pictures

#: What the Tab key has to reach, each with a number to know it again.
CONTROLS = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter((each) => each.tabIndex >= 0 && !each.disabled && each.checkVisibility({ visibilityProperty: true }))
  .map((each, number) => { each.dataset.number = number; return each.outerHTML.slice(0, 120); })"""
FOCUS = """() => {
  const each = document.activeElement, style = getComputedStyle(each);
  return [each.dataset.number ?? "", style.outlineStyle !== "none" || style.boxShadow !== "none"];
}"""


@contextmanager
def one_tab(
    centre: CentreZoo, size: str = "projector", expect: tuple[str, ...] = ()
) -> Iterator[tuple["Tab", dict[str, int]]]:
    """A tab, and the bytes of each address that it asked. A request to another origin fails."""
    width, height = SIZES[size]
    bytes_of: dict[str, int] = {}
    with (
        chromium(expect) as browser,
        browser.new_context(viewport={"width": width, "height": height}, bypass_csp=True) as context,
    ):
        tab = context.new_page()
        tab.on("request", lambda request: _note(bytes_of, request.url))
        tab.on("response", lambda answer: _note(bytes_of, answer.url, int(answer.headers.get("content-length", 0))))
        yield tab, bytes_of
    assert [url for url in bytes_of if not url.startswith(f"{centre.origin}/")] == []


def _note(bytes_of: dict[str, int], url: str, size: int = 0) -> None:
    bytes_of[url] = bytes_of.get(url, 0) + size


def examine(tab: "Tab", size: str, state: str) -> set[str]:
    """What is wrong with a page as it is now, in each scheme. axe-core, which is slow, looks in one per size."""
    problems = set()
    for scheme in SCHEMES:
        tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        looks = [_unreadable(tab, size), _violations(tab)] if (size, scheme) in AXE else [_unreadable(tab, size)]
        problems |= {f"{state}, {size}, {scheme}: {each}" for look in looks for each in look}
    return problems


def _violations(tab: "Tab") -> Iterator[str]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for each in axe.run(tab).response["violations"]:
        for node in each["nodes"][:3]:
            yield f"{each['id']}: {node['html'][:160]}"


def _unreadable(tab: "Tab", size: str) -> Iterator[str]:
    if not fits(tab):
        yield "it is wider than the window"
    for text, pixels, contrast in tab.evaluate(SEEN):
        if pixels < LEAST_PX[size] - 0.01:
            yield f"{pixels:.1f} px: {text!r}"
        if contrast < CONTRAST:
            yield f"contrast {contrast:.2f}: {text!r}"


def unreached(tab: "Tab") -> set[str]:
    """The controls that the Tab key does not reach, and those that do not show that they have the focus."""
    controls = tab.evaluate(CONTROLS)
    hidden, reached = set(), set()
    for _ in range(len(controls) + 5):
        tab.keyboard.press("Tab")
        number, shown = tab.evaluate(FOCUS)
        reached.add(number)
        if not shown:
            hidden.add(number)
    problems = {f"not reached by Tab: {html}" for number, html in enumerate(controls) if str(number) not in reached}
    return problems | {f"focus not seen: {html}" for number, html in enumerate(controls) if str(number) in hidden}


VIEWS = [(name, size) for name in PATHS for size in SIZES]


@pytest.mark.parametrize(
    ("name", "size"), [view if view in QUICK else pytest.param(*view, marks=pytest.mark.slow) for view in VIEWS]
)
def test_a_page_is_for_everybody_in_every_state(centre: CentreZoo, name: str, size: str) -> None:
    with one_tab(centre, size) as (tab, bytes_of):
        visit(tab, centre.origin + PATHS[name])
        assert sum(bytes_of.values()) <= MOST_BYTES, sorted(bytes_of.items(), key=lambda item: -item[1])
        problems = examine(tab, size, "loaded")
        if size == "projector":
            problems |= unreached(tab)
        act(tab, name, by_keyboard=size == "projector")
        open_all(tab)
        problems |= examine(tab, size, "its act done, and all opened")
        for state in dialogs(tab):
            problems |= examine(tab, size, state)
    assert not problems, "\n".join(["", *sorted(problems)])


@pytest.mark.slow
def test_each_page_of_a_lost_zoo_says_so_and_is_still_for_everybody(fresh_centre: CentreZoo) -> None:
    """The centre lives, and the zoo is gone, as in containers. A page of texts alone needs no zoo."""
    fresh_centre.up("fastcgi", "cgi")
    state = fresh_centre.run / "state.json"
    text = state.read_bytes()
    state.write_text("{}", encoding="utf-8")
    problems, said = set(), set()
    try:
        for name, path in PATHS.items():
            with one_tab(fresh_centre, "phone", ("ERR_", "503")) as (tab, _):
                visit(tab, fresh_centre.origin + path)
                if b"no zoo" in fresh_centre.ask(DATA[name]).body.lower():
                    said.add(name)
                    tab.locator("body", has_text="no zoo").wait_for()
                problems |= examine(tab, "phone", f"{name} without a zoo")
    finally:
        state.write_bytes(text)
    assert not problems, "\n".join(["", *sorted(problems)])
    assert {"map", "processes"} <= said
