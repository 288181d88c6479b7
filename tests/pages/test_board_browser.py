"""The sticker board in a real browser: two of them on one board, one behind nginx and one behind Apache."""

import contextlib
import re
import sqlite3
import time
from pathlib import Path

import pytest
import requests
from board_in_test import an_empty_board, board_zoo  # noqa: F401 - fixtures
from board_tab import EVIL, place, sticker, together, visit
from browser import chromium
from zoo_in_test import FRONTS, Zoo


def test_two_browsers_share_one_board(zoo: Zoo) -> None:
    with chromium() as browser:
        first, second = visit(browser, zoo, "nginx"), visit(browser, zoo, "apache", phone=True)
        for page in (first, second):
            page.evaluate("window.loadedOnce = true")
            page.locator("#visitors", has_text="2 visitors").wait_for()
            page.locator("#empty").wait_for()
        first.fill("#text", "hello from nginx")
        first.get_by_text("green").first.click()
        first.click("#add")
        sticker(second, "hello from nginx").wait_for(timeout=5000)
        assert sticker(second, "hello from nginx").get_attribute("data-colour") == "green"
        assert second.locator("#said").inner_text() == "A visitor added: hello from nginx"
        sticker(first, "hello from nginx").wait_for()
        assert first.locator("#said").inner_text() == "You added: hello from nginx"
        first.locator("#took", has_text=re.compile(r"Your change was back on this screen in [\d.]+ ms")).wait_for()
        second.fill("#text", "hello from Apache")
        second.tap("#add")
        sticker(first, "hello from Apache").wait_for(timeout=5000)
        late = visit(browser, zoo, "nginx")
        assert {*late.locator(".sticker p").all_inner_texts()} == {"hello from nginx", "hello from Apache"}
        sticker(second, "hello from nginx").locator(".remove").tap()
        for page in (first, late):
            sticker(page, "hello from nginx").wait_for(state="detached", timeout=5000)
        assert all(page.evaluate("window.loadedOnce") for page in (first, second)), "nobody has reloaded"


@pytest.mark.slow
def test_a_sticker_follows_the_mouse_everywhere(zoo: Zoo) -> None:
    with chromium() as browser:
        first, second = visit(browser, zoo, "apache"), visit(browser, zoo, "nginx")
        first.fill("#text", "drag me")
        first.press("#text", "Enter")
        sticker(second, "drag me").wait_for()
        box, board = sticker(first, "drag me").bounding_box(), first.locator("#board").bounding_box()
        assert box
        assert board
        first.mouse.move(box["x"] + 20, box["y"] + 20)
        first.mouse.down()
        first.mouse.move(board["x"] + 200, board["y"] + 100, steps=10)
        first.mouse.up()
        assert together(first, second, "drag me") == pytest.approx((board["x"] + 180, board["y"] + 80), abs=3)
        first.mouse.move(board["x"] + 200, board["y"] + 100)
        first.mouse.down()
        first.mouse.move(3000, 3000, steps=5)
        first.mouse.up()
        x, y = together(first, second, "drag me")
        assert x > board["x"] + 180
        assert x + box["width"] <= board["x"] + board["width"]
        assert y + box["height"] <= board["y"] + board["height"], "it cannot be lost beyond the edge"


@pytest.mark.slow
def test_a_step_while_the_one_before_comes_back_is_not_lost(zoo: Zoo) -> None:
    middle = {"text": "x", "x": 0.5, "y": 0.5}
    assert requests.post(zoo.url("asgi-board", "nginx", "stickers"), json=middle, timeout=20).ok
    with chromium() as browser:
        first, second = visit(browser, zoo, "nginx"), visit(browser, zoo, "apache")
        first.focus(".sticker")
        first.evaluate(
            """() => {
                const { send } = WebSocket.prototype;
                WebSocket.prototype.send = function (change) {  // as soon as the first step has left, the second
                    WebSocket.prototype.send = send;
                    this.send(change);
                    const key = new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true });
                    document.activeElement.dispatchEvent(key);
                };
            }"""
        )
        first.keyboard.press("ArrowRight")
        steps = "() => document.querySelector('.sticker').style.getPropertyValue('--x') === '0.54'"
        for page in (first, second):
            page.wait_for_function(steps, timeout=5000)
        first.wait_for_timeout(500)
        assert first.evaluate(steps), "nor is it taken back"


