"""The population of a zoo: what a look sees of births, deaths and requests; and what changed between two looks."""

import os
import signal
import time
from collections.abc import Iterator

import msgspec
import psutil
import pytest
from zoo_in_test import REGISTRY, Zoo, eventually, needs_sight

from gateway_zoo.keeper import state
from gateway_zoo.measure import population
from gateway_zoo.measure.population import Event, Process, Snapshot
from gateway_zoo.measure.population_away import AwayWatch
from gateway_zoo.measure.population_watch import Watch
from gateway_zoo.measure.process_tree import ProcessRow
from gateway_zoo.settings import Settings, read_settings


@pytest.fixture(scope="module")
def small() -> Iterator[Zoo]:
    """A process per request, one process, and workers that are made again."""
    with Zoo() as zoo:
        yield zoo.up("cgi", "fastcgi", "wsgi-sync")


def settings_of(zoo: Zoo) -> Settings:
    return state.running_settings(read_settings(zoo.env | {"ZOO_ROOT": str(zoo.root)}))


@pytest.fixture
def watch(small: Zoo) -> Iterator[Watch]:
    watch = Watch(settings_of(small), REGISTRY, sweep_s=0)
    yield watch
    watch.close()


# --- what changed -----------------------------------------------------------------------------------------------------


def process(pid: int, requests: int = 0, pss: int | None = 1) -> Process:
    return Process(pid, "worker", 0, 1, pss, 0.1, None, 5.0, requests)


def of(*families: population.Family, events: tuple[Event, ...] = (), why: str = "") -> Snapshot:
    return population.snapshot(1.0, list(families), list(events), why)


def test_a_difference_has_whole_families_new_events_and_the_order_of_all() -> None:
    one, two = (Event(number, 1.0, "born", "a", number, "worker") for number in (1, 2))
    a, b = population.family("a", [process(1)], 0, []), population.family("b", [process(2), process(3)], 4, [])
    again = population.family("a", [process(1, requests=1)], 1, [])
    before = of(a, b, events=(one,))
    assert population.difference(before, of(a, b, events=(one,))) is None, "the time alone is no news"
    change = population.difference(before, of(again, b, events=(one, two)))
    assert change
    assert (change.families, change.order, change.events) == ([again], ["a", "b"], [two])
    assert (change.processes, change.threads, change.pss) == (3, 3, 3)
    gone = population.difference(before, of(b, events=(one,)))
    assert gone
    assert (gone.families, gone.order, gone.events) == ([], ["b"], [])
    ended = population.difference(before, of(why="No zoo runs."))
    assert ended
    assert (ended.order, ended.why) == ([], "No zoo runs.")


def test_one_unknown_size_makes_the_sum_unknown_and_a_tree_has_depths() -> None:
    assert population.family("a", [process(1), process(2, pss=None)], 0, []).pss is None
    rows = [
        ProcessRow(name, "", pid, ppid, 1, 1, 1, 0.0, 0.0)
        for name, pid, ppid in (("a", 1, 9), ("a", 2, 1), ("b", 3, 2), ("b", 4, 3), ("a", 5, 2))
    ]
    assert population.depths(rows) == {1: 0, 2: 1, 3: 0, 4: 1, 5: 2}


# --- a running zoo ----------------------------------------------------------------------------------------------------


def test_the_first_look_has_every_family_its_processes_and_their_requests(small: Zoo, watch: Watch) -> None:
    for _ in range(3):
        small.get("fastcgi", "nginx")
    workers = psutil.Process(small.session("wsgi-sync")).children
    eventually(lambda: len(workers()) == 4, 10, "gunicorn has forked all its workers")
    families = {family.name: family for family in watch.look().families}
    assert {"keeper", "sentinel", "nginx", "apache", "cgi", "fastcgi", "wsgi-sync"} <= set(families)
    (server,) = families["fastcgi"].rows
    assert (server.pid, server.role, families["fastcgi"].exhibits) == (small.session("fastcgi"), "server", ["fastcgi"])
    assert (families["fastcgi"].requests or 0) == (server.requests or 0) >= 5, "up has asked it through both fronts"
    assert [(row.role, row.depth) for row in families["wsgi-sync"].rows] == [("master", 0), *[("worker", 1)] * 4]
    assert (families["nginx"].requests or 0) >= 6


