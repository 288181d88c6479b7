"""The figures of a real zoo: what `compare` and `news` say of it, and of what is closed. No speed is asserted."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from zoo_in_test import Zoo, needs_sight


@pytest.fixture(scope="module")
def some() -> Iterator[Zoo]:
    with Zoo() as made:
        yield made.up("cgi", "fastcgi", "wsgi-sync", "asgi", "mod_wsgi")


def compared(zoo: Zoo, *words: str) -> dict[tuple[str, str], Any]:
    done = zoo.cli("compare", *words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return {(cell["exhibit"], cell["front"]): cell for cell in json.loads(done.stdout)["cells"]}


@pytest.mark.slow
@needs_sight
def test_memory_is_said_apart(some: Zoo) -> None:
    cells = compared(some, "cgi", "fastcgi", "wsgi-sync")
    for (exhibit, _), cell in cells.items():
        used = cell["memory"]
        assert used["helper"] is None
        assert (used["why"] is None) == (used["requests"] == 4), "a busy machine may start CGI programs too late"
        assert used["helper_why"]
        assert used["parallel"] >= used["one"] > 0
        if exhibit == "cgi":
            assert (used["rest"], used["rest_processes"], used["after"]) == (0, 0, 0)
            assert used["parallel_processes"] >= used["requests"] > 1
            assert used["per_request"]["low"] > used["one"] / 8  # pages may be shared, a process there is
        else:
            assert used["rest"] > 0
            assert used["per_request"]["value"] < used["rest"] / 4
    assert cells["wsgi-sync", "nginx"]["memory"]["rest_processes"] == 5  # with the master


@pytest.mark.slow
def test_sentences_name_what_is_closed(some: Zoo) -> None:
    text = " ".join(some.cli("compare", "mod_wsgi", "fastcgi").stdout.split())
    assert "closed: mod_wsgi behind nginx: nginx embeds no Python interpreter" in text
    assert "Behind apache, mod_wsgi next to fastcgi: " in text
    assert "0.0 times" not in text


@pytest.mark.parametrize("command", ["compare", "news"])
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_nothing_open_is_exit_3_and_says_why(some: Zoo, command: str, as_json: list[str]) -> None:
    by_address = ("mod_wsgi", f"--nginx=http://127.0.0.1:{some.ports['nginx']}")
    for words, why in ((by_address, "nginx embeds no Python interpreter"), (("scgi",), "left out of this start")):
        done = some.cli(command, *words, *as_json)
        assert done.returncode == 3, done.stdout + done.stderr
        assert "nothing that was asked for is open" in done.stderr
        assert why in done.stderr
        assert json.loads(done.stdout)["cells"] is not None if as_json else not done.stdout


@pytest.mark.slow
def test_polling_waits_half_a_period_whenever_the_command_begins(some: Zoo) -> None:
    done = some.cli("news", "fastcgi", "asgi", "mod_wsgi", "--json")
    cells = json.loads(done.stdout)["cells"]
    assert done.returncode == 0, cells
    polls = [cell for cell in cells if cell["way"] == "polling" and cell["state"] == "works"]
    assert {(cell["exhibit"], cell["front"]) for cell in polls} >= {("fastcgi", "nginx"), ("mod_wsgi", "apache")}
    for cell in polls:
        assert cell["items"] >= 20
        assert cell["expected_ms"] == 525
        assert cell["low_ms"] < 525 < cell["high_ms"], "polls found items young and old"
    quickest = min(cell["ms"] for cell in polls)  # the others may be held up by a busy machine
    assert 400 < quickest < 700


@pytest.mark.slow
def test_news_end_with_what_all_of_it_comes_to(some: Zoo) -> None:
    done = some.cli("news", "mod_wsgi", env={"COLUMNS": "60"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 60
    assert "all cells answered as their labels say\nclosed: mod_wsgi behind nginx: nginx embeds no" in done.stdout
