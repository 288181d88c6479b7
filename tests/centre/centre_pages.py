"""Every page of the visitor centre, and what a visitor does there. The glob finds a new page; it needs no line here."""

import re
from typing import TYPE_CHECKING

import requests
from centre_in_test import CentreZoo

from gateway_zoo.centre import page as pages

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Request
    from playwright.sync_api import Page as Tab

SAMPLES = {"a": "cgi"}  # parameter of a path -> its sample
SAMPLE = "fastcgi"  # of all other parameters: an exhibit, and a cage
#: A sentence that ends so stands where data will be.
WAITS = """() => ![...document.querySelectorAll("main *")].some((each) => each.checkVisibility()
  && [...each.childNodes].some((node) => node.nodeType === 3 && /(^| )…$/.test(node.data.trim())))"""


def addresses() -> dict[str, str]:
    """Name of the page -> its address, with samples for its parameters."""
    found = pages.find()
    assert len(found) > 6
    return {
        name: re.sub(r"{(\w+)[^}]*}", lambda word: SAMPLES.get(word[1], SAMPLE), found[name].path) for name in found
    }


def requests_of(tab: "Tab") -> "list[Request]":
    """What a tab asks for from now on."""
    asked: list[Request] = []
    tab.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - playwright marks the function
    return asked


def visit(tab: "Tab", address: str) -> None:
    """Load a page, and wait for its data."""
    answer = tab.goto(address)
    assert answer is not None
    assert answer.status == 200, f"{address}: {answer.status}; has centre_pages.SAMPLES its parameters?"
    settle(tab)


def settle(tab: "Tab") -> None:
    """Wait until the page has its data."""
    tab.wait_for_function(WAITS, timeout=30_000)
    tab.wait_for_timeout(100)  # what the data still make


def prepare(tab: "Tab") -> "Locator | None":
    """Make the main act possible; return its button. None: the page is for reading."""
    for box in tab.locator("main tr:has(a[href$='front=nginx']) input[type=checkbox]").all()[:2]:
        box.check()
    button = tab.locator("main button:enabled:visible").first
    if not button.count():
        return None
    button.evaluate("(each) => { each.dataset.act = 'main' }")
    return tab.locator("[data-act=main]")


def finish(tab: "Tab", centre: CentreZoo) -> None:
    """Wait for the end of the main act. A recording gets something to record."""
    tab.wait_for_timeout(150)
    tab.wait_for_load_state()
    tab.locator("[data-act=main]:disabled").wait_for(state="detached", timeout=30_000)
    settle(tab)
    if "/wire" in tab.url and (fronts := centre.json("/api/wire")["fronts"]):
        for url in fronts.values():
            requests.get(f"{url}/fastcgi/hello", timeout=20)
        tab.locator("#wire").wait_for()
        tab.wait_for_timeout(500)