@pytest.mark.slow
def test_a_step_that_is_not_sent_yet_outlives_what_others_do(zoo: Zoo) -> None:
    middle = {"text": "before", "x": 0.5, "y": 0.5}
    assert requests.post(zoo.url("asgi-board", "nginx", "stickers"), json=middle, timeout=20).ok
    with chromium() as browser:
        first, second = visit(browser, zoo, "nginx"), visit(browser, zoo, "apache")
        first.clock.install()
        first.clock.pause_at(time.time() + 5)  # nothing is sent any more, and no wait for a new connection has passed
        first.focus(".sticker")
        first.keyboard.press("ArrowRight")
        sticker(second, "before").dblclick()
        second.fill("#edit-text", "after")
        second.click("#edit button[value=save]")
        sticker(first, "after").wait_for()
        first.clock.run_for(1000)
        at = "() => document.querySelector('.sticker').style.getPropertyValue('--x') === '0.52'"
        for page in (second, first):
            page.wait_for_function(at, timeout=5000)


def test_text_is_never_run_as_html(zoo: Zoo) -> None:
    """Any dialog, script error or violation of the policy would fail it: see browser.py."""
    with chromium() as browser:
        first, second = visit(browser, zoo, "nginx"), visit(browser, zoo, "apache")
        first.fill("#text", EVIL)
        first.click("#add")
        for page in (first, second):
            sticker(page, EVIL).wait_for()
        for page in (first, second, visit(browser, zoo, "nginx")):
            assert page.locator(".sticker p").all_inner_texts() == [EVIL]
            assert page.locator("main img, main script, footer img").count() == 0
        sticker(second, EVIL).dblclick()
        assert second.input_value("#edit-text") == EVIL
        second.click("#edit button[value=save]")


def test_all_of_it_works_without_a_mouse(zoo: Zoo) -> None:
    with chromium() as browser:
        mine, other = visit(browser, zoo, "nginx"), visit(browser, zoo, "apache")
        keys = mine.keyboard

        def focused() -> str:
            return str(mine.evaluate("document.activeElement.id || document.activeElement.className"))

        keys.press("Tab")  # the way back to the zoo
        keys.press("Tab")
        assert focused() == "text"
        keys.type("typed")
        keys.press("Tab")
        keys.press("ArrowRight")  # to the next colour
        keys.press("Tab")
        assert focused() == "add"
        keys.press("Enter")
        for page in (mine, other):
            sticker(page, "typed").wait_for()
        assert sticker(other, "typed").get_attribute("data-colour") == "green"
        keys.press("Tab")
        assert "sticker" in focused()
        before = place(other, "typed")
        for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowUp"):
            keys.press(key)
        assert "% from the left" in mine.locator("#said").inner_text()
        after = together(mine, other, "typed")
        assert after[0] < before[0]
        assert after[1] < before[1]
        keys.press("Enter")
        assert focused() == "edit-text"
        keys.press("Control+A")
        keys.type("typed again")
        keys.press("Enter")
        for page in (mine, other):
            sticker(page, "typed again").wait_for()
        assert "sticker" in focused(), "the focus comes back"
        keys.press("Enter")
        keys.type("not this")
        keys.press("Escape")
        assert sticker(mine, "typed again").count() == 1
        keys.press("Delete")
        for page in (other, mine):
            sticker(page, "typed again").wait_for(state="detached")
        assert focused() == "text"
        keys.type("x" * 300)
        assert mine.input_value("#text") == "x" * 280


@pytest.mark.slow
def test_a_lost_connection_is_shown_and_comes_back(zoo: Zoo) -> None:
    # what the browser says on its console about a server that is away
    with chromium(expect=["WebSocket connection to", "502", "503"]) as browser:
        pages = {front: visit(browser, zoo, front) for front in FRONTS}
        pages["nginx"].fill("#text", "survivor")
        pages["nginx"].press("#text", "Enter")
        sticker(pages["apache"], "survivor").wait_for()
        assert zoo.cli("restart", "asgi-board").returncode == 0
        for front, page in pages.items():
            page.locator(f"#state[data-state=on] >> text=connected through {front}").wait_for(timeout=20_000)
            page.locator("#visitors", has_text="2 visitors").wait_for()
            assert page.locator(".sticker p").all_inner_texts() == ["survivor"]
        pages["apache"].fill("#text", "after")
        pages["apache"].press("#text", "Enter")
        sticker(pages["nginx"], "after").wait_for(timeout=5000)


