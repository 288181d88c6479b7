"""The page that shows the wire, in a real browser: what is listed, what is lit, and what is inert."""

import contextlib
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recordings import WIRES, Film, variables
from wire_page import Page
from wire_tab import SIZES, a_browser, a_film, beside, boxes, field, halves, lit, opened, replaced  # noqa: F401 - fixtures
from zoo_in_test import slow

from gateway_zoo.wire.exchange import KEEP
from gateway_zoo.wire.page.shown import MOST
from gateway_zoo.wire.recording import line

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.mark.slow
def test_the_characters_stand_beside_their_bytes(browser: "Browser", film: Film) -> None:
    """Also those that are blanks, and in the last line, which is shorter."""
    last = len(film.scene("/a%20b", body=b"a b  c " * 20)) - 1
    assert last % 16 != 15
    with opened(browser, film.path) as tab:
        tab.locator("#list .row").click()
        tab.locator("#bytes .line").first.wait_for()
        for top in (0, last):
            tab.locator("#bytes").evaluate("(one, top) => { one.scrollTop = top && one.scrollHeight }", top)
            tab.locator(f"#bytes .hex i[data-at='{top}']").wait_for()
            for column in ("hex", "ascii"):
                assert len({box["x"] for box in boxes(tab, f"#bytes .{column}")}) == 1, column
            left, right = boxes(tab, "#bytes .hex i"), boxes(tab, "#bytes .ascii i")
            assert len(left) > 100
            assert all(a["y"] == b["y"] and b["width"] > 4 for a, b in zip(left, right, strict=True))


def test_the_list_appears_live_while_the_file_grows(browser: "Browser", tmp_path: Path) -> None:
    later = tmp_path / "later.jsonl"
    with opened(browser, later) as tab:
        tab.locator("#none").wait_for()
        film = Film(later)
        film.scene("/uwsgi/hello")
        row = tab.locator("#list .row")
        row.wait_for()
        assert row.inner_text().split()[2:7] == ["uwsgi", "nginx", "uwsgi", "GET", "/uwsgi/hello"]
        silent = b"".join(map(line, film.connection("/scgi/ping", "SCGI", "apache", b"", b"")))
        film.write(silent[:40])
        film.write(silent[40:])
        film.scene("/fastcgi/status", protocol="FastCGI", front="apache", status=404)
        tab.locator("#list .row", has_text="/fastcgi/status").wait_for()
        assert tab.locator("#list .row").count() == 2, "a connection without a byte is no exchange"
        assert "404" in tab.locator("#list .row").last.inner_text()
        assert tab.locator("#count").inner_text() == "2 exchanges"
        tab.fill("#filter", "apache 4xx")
        tab.locator("#count", has_text="1 of 2 exchanges").wait_for()
        tab.fill("#filter", "")
        tab.click("#pause")
        film.scene("/uwsgi/unseen")
        tab.locator("#count", has_text="1 new while paused").wait_for()
        assert tab.locator("#list .row", has_text="unseen").count() == 0
        tab.click("#pause")
        tab.locator("#list .row", has_text="unseen").wait_for()
        Film(later).scene("/uwsgi/another-recording")
        tab.locator("#list .row", has_text="another-recording").wait_for()
        assert tab.locator("#list .row").count() == 1


def test_a_field_lights_its_bytes_and_a_byte_its_field(browser: "Browser", film: Film) -> None:
    film.scene("/uwsgi/hello")
    with opened(browser, film.path) as tab:
        field(tab, "SERVER_NAME").hover()
        assert lit(tab) == b"\x0b\x00SERVER_NAME\x09\x00localhost"
        assert "SERVER_NAME" in tab.locator("#what").inner_text()
        assert tab.locator("#means").inner_text() == "the host that was asked · RFC 3875 4.1.14"
        start = tab.locator("#bytes .hex i.lit").first.get_attribute("data-at")
        assert start is not None
        assert f"offset {start} " in tab.locator("#what").inner_text()

        assert field(tab, "key_size").count() == 0, "lengths are hidden until they are asked for"
        tab.locator(f"#bytes .hex i[data-at='{start}']").hover()
        assert lit(tab) == b"\x0b\x00", "the innermost"
        assert tab.locator("#fields .lit .name").inner_text() == "SERVER_NAME", "what the tree shows of it"
        tab.locator(f"#bytes .hex i[data-at='{start}']").click()
        assert tab.locator("#fields .lit .name").inner_text() == "key_size", "a click opens what is around"
        assert tab.locator("#bytes .hex i.near").count() == 24

        field(tab, "REQUEST_URI").first.hover()
        assert lit(tab) == b"\x0b\x00", "it is pinned"
        tab.keyboard.press("Escape")
        tab.mouse.move(2, 2)
        assert lit(tab) == b""


