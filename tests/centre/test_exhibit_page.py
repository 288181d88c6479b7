"""The exhibit page and side by side: the label as nodes, a worker's death, and where the time goes."""

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from centre_in_test import CentreZoo, a_centre  # noqa: F401 - a fixture
from centre_tab import fits, inside, opened
from zoo_in_test import ROOT, eventually, needs_sight, slow

from gateway_zoo.centre import markdown
from gateway_zoo.centre import page as pages
from gateway_zoo.centre.context import Context
from gateway_zoo.centre.page import Refused
from gateway_zoo.measure import cgi_time, time_parts
from gateway_zoo.measure.crowd import Bar
from gateway_zoo.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

# --- the label --------------------------------------------------------------------------------------------------------


def flat(nodes: list[markdown.Node]) -> list[markdown.Node]:
    return [each for node in nodes for each in (node, *flat(node.children))]


def words(nodes: list[markdown.Node]) -> str:
    return "".join(node.text for node in flat(nodes))


ALLOWED = {"", "span", "h3", "h4", "h5", *markdown.TAGS.values()}
HOSTILE = [
    "<script>window.ran=1</script>",
    "<img src=x onerror=window.ran=1>",
    "[x](javascript:window.ran=1)",
    "[x](JaVaScRiPt:window.ran=1)",
    "[x](data:text/html,<script>window.ran=1</script>)",
    "[x](//evil.example/)",
    "[x](/api/exhibit/crowd)",
    "[x](../../etc/passwd)",
    "[x](http:javascript:1)",
    "![x](http://evil.example/x.png)",
    "[x]: javascript:window.ran=1\n\n[x]",
    "<!-- a --> <b onclick=window.ran=1>x</b>",
    "> " * 200 + "x",
    "- " * 500 + "x",
    "```<img src=x onerror=window.ran=1>\nx\n```",
    "[" * 2000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=[text[:20] for text in HOSTILE])
def test_a_hostile_label_is_text_and_leads_nowhere(text: str) -> None:
    all_of_them = flat(markdown.nodes(text, ["app.py"]))
    assert {node.tag for node in all_of_them} <= ALLOWED
    assert [node.href for node in all_of_them if node.href] == []


def test_a_label_keeps_its_words_links_and_code() -> None:
    nodes = markdown.nodes("# A\n\n<b> [own](app.py) <https://a.example/b?c>\n\n```\ncode <i>\n```\n", ["app.py"])
    assert [(node.tag, node.href) for node in flat(nodes) if node.tag in ("h3", "a", "pre")] == [
        ("h3", ""),
        ("a", "#file-app.py"),
        ("a", "https://a.example/b?c"),
        ("pre", ""),
    ]
    assert words(nodes) == "A<b> own https://a.example/b?ccode <i>\n"
    for file in sorted(ROOT.glob("*/README.md")):
        shown = words(markdown.nodes(file.read_text(encoding="utf-8")))
        assert "<!--" not in shown, file
        assert len(shown) > 200, file


# --- where the time goes ----------------------------------------------------------------------------------------------


def test_the_parts_of_a_crowd_are_the_time_of_its_requests() -> None:
    bars = [Bar(1, 0, 112, 5, 105, 7, 7), Bar(2, 0, 211, 106, 206, 7, 7)]
    parts = {part.name: (part.ms, part.least, part.most) for part in time_parts.of_bars(bars)}
    assert parts == {
        "way there": (5, 5, 5),
        "queue": (50.5, 0, 101),
        "program": (100, 100, 100),
        "way back": (6, 5, 7),
    }
    assert time_parts.of_bars([]) == []


def test_a_program_is_split_into_imports_and_the_rest() -> None:
    source = (ROOT / "cgi_bin/app.cgi").read_text(encoding="utf-8")
    imports, rest = cgi_time.split(source)
    assert imports == "from wsgiref.handlers import CGIHandler\nfrom zoo_app import app"
    assert rest.endswith("CGIHandler().run(app)")
    assert cgi_time.interpreter(ROOT / "cgi_bin/app.cgi") == ["/usr/bin/env", "python3"]


PARTS = ["front", "fork", "interpreter", "imports", "answer", "end"]


