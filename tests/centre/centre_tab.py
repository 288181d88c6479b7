"""The visitor centre open in a browser's tab: sizes, schemes, and what a test measures there."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from browser import chromium
from centre_in_test import CentreZoo

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

SIZES = {"projector": (1280, 720), "phone": (390, 844)}
SCHEMES = ("light", "dark")

#: Text that is seen: [text, size in px, contrast with the background (WCAG 2.2, 1.4.3)] of each element that has some.
SEEN = """() => {
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = parts(getComputedStyle(each).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const seen = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const hidden = !element.checkVisibility({ visibilityProperty: true }) || element.closest(".skip, option, title");
    if (!own || hidden || element.disabled) continue;
    const style = getComputedStyle(element);
    const scale = element.getScreenCTM ? element.getScreenCTM().a : 1;
    const ink = luminance(parts(element.getScreenCTM ? style.fill : style.color)), paper = luminance(behind(element));
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    seen.push([element.textContent.trim().slice(0, 40), parseFloat(style.fontSize) * scale, contrast]);
  }
  return seen;
}"""


@contextlib.contextmanager
def opened(
    centre: CentreZoo, path: str = "/", size: str = "projector", scheme: Any = "light", expect: tuple[str, ...] = ()
) -> Iterator["Tab"]:
    """A page of the centre, drawn. A request to another origin, and whatever the page complains about, fails."""
    width, height = SIZES[size]
    elsewhere: list[str] = []

    def note(url: str) -> None:
        if not url.startswith((f"{centre.origin}/", f"http://localhost:{centre.centre}/")):
            elsewhere.append(url)

    with (
        chromium(expect) as browser,
        browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme) as context,
    ):
        context.on("request", lambda request: note(request.url))
        tab = context.new_page()
        tab.goto(centre.origin + path)
        drawn(tab)
        yield tab
    assert not elsewhere


def drawn(tab: "Tab") -> None:
    """Wait until the page has its data."""
    tab.locator("#map tbody, #tree tbody, #family > *, #facts tr, #empty:visible, #wire:visible").first.wait_for()


def fits(tab: "Tab") -> bool:
    """Is nothing wider than the window?"""
    return bool(tab.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def inside(tab: "Tab") -> list[str]:
    """The bars and texts of the pictures that stand outside their picture."""
    found: list[str] = tab.evaluate(
        """() => [...document.querySelectorAll(".crowd svg")].flatMap((svg) => {
          const room = svg.getBoundingClientRect();
          return [...svg.querySelectorAll("rect, text")].filter((each) => {
            const box = each.getBoundingClientRect();
            return box.left < room.left - 1 || box.right > room.right + 1 || box.bottom > room.bottom + 1;
          }).map((each) => each.outerHTML);
        })"""
    )
    return found


def tab_to(tab: "Tab", selector: str, key: str = "Tab", most: int = 60) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(most):
        if tab.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        tab.keyboard.press(key)
    raise AssertionError(f"{selector} is not reached by {most} times {key}")