@needs_sight
def test_a_sweep_has_memory_and_the_share_of_a_core(watch: Watch) -> None:
    assert all(family.cpu is None for family in watch.look().families), "one look knows no share"
    seen = watch.look()
    assert all(row.pss and row.cpu is not None and row.cpu >= 0 for family in seen.families for row in family.rows)
    assert seen.pss == sum(row.pss or 0 for family in seen.families for row in family.rows)


def test_a_process_of_one_request_is_seen_although_it_ended_between_two_looks(small: Zoo, watch: Watch) -> None:
    before = {family.name: family for family in watch.look().families}["cgi"]
    assert small.get("cgi", "nginx", "hello").status_code == 200
    eventually(lambda: watch.look().events, 5, "its log line is read")
    event = watch.look().events[-1]
    assert (event.kind, event.family) == ("came and went", "cgi")
    assert event.pid not in {row.pid for row in before.rows}
    assert event.words.startswith("hello, ")
    after = {family.name: family for family in watch.look().families}["cgi"]
    assert after.requests == (before.requests or 0) + 1
    assert [row.pid for row in after.rows] == [row.pid for row in before.rows]


def test_a_process_that_lives_at_a_look_is_born_and_dies(small: Zoo, watch: Watch) -> None:
    watch.look()
    workers = [row.pid for family in watch.look().families if family.name == "wsgi-sync" for row in family.rows][1:]
    os.kill(workers[0], signal.SIGKILL)

    def kinds() -> list[tuple[str, str]]:
        return sorted((event.kind, event.family) for event in watch.look().events)

    eventually(lambda: kinds() == [("born", "wsgi-sync"), ("died", "wsgi-sync")], 10, "its master makes another")
    died = next(event for event in watch.look().events if event.kind == "died")
    assert (died.pid, died.words.startswith("worker, lived ")) == (workers[0], True)


def test_a_zoo_that_ends_and_comes_back_is_watched_again(watch: Watch) -> None:
    with Zoo() as zoo:
        own = Watch(read_settings(zoo.env | {"ZOO_ROOT": str(zoo.root)}), REGISTRY)
        assert own.look().why == "No zoo runs. To start one: ./zoo up"
        zoo.up("fastcgi")
        first = own.look()
        assert {"fastcgi", "nginx"} <= {family.name for family in first.families}
        assert own.look() is first or own.look().events == []
        zoo.down()
        assert (own.look().families, own.look().why) == ([], "No zoo runs. To start one: ./zoo up")
        own.close()


def test_families_far_away_are_asked_over_http_in_turns(small: Zoo) -> None:
    """As in containers, where nobody sees the processes of others."""
    cells = state.running_cells(settings_of(small))
    away = AwayWatch(lambda: cells, REGISTRY)
    first = away.look()
    families = {family.name: family for family in first.families}
    assert set(families) == {"fastcgi", "wsgi-sync"}, "a process per request has no family between two"
    assert (first.events, "asked in turn" in first.why) == ([], True)
    workers = [row.pid for row in families["wsgi-sync"].rows if row.role == "worker"]
    assert [row.depth for row in families["wsgi-sync"].rows] == [0, 1, 1, 1, 1]
    (server,) = families["fastcgi"].rows
    assert (server.pid, server.threads) == (small.session("fastcgi"), 5)
    assert server.requests
    os.kill(workers[0], signal.SIGKILL)
    eventually(lambda: {event.kind for event in away.look().events} == {"died", "born"}, 15, "its turn comes round")
    assert [event.pid for event in away.look().events if event.kind == "died"] == [workers[0]]


def test_a_snapshot_is_json(watch: Watch) -> None:
    snapshot = watch.look()
    assert msgspec.json.decode(msgspec.json.encode(snapshot), type=Snapshot) == snapshot
    assert abs(snapshot.at - time.time()) < 60
