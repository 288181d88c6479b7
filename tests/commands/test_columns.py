"""Tables at every width: which columns survive, that no number is ever cut, and that no line is too long."""

import re
from typing import Any

import pytest

from gateway_zoo.commands import logs, ls, ps
from gateway_zoo.commands.tables import check_table
from gateway_zoo.measure.contract import Result
from gateway_zoo.measure.process_tree import ProcessRow
from gateway_zoo.measure.requests import Request
from gateway_zoo.registry.plans import Cell
from gateway_zoo.terminal import columns
from gateway_zoo.terminal.columns import Column

WIDTHS = [60, 72, 80, 100, 120, 300]
FRONTS = ["nginx", "apache", "apache-prefork", "apache-worker", "apache-itk"]
EXHIBITS = ["cgi", "fastcgi-modern", "php-fpm-ondemand", "mod_wsgi-embedded"]


def test_the_column_with_the_highest_rank_leaves_first() -> None:
    table = [Column("a"), Column("bb", rank=2), Column("ccc", rank=1)]
    row = [["1" * 5, "2" * 5, "3" * 5]]
    assert [list(columns.chosen(table, row, width)) for width in (17, 16, 11, 10)] == [[0, 1, 2], [0, 2], [0, 2], [0]]
    assert columns.lines(table, row, 3) == [["a"], ["11111"]], "what stays is whole, even if it is too wide"


def test_what_may_be_cut_or_wrapped_is_and_a_number_is_not() -> None:
    table = [Column("n", right=True), Column("path", least=4), Column("words", least=6, gives="lines")]
    row = [["1234567", "/a/long/path", "some words here"]]
    made = columns.lines(table, row, 21)
    assert all(len(text) <= 21 for lines in made for text in lines)
    assert [line.split()[0] for line in made[1]] == ["1234567", "words"] or "1234567" in made[1][0]
    assert "…" in made[1][0]


def test_wide_characters_count_as_they_are_shown() -> None:
    assert columns.cut("日本語日本語", 5) == "日本…"
    assert columns.words("日本 語 a", 4) == ["日本", "語 a"]


def test_a_word_that_is_longer_than_the_line_is_broken_and_nothing_is_lost() -> None:
    assert columns.words("one twothreefour", 5) == ["one", "twoth", "reefo", "ur"]
    assert columns.words("", 5) == [""]
    assert columns.words("ab", 0) == ["a", "b"]


# --- check ------------------------------------------------------------------------------------------------------------


def checked(fronts: list[str], ms: float = 12345.6) -> tuple[list[Cell], list[Result]]:
    """Every cell open and slow, but for cgi behind nginx, which fails, and php-fpm-ondemand, which is closed."""
    cells = [Cell(e, f, f"http://{f}/{e}", "why" if e.startswith("php") else None) for e in EXHIBITS for f in fronts]
    results = []
    for cell in cells:
        state = "closed" if cell.closed else "failed" if (cell.exhibit, cell.front) == ("cgi", "nginx") else "ok"
        for endpoint in ("hello", "ping"):
            took = ms if state == "ok" else None
            results.append(Result(cell.exhibit, cell.front, endpoint, cell.url, state, None, took, None, None))
    return cells, results


@pytest.mark.parametrize("fronts", [FRONTS[:1], FRONTS[:2], FRONTS], ids=len)
@pytest.mark.parametrize("width", WIDTHS)
def test_check_has_every_exhibit_front_and_time_at_every_width(fronts: list[str], width: int) -> None:
    cells, results = checked(fronts)
    text = check_table.table(cells, results, width)
    assert max(map(len, text)) <= width
    whole = "\n".join(text)
    assert whole.count("12345.6") == 3 * len(fronts) - 1
    assert whole.count("FAILED") == 1
    assert all(exhibit in whole for exhibit in EXHIBITS)
    assert all(front.removeprefix("apache-") in whole.lower() for front in fronts)
    assert "…" not in whole


def test_check_at_80_columns_puts_five_fronts_side_by_side() -> None:
    cells, results = checked(FRONTS, ms=320.5)
    assert len(check_table.table(cells, results, 80)) <= 1 + len(EXHIBITS) + 2


# --- logs, ls, ps -----------------------------------------------------------------------------------------------------

SLOW = Request(
    id="5f0c0ffee5f0c0ffee5f0c0ffee5f0c0",
    time=1700000000.25,
    front="apache-prefork",
    exhibit="mod_wsgi-embedded",
    request="GET /mod_wsgi-embedded/status?json&full&hold=300&a=b HTTP/1.1",
    status=200,
    bytes=12345,
    front_ms=12345.6,
    gateway_ms=12345.5,
    app_ms=12345.4,
    pid=4194304,
)


@pytest.mark.parametrize("width", WIDTHS)
def test_logs_keep_time_status_path_and_the_beginning_of_the_id(width: int) -> None:
    head, row = logs.table([SLOW], width)
    assert max(len(head), len(row)) <= width
    assert re.match(r"\d\d:\d\d:\d\d\.250 200 GET /mod_wsgi-embedde", row)
    assert "5f0c0ffe" in row
    assert "12345.6" in row, "how long it took"
    if width >= 80:
        assert "4194304" in row
        assert "prefork" in row
    if width >= 120:
        assert all(number in row for number in ("12345.5", "12345.4", "mod_wsgi-embedded"))


def listed(fronts: list[str]) -> list[dict[str, Any]]:
    row = {"protocol": "FastCGI", "model": "prefork x threads", "slots": 256, "server": "gunicorn gthread 27.0.0"}
    return [row | {"id": exhibit, "fronts": {front: {"url": "…"} for front in fronts}} for exhibit in EXHIBITS]


@pytest.mark.parametrize("fronts", [FRONTS[:2], FRONTS], ids=len)
@pytest.mark.parametrize("width", WIDTHS)
def test_ls_names_every_front_at_every_width(fronts: list[str], width: int) -> None:
    text = ls.table(listed(fronts), width)
    assert max(map(len, text)) <= width
    whole = "\n".join(text)
    for word in ("nginx", "apache", "prefork x threads", *EXHIBITS):
        assert whole.count(word) >= (len(EXHIBITS) if word in ("nginx", "apache") else 1)
    assert "…" not in whole
    assert ("256" in whole) == (width >= 72)


@pytest.mark.parametrize("width", WIDTHS)
def test_ps_keeps_pids_and_memory_whole(width: int) -> None:
    rows = [
        ProcessRow("mod_wsgi-embedded", "master", 4194303, 1, 128, 1, 123456_000_000, 1234.56, 1.0),
        ProcessRow("mod_wsgi-embedded", "worker", 4194304, 4194303, 128, 1, None, 1234.56, 1.0),
    ]
    text = [line for row in columns.lines(ps.COLUMNS, ps.cells(rows), width) for line in row]
    assert max(map(len, text)) <= width
    assert "4194303" in text[1]
    assert "123456.0" in text[1]
    assert text[2].split()[:2] == ["worker", "4194304"]


@pytest.mark.parametrize("width", [1, 5, 20, 40])
def test_no_table_ends_in_a_traceback(width: int) -> None:
    cells, results = checked(FRONTS)
    assert check_table.table(cells, results, width)
    assert logs.table([SLOW, Request("x", 0)], width)
    assert ls.table(listed(FRONTS), width)
