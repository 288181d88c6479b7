"""One page, five ways, in a real browser: the same content, a true chart, the SPA's manners, life without JavaScript.

browser.py fails a test for whatever a page complains about: a script that the policy blocked, an exception.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from browser import chromium
from zoo_in_test import FRONTS, ROOT, Zoo, python_of, slow

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

GATEWAYS: list[dict[str, Any]] = json.loads((ROOT / "pages/gateways.json").read_text(encoding="utf-8"))
WAYS = ("static", "ssr", "csr", "mpa", "spa")
SIZES: list["ViewportSize"] = [{"width": 1280, "height": 720}, {"width": 390, "height": 844}]
both_fronts = pytest.mark.parametrize("front", [FRONTS[0], *slow(*FRONTS[1:])])


@pytest.fixture
def browser(request: pytest.FixtureRequest) -> Iterator["Browser"]:
    """A browser that fails the test for any complaint, but those named by `complains`."""
    with chromium(expect=getattr(request, "param", ())) as found:
        yield found


def complains(*pieces: str) -> pytest.MarkDecorator:
    """For tests that provoke what browsers complain about."""
    return pytest.mark.parametrize("browser", [pieces], indirect=True, ids=["provoked"])


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A page in a profile of its own: nothing cached, nothing remembered."""
    context = browser.new_context(viewport=SIZES[0])
    yield context.new_page()
    context.close()


def seen(page: "Page", url: str) -> dict[str, Any]:
    """Open a page, wait for its list and its chart; the chart's summary."""
    page.goto(url)
    page.locator(".gateway, #rows li, #content h1, #content .lead").first.wait_for()
    page.locator("dt", has_text="content visible").wait_for()
    found: dict[str, Any] = page.evaluate("import('/pages/assets/waterfall.js').then((chart) => chart.summary())")
    return found


def text(page: "Page", selector: str = "#content") -> str:
    """What a reader sees there, blanks folded."""
    return " ".join(page.locator(selector).inner_text().split())


def asked(page: "Page") -> list[str]:
    """The names in the chart of the first view, in its order."""
    return page.locator(".requests").first.locator("b").all_inner_texts()


# --- the same content -------------------------------------------------------------------------------------------------


@both_fronts
def test_the_five_ways_show_the_same(zoo: Zoo, front: str, page: "Page") -> None:
    found = {}
    for way in WAYS:
        seen(page, zoo.url("pages", front, f"{way}/"))
        found[way] = text(page)
    assert len(set(found.values())) == 1, found
    for row in GATEWAYS:
        facts = f"year {row['year']} protocol {row['protocol']} interface {row['interface']} processes"
        assert f"{row['name']} {row['sentence']} {facts} {', '.join(row['models'])}" in found["static"]


@pytest.mark.slow
@both_fronts
def test_mpa_and_spa_show_the_same_of_each_gateway(zoo: Zoo, front: str, page: "Page") -> None:
    for row in (GATEWAYS[0], GATEWAYS[3], GATEWAYS[-1]):
        shown = []
        for way in ("mpa", "spa"):
            seen(page, zoo.url("pages", front, f"{way}/{row['id']}/"))
            shown.append((page.title(), text(page, "h1"), text(page)))
        assert shown[0] == shown[1]
        assert row["more"] in shown[0][2]


@both_fronts
@pytest.mark.parametrize("way", WAYS)
def test_without_javascript_the_server_made_pages_hold_their_content(
    zoo: Zoo, front: str, browser: "Browser", way: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(zoo.url("pages", front, f"{way}/"))
    shown = text(page, "#main")
    missing = [row["sentence"] for row in GATEWAYS if row["sentence"] not in shown]
    if way in ("static", "ssr", "mpa"):
        assert not missing
    else:
        assert len(missing) == len(GATEWAYS)
        assert "Nothing is here without JavaScript" in shown
    assert "This chart is drawn by JavaScript" in shown
    context.close()


@pytest.mark.slow
@both_fronts
def test_without_javascript_the_endless_page_has_a_link(zoo: Zoo, front: str, browser: "Browser") -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(zoo.url("pages", front, "scroll/"))
    assert text(page, "#count").startswith("Rows 1 to 12 of ")
    page.get_by_role("link", name="Load more").click()
    page.wait_for_url("**/pages/scroll/?after=12&limit=12")
    assert text(page, "#count").startswith("Rows 13 to 24 of ")
    assert page.locator("#rows li").count() == 12
    context.close()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size["width"]))