@pytest.mark.slow
def test_bytes_far_down_scroll_the_tree(browser: "Browser", film: Film) -> None:
    request = film.scene("/uwsgi/hello", more=[(b"HTTP_X_%d" % number, b"v" * 40) for number in range(80)])
    with opened(browser, film.path) as tab:
        tab.locator("#bytes .line").first.wait_for()
        assert field(tab, "HTTP_X_79").count() == 0
        tab.locator("#bytes").evaluate("one => { one.scrollTop = one.scrollHeight }")
        tab.locator(f"#bytes .ascii i[data-at='{len(request) - 1}']").hover()
        field(tab, "HTTP_X_79").wait_for()
        assert "lit" in (field(tab, "HTTP_X_79").get_attribute("class") or "")
        tab.locator("#fields").evaluate("one => { one.scrollTop = 0 }")
        field(tab, "REQUEST_METHOD").hover()
        assert b"REQUEST_METHOD" in lit(tab), "and the tree the bytes"


@pytest.mark.slow
def test_a_field_in_two_pieces_lights_both(browser: "Browser", film: Film) -> None:
    """FastCGI: a variable that begins in one record of PARAMS and ends in the next."""
    whole = WIRES["FastCGI"].request(variables("/fastcgi/hello"))
    head, content = whole[16:24], whole[24 : 24 + int.from_bytes(whole[20:22], "big")]
    at = content.index(b"SERVER_NAME") + 4
    rest = whole[24 + len(content) + head[6] :]
    pieces = [head[:4] + len(one).to_bytes(2, "big") + b"\0\0" + one for one in (content[:at], content[at:])]
    split = whole[:16] + b"".join(pieces) + rest
    film.add(*film.connection("/fastcgi/hello", "FastCGI", "nginx", split, b""))
    with opened(browser, film.path) as tab:
        field(tab, "SERVER_NAME").hover()
        assert lit(tab) == b"\x0b\x09SERVER_NAMElocalhost"
        places = [int(one.get_attribute("data-at") or 0) for one in tab.locator("#bytes .hex i.lit").all()]
        gaps = [b - a for a, b in pairwise(places) if b - a > 1]
        assert gaps == [9], "the second record's head is between them"
        assert "22 bytes in 2 pieces" in tab.locator("#what").inner_text()


def test_the_keyboard_goes_everywhere(browser: "Browser", film: Film) -> None:
    for name in ("one", "two", "three"):
        film.scene(f"/uwsgi/{name}")
    with opened(browser, film.path) as tab:
        tab.locator("#list .row[aria-selected=true]", has_text="three").wait_for()
        tab.focus("#list")
        tab.keyboard.press("ArrowUp")
        tab.locator("#list .row[aria-selected=true]", has_text="two").wait_for()
        tab.keyboard.press("Home")
        tab.locator("#title", has_text="No. 1 ").wait_for()
        active = tab.get_attribute("#list", "aria-activedescendant")
        assert tab.locator(f"#{active}[aria-selected=true]").count() == 1
        tab.focus("#fields")
        tab.keyboard.press("ArrowDown")
        assert tab.locator("#what b").inner_text() == "datasize"
        assert len(lit(tab)) == 2
        below = 0
        while tab.locator("#what b").inner_text() != "REQUEST_METHOD":
            tab.keyboard.press("ArrowDown")
            below += 1
        assert below in (3, 4)
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("ArrowDown")
        assert lit(tab) == b"\x0e\x00"
        tab.keyboard.press("ArrowLeft")
        tab.keyboard.press("ArrowLeft")
        assert field(tab, "key_size").count() == 0
        tab.keyboard.press("Enter")
        assert tab.locator("#what .chip").is_visible()


