"""What figures say: digits, intervals and verdicts, and the tables that hold them, at every width, without a server."""

import contextlib
import dataclasses
import io
import tomllib
from typing import Any

import pytest
from rich.console import Console
from zoo_in_test import ROOT

from gateway_zoo.commands.tables import compare_table, mpm_table, news_table
from gateway_zoo.measure import compare_words, figures, memory, mpm, mpm_memory, observe
from gateway_zoo.measure import lecture as lecture_table
from gateway_zoo.measure.figures import Interval
from gateway_zoo.measure.memory import Memory, Reading
from gateway_zoo.measure.news import Result
from gateway_zoo.measure.observe import Observation
from gateway_zoo.registry import why_closed
from gateway_zoo.registry.plans import Cell
from gateway_zoo.terminal import columns, tables

WIDTHS = [40, 60, 80, 100, 120, 160]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[(0.013, "0.013"), (0.0044, "0.0044"), (0.0996, "0.10"), (0.9, "0.90"), (1.24, "1.2"), (9.96, "10")],
        *[(45.4, "45"), (999, "1000"), (1234, "1200"), (0, "0"), (-0.0131, "-0.013"), (float("nan"), "-")],
    ],
)
def test_a_ratio_keeps_two_digits_that_mean_something(value: float, text: str) -> None:
    assert figures.two_digits(value) == text


def test_there_is_no_ratio_to_nothing() -> None:
    assert figures.ratio(1, 0) is figures.ratio(0, 1) is None
    assert figures.ratio(0.5, 118) == "0.0042"


def test_sizes_and_times_are_never_rounded_to_nothing() -> None:
    assert [figures.milliseconds(ms) for ms in (0.043, 0.5, 1.23, 134.4)] == ["0.043", "0.50", "1.2", "134"]
    assert [figures.megabytes(size) for size in (None, 0, 42_000, 1_230_000, 23_400_000)] == [
        *("-", "0", "0.042", "1.2", "23")
    ]
    assert [figures.memory(size) for size in (None, 256, 42_300, 1_200_000)] == ["unknown", "256 B", "42 kB", "1.2 MB"]
    assert figures.percentile(range(1, 101), 0.95) == 95
    assert (figures.percentile([3, 1, 2], 0.05), figures.percentile([3, 1, 2], 0.95)) == (1, 3)


# --- memory of one exhibit -------------------------------------------------------------------------------------------


def reading(in_flight: int, reader: int, **sizes: int | None) -> Reading:
    return Reading(in_flight, reader, {int(pid[1:]): size for pid, size in sizes.items()})


def test_a_program_that_ends_with_its_request_uses_nothing_at_rest() -> None:
    rest = [reading(1, 1, p1=21), reading(1, 2, p2=23)]
    full = [reading(4, 3, p3=20, p4=20, p5=20, p6=20), reading(4, 7, p7=21, p8=21, p9=21, p10=21)]
    used = memory.sum_up(rest, full, rest, 4, fresh=True)
    assert (used.rest, used.rest_processes, used.one, used.parallel, used.parallel_processes) == (0, 0, 22, 82, 4)
    assert used.per_request == Interval(20.5, 20, 21)
    assert used.helper is None
    assert "answers no HTTP" in used.helper_why


def test_what_a_first_request_makes_is_no_cost_of_a_request_in_flight() -> None:
    before, after = [reading(1, 1, p1=100)] * 2, [reading(1, 1, p1=200), reading(1, 1, p1=201)]
    used = memory.sum_up(before, [reading(4, 1, p1=200), reading(4, 1, p1=202)], after, 4, fresh=False)
    assert (used.rest, used.after, used.parallel) == (100, 200.5, 201)
    assert used.per_request == Interval(0.125, -0.25, 0.5)
    assert not used.per_request.measurable


