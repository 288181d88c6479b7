"""`zoo crowd`, and the crowd picture's numbers: each process model looks as it is declared."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from centre_in_test import CentreZoo, a_centre  # noqa: F401 - a fixture
from zoo_in_test import slow

from gateway_zoo.commands import crowd as command
from gateway_zoo.measure import crowd
from gateway_zoo.measure.crowd import Bar, Crowd, Lane
from gateway_zoo.registry.plans import Cell


def crowds(centre: CentreZoo, *words: str) -> list[dict[str, Any]]:
    done = centre.cli("crowd", *words, "--json")
    assert (done.returncode, done.stderr) == (0, ""), done
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def bars(one: dict[str, Any]) -> list[dict[str, Any]]:
    return [bar for lane in one["lanes"] for bar in lane["bars"]]


# --- the numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("front", ["nginx", *slow("apache")])
def test_a_fork_per_request_has_a_process_for_each(centre: CentreZoo, front: str) -> None:
    (one,) = crowds(centre, "cgi", "--requests", "5", "--hold", "100", "--front", front)
    assert (one["exhibit"], one["front"], one["requests"], one["hold_ms"]) == ("cgi", front, 5, 100)
    assert len({lane["pid"] for lane in one["lanes"]}) == len(one["lanes"]) == 5
    assert all(lane["pid"] == lane["thread"] for lane in one["lanes"])


def test_threads_are_one_process_and_run_four_at_a_time(centre: CentreZoo) -> None:
    (one,) = crowds(centre, "fastcgi", "--requests", "8", "--hold", "200")
    assert {lane["pid"] for lane in one["lanes"]} == {centre.session("fastcgi")}
    assert len({lane["thread"] for lane in one["lanes"]}) == len(one["lanes"]) == 4
    assert one["parallel"] == 4
    assert 400 <= one["total_ms"] < 5000, "two rounds of four"


def test_prefork_has_its_processes_and_threads(centre: CentreZoo) -> None:
    (one,) = crowds(centre, "uwsgi", "--requests", "8", "--hold", "200")
    assert len({lane["pid"] for lane in one["lanes"]}) == 2
    assert len(one["lanes"]) == 4
    assert one["parallel"] == 4


@pytest.mark.slow
def test_two_exhibits_in_the_order_that_is_given(centre: CentreZoo) -> None:
    both = crowds(centre, "fastcgi", "cgi", "--requests", "2", "--hold", "10")
    assert [one["exhibit"] for one in both] == ["fastcgi", "cgi"]
    assert len(crowds(centre, "cgi", "cgi", "--requests", "1", "--hold", "10")) == 1, "the same one is one"


@pytest.mark.slow
@pytest.mark.parametrize("id", ["cgi", "fastcgi", "uwsgi", "mod_wsgi"])
def test_the_times_are_possible(centre: CentreZoo, id: str) -> None:
    """Sent, began, ended, answered; a thread runs one request at a time; as long as was asked."""
    (one,) = crowds(centre, id, "--requests", "6", "--hold", "50")
    assert one["failed"] == []
    assert sorted(bar["number"] for bar in bars(one)) == [1, 2, 3, 4, 5, 6]
    for bar in bars(one):
        assert 0 <= bar["sent"] <= bar["began"] <= bar["ended"] <= bar["answered"] <= one["total_ms"]
        assert bar["ended"] - bar["began"] >= 49
    for lane in one["lanes"]:
        assert all(first["ended"] <= then["began"] for first, then in pairwise(lane["bars"]))
        assert {(bar["pid"], bar["thread"]) for bar in lane["bars"]} == {(lane["pid"], lane["thread"])}


@pytest.mark.slow
def test_the_page_and_the_command_send_the_same(centre: CentreZoo) -> None:
    answer = centre.post({"cells": [["fastcgi", "nginx"], ["cgi", "apache"]], "requests": 2, "hold_ms": 10})
    page, (word, *_) = answer.json(), crowds(centre, "fastcgi", "--requests", "2", "--hold", "10")
    assert [(one["exhibit"], one["front"]) for one in page] == [("fastcgi", "nginx"), ("cgi", "apache")]
    assert page[0].keys() == word.keys()
    assert bars(page[0])[0].keys() == bars(word)[0].keys()


# --- the picture ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("columns", [80, 120])
def test_the_picture_fits_the_terminal(centre: CentreZoo, columns: int) -> None:
    words = ("crowd", "cgi", "fastcgi", "--requests", "8", "--hold", "100")
    done = centre.cli(*words, env={"COLUMNS": str(columns)})
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    pictures = [line for line in lines if re.match(r"\d", line)]
    axes = [line for line in lines if line.startswith("process / thread")]
    assert len(pictures) == 8 + 4
    assert all(len(line) <= columns for line in (*pictures, *axes))
    assert max(map(len, (*pictures, *axes))) >= columns - 3, "it uses the width"
    assert axes[0] == axes[1], "two pictures share one axis"
    assert all(set(line[23:]) <= set(" ░█▓") for line in pictures)
    assert re.match(
        r"cgi behind nginx: 8 requests of 100 ms took \d+ ms, \d at a time, in 8 processes and 8 threads\.$", lines[0]
    )
    assert "fastcgi behind nginx: 8 requests of 100 ms took" in done.stdout
    assert "4 at a time, in 1 process and 4 threads." in done.stdout
    assert "░ waits  █ runs" in done.stdout


def bar(number: int, sent: float, began: float, ended: float) -> Bar:
    return Bar(number, sent, ended, began, ended, 7, 8)


def test_a_bar_stands_where_its_time_is() -> None:
    lane = Lane(7, 8, [bar(1, 0, 0, 50), bar(2, 0, 50, 100)])
    assert command.bar(lane, 100, 10) == "█████▓▓▓▓▓"
    assert command.bar(lane, 200, 10) == "███▓▓" or command.bar(lane, 200, 10) == "██▓▓▓"
    assert command.bar(Lane(7, 8, [bar(1, 0, 50, 100)]), 100, 10) == "░░░░░█████"
    assert command.bar(Lane(7, 8, [bar(1, 99.99, 99.99, 100)]), 100, 10) == " " * 9 + "█", "the last column"
    assert command.bar(Lane(7, 8, [bar(1, 0, 0, 0.01)]), 100, 10) == "█", "a short one is seen"


@pytest.mark.parametrize("longest", [1, 9.6, 312, 99_999])
def test_the_axis_fits(longest: float) -> None:
    for width in (20, 57, 97):
        axis = command._axis(longest, width)
        assert len(axis) == width
        assert axis.startswith("0 ")
        assert axis.endswith(f" {longest:.0f} ms")


def test_the_sentence_counts() -> None:
    one = Crowd("cgi", "nginx", 1, 10, 1, 35.4, [Lane(7, 7, [bar(1, 0, 5, 15)])], [])
    assert command.sentence(one) == (
        "cgi behind nginx: 1 request of 10 ms took 35 ms, 1 at a time, in 1 process and 1 thread."
    )


# --- what goes wrong --------------------------------------------------------------------------------------------------

WRONG = [
    ([], 2, "Missing argument"),
    (["fastgci"], 2, "unknown exhibit 'fastgci'; did you mean 'fastcgi'?"),
    (["cgi", "fastcgi", "uwsgi"], 2, "3 exhibits; expected one, or two"),
    (["fastcgi", "--front", "iis"], 2, "there is no front 'iis'; expected nginx or apache"),
    (["fastcgi", "--requests", "33"], 2, "33 requests; expected 1 to 32"),
    (["fastcgi", "--requests", "0"], 2, "0 requests; expected 1 to 32"),
    (["fastcgi", "--requests", "many"], 2, "Invalid value for '--requests'"),
    (["fastcgi", "--hold", "9"], 2, "9 ms; expected 10 to 1000"),
    (["fastcgi", "--hold", "1001"], 2, "1001 ms; expected 10 to 1000"),
    (["mod_wsgi", "--front", "nginx"], 3, "closed: mod_wsgi behind nginx: "),
    (["fastcgi", "scgi"], 3, "closed: scgi behind nginx, scgi behind apache: "),
]


@pytest.mark.parametrize(("words", "status", "said"), WRONG, ids=[" ".join(words) or "-" for words, _, _ in WRONG])
def test_wrong_words_send_nothing(centre: CentreZoo, words: list[str], status: int, said: str) -> None:
    before = centre.requests()
    done = centre.cli("crowd", *words)
    assert (done.returncode, said in done.stderr, done.stdout) == (status, True, ""), done
    assert centre.requests() == before + 1


def test_without_a_zoo_it_exits_3(fresh_zoo: CentreZoo) -> None:
    done = fresh_zoo.cli("crowd", "cgi")
    assert (done.returncode, "no zoo is running in " in done.stderr) == (3, True)


def test_a_request_without_an_answer_is_named(centre: CentreZoo) -> None:
    """A cell that does not answer, one that is not ours, and one that answers nonsense."""
    front = centre.ports["nginx"]
    for url, words in {
        "http://127.0.0.1:9/cgi": "ConnectionRefusedError",
        f"http://127.0.0.1:{front}/nothing": "status 404",
        f"http://127.0.0.1:{front}/fastcgi/hello?": "status 404|JSONDecodeError|KeyError",
    }.items():
        one = crowd.send(Cell("fastcgi", "nginx", url), 2, 10)
        assert (one.lanes, one.parallel, len(one.failed)) == ([], 0, 2)
        assert all(re.search(words, each.error) for each in one.failed), one.failed
