"""One process of a family is stopped by family and place. It comes back, and no other process gets a signal."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
import requests
from zoo_in_test import Zoo, eventually, needs_sight, slow

from gateway_zoo.keeper import families, process, state
from gateway_zoo.keeper.stop_worker import NotStopped, stop_worker
from gateway_zoo.settings import Settings

pytestmark = needs_sight
BACK_S = 15.0


@pytest.fixture(scope="module")
def zoo() -> Iterator[Zoo]:
    """A master with two workers, one process alone, one inside Apache, and one process per request."""
    with Zoo() as made:
        yield made.up("uwsgi", "fastcgi", "mod_wsgi", "cgi")


def settings_of(zoo: Zoo) -> Settings:
    return Settings(zoo.root, zoo.run)


def pids(zoo: Zoo, family: str) -> list[int]:
    """The family's processes in the order of their places."""
    running = state.read(settings_of(zoo))
    assert running
    return [born.pid for born in families.living(running.token, running.sessions, zoo.run).get(family, [])]


def answers(zoo: Zoo, exhibit: str, front: str) -> bool:
    try:
        return zoo.get(exhibit, front).text == "pong\n"
    except requests.RequestException:
        return False


def test_a_killed_worker_is_replaced_and_its_master_and_siblings_live(zoo: Zoo) -> None:
    master, first, second = pids(zoo, "uwsgi")
    stopped = stop_worker(settings_of(zoo), "uwsgi", 3)
    assert (stopped.family, stopped.place, stopped.pid) == ("uwsgi", 3, second)
    eventually(lambda: len(pids(zoo, "uwsgi")) == 3 and second not in pids(zoo, "uwsgi"), BACK_S, "another worker")
    assert pids(zoo, "uwsgi")[:2] == [master, first]
    assert zoo.session("uwsgi") == master
    assert f"uwsgi: its process {second}, at place 3, got SIGKILL" in zoo.logs()


@pytest.mark.parametrize("family", ["fastcgi", "mod_wsgi", *slow("nginx", "apache")])
def test_the_first_process_of_a_family_comes_back(zoo: Zoo, family: str) -> None:
    old = pids(zoo, family)[0]
    assert stop_worker(settings_of(zoo), family, 1).pid == old
    eventually(lambda: pids(zoo, family) and old not in pids(zoo, family), BACK_S, f"{family} is back")
    exhibit = family if family in ("fastcgi", "mod_wsgi") else "uwsgi"
    front = family if family == "nginx" else "apache"
    eventually(lambda: answers(zoo, exhibit, front), BACK_S, "it answers")


def test_the_places_are_those_that_ps_shows(zoo: Zoo) -> None:
    rows = json.loads(zoo.cli("ps", "--json").stdout)
    for family in ("uwsgi", "fastcgi", "cgi", "nginx"):
        shown = {row["place"]: row["pid"] for row in rows if row["exhibit"] == family}
        assert shown == dict(enumerate(pids(zoo, family), 1)), family


REFUSED: list[tuple[Any, Any, str]] = [
    ("uwsgi", 0, "uwsgi has no process at place 0 now; its places are 1 to 3"),
    ("uwsgi", -1, "uwsgi has no process at place -1 now"),
    ("uwsgi", 4, "uwsgi has no process at place 4 now"),
    ("uwsgi", os.getpid(), "uwsgi has no process at place"),
    ("uwsgi", 10**30, "uwsgi has no process at place"),
    ("uwsgi", True, "not understood"),
    ("uwsgi", "1", "not understood"),
    ("uwsgi", 1.0, "not understood"),
    ("uwsgi", None, "not understood"),
    (["uwsgi"], 1, "not understood"),
    ("sentinel", 1, "no family 'sentinel' has a process now"),
    ("keeper", 1, "no family 'keeper' has a process now"),
    ("?", 1, "no family '?' has a process now"),
    ("", 1, "no family '' has a process now"),
    ("../uwsgi", 1, "no family '../uwsgi' has a process now"),
    ("scgi", 1, "no family 'scgi' has a process now"),
]


@pytest.mark.parametrize(("family", "place", "words"), REFUSED, ids=[str(number) for number in range(len(REFUSED))])
def test_any_other_name_is_refused_and_nothing_ends(zoo: Zoo, family: Any, place: Any, words: str) -> None:
    before = {name: pids(zoo, name) for name in ("uwsgi", "fastcgi", "sentinel", "nginx")}
    with pytest.raises(NotStopped) as refused:
        stop_worker(settings_of(zoo), family, place)
    assert words in str(refused.value)
    assert {name: pids(zoo, name) for name in before} == before


def test_a_copy_with_a_stolen_token_has_no_place(zoo: Zoo) -> None:
    """A gateway that a person started by hand with the environment of a running one."""
    environment = psutil.Process(zoo.session("fastcgi")).environ()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env=environment) as copy:
        try:
            assert copy.pid not in pids(zoo, "fastcgi")
            stop_worker(settings_of(zoo), "fastcgi", len(pids(zoo, "fastcgi")))
            assert copy.poll() is None
        finally:
            copy.kill()
    eventually(lambda: len(pids(zoo, "fastcgi")) == 1, BACK_S, "fastcgi is back")


def test_a_number_that_is_used_again_gets_no_signal(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the list and the signal the process ended, and another has its number: its birth is another."""
    running = state.read(settings_of(zoo))
    assert running
    listed = families.living(running.token, running.sessions, zoo.run)
    older = {name: [families.Born(born.ticks - 1, born.pid) for born in members] for name, members in listed.items()}
    monkeypatch.setattr(families, "living", lambda *_: older)
    signalled: list[int] = []
    monkeypatch.setattr(signal, "pidfd_send_signal", lambda *given: signalled.append(given[1]))
    with pytest.raises(families.NoSuchPlace, match="the process at place 1 of uwsgi has just ended"):
        families.kill(running.token, running.sessions, zoo.run, "uwsgi", 1)
    assert signalled == []


def test_another_run_directorys_zoo_is_not_reached(zoo: Zoo, tmp_path: Any) -> None:
    with pytest.raises(NotStopped, match=f"the keeper in {tmp_path} does not answer"):
        stop_worker(Settings(zoo.root, tmp_path), "uwsgi", 1)
    assert process.members("0" * 32, set(), zoo.run, everything=True) == []


def test_in_containers_the_command_of_compose_is_named(tmp_path: Any) -> None:
    with pytest.raises(NotStopped, match="docker compose kill uwsgi"):
        stop_worker(Settings(tmp_path, tmp_path, compose=True), "uwsgi", 1)