def test_what_may_not_be_read_is_unknown_and_says_why() -> None:
    hidden = [reading(1, 1, p1=1, p2=None)] * 2
    used = memory.sum_up(hidden, hidden, hidden, 4, fresh=False)
    assert (used.rest, used.one, used.parallel, used.per_request) == (None, None, None, None)
    assert used.why == memory.NOT_READABLE


def test_fewer_in_flight_than_wanted_is_said() -> None:
    used = memory.sum_up([reading(1, 1, p1=5)], [reading(3, 1, p1=8)], [reading(1, 1, p1=5)], 4, fresh=False)
    assert (used.requests, used.per_request) == (3, Interval(1, 1, 1))
    assert used.why == "of 4 requests only 3 were in flight at once"


# --- compare's table -------------------------------------------------------------------------------------------------

AXES = {"wire protocol": "FastCGI", "programming interface": "CGI program", "process model": "prefork", "server": "x"}


def used(rest: float | None, processes: int, each: float) -> Memory:
    full = None if rest is None else rest + 4 * each
    per = None if rest is None else Interval(each, each * 0.9, each * 1.1)
    return Memory(rest, processes, rest, full, 4, 4, rest, per, None, None, memory.STARTER)


def seen(exhibit: str, front: str, used: Memory) -> Observation:
    served = dict.fromkeys(range(30000, 30032), 1)
    return Observation(
        *(exhibit, front, 32, 128, 8, 8, 1, 8, served, [1, 2], ["www-data"], True, True, False, 1234.5, 118.25, used)
    )


CELLS = [
    seen("php-fpm-ondemand", "apache-prefork", used(1_919_575_552, 64, 14_000_000)),
    seen("mod_wsgi-embedded", "nginx", used(0, 0, 21_000_000)),
    seen("cgi", "nginx", used(None, 1, 0)),
]


@pytest.mark.parametrize("width", WIDTHS)
def test_columns_of_compare_are_whole_or_not_there(width: int) -> None:
    heads, rows = compare_table.columns(CELLS, dict.fromkeys((o.exhibit for o in CELLS), AXES))
    text = rendered(width, lambda out: tables.rows(out, heads, rows))
    assert max(map(len, text.splitlines())) <= width
    survivors = list(columns.chosen(heads, rows, width))
    assert survivors == sorted(survivors), "their order"
    for index in survivors:
        assert all(cell in text for cell in [heads[index].name, *(row[index] for row in rows)]), (heads[index], text)
    assert "\N{HORIZONTAL ELLIPSIS}" not in text


def test_what_survives_on_which_terminal() -> None:
    usual = [dataclasses.replace(o, front="apache") for o in CELLS]
    table = compare_table.columns(usual, dict.fromkeys((o.exhibit for o in CELLS), AXES))
    heads = {width: [table[0][index].name for index in columns.chosen(*table, width)] for width in (60, 80, 120)}
    assert heads[60] == ["exhibit", "front", "processes", "threads", "parallel"]
    assert heads[80] == [*heads[60], "median ms", "MB at rest", "at four"]
    assert {"protocol", "process model", "first ms"} <= set(heads[120])


def test_two_exhibits_in_sentences_are_compared_by_what_can_be() -> None:
    cgi, threads = seen("cgi", "nginx", used(0, 0, 21_000_000)), seen("scgi", "nginx", used(22_000_000, 1, 10))
    text = compare_words.difference(cgi, threads)
    assert "memory at rest none against 22 MB, with four requests in flight 84 MB against 22 MB (3.8 times)" in text
    assert "per request in flight 19 to 23 MB against too little to measure, 1.0 times the median time" in text
    assert "none at rest" in compare_words.memory_sentence(cgi.memory)
    assert compare_words.memory_sentence(used(None, 1, 0)).startswith("Its memory is unknown")
    slow, fast = (dataclasses.replace(cgi, median_ms=ms) for ms in (118.0, 0.52))
    assert "0.0044 times the median time" in compare_words.difference(fast, slow)