def test_every_page_fits_and_can_be_read(zoo: Zoo, browser: "Browser", size: Any) -> None:
    context = browser.new_context(viewport=size)
    page = context.new_page()
    for path in ("", *(f"{way}/" for way in WAYS), "mpa/asgi/", "spa/asgi/", "scroll/", "xhr/"):
        page.goto(zoo.url("pages", "nginx", path))
        page.locator("h1").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        small = page.evaluate(
            """[...document.querySelectorAll("body *")].filter((e) => e.innerText && e.offsetParent
            && parseFloat(getComputedStyle(e).fontSize) < innerWidth / 100 + 3).map((e) => e.outerHTML.slice(0, 80))"""
        )
        assert small == [], path  # less than 15.8 px at 1280
    context.close()


# --- the chart --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@both_fronts
def test_the_chart_shows_what_each_way_asks_for(zoo: Zoo, front: str, page: "Page") -> None:
    style = ["zoo.css", "pages.css"]
    expected = {
        **{way: [f"/pages/{way}/", *style, "waterfall.js"] for way in ("static", "ssr", "mpa")},
        **{
            way: [f"/pages/{way}/", *style, f"{way}.js", "waterfall.js", "gateways.js", "data.json"]
            for way in ("csr", "spa")
        },
    }
    for way in WAYS:
        now = seen(page, zoo.url("pages", front, f"{way}/"))
        shown = asked(page)
        assert sorted(shown) == sorted(expected[way])
        assert shown[0] == f"/pages/{way}/"
        if way in ("csr", "spa"):  # one after the other: each is named in the one before
            chain = [shown.index(name) for name in (f"{way}.js", "gateways.js", "data.json")]
            assert chain == sorted(chain)
        assert now["requests"] == len(expected[way]) - 1  # not the chart's own script
        assert now["how"] == "Element Timing"
        assert 0 < now["firstByte"] < now["content"]
        assert text(page, ".figures").startswith(f"requests {now['requests']} bytes")


@pytest.mark.slow
@both_fronts
def test_content_made_in_the_browser_waits_for_the_data(zoo: Zoo, front: str, page: "Page") -> None:
    for way in ("csr", "spa"):
        now = seen(page, zoo.url("pages", front, f"{way}/"))
        ended = page.evaluate(
            "performance.getEntriesByType('resource').find((e) => e.name.endsWith('data.json')).responseEnd"
        )
        assert now["content"] > ended, way


@pytest.mark.slow
@both_fronts
def test_bytes_are_those_that_travelled(zoo: Zoo, front: str, page: "Page") -> None:
    bodies = [len(zoo.get("pages", front, path).content) for path in ("static/", "assets/pages.css")]
    bodies.append(len(zoo.get("-web", front, "zoo.css").content))
    assert seen(page, zoo.url("pages", front, "static/"))["bytes"] == sum(bodies) + 3 * 300


@pytest.mark.slow
@both_fronts
def test_the_chart_shows_a_304_for_the_file_and_none_for_the_rendered_page(zoo: Zoo, front: str, page: "Page") -> None:
    first = {}
    for way in ("static", "ssr"):
        seen(page, zoo.url("pages", front, f"{way}/"))
        page.reload()
        page.locator("dt", has_text="content visible").wait_for()
        first[way] = text(page, ".requests li:first-child p")
    assert first["static"].endswith("304, 300 B")
    assert re.search(r" \d\.\d kB$", first["ssr"])
    assert "304" not in first["ssr"].rpartition("took")[2]


