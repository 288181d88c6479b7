"""Apache's MPMs: one configuration under each, and the table that `compare --mpm` fills by looking."""

import dataclasses
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from zoo_in_test import Zoo, needs_sight

from gateway_zoo.commands.tables import mpm_table
from gateway_zoo.measure import mpm
from gateway_zoo.measure.mpm import Seen

MPMS = {"apache": "event", "apache-prefork": "prefork", "apache-worker": "worker"}
IDS = ("mod_wsgi-embedded", "fastcgi", "asgi")


@pytest.fixture(scope="module")
def four() -> Iterator[Zoo]:
    """nginx and the three Apaches that need no root, side by side."""
    with Zoo() as made:
        made.ports |= {"apache-prefork": made.ports["apache"] + 1, "apache-worker": made.ports["apache"] + 2}
        yield made.up("--mpm", "all", *IDS)


@pytest.mark.slow
@pytest.mark.parametrize("front", MPMS)
def test_the_same_app_and_fragments_answer_under_each(four: Zoo, front: str) -> None:
    for exhibit in IDS:
        facts = four.status(exhibit, front)
        assert (facts["front"], facts["exhibit"], facts["path_info"]) == (front, exhibit, "/status")


@pytest.mark.slow
def test_check_asks_all_of_them(four: Zoo) -> None:
    done = four.cli("check", *IDS, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(done.stdout)["cells"]
    assert {row["front"] for row in rows if row["state"] == "ok"} == {"nginx", *MPMS}
    assert {row["why"] for row in rows if row["front"] == "apache-itk"} == {
        "ITK's parent must be root, and the zoo gives root up; docker compose --profile itk up -d"
    }


def test_an_apache_that_ends_idle_connections_early_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine took longer between two requests than Apache keeps an idle connection."""
    rounds = iter(range(3))

    def ask(_: str) -> list[tuple[mpm.Worker, mpm.Worker]]:
        if next(rounds) < 2:
            raise mpm.Closed("ended")
        return [((1, 1), (1, 1))]

    monkeypatch.setattr(mpm, "_twice_on_each", ask)
    assert mpm._pairs("http://127.0.0.1:1") == [((1, 1), (1, 1))]


def test_an_apache_that_ends_every_connection_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"

        def end_each() -> None:
            for _ in range(mpm.ATTEMPTS):
                server.accept()[0].close()

        threading.Thread(target=end_each, daemon=True).start()
        with pytest.raises(mpm.Unusable, match="the connection ended without an answer"):
            mpm._pairs(url)


@pytest.fixture(scope="module")
def compared(four: Zoo) -> dict[str, Any]:
    """What `compare --mpm --json` says, asked once: it starts three more Apaches, ten seconds each."""
    done = four.cli("compare", "--mpm", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@needs_sight
def test_the_table_is_filled_from_observation(four: Zoo, compared: dict[str, Any]) -> None:
    seen = {row["mpm"]: row for row in compared["mpms"]}
    assert {mpm: row["threaded"] for mpm, row in seen.items()} == {"event": "yes", "worker": "yes", "prefork": "no"}
    assert {mpm: row["serves"] for mpm, row in seen.items()} == {
        "event": "a thread per request",
        "worker": "a thread per connection",
        "prefork": "a child per connection",
    }
    me = four.status("fastcgi", "nginx")["user"]
    for row in seen.values():
        assert (row["parent"], row["children"], row["dso"]) == (me, me, "yes")
        assert not {"threaded", "parent", "children", "serves"} & row["differs"].keys(), "as the lecture says"
    assert {mpm for mpm, row in seen.items() if "dso" in row["differs"]} == {"event", "worker"}
    assert seen["event"]["differs"]["dso"].startswith("The lecture claims no. mod_wsgi, which answered")
    # A forked child costs at least ten times what a thread does, however noisy the machine is.
    for name in ("idle", "busy"):
        assert seen["prefork"][name] > 10 * max(seen["event"][name], seen["worker"][name], 1), seen


@pytest.mark.slow
@needs_sight
@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_fits_and_says_why_it_differs(
    compared: dict[str, Any], columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    fields = {field.name for field in dataclasses.fields(Seen)}
    seen = [Seen(**{name: value for name, value in row.items() if name in fields}) for row in compared["mpms"]]
    mpm_table.show_all(seen, [row["differs"] for row in compared["mpms"]], compared["lecture"], "start {}".format)
    shown = capsys.readouterr().out
    assert max(len(line) for line in shown.splitlines()) <= columns
    assert "lecture says" in shown
    assert "itk was not observed" in shown


@pytest.mark.slow
def test_one_mpm_by_name(fresh_zoo: Zoo) -> None:
    fresh_zoo.up("--mpm", "worker", "mod_wsgi-embedded")
    facts = fresh_zoo.status("mod_wsgi-embedded", "apache")
    assert (facts["front"], facts["multithread"]) == ("apache", True)
    configuration = fresh_zoo.run / "apache/local.conf"
    assert "Define ZOO_MPM     worker\n" in configuration.read_text(encoding="utf-8")


def test_itk_is_closed_with_its_reason(fresh_zoo: Zoo) -> None:
    done = fresh_zoo.cli("up", "-d", "--mpm", "itk", "fastcgi")
    assert done.returncode == 0, done.stderr
    assert "closed: apache: ITK's parent must be root" in done.stdout
    assert fresh_zoo.open_cells() == [("fastcgi", "nginx")]


@pytest.mark.parametrize("mpm", ["winnt", "Event", "event worker"])
def test_an_mpm_that_does_not_exist(fresh_zoo: Zoo, mpm: str) -> None:
    done = fresh_zoo.cli("up", "-d", "--mpm", mpm)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"ZOO_MPM={mpm}: expected one of event, prefork, worker, itk, all" in done.stderr


def test_compare_without_any_apache(fresh_zoo: Zoo) -> None:
    done = fresh_zoo.cli("compare", "--mpm")
    assert done.returncode == 3
    assert "./zoo up --mpm all" in done.stderr