@pytest.mark.slow
def test_two_exchanges_side_by_side(browser: "Browser", film: Film) -> None:
    film.scene("/x/hello", protocol="FastCGI", more=[(b"HTTP_X_A", b"1")])
    film.scene("/x/hello", protocol="SCGI", front="apache", more=[(b"SERVER_NAME", b"zoo.test")])
    with opened(browser, film.path) as tab:
        tab.locator("#list .row", has_text="FastCGI").click()
        tab.locator("#title", has_text="No. 1 ").wait_for()
        assert tab.is_disabled("#tab-compare")
        tab.click("#mark")
        assert "A" in tab.locator("#list .row .chip").all_inner_texts()
        tab.locator("#list .row", has_text="SCGI").click()
        tab.locator("#tab-compare:not(:disabled)", has_text="No. 1").click()
        table = tab.locator("#compare table.request")
        table.wait_for()
        rows = {row.split()[1]: row.split() for row in table.locator("tbody tr").all_inner_texts()}
        assert rows["SERVER_NAME"][0] == "≠"
        assert {"localhost", "zoo.test"} <= set(rows["SERVER_NAME"])
        assert rows["HTTP_X_A"][0] == "A"
        assert rows["SCGI"][0] == "B"
        assert rows["REQUEST_URI"][0] == "="
        assert rows["REQUEST_URI"][-1] == str(len(b"REQUEST_URI\0/x/hello\0"))
        table.locator("tbody tr", has_text="REQUEST_URI").hover()
        assert "A: offset" in tab.locator("#means").inner_text()
        assert "B: offset" in tab.locator("#means").inner_text()
        tab.check("#compare input")
        assert table.locator("tbody tr.same").count() == 0
        assert table.locator("tbody tr.differs").count() >= 1
        assert tab.locator("#compare table.response").count() == 1


@pytest.mark.slow
def test_bytes_without_names_and_a_direction_without_bytes(browser: "Browser", film: Film) -> None:
    film.add(*film.connection("/x/y", "gopher", "nginx", b"/hello", b""))
    with opened(browser, film.path) as tab:
        tab.locator("#means", has_text="Bytes without names").wait_for()
        assert "".join(tab.locator("#bytes .ascii i").all_inner_texts()) == "/hello"
        tab.locator("#bytes .hex i").first.hover()
        tab.locator("#bytes .hex i").first.click()
        tab.focus("#fields")
        tab.keyboard.press("ArrowDown")
        tab.click("#tab-response")
        tab.locator("#means", has_text="No byte in this direction").wait_for()
        assert tab.locator("#bytes .line").count() == tab.locator("#fields .row").count() == 0


EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'&"


def test_what_strangers_wrote_is_inert(browser: "Browser", film: Film) -> None:
    """Everywhere: path, exhibit, front, protocol, address, variable, value, body, error, the name of the file."""
    turned = "\u202e\u2066txt.exe\u200b\x1b[31m\x07"
    film.path = film.path.with_name("<b>evil.jsonl")
    film.__init__(film.path)  # type: ignore[misc]
    value = EVIL.encode() + b"\x1b]0;owned\x07" + b"A" * 50_000
    film.scene(f"/x/{EVIL}", protocol="SCGI", more=[(b"HTTP_" + EVIL.encode(), value)], answer=EVIL.encode() * 99)
    film.scene(f"/x/{EVIL}", protocol="FastCGI", more=[(b"HTTP_" + EVIL.encode(), value)], answer=EVIL.encode() * 99)
    film.add(*film.connection(f"/{EVIL}{turned}/", EVIL + turned, turned + EVIL, b"<b>", b"</b>", why=EVIL + turned))
    film.write(b'{"is":"<script>alert(3)</script>"}\n')
    with opened(browser, film.path) as tab:
        tab.locator("#problem", has_text="line 16").wait_for()
        for index in (0, 1, 2):
            tab.locator("#list .row").nth(index).click()
            tab.locator("#title", has_text=f"No. {index + 1} ").wait_for()
            for side in ("#tab-response", "#tab-request"):
                tab.click(side)
            if index == 0:
                tab.click("#mark")
            if index == 1:
                tab.locator("#fields").evaluate("one => { one.scrollTop = one.scrollHeight }")
                field(tab, "HTTP_<img").first.hover()
                assert "(50,0" in tab.locator("#fields .lit .value").inner_text(), "it says how long it is"
                tab.click("#tab-compare")
                tab.locator("#compare table.response").wait_for()
        assert tab.locator("img, b b, main script, section script, #problem *").count() == 0
        assert tab.evaluate("document.scripts.length") == 1
        shown = tab.locator("body").inner_text()
        assert EVIL in shown
        for char in turned[:2] + "\u200b\x1b\x07":
            assert char not in shown
        assert "\\u{202e}" in shown