def test_a_cgi_request_is_taken_apart_and_its_imports_are_the_most(centre: CentreZoo) -> None:
    done = centre.cli("crowd", "cgi", "--inside", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    measured = json.loads(done.stdout)
    assert [part["name"] for part in measured["parts"]] == PARTS
    ms = {part["name"]: part["ms"] for part in measured["parts"]}
    assert all(part["least"] <= part["ms"] <= part["most"] for part in measured["parts"])
    assert 0 < ms["fork"] < ms["imports"]
    assert 0 < ms["answer"] < ms["imports"]
    page = centre.post({"cells": [["cgi", "apache"]]}, action="exhibit/inside").json()
    assert (page["front"], page.keys()) == ("apache", measured.keys())
    assert [part["name"] for part in page["parts"]] == PARTS
    refused = centre.post({"cells": [["fastcgi", "nginx"]]}, action="exhibit/inside")
    assert (refused.status, b"starts no Python program" in refused.body) == (409, True)


# --- a worker's death -------------------------------------------------------------------------------------------------

pytestmark = needs_sight


def kill(centre: CentreZoo, exhibit: str, place: Any, front: str = "nginx", **more: Any) -> Any:
    return centre.post({"cells": [[exhibit, front]], "place": place, **more}, action="exhibit/stop-worker")


def test_a_prefork_worker_dies_and_the_family_is_whole_again(centre: CentreZoo) -> None:
    answer = kill(centre, "uwsgi", 3, requests=8, hold_ms=1000)
    assert answer.status == 200, answer
    death = answer.json()
    assert (death["stopped"]["family"], death["stopped"]["place"], death["places"]) == ("uwsgi", 3, 3)
    assert 1 <= death["lost_before"] <= 7, "its own requests, and not those of its sibling"
    assert death["lost_before"] + death["lost_after"] == len(death["crowd"]["failed"])
    assert death["died"] < death["whole"]
    pids = {lane["pid"] for lane in death["crowd"]["lanes"]}
    assert len(pids - {death["stopped"]["pid"]}) >= 1
    assert re.search(r"place 3 of 3\) got SIGKILL after \d+ ms\. It cost", " ".join(death["sentences"]))


@pytest.mark.parametrize("id", ["cgi", *slow("fastcgi")])
def test_the_command_draws_the_death(centre: CentreZoo, id: str) -> None:
    done = centre.cli("crowd", id, "--stop-worker", "--hold", "1000", "--requests", "3", env={"COLUMNS": "80"})
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(rf"^{id} behind nginx: process \d+ of {id} \(place \d", done.stdout)
    assert re.search(r"^no answer +x[x ]*$", done.stdout, re.MULTILINE)
    last = "nothing is to be replaced" if id == "cgi" else "the family had 1 process again"
    assert last in done.stdout
    assert "It cost 1 request " in done.stdout if id == "cgi" else "It cost 3 requests " in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if "█" in line)


REFUSED: list[tuple[Any, Any, int, str]] = [
    ("uwsgi", 0, 409, "uwsgi has no process at place 0 now"),
    ("uwsgi", -1, 409, "uwsgi has no process at place -1 now"),
    ("uwsgi", 99999, 409, "uwsgi has no process at place 99999 now"),
    ("uwsgi", "1", 422, "place: expected a whole number"),
    ("uwsgi", True, 422, "place: expected a whole number"),
    ("uwsgi", None, 422, "place: expected a whole number"),
    ("uwsgi", [1], 422, "place: expected a whole number"),
    ("keeper", 1, 422, "there is no cell 'keeper'"),
    ("nginx", 1, 422, "there is no cell 'nginx'"),
    ("scgi", 1, 409, "scgi is closed behind nginx"),
]


@pytest.mark.parametrize(("exhibit", "place", "status", "sentence"), REFUSED, ids=[str(n) for n in range(len(REFUSED))])
def test_another_name_is_refused_and_nothing_ends(
    centre: CentreZoo, exhibit: str, place: Any, status: int, sentence: str
) -> None:
    eventually(lambda: len(centre.json("/api/exhibit/uwsgi?live")["rows"]) == 3, 10, "uwsgi is whole")
    before = [row["pid"] for row in centre.json("/api/exhibit/uwsgi?live")["rows"]]
    answer = kill(centre, exhibit, place, requests=1, hold_ms=10)
    assert (answer.status, sentence in answer.body.decode()) == (status, True), answer
    assert [row["pid"] for row in centre.json("/api/exhibit/uwsgi?live")["rows"]] == before


WRONG = [
    (["cgi", "fastcgi", "--stop-worker"], 2, "2 exhibits; expected one"),
    (["fastcgi", "--stop-worker", "--inside"], 2, "--stop-worker works alone"),
    (["fastcgi", "--place", "1"], 2, "--place belongs to --stop-worker"),
    (["fastcgi", "--stop-worker", "--nginx", "http://127.0.0.1:1"], 2, "on the zoo that runs here"),
    (["fastcgi", "--inside"], 3, "fastcgi starts no Python program for a request"),
    (["uwsgi", "--stop-worker", "--place", "0", "--hold", "10"], 3, "uwsgi has no process at place 0 now"),
]


@pytest.mark.parametrize(("given", "status", "sentence"), WRONG, ids=[" ".join(given) for given, _, _ in WRONG])
def test_wrong_words_stop_nothing(centre: CentreZoo, given: list[str], status: int, sentence: str) -> None:
    done = centre.cli("crowd", *given)
    assert (done.returncode, sentence in done.stderr, done.stdout) == (status, True, ""), done