@pytest.mark.slow
@both_fronts
def test_the_overview_gathers_what_this_tab_recorded(zoo: Zoo, front: str, page: "Page") -> None:
    page.goto(zoo.url("pages", front, ""))
    assert text(page, "#recorded") == "Nothing is recorded in this tab yet."
    noted = {way: seen(page, zoo.url("pages", front, f"{way}/")) for way in WAYS}
    page.goto(zoo.url("pages", front, ""))
    assert text(page, "#recorded").startswith("5 of 5 recorded in this tab")
    for way in WAYS:
        cells = page.locator(f"tr[data-way={way}] td.number").all_inner_texts()
        assert cells[0] == str(noted[way]["requests"])
        assert cells[1] == f"{noted[way]['bytes'] / 1000:.1f} kB"
        assert cells[3] == f"{noted[way]['content']:.0f} ms"


@pytest.mark.slow
def test_the_record_command_prints_every_way_through_both_fronts(zoo: Zoo, browser: "Browser") -> None:
    # `browser` only to skip where there is none
    bases = [f"http://127.0.0.1:{zoo.ports[front]}" for front in FRONTS]
    argv = [python_of(), str(ROOT / "pages/record.py"), "--visits", "1", *bases]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[2:]]
    assert [row[:3] for row in rows] == [
        [base, way, visit] for base in sorted(bases) for way in WAYS for visit in ("first", "again")
    ]
    requests = {way: 3 if way in ("static", "ssr", "mpa") else 6 for way in WAYS}
    for base, way, visit, count, size, *_ in rows:
        assert int(count) == requests[way], (base, way, visit)
        assert int(size) > 300 * requests[way] or (way, visit) == ("static", "again")
    static = {(row[0], row[2]): int(row[4]) for row in rows if row[1] == "static"}
    assert all(static[base, "again"] == 900 < static[base, "first"] for base in bases)


# --- one page, several pages ------------------------------------------------------------------------------------------


@both_fronts
def test_a_link_in_the_spa_loads_nothing_and_does_what_a_new_page_would(zoo: Zoo, front: str, page: "Page") -> None:
    home = zoo.url("pages", front, "spa/")
    seen(page, home)
    assert page.title() == "SPA - Gateway Zoo"
    page.evaluate("window.kept = true")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.get_by_role("link", name="FastCGI").click()
    assert (page.url, page.title(), text(page, "h1")) == (f"{home}fastcgi/", "FastCGI - Gateway Zoo", "FastCGI")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    page.get_by_role("link", name="After: AJP").press("Enter")  # from the keyboard
    assert (page.url, text(page, "h1")) == (f"{home}ajp/", "AJP")
    page.go_back()
    assert (page.url, text(page, "h1")) == (f"{home}fastcgi/", "FastCGI")
    page.go_back()
    assert (page.url, page.title(), text(page, "h1")) == (home, "SPA - Gateway Zoo", "SPA: one page")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    page.go_forward()
    assert text(page, "h1") == "FastCGI"
    assert page.evaluate("window.kept") is True
    assert [url for url in requests if not url.endswith("/icon.svg")] == []  # Chromium looks after the icon
    page.reload()  # the address alone is enough
    page.locator("#content .lead").wait_for()
    assert (page.title(), text(page, "h1")) == ("FastCGI - Gateway Zoo", "FastCGI")
    assert page.evaluate("window.kept") is None


@pytest.mark.slow
@both_fronts
def test_a_link_in_the_mpa_loads_a_document(zoo: Zoo, front: str, page: "Page") -> None:
    seen(page, zoo.url("pages", front, "mpa/"))
    page.evaluate("window.kept = true")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.resource_type))
    page.get_by_role("link", name="FastCGI").click()
    page.wait_for_url("**/mpa/fastcgi/")
    assert text(page, "h1") == "FastCGI"
    assert page.evaluate("window.kept") is None
    assert requests.count("document") == 1