def test_a_figure_of_three_requests_is_not_shown_as_one_of_four() -> None:
    three = dataclasses.replace(used(0, 0, 21_000_000), requests=3)
    shared = dataclasses.replace(used(17_000_000, 5, 0), parallel=11_000_000.0)
    rows = [seen("cgi", "nginx", three), seen("php-fpm", "nginx", shared)]
    heads, texts = compare_table.columns(rows, dict.fromkeys(("cgi", "php-fpm"), AXES))
    four = [column.name for column in heads].index("at four")
    assert [row[four] for row in texts] == ["-", "11"]
    assert [line.partition(":")[0] for line in compare_table.remarks(rows)] == ["cgi", "php-fpm"]
    assert "with 3 at once" in compare_words.memory_sentence(three)


def test_closed_cells_are_told_by_reason() -> None:
    shut = [Cell("a", "nginx", "", "no \x1b[31m"), Cell("b", "nginx", "", "no \x1b[31m"), Cell("c", "nginx", "u")]
    assert why_closed.lines(shut) == ["closed: a behind nginx, b behind nginx: no \\x1b[31m"]
    assert not why_closed.nothing_open(shut)
    assert why_closed.nothing_open(shut[:2])


# --- compare --mpm ---------------------------------------------------------------------------------------------------


def test_a_slope_has_the_interval_of_its_parts() -> None:
    assert mpm_memory.slope([(10, 1000.0), (20, 1400.0), (30, 2000.0)]) == Interval(50, 40, 60)
    assert mpm_memory.slope([(10, 1000.0)]) is None
    assert mpm_memory.slope([(65, 9.0), (65, 10.0), (64, 11.0)]) is None, "no more connections, no cost of one"


def apache(name: str, idle: tuple[int, int, int] | None, fresh: bool = True) -> mpm.Seen:
    value, low, high = idle or (None, None, None)
    told = ("yes", "root", "www-data", "a child per request", "yes", 3, 261, fresh)
    return mpm.Seen(name, "apache", *told, idle=value, idle_low=low, idle_high=high)


LECTURE = {
    name: {"event": low, "worker": low, "prefork": "high", "why": "It is {observed}.", "title": "title"}
    for name, low in [*dict.fromkeys(lecture_table.WORDED, "yes").items(), *dict.fromkeys(mpm.RANKED, "low").items()]
}


@pytest.mark.parametrize(
    ("event", "prefork", "fresh", "differs"),
    [
        ((60_000, 50_000, 70_000), (40_000, 30_000, 45_000), True, True),
        ((60_000, 40_000, 70_000), (40_000, 30_000, 45_000), True, False),  # the intervals overlap
        ((60_000, 50_000, 70_000), (40_000, 30_000, 45_000), False, False),  # lower bounds
        ((38_000, 37_000, 41_000), (750_000, 710_000, 790_000), True, False),  # as the lecture says
        (None, (40_000, 30_000, 45_000), True, False),
    ],
)
def test_no_verdict_inside_the_noise(
    event: tuple[int, int, int] | None, prefork: tuple[int, int, int], fresh: bool, differs: bool
) -> None:
    pair = [apache("event", event, fresh), apache("prefork", prefork, fresh)]
    assert ["idle" in lecture_table.differences(pair, one, LECTURE) for one in pair] == [differs, differs]