@pytest.mark.slow
def test_five_thousand_exchanges_in_a_second(browser: "Browser", film: Film) -> None:
    film.scene("/uwsgi/first")
    with opened(browser, film.path) as tab:
        tab.locator("#list .row").wait_for()
        request = WIRES["uwsgi"].request(variables("/uwsgi/many"))
        answer = WIRES["uwsgi"].response(200, [], b"ok")
        many = [list(map(line, film.connection("/uwsgi/many", "uwsgi", "nginx", request, answer))) for _ in range(4999)]
        tab.evaluate("""() => { window.slowest = 0; let last = performance.now();
            (function beat() { const now = performance.now(); slowest = Math.max(slowest, now - last); last = now;
                               requestAnimationFrame(beat); })(); }""")
        for start in range(0, 4999, 500):
            film.write(b"".join(one for lines in many[start : start + 500] for one in lines))
            time.sleep(0.1)
        tab.locator("#count", has_text="5,000 exchanges").wait_for()
        assert tab.locator("#list .row", has_text="5,000").count() == 1, "the newest is in sight"
        assert tab.locator("#list .row").count() < 60
        assert tab.evaluate("slowest") < 1500, "the page was never dead"
        tab.locator("#list").evaluate("one => { one.scrollTop = 0 }")
        tab.locator("#list .row", has_text="/uwsgi/first").wait_for()
        film.scene("/uwsgi/last")
        tab.locator("#count", has_text="5,001 exchanges").wait_for()
        assert tab.locator("#list .row", has_text="/uwsgi/last").count() == 0, "who has scrolled up stays there"
        tab.click("#newest")
        tab.locator("#list .row", has_text="/uwsgi/last").wait_for()


@pytest.mark.slow
def test_a_large_body_does_not_freeze_the_page(browser: "Browser", film: Film) -> None:
    size = len(film.scene("/uwsgi/large", body=bytes(range(256)) * 6000))
    with opened(browser, film.path) as tab:
        tab.locator("#tab-request", has_text=f"{size:,} bytes").wait_for()
        tab.locator("#bytes .line").first.wait_for()
        began = time.monotonic()
        tab.locator("#bytes").evaluate("one => { one.scrollTop = one.scrollHeight }")
        tab.locator("#bytes .line", has_text=f"and {size - KEEP:,} bytes more, which are not kept").wait_for()
        tab.locator("#bytes .hex i[data-at='1048575']").hover()
        assert tab.locator("#what b").inner_text() == "body"
        assert tab.locator("#bytes .line").count() < 80
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("size", ["projector", *slow("small", "large", "zoomed")])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_screen_and_nothing_jumps(
    browser: "Browser", film: Film, tmp_path: Path, size: str, scheme: str
) -> None:
    for index in range(40):
        film.scene(f"/uwsgi/{index}", status=(200, 404, 503)[index % 3])
    with opened(browser, film.path, size, color_scheme=scheme) as tab:
        tab.locator("#list .row[aria-selected=true]").wait_for()
        field(tab, "REQUEST_URI").wait_for()
        boxes = (
            "['#exchanges', '#fields', '#bytes', 'footer'].map((one) => document.querySelector(one)"
            ".getBoundingClientRect().toJSON())"
        )
        before = tab.evaluate(boxes)
        field(tab, "REQUEST_URI").hover()
        film.scene("/uwsgi/new")
        tab.locator("#count", has_text="41 exchanges").wait_for()
        assert tab.evaluate(boxes) == before
        tab.screenshot(path=tmp_path / f"wire-{size}-{scheme}.png")
        width, height = SIZES[size]
        assert tab.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
            width,
            height,
        ]
        small = (
            "[...document.querySelectorAll('body *')].filter((one) => one.textContent.trim() &&"
            " !one.closest('.chip') && parseFloat(getComputedStyle(one).fontSize) < 16).length"
        )
        assert tab.evaluate(small) == 0
        assert tab.locator("#bytes .line").first.locator(".hex i").count() == (16 if width > 1200 else 8)
        cut = "(kind) => [...document.querySelectorAll(kind)].filter((one) => one.scrollWidth > one.clientWidth).length"
        assert tab.evaluate(cut, ".exchange > .number, .exchange > .target, #fields .name, #bytes .line") == 0
        for name in ("#list .row", "#fields .row", "#bytes .row"):
            assert tab.locator(name).first.evaluate("one => one.scrollWidth <= one.clientWidth"), name
        assert tab.locator("footer").bounding_box()["y"] < height  # type: ignore[index]
        paper = tab.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (sum(map(int, paper.strip("rgb()").split(","))) < 200) == (scheme == "dark")


