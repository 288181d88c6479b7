"""The page that shows the wire, open in a browser's tab: what a test looks at there."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import chromium
from recordings import WIRES, Film, variables
from wire_page import Page

from gateway_zoo.wire.recording import line

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator
    from playwright.sync_api import Page as Tab

SIZES = {"projector": (1280, 720), "large": (1920, 1080), "small": (1024, 768), "zoomed": (853, 480)}


@pytest.fixture(scope="module", name="browser")
def a_browser() -> Iterator["Browser"]:
    """One for all tests of a file, which has it, and the next one, by importing them. A server that ends is complained
    about, and one test ends it."""
    with chromium(["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "ERR_CONNECTION_RESET"]) as made:
        yield made


@pytest.fixture(name="film")
def a_film(tmp_path: Path) -> Film:
    return Film(tmp_path / "film.jsonl")


@contextlib.contextmanager
def opened(browser: "Browser", path: Path, size: str = "projector", **options: Any) -> Iterator["Tab"]:
    """The page of a recording, connected."""
    width, height = SIZES[size]
    with Page(path) as page, browser.new_context(viewport={"width": width, "height": height}, **options) as context:
        tab = context.new_page()
        tab.goto(page.url)
        tab.locator("#state[data-state=on]").wait_for()
        yield tab


def field(tab: "Tab", name: str) -> "Locator":
    return tab.locator("#fields .row").filter(has=tab.locator(".name", has_text=name))


def boxes(tab: "Tab", which: str) -> list[dict[str, float]]:
    """Where each of them stands, in their order; asked for at once, because each question is a round trip."""
    found: list[dict[str, float]] = tab.evaluate(
        "(which) => [...document.querySelectorAll(which)].map((one) => one.getBoundingClientRect().toJSON())", which
    )
    return found


def lit(tab: "Tab") -> bytes:
    """The lit bytes that are in sight; the two halves of the dump agree on them."""
    hexadecimal = tab.locator("#bytes .hex i.lit").all_inner_texts()
    assert len(tab.locator("#bytes .ascii i.lit").all()) == len(hexadecimal)
    return bytes.fromhex("".join(hexadecimal))


def replaced(film: Film, *paths: str) -> None:
    """Another recording takes the place, with these exchanges."""
    following = Film(film.path.with_suffix(".next"))
    for path in paths:
        following.scene(path)
    following.path.replace(film.path)


def halves(film: Film, path: str) -> tuple[bytes, bytes]:
    """The lines of an exchange, not yet written: up to the request, and from the answer on."""
    wire = WIRES["uwsgi"]
    request, answer = wire.request(variables(path)), wire.response(200, [], b"ok")
    lines = [line(entry) for entry in film.connection(path, "uwsgi", "nginx", request, answer)]
    return b"".join(lines[:2]), b"".join(lines[2:])


def beside(tab: "Tab", a: str, b: str) -> None:
    """Lay two side by side."""
    tab.locator("#list .row", has_text=a).click()
    tab.locator("#title", has_text=a).wait_for()
    tab.click("#mark")
    tab.locator("#list .row", has_text=b).click()
    tab.locator("#title", has_text=b).wait_for()
    tab.click("#tab-compare")
