"""The sticker board's page, open in a browser's tab: what a test does and looks at there."""

from typing import TYPE_CHECKING

from zoo_in_test import Zoo, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

PROJECTOR, PHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}
EVIL = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


def visit(browser: "Browser", zoo: Zoo, front: str, phone: bool = False) -> "Page":
    """The page in a context of its own (as another person's browser), connected, with the board on it."""
    size = PHONE if phone else PROJECTOR
    page = browser.new_context(viewport=size, has_touch=phone, is_mobile=phone).new_page()  # type: ignore[arg-type]
    page.goto(zoo.url("asgi-board", front, ""))
    page.locator("#state-text", has_text=f"connected through {front}").wait_for(timeout=10_000)
    page.locator("#said", has_text="on the board.").wait_for()
    return page


def sticker(page: "Page", text: str) -> "Locator":
    return page.locator(".sticker").filter(has=page.locator("p").get_by_text(text, exact=True))


def place(page: "Page", text: str) -> tuple[float, float]:
    """Left and top in pixels, after the transition."""
    found = sticker(page, text)
    found.evaluate("e => Promise.all(e.getAnimations().map(one => one.finished))")
    box = found.bounding_box()
    assert box
    return round(box["x"]), round(box["y"])


def together(first: "Page", second: "Page", text: str) -> tuple[float, float]:
    """Where it is once both show it at one place: the first at once, the second when the last move has come."""
    eventually(lambda: place(first, text) == place(second, text), 10, "both show it at one place")
    return place(first, text)