@pytest.mark.slow
def test_another_recording_while_paused_leaves_no_line_of_the_last(browser: "Browser", film: Film) -> None:
    """Its numbers would lead to exchanges of the new one."""
    film.scene("/uwsgi/of-the-last")
    with opened(browser, film.path) as tab:
        tab.locator("#list .row", has_text="of-the-last").wait_for()
        tab.click("#pause")
        replaced(film, "/uwsgi/of-the-next")
        tab.locator("#count", has_text="1 new while paused").wait_for()
        assert tab.locator("#list .row").count() == 0
        tab.click("#pause")
        tab.locator("#list .row", has_text="of-the-next").wait_for()


@pytest.mark.slow
def test_who_scrolls_up_a_little_is_not_taken_back(browser: "Browser", film: Film) -> None:
    for index in range(20):
        film.scene(f"/uwsgi/{index}")
    with opened(browser, film.path) as tab:
        tab.locator("#list .row", has_text="/uwsgi/19").wait_for()
        tab.locator("#list").evaluate("one => { one.scrollTop -= 12; }")
        tab.locator("#newest").wait_for()


@pytest.mark.slow
def test_what_a_lost_server_cannot_say_is_not_shown(browser: "Browser", film: Film) -> None:
    """The bytes of another exchange under this one's number would be a lie."""
    film.scene("/uwsgi/one")
    film.scene("/scgi/two", protocol="SCGI")
    film.scene("/uwsgi/three")
    with contextlib.ExitStack() as ends, browser.new_context() as context:
        first = Page(film.path)
        ends.callback(first.process.kill)
        tab = context.new_page()
        tab.goto(first.url)
        tab.locator("#list .row", has_text="/scgi/two").click()
        tab.locator("#title", has_text="No. 2 · scgi behind nginx · GET /scgi/two").wait_for()
        tab.click("#mark")
        tab.locator("#list .row", has_text="/uwsgi/one").click()
        tab.locator("#title", has_text="No. 1 ").wait_for()
        assert first.end() == ""
        tab.locator("#state[data-state=off]").wait_for(timeout=5000)
        tab.click("#tab-compare")
        tab.locator("#compare", has_text="the server does not answer").wait_for()
        tab.locator("#list .row", has_text="/uwsgi/three").click()
        tab.locator("#title", has_text="No. 3 · the server does not answer").wait_for()
        assert tab.locator("#fields, #bytes, #compare").filter(visible=True).count() == 0
        with Page(film.path, first.port):
            field(tab, "REQUEST_URI").wait_for(timeout=8000)


