"""A real browser for a test: Debian's chromium, driven by playwright. Whatever a page complains about fails the test.

    with chromium() as browser:
        page = browser.new_page(...)      # or browser.new_context(...).new_page()

An error on the console (a blocked script, a style from elsewhere, a failed request), an exception in a script, a
dialog: each page of each context is listened to from its first moment; the complaints are raised when the block ends.
A test that provokes one on purpose names a piece of it: `chromium(expect=["429"])`.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Playwright


_started: list[tuple["Playwright", "Browser"]] = []  # at most one: starting it takes a second of a core


@contextmanager
def chromium(expect: Sequence[str] = ()) -> Iterator["Browser"]:
    """A headless browser with no page open; skips where there is none. `expect`: complaints that are meant to come.

    The browser is the module's (`close` ends it); contexts and pages that the block opens are closed at its end.
    """
    browser, complaints = _browser(), list[str]()
    before = set(browser.contexts)

    def watch(context: "BrowserContext") -> None:
        context.on("page", lambda page: _listen(page, complaints))

    browser.on("context", watch)
    try:
        yield browser
    finally:
        browser.remove_listener("context", watch)
        for context in set(browser.contexts) - before:
            context.close()
        print(*complaints, sep="\n")  # pytest shows it when the block failed by itself
    surprising = [line for line in complaints if not any(piece in line for piece in expect)]
    assert not surprising, "\n".join(surprising)


def _browser() -> "Browser":
    """The browser that runs, or a new one."""
    if _started and _started[0][1].is_connected():
        return _started[0][1]
    close()
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: requirements-test.lock")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    playwright = sync_api.sync_playwright().start()
    args = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser: Browser = playwright.chromium.launch(executable_path=path, args=args)
    _started.append((playwright, browser))
    return browser


def close() -> None:
    """End the browser, if it runs. conftest.py calls it after each module."""
    while _started:
        playwright, browser = _started.pop()
        browser.close()
        playwright.stop()


def _listen(page: "Page", complaints: list[str]) -> None:
    """Collect what goes wrong in a page. A dialog is closed at once: nobody is there to do it, and none is ours."""

    def dialog(opened: "Dialog") -> None:
        complaints.append(f"dialog: {opened.message}")
        opened.dismiss()

    page.on("console", lambda said: complaints.append(f"console: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
    page.on("crash", lambda page: complaints.append(f"crashed: {page.url}"))
    page.on("dialog", dialog)