def test_too_little_to_measure_is_said() -> None:
    assert mpm.size(Interval(256, -1000, 4000), fresh=True) == "too little to measure (below 4.0 kB)"
    assert mpm.size(Interval(38_300, 37_200, 40_700), fresh=True) == "38 kB (37 to 41 kB)"
    assert mpm.size(Interval(38_300, 37_200, 40_700), fresh=False) == "at least 37 kB"
    assert mpm.size(None, fresh=True) == "unknown"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_of_the_mpms_cuts_no_number(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    mpms = ("event", "prefork", "worker", "itk")
    four = [apache(name, (1_938_300, 937_200, 1_140_700)) for name in mpms]
    lecture = {name: row | {"itk": "high"} for name, row in LECTURE.items()}
    text = printed(lambda: mpm_table.show_all(four, [{}] * 4, lecture, str))
    assert max(map(len, text.splitlines())) <= width
    for number in ("1.9", "940", "1.1"):
        assert text.count(number) >= 4, text


# --- news ------------------------------------------------------------------------------------------------------------

WAYS = ["polling", "long poll", "SSE", "WebSocket"]


def heard(exhibit: str, front: str, way: str, state: str = "works") -> Result:
    ms = 1234.5 if way == "polling" else 12.3
    expected = 525.0 if way == "polling" else None
    if way == "WebSocket":
        return Result(exhibit, front, way, "u", "fails", None, "501: no", "WSGI is a call that returns")
    return Result(exhibit, front, way, "u", state, ms, None, None, ms / 10, ms * 2, 21, expected)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_news_fit_with_whole_numbers(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    results = [heard(id, f, way) for id in ("mod_wsgi-embedded", "cgi") for f in ("nginx", "apache") for way in WAYS]
    text = printed(lambda: news_table.show_all(results, WAYS))
    assert max(map(len, text.splitlines())) <= width
    words = " ".join(text.split())
    for part in ("1234", "12.3", "fails [1]", "525 ms, half of the time", "all cells answered as their labels say"):
        assert part in words, text
    assert ("1234 (123-2469)" in text) == (width >= 80)
    assert ("12.3 (1.2-24.6)" in text) == (width >= 120)


def test_news_say_which_cell_did_not_answer_as_its_label_says() -> None:
    wrong = dataclasses.replace(heard("cgi", "nginx", "SSE"), state="fails", ms=None, why="held back")
    lines = news_table.summary([heard("cgi", "nginx", "polling"), wrong], WAYS)
    assert lines[-1] == "! cgi behind nginx: SSE fails: held back"
    assert not any("as their labels" in line for line in lines)


def rendered(width: int, draw: Any) -> str:
    stream = io.StringIO()
    draw(Console(file=stream, width=width))
    return stream.getvalue()


def printed(draw: Any) -> str:
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        draw()
    return stream.getvalue()


#: The course's own table: prefork, event, worker, ITK.
COURSE = {
    "threaded? no yes yes no",
    "parent runs as nobody nobody nobody root",
    "children run as nobody nobody nobody user",
    "can use DSO? yes no no yes",
    "thread/child per? connection request connection connection",
    "resource usage high lowest low high",
}


def test_the_lecture_file_holds_the_table_of_the_course() -> None:
    lecture = tomllib.loads((ROOT / "apache/mpm/lecture.toml").read_text(encoding="utf-8"))
    assert set(lecture) == {*lecture_table.WORDED, *mpm.RANKED}
    rows = {
        " ".join([row["title"], *(row[mpm] for mpm in ("prefork", "event", "worker", "itk"))])
        for row in lecture.values()
    }
    assert rows >= COURSE
    assert all(
        row[name] in lecture_table.WORDS for row in (lecture[rank] for rank in mpm.RANKED) for name in ("event", "itk")
    )
    assert observe.IN_FLIGHT == 4  # the words of compare say "four"


@pytest.mark.parametrize(
    ("word", "observed", "agrees"),
    [
        ("nobody", "www-data", True),
        ("nobody", "zoo, www-data", True),
        ("nobody", "root", False),
        ("nobody", "root, www-data", False),
        ("nobody", "a user per virtual host", False),
        ("root", "www-data", False),
        ("root", "unknown", True),
        ("user", "a user per virtual host", True),
        ("user", "www-data", False),
        ("connection", "a thread per connection", True),
        ("request", "a thread per connection", False),
        ("no", "yes", False),
    ],
)
def test_what_the_words_of_the_lecture_cover(word: str, observed: str, agrees: bool) -> None:
    assert lecture_table.agrees(word, observed) == agrees