@pytest.mark.slow
def test_a_server_that_goes_is_told_and_found_again(browser: "Browser", film: Film) -> None:
    film.scene("/uwsgi/kept")
    with contextlib.ExitStack() as ends, browser.new_context() as context:
        first = Page(film.path)
        ends.callback(first.process.kill)  # if the test fails before it ends by itself
        tab = context.new_page()
        tab.goto(first.url)
        tab.locator("#list .row", has_text="/uwsgi/kept").wait_for()
        assert first.end() == ""
        tab.locator("#state[data-state=off]").wait_for(timeout=5000)
        assert tab.locator("#list .row", has_text="/uwsgi/kept").is_visible()
        film.scene("/uwsgi/meanwhile")
        with Page(film.path, first.port):
            tab.locator("#state[data-state=on]").wait_for(timeout=8000)
            tab.locator("#list .row", has_text="/uwsgi/meanwhile").wait_for()
            assert tab.locator("#list .row").count() == 2


# --- Answers that come late -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_requests_that_overlap_stand_by_number_and_nothing_is_said_to_be_lost(browser: "Browser", film: Film) -> None:
    """The server tells them in the order of their last change: No. 2, No. 1."""
    half, rest = halves(film, "/uwsgi/slow")
    film.write(half)
    film.scene("/uwsgi/fast")
    film.write(rest)
    with opened(browser, film.path) as tab:
        tab.locator("#list .row", has_text="/uwsgi/fast").wait_for()
        targets = tab.locator("#list .row .target").all_inner_texts()
        assert targets == ["GET /uwsgi/slow", "GET /uwsgi/fast"]
        assert tab.locator("#count").inner_text() == "2 exchanges"


@pytest.mark.slow
def test_what_is_no_longer_kept_is_told_and_not_compared(browser: "Browser", film: Film) -> None:
    film.scene("/x/first")
    film.scene("/x/second")
    with opened(browser, film.path) as tab:
        tab.locator("#list .row", has_text="/x/second").click()
        tab.locator("#title", has_text="/x/second").wait_for()
        tab.click("#mark")
        tab.locator("#list .row", has_text="/x/first").click()
        tab.locator("#tab-compare:not(:disabled)").wait_for()
        tab.locator("#title", has_text="/x/first").wait_for()
        raw = ("/x/y", "gopher", "nginx", b"", b"no answer is known of it")
        film.write(b"".join(line(one) for _ in range(MOST - 1) for one in film.connection(*raw)))
        told = f"{MOST:,} exchanges; those before No. 2 are no longer kept"
        tab.locator("#count", has_text=told).wait_for(timeout=20_000)
        tab.click("#tab-compare")
        tab.locator("#tab-compare:disabled").wait_for()
        assert tab.locator("#tab-request[aria-selected=true]").count() == 1
        assert tab.locator("#fields .row").count() > 0


@pytest.mark.slow
def test_what_was_kept_lit_in_one_exchange_is_not_in_another(browser: "Browser", film: Film) -> None:
    """Also where it comes to be shown because nothing is left to lie beside it."""
    for name in ("one", "two", "three"):
        film.scene(f"/uwsgi/{name}")
    with opened(browser, film.path) as tab:
        beside(tab, "/uwsgi/one", "/uwsgi/two")
        tab.click("#tab-request")
        field(tab, "SERVER_NAME").locator(".twisty").click()
        field(tab, "SERVER_NAME").click()
        tab.locator("#what .chip").wait_for()
        tab.click("#tab-compare")
        tab.locator("#list .row", has_text="/uwsgi/three").click()
        tab.locator("#title", has_text="/uwsgi/three").wait_for()
        tab.click("#mark")
        tab.locator("#tab-request[aria-selected=true]").wait_for()
        assert tab.locator("#fields .pinned, #fields .lit, #what .chip").count() == 0
        assert field(tab, "key_size").count() == 0, "and what was open there"
        assert lit(tab) == b""
        field(tab, "SERVER_NAME").click()
        tab.click("#mark")
        assert tab.locator("#fields .pinned .name").inner_text() == "SERVER_NAME", "it is the same exchange"
        replaced(film, "/uwsgi/1", "/uwsgi/2", "/uwsgi/another")
        tab.locator("#title", has_text="No. 3 · uwsgi behind nginx · GET /uwsgi/another").wait_for()
        assert tab.locator("#fields .pinned").count() == 0, "nor in one that has its number"