@pytest.mark.slow
@both_fronts
def test_ctrl_click_on_a_link_of_the_spa_stays_the_browsers(zoo: Zoo, front: str, page: "Page") -> None:
    home = zoo.url("pages", front, "spa/")
    seen(page, home)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="SCGI").click(modifiers=["Control"])
    opened.value.locator("#content .lead").wait_for()
    assert (opened.value.url, page.url) == (f"{home}scgi/", home)


@pytest.mark.slow
@complains("404")
@both_fronts
def test_an_unknown_gateway_is_404_in_the_mpa_and_words_in_the_spa(zoo: Zoo, front: str, page: "Page") -> None:
    status = {}
    for way in ("mpa", "spa"):
        answer = page.goto(zoo.url("pages", front, f"{way}/%3Cimg%20src=x%3E/"))
        assert answer
        status[way] = answer.status
        page.locator("h1", has_text="No such gateway").wait_for()
        assert page.locator("#main img").count() == 0
    assert status == {"mpa": 404, "spa": 200}


@pytest.mark.slow
@complains("503")
@both_fronts
def test_when_the_data_cannot_be_had_the_page_says_so(zoo: Zoo, front: str, page: "Page") -> None:
    page.route("**/data.json", lambda route: route.fulfill(status=503, body="down"))
    for way in ("csr", "spa"):
        page.goto(zoo.url("pages", front, f"{way}/"))
        assert page.get_by_role("alert").inner_text() == "data.json could not be had: status 503"


# --- dynamic loading --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@both_fronts
def test_scrolling_loads_the_rest_by_itself(zoo: Zoo, front: str, page: "Page") -> None:
    seen(page, zoo.url("pages", front, "scroll/"))
    total = int(text(page, "#count").split()[-1].rstrip("."))
    loads: list[str] = []
    page.on("request", lambda request: loads.append(request.url.rpartition("?")[2]))
    page.wait_for_timeout(300)
    assert page.locator("#rows li").count() == 12  # nothing before the reader moves
    for _ in range(60):
        page.mouse.wheel(0, 3000)
        page.wait_for_timeout(100)
        if page.locator("#more").count() == 0:
            break
    names = page.locator("#rows li b").all_inner_texts()
    assert len(names) == len(set(names)) == total
    assert text(page, "#count") == f"Rows 1 to {total} of {total}. That is all."
    assert loads == [f"after={after}&limit=12" for after in range(12, total, 12)]
    page.locator("h3", has_text=f"Asked since then: {len(loads)}").wait_for()


@pytest.mark.slow
@both_fronts
def test_load_more_works_from_the_keyboard_alone(zoo: Zoo, front: str, page: "Page") -> None:
    seen(page, zoo.url("pages", front, "scroll/"))
    total = int(text(page, "#count").split()[-1].rstrip("."))
    page.get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(300)
    rows = page.locator("#rows li").count()  # more than 12 where the focus made the page scroll
    page.mouse.wheel(0, 9000)
    page.wait_for_timeout(300)
    assert page.locator("#rows li").count() == rows
    while rows < total:
        page.get_by_role("link", name="Load more").press("Enter")
        rows = min(rows + 12, total)
        page.locator(f"#rows li:nth-child({rows}):last-child").wait_for()
    assert page.evaluate("document.activeElement.tagName") == "LI"  # the link is gone: at the first new row


@pytest.mark.slow
@complains("503")
@both_fronts
def test_a_failed_load_is_told_and_can_be_tried_again(zoo: Zoo, front: str, page: "Page") -> None:
    page.goto(zoo.url("pages", front, "scroll/"))
    page.route("**/gateways?*", lambda route: route.fulfill(status=503, body="down"))
    page.get_by_role("link", name="Load more").click()
    page.locator("#count", has_text="could not be had (status 503)").wait_for()
    page.unroute("**/gateways?*")
    page.get_by_role("link", name="Load more").click()
    page.locator("#count", has_text="Rows 1 to 24 of").wait_for()