def test_why_there_is_no_connection_is_said(zoo: Zoo, tmp_path: Path) -> None:
    timeout_error = pytest.importorskip("playwright.sync_api").TimeoutError
    board = zoo.run / "board" / "board.sqlite"
    with chromium(expect=["503"]) as browser:
        page = visit(browser, zoo, "nginx")
        page.fill("#text", "before")
        page.press("#text", "Enter")
        sticker(page, "before").wait_for()
        board.rename(board.with_name("kept"))
        board.mkdir()
        try:
            page.fill("#text", "kept in the form")
            page.press("#text", "Enter")
            page.locator("#said.bad", has_text="the board's file cannot be used").wait_for()
            assert page.input_value("#text") == "kept in the form"
            page.reload()
            page.locator("#state-text", has_text="trying again in").wait_for()
            assert page.locator("#empty").is_hidden(), "nobody knows whether there is none"
            page.locator("#said", has_text="mv board.sqlite board.damaged").wait_for()
            page.screenshot(path=tmp_path / "lost.png")
        finally:
            board.rmdir()
        with contextlib.suppress(timeout_error):  # the page may have tried by itself meanwhile
            page.click("#now", timeout=3_000)
        page.locator("#state[data-state=on]").wait_for(timeout=10_000)
        page.locator("#empty").wait_for()


@pytest.mark.slow
@pytest.mark.parametrize("phone", [False, True], ids=["1280x720", "390x844"])
def test_it_fits_the_screen(zoo: Zoo, tmp_path: Path, phone: bool) -> None:
    with chromium() as browser:
        page = visit(browser, zoo, "nginx", phone)
        texts = [
            "short",
            "x" * 280,
            EVIL,
            "two\nlines",
            "a few more words than fit on one line of a sticker of this size",
        ]
        for number, text in enumerate(texts):
            page.fill("#text", text)
            page.locator("#new fieldset span").nth(number % 4).click()
            page.click("#add")
            sticker(page, text).wait_for() if "\n" not in text else page.get_by_text("two").last.wait_for()
        page.wait_for_timeout(1500)
        page.screenshot(path=tmp_path / f"board-{'phone' if phone else 'projector'}.png")
        wide, window, high, tall = page.evaluate(
            "[document.documentElement.scrollWidth, innerWidth, document.documentElement.scrollHeight, innerHeight]"
        )
        assert wide <= window
        assert high <= tall, "all of it is on the screen at once"
        board = page.locator("#board").bounding_box()
        assert board
        for box in (one.bounding_box() for one in page.locator(".sticker").all()):
            assert box
            assert board["x"] <= box["x"]
            assert box["x"] + box["width"] <= board["x"] + board["width"] + 1


@pytest.mark.slow
def test_a_move_that_is_refused_is_taken_back(zoo: Zoo) -> None:
    board = zoo.run / "board" / "board.sqlite"
    with chromium() as browser:
        page = visit(browser, zoo, "apache")
        page.fill("#text", "here to stay")
        page.press("#text", "Enter")
        sticker(page, "here to stay").wait_for()

        def shown() -> str:
            return str(page.evaluate("document.querySelector('.sticker').style.getPropertyValue('--y')"))

        before = shown()
        with contextlib.closing(sqlite3.connect(board)) as other:  # who keeps the file for himself
            other.execute("BEGIN IMMEDIATE")
            page.focus(".sticker")
            page.keyboard.press("ArrowUp")
            assert shown() != before
            page.locator("#said.bad", has_text="another process has kept the board's file").wait_for(timeout=10_000)
            page.wait_for_timeout(300)
            assert shown() == before
        page.keyboard.press("ArrowUp")
        page.locator("#said:not(.bad)", has_text="from the left").wait_for()
        page.wait_for_timeout(300)
        page.reload()
        sticker(page, "here to stay").wait_for()
        assert shown() != before