@pytest.mark.slow
def test_left_of_an_outermost_field_is_nothing(browser: "Browser", film: Film) -> None:
    film.scene("/fastcgi/hello", protocol="FastCGI")
    with opened(browser, film.path) as tab:
        outermost = tab.locator("#fields .row[aria-level='1']")
        outermost.first.wait_for()
        tab.focus("#fields")
        tab.keyboard.press("End")
        last = tab.locator("#fields .row.cursor")
        assert (last.get_attribute("id"), last.get_attribute("aria-level")) == (outermost.last.get_attribute("id"), "1")
        assert last.get_attribute("aria-expanded") == "false"
        place = last.get_attribute("id")
        tab.keyboard.press("ArrowLeft")
        assert tab.locator("#fields .row.cursor").get_attribute("id") == place
        assert tab.get_attribute("#fields", "aria-activedescendant") == place


@pytest.mark.slow
def test_a_tab_in_the_background_does_not_listen(browser: "Browser", film: Film) -> None:
    """Not even from its first moment."""
    film.scene("/uwsgi/hello")
    hidden = """
        window.away = true;
        window.sources = 0;
        Object.defineProperty(document, "hidden", { get: () => away });
        window.EventSource = class extends EventSource { constructor(path) { super(path); sources += 1; } };
    """
    with Page(film.path) as page, browser.new_context() as context:
        context.add_init_script(hidden)
        tab = context.new_page()
        tab.goto(page.url)  # until the load event, which a module's script comes before
        assert tab.locator("#title").inner_text() == "Select an exchange"
        assert tab.evaluate("sources") == 0
        tab.evaluate("away = false; document.dispatchEvent(new Event('visibilitychange'))")
        tab.locator("#list .row", has_text="/uwsgi/hello").wait_for()
        assert tab.evaluate("sources") == 1


@pytest.mark.slow
def test_a_filter_while_paused_shows_nothing_new(browser: "Browser", film: Film) -> None:
    film.scene("/uwsgi/one")
    film.scene("/scgi/two", protocol="SCGI")
    with opened(browser, film.path) as tab:
        rows = tab.locator("#list .row .target")
        tab.locator("#list .row", has_text="/scgi/two").wait_for()
        tab.click("#pause")
        film.scene("/uwsgi/three")
        tab.locator("#count", has_text="1 new while paused").wait_for()
        before = rows.all_inner_texts()
        for words, shown in (("uwsgi", before[:1]), ("three", []), ("", before)):
            tab.fill("#filter", words)
            assert rows.all_inner_texts() == shown
            assert "; 1 new while paused" in tab.locator("#count").inner_text()
        film.scene("/uwsgi/four")
        tab.locator("#count", has_text="2 new while paused").wait_for()
        tab.fill("#filter", "uwsgi")
        tab.click("#pause")
        tab.locator("#count", has_text="3 of 4 exchanges").wait_for()
        assert "paused" not in tab.locator("#count").inner_text()
        assert [text.split("/")[-1] for text in rows.all_inner_texts()] == ["one", "three", "four"]


@pytest.mark.slow
def test_a_mark_lies_on_all_bytes_of_its_field(browser: "Browser", film: Film) -> None:
    """Also on those of the fields inside it: in a first line these are all but the blanks."""
    request, first = WIRES["uwsgi"].request(variables("/uwsgi/hello")), b"HTTP/2.0 200 OK\r\n"
    answer = first + b"Content-Length: 2\r\n\r\nok"
    film.add(*film.connection("/uwsgi/hello", "uwsgi", "nginx", request, answer))
    with opened(browser, film.path) as tab:
        tab.locator("#list .row", has_text="warning").click()
        tab.get_by_text("From the gateway:", exact=False).first.click()
        tab.locator("#bytes .hex i.fault").first.wait_for()
        assert bytes.fromhex("".join(tab.locator("#bytes .hex i.fault").all_inner_texts())) == first