def test_in_containers_the_family_comes_over_http_and_a_worker_is_stopped_by_compose(
    centre: CentreZoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A centre with the settings of a container, before the fronts of this zoo."""
    for front in ("nginx", "apache"):
        monkeypatch.setenv(f"ZOO_{front.upper()}", f"http://127.0.0.1:{centre.ports[front]}")
    context = Context(Settings(ROOT, centre.run, compose=True))
    page = pages.find()["exhibit"]
    shown = page.data(context, {"id": "uwsgi"})
    here = centre.json("/api/exhibit/uwsgi?live")["rows"]
    assert shown.kill == "docker compose kill uwsgi"
    assert page.data(context, {"id": "mod_wsgi"}).kill == "docker compose kill apache"
    assert [row.pid for row in shown.family.rows] == [row["pid"] for row in here]
    assert all(row.place is None and row.pss > 0 for row in shown.family.rows), "no button"
    assert "as the exhibit itself says" in shown.family.why
    with pytest.raises(Refused, match="docker compose kill uwsgi"):
        page.actions["stop-worker"](context, {"cells": [["uwsgi", "nginx"]], "place": 1})
    assert [row["pid"] for row in centre.json("/api/exhibit/uwsgi?live")["rows"]] == [row["pid"] for row in here]


# --- side by side -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_exhibits_are_measured_in_sentences(centre: CentreZoo) -> None:
    answer = centre.post({"cells": [["fastcgi", "nginx"], ["uwsgi", "nginx"]]}, action="compare/measure")
    assert answer.status == 200, answer
    measured = answer.json()
    assert [seen["exhibit"] for seen in measured["observations"]] == ["fastcgi", "uwsgi"]
    text = " ".join(measured["sentences"])
    assert "Wire protocol: fastcgi FastCGI, uwsgi uwsgi." in text
    assert "Behind nginx, fastcgi next to uwsgi: 1 process against 2" in text
    for cells in ([["fastcgi", "nginx"]], [["fastcgi", "nginx"], ["uwsgi", "apache"]], [["fastcgi", "nginx"]] * 2):
        assert centre.post({"cells": cells}, action="compare/measure").status == 422


# --- in a browser -----------------------------------------------------------------------------------------------------


def barriers(tab: "Tab") -> list[str]:
    """What axe-core finds."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="requirements-test.lock").Axe()
    return [each["id"] for each in axe.run(tab).response["violations"]]


@pytest.mark.slow
@pytest.mark.parametrize("size", ["projector", "phone"])
def test_a_worker_is_stopped_by_mouse_after_a_question_and_its_death_is_drawn(centre: CentreZoo, size: str) -> None:
    with opened(centre, "/exhibit/uwsgi", size) as tab:
        tab.fill("#hold", "1000")
        tab.locator("#family button", has_text="Stop this worker").last.click()
        assert "Send SIGKILL to worker" in tab.locator("#what").inner_text()
        tab.click("#no")
        assert tab.locator("dialog[open]").count() == 0
        assert tab.locator(".crowd").count() == 0, "nothing happens without a yes"
        tab.locator("#family button", has_text="Stop this worker").last.click()
        tab.click("#yes")
        tab.locator(".crowd .mark.died").wait_for(state="attached", timeout=30_000)
        assert tab.locator(".crowd .failed").count() >= 1
        assert "got SIGKILL" in tab.locator(".crowd figcaption").inner_text()
        assert inside(tab) == []
        assert fits(tab)
        assert barriers(tab) == []


@pytest.mark.slow
def test_a_cgi_request_is_taken_apart_by_keyboard(centre: CentreZoo) -> None:
    with opened(centre, "/exhibit/cgi", "phone", "dark") as tab:
        tab.locator("#inside button").focus()
        tab.keyboard.press("Enter")
        tab.locator("#insides svg").wait_for(timeout=60_000)
        heads = tab.locator("#insides tr + tr > th").all_inner_texts()
        assert heads == PARTS
        tab.locator("#label summary").focus()
        tab.keyboard.press("Enter")
        assert tab.locator("#label h3").first.inner_text() == "CGI"
        assert "<!--" not in tab.locator("#label").inner_text()
        assert fits(tab)
        assert barriers(tab) == []


@pytest.mark.slow
@pytest.mark.parametrize("size", ["projector", "phone"])
def test_side_by_side_opens_every_section(centre: CentreZoo, size: str) -> None:
    with opened(centre, "/compare/cgi/fastcgi", size) as tab:
        tab.fill("#hold", "50")
        tab.click("#send")
        tab.locator("#pictures .crowd").nth(1).wait_for(timeout=30_000)
        assert tab.locator("#parts table").count() == 2
        for name in ("variables", "configuration", "measured"):
            tab.click(f"#{name} summary")
        assert "fastcgi_pass unix:fastcgi.sock" in tab.locator("#configuration").inner_text()
        assert "SCRIPT_FILENAME" in tab.locator("#differ").inner_text()
        tab.click("#observe")
        tab.locator("#figures tr").first.wait_for(timeout=90_000)
        assert "Behind nginx, cgi next to fastcgi" in tab.locator("#sentences").inner_text()
        assert fits(tab)
        assert barriers(tab) == []


def test_the_records_are_those_of_the_api() -> None:
    """The browser gets nodes whose empty fields are left out."""
    assert msgspec.json.encode(markdown.nodes("a")) == b'[{"tag":"p","children":[{"text":"a"}]}]'
