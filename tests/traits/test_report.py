"""The report in one file: it asks no other file, filters, and shows evidence at a click; it stays small."""

import random
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from browser import chromium
from matrix_in_test import small

from gateway_zoo.traits.records import Evidence, Matrix
from gateway_zoo.traits.show import html

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab


def visible(tab: "Tab") -> list[str]:
    return tab.locator("#matrix h3").all_inner_texts()


def test_the_report_filters_and_shows_evidence_and_asks_no_other_file(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    hostile = Evidence("response", "</script><img src=x onerror=window.ran=1>")
    answers = [msgspec.structs.replace(a, evidence=[*a.evidence, hostile]) for a in small().answers]
    html.write(str(file), msgspec.structs.replace(small(), answers=answers, system="</script><b>Linux"))
    asked: list[str] = []
    with chromium() as browser, browser.new_context(viewport={"width": 390, "height": 844}) as context:
        context.on("request", lambda request: asked.append(request.url))
        tab = context.new_page()
        tab.goto(file.as_uri())
        assert len(visible(tab)) == 3
        assert "nginx 1.22.1" in tab.inner_text("#versions")
        tab.select_option("select[name=axis]", "Cost")
        assert visible(tab) == ["How many bytes cross?"]
        tab.select_option("select[name=axis]", "")
        tab.select_option("select[name=exhibit]", "mod_wsgi")
        assert len(visible(tab)) == 3
        tab.select_option("select[name=front]", "nginx")
        assert "Nothing has been asked here." in tab.inner_text("#filter")
        tab.select_option("select[name=front]", "")
        tab.select_option("select[name=exhibit]", "")
        tab.locator("#pid_each_time button", has_text="all others").click()
        tab.locator("dialog pre", has_text="</script><img src=x").wait_for()
        assert tab.locator("dialog select option").count() == 7
        tab.select_option("#cell", label="uwsgi behind apache")
        tab.locator("dialog pre", has_text="GET / HTTP/1.1").wait_for()
        assert tab.evaluate("window.ran") is None
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert asked == [file.as_uri()]


def test_evidence_cannot_blow_the_report_up() -> None:
    """Random letters cannot be packed: each piece is cut until the file is small enough."""
    text = "".join(random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=400_000))  # noqa: S311 - not a secret
    pieces = [Evidence("log", text[start:]) for start in (0, 100_000, 200_000)]
    big: Matrix = msgspec.structs.replace(
        small(), answers=[msgspec.structs.replace(answer, evidence=pieces) for answer in small().answers]
    )
    assert len(html.packed(big)) <= html.MOST
    assert len(html.report(big)) < 4_000_000


@pytest.mark.parametrize("name", ["matrix.js", "matrix.css"])
def test_the_page_of_the_centre_has_the_same_files(name: str) -> None:
    assert (html.HERE / "public" / name).is_file()
    assert "eval" not in (html.HERE / "public" / name).read_text(encoding="utf-8")
