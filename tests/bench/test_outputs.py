"""What a reader gets of a report: a table in the terminal, Markdown, one HTML file, JSON."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from browser import chromium
from report_in_test import report

from gateway_zoo.bench import charts, document, html, markdown, readme
from gateway_zoo.bench.records import Report
from gateway_zoo.commands.tables import bench_table

REPORT = report()


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    bench_table.show(document.of(REPORT))
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= width
    assert "! The machine was not steady" in text
    assert re.search(r"^ +1 nginx:uwsgi +1,\d{3} 1,\d{3} to 1,\d{3} ", text, re.MULTILINE)
    assert re.search(r"^nginx:fastcgi +requests/s +\S+ \S+ to \S+ +no difference shown$", text, re.MULTILINE)
    assert "Unknown for nginx:cgi: p99 needs 1000 requests" in text


def test_rows_that_overlap_share_a_rank_and_a_failed_row_has_none() -> None:
    tables = {table.title.split(",")[0]: table.rows for table in document.of(REPORT).tables}
    assert [row[:2] for row in tables["Capacity"]] == [
        ["1", "nginx:uwsgi"],
        ["2", "nginx:wsgi"],
        ["2", "nginx:fastcgi"],
        ["4", "nginx:cgi"],
    ]
    assert tables["Failed"] == [["broken", "100", "12", "3", "12 errors and 3 answers other than 2xx"]]


def test_the_markdown_has_every_table_and_no_markup_of_strangers() -> None:
    odd = msgspec.structs.replace(REPORT, targets=REPORT.targets, warnings=["a | b <script>"])
    text = markdown.of(document.of(odd))
    assert "**Warning:** a \\| b \\<script>" in text
    for table in document.of(REPORT).tables:
        lines = text.partition(f"## {table.title}\n\n")[2].partition("\n\n")[0].splitlines()
        assert len(lines) == 2 + len(table.rows)
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {len(table.columns) + 1}


class _Page(HTMLParser):
    """The tags of a page, and its addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action", "xlink:href")]


def test_the_html_is_one_file_with_its_data_inside() -> None:
    text = html.of(REPORT)
    page = _Page()
    page.feed(text)
    assert "script" not in page.tags
    [address] = page.addresses
    kind, _, data = address.partition(",")
    assert kind == "data:application/json;base64"
    assert msgspec.json.decode(base64.b64decode(data), type=Report) == REPORT
    assert page.tags.count("figure") == len(charts.of(REPORT)) == 5
    assert "Test CPU &lt;x&gt;" in text
    assert "<x>" not in text


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_html_is_for_everybody(width: int, scheme: Any, tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    file = tmp_path / "report.html"
    file.write_text(html.of(REPORT), encoding="utf-8")
    with chromium() as browser, browser.new_context(color_scheme=scheme, bypass_csp=True) as context:
        tab = context.new_page()
        tab.set_viewport_size({"width": width, "height": 720})
        tab.goto(file.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert tab.locator("figure .lane .mark").count() >= 20
        with tab.expect_download() as download:
            tab.click(".download a")
        assert download.value.suggested_filename == "zoo-bench.json"
        assert msgspec.json.decode(Path(download.value.path()).read_bytes(), type=Report) == REPORT
        assert [each["id"] for each in axe.run(tab).response["violations"]] == []


def test_a_chart_places_values_on_a_logarithmic_axis() -> None:
    rate = charts.of(REPORT)[0]
    places = {tick.text: tick.at for tick in rate.ticks}
    assert places["100"] - places["10"] == pytest.approx(places["1,000"] - places["100"], abs=0.001)
    lanes = {lane.name: lane for lane in rate.lanes}
    [mark] = lanes["nginx:uwsgi"].marks
    assert mark.low is not None
    assert mark.high is not None
    assert 0 <= mark.low < mark.at < mark.high <= 1
    assert (len(mark.rounds), len(mark.moved)) == (4, 1), "the round whose control moved is drawn in another way"
    assert lanes["broken"].marks == []
    assert lanes["broken"].sentence == "failed: 12 errors and 3 answers other than 2xx"
    ratios = charts.of(REPORT)[3]
    assert ratios.line is not None
    assert [round(tick.at, 4) for tick in ratios.ticks if tick.text == "1"] == [ratios.line]


@pytest.mark.parametrize(("low", "high"), [(0.97, 1.02), (0.5, 2.0), (0.003, 9000.0), (1.0, 1.0), (118.2, 131.0)])
def test_every_axis_has_a_few_round_numbers(low: float, high: float) -> None:
    ticks = charts._Axis([low, high]).ticks()
    assert 2 <= len(ticks) <= charts.MOST_TICKS
    assert len({tick.text for tick in ticks}) == len(ticks)
    assert all(0 <= tick.at <= 1 and len(tick.text) <= 8 for tick in ticks)


def test_the_documentation_has_every_field_of_the_json() -> None:
    assert readme.outdated() == [], "python -m gateway_zoo.bench.readme --write"
    encoded = msgspec.to_builtins(REPORT)
    assert list(encoded) == list(Report.__struct_fields__)
    text = readme.records_block()
    for name in (*encoded, *encoded["rows"][0], *encoded["machine"], *encoded["rounds"][0]["samples"][0]):
        assert f"| `{name}` |" in text