COME = ("readyState 1 OPENED", "event loadstart", "readyState 2 HEADERS_RECEIVED", "readyState 3 LOADING")
WHOLE = (r"event progress: (\d+) of \1 bytes", "readyState 4 DONE")
PIECES = (r"a piece of the body: \d+ bytes", "resolved: the body is complete")
#: Button -> what XMLHttpRequest tells and what fetch tells, without the times; regular expressions.
TOLD = {
    "200": (
        [*COME, *WHOLE, "event load: status 200", "event loadend"],
        ["headers are here: status 200, ok true", *PIECES],
    ),
    "404": (
        [*COME, *WHOLE, "event load: status 404", "event loadend"],
        ["headers are here: status 404, ok false", *PIECES],
    ),
    "No server": (
        [*COME[:2], "readyState 4 DONE", "event error: no answer, no reason given", "event loadend"],
        ["rejected: TypeError: Failed to fetch"],
    ),
}


def told(page: "Page", side: str) -> list[str]:
    """The lines of one side without their times."""
    return page.locator(f"#{side}-log li span:last-child").all_inner_texts()


def over(page: "Page") -> None:
    """Wait until both sides said their last word: then there is nothing to abort."""
    page.locator(".abort:disabled").wait_for(timeout=15000)


@complains("404", "ERR_UNSAFE_PORT")
@both_fronts
@pytest.mark.parametrize("case", TOLD)
def test_xhr_and_fetch_tell_what_happens(zoo: Zoo, front: str, case: str, page: "Page") -> None:
    page.goto(zoo.url("pages", front, "xhr/"))
    page.get_by_role("button", name=case, exact=True).click()
    over(page)
    for side, expected in zip(("xhr", "fetch"), TOLD[case], strict=True):
        lines = told(page, side)
        assert len(lines) == len(expected), lines
        assert all(re.fullmatch(pattern, line) for pattern, line in zip(expected, lines, strict=True)), lines


@pytest.mark.slow
@both_fronts
def test_a_slow_answer_is_told_piece_by_piece(zoo: Zoo, front: str, page: "Page") -> None:
    page.goto(zoo.url("pages", front, "xhr/"))
    page.get_by_role("button", name="Slow, 2 s").click()
    over(page)
    pieces = [line for line in told(page, "xhr") if line.startswith("event progress")]
    assert len(pieces) >= 3
    assert len([line for line in told(page, "fetch") if line.startswith("a piece")]) >= 3
    assert told(page, "xhr")[-3:] == ["readyState 4 DONE", "event load: status 200", "event loadend"]
    page.locator("h3", has_text="Asked since then: 2").wait_for()  # the chart has both


@pytest.mark.slow
@both_fronts
def test_abort_and_time_limit(zoo: Zoo, front: str, page: "Page") -> None:
    page.goto(zoo.url("pages", front, "xhr/"))
    page.get_by_role("button", name="Slow, 2 s").click()
    page.locator("#xhr-log li", has_text="event loadstart").wait_for()
    page.get_by_role("button", name="Abort").click()
    over(page)
    assert told(page, "xhr")[-3:] == ["readyState 4 DONE", "event abort", "event loadend"]
    assert told(page, "fetch")[-1].startswith("rejected: AbortError: ")
    page.get_by_role("button", name="Time limit 1 s").click()
    over(page)
    assert told(page, "xhr")[-3:] == ["readyState 4 DONE", "event timeout", "event loadend"]
    # Older Chromium (150, not 156) calls it AbortError while it reads the body, whatever the signal's reason.
    assert told(page, "fetch")[-1].startswith(("rejected: TimeoutError: ", "rejected: AbortError: BodyStreamBuffer"))


def test_the_code_shown_is_the_code_that_runs(zoo: Zoo, page: "Page") -> None:
    page.goto(zoo.url("pages", "nginx", "xhr/"))
    source = (ROOT / "pages/public/assets/xhr.js").read_text(encoding="utf-8")
    for side, start in (("xhr", "function withXhr("), ("fetch", "function withFetch(")):
        shown = page.locator(f"#{side}-code").text_content()
        assert shown
        assert shown.startswith(start)
        assert shown in source
