"""What a death costs in the monolith and in the microservices, and what neither notices."""

import os
import signal
from collections.abc import Callable
from functools import partial

import pytest
from monolith_in_test import (
    BOTH,
    MICRO,
    MONOLITH,
    a_zoo_of_its_own,  # noqa: F401 - a fixture
    answers,
    clock,
    clock_if_up,
    counts,
    is_fresh,
    is_stale,
    pid_of,
    rows,
    ticked_since,
)
from zoo_in_test import Zoo, eventually, needs_sight

pytestmark = pytest.mark.slow


def while_it_recovers(zoo: Zoo, id: str, back: Callable[[], bool]) -> dict[str, set[int]]:
    """Ask hello and a static file until `back`; the statuses that were seen."""
    seen: dict[str, set[int]] = {"hello": set(), "static/hello.txt": set()}

    def all_is_back() -> bool:
        for path, statuses in seen.items():
            statuses.add(zoo.get(id, "nginx", path).status_code)
        return back()

    eventually(all_is_back, 15, f"{id} is whole again")
    return seen


#: What is killed; whether hello and the file answer all the while; whether the count goes on.
DEATHS = [
    (MONOLITH, MONOLITH, "timer mule", True, True, True),
    (MONOLITH, MONOLITH, "worker", True, True, True),
    (MONOLITH, MONOLITH, "router", True, True, True),
    (MONOLITH, MONOLITH, "master", False, False, False),
    (MICRO, "uwsgi-micro-timer", "timer", True, True, True),
    (MICRO, "uwsgi-micro-cache", "cache", True, True, False),
    (MICRO, MICRO, "master", False, True, True),
]


@needs_sight
def test_what_a_death_costs(own_zoo: Zoo) -> None:
    for id, family, role, hello, static, goes_on in DEATHS:
        base = own_zoo.url(id, "nginx", "")
        eventually(partial(counts, base, 4), 10, f"{id} ticks")
        before, victim = clock(base), pid_of(own_zoo, family, role)
        masters = {name: own_zoo.session(name) for name in own_zoo.state()["sessions"]}
        os.kill(victim, signal.SIGKILL)
        seen = while_it_recovers(own_zoo, id, partial(ticked_since, base, before))
        case = f"{role} of {family}"
        # Nginx asks at once, so it may catch the moment in which nobody listens; if it did not, nothing is proved.
        assert seen["static/hello.txt"] == {200} or not static, (case, seen)
        assert seen["hello"] == {200} or not hello, (case, seen)
        assert (clock(base)["count"] > before["count"]) == goes_on, (case, before, clock(base))
        restarted = {name for name, pid in masters.items() if own_zoo.session(name) != pid}
        expected = {family} if victim == masters[family] else set()
        assert restarted == expected, case  # by the keeper; the others by uWSGI's own master


@needs_sight
def test_a_timer_that_hangs_makes_the_clock_stale_and_nothing_else(own_zoo: Zoo) -> None:
    for id, family, role in ((MONOLITH, MONOLITH, "timer mule"), (MICRO, "uwsgi-micro-timer", "timer")):
        base, timer = own_zoo.url(id, "nginx", ""), pid_of(own_zoo, family, role)
        os.kill(timer, signal.SIGSTOP)
        try:
            eventually(partial(is_stale, base), 10, f"{id}: the clock is stale")
            assert own_zoo.get(id, "nginx", "hello").status_code == 200, id
            assert own_zoo.get(id, "nginx", "static/hello.txt").status_code == 200, id
            assert pid_of(own_zoo, family, role) == timer, "alive, so nobody starts it again"
        finally:
            os.kill(timer, signal.SIGCONT)
        eventually(partial(is_fresh, base), 5, f"{id}: the clock goes on")


def test_a_new_app_leaves_the_cache_of_the_microservices_alone(own_zoo: Zoo) -> None:
    for id, kept in ((MONOLITH, False), (MICRO, True)):
        base = own_zoo.url(id, "nginx", "")
        eventually(partial(counts, base, 4), 10, f"{id} ticks")
        before = clock(base)["count"]
        done = own_zoo.cli("restart", id)
        assert done.returncode == 0, done.stderr
        eventually(partial(answers, base), 10, f"{id} answers")
        assert (clock(base)["count"] >= before) == kept, id


def test_a_graceful_reload_keeps_the_master_and_replaces_the_workers(own_zoo: Zoo) -> None:
    """uWSGI executes itself again; the wrong Python would have no pyuwsgi."""
    for id in BOTH:
        base, master = own_zoo.url(id, "nginx", ""), own_zoo.session(id)
        before = {row["pid"] for row in rows(own_zoo, id)}
        os.kill(master, signal.SIGHUP)
        eventually(partial(answers_from_another, base, before), 15, f"{id} has new workers")
        assert own_zoo.session(id) == master, "uWSGI reloads itself; the keeper has started nothing"


def answers_from_another(base: str, pids: set[int]) -> bool:
    facts = clock_if_up(base)
    return bool(facts) and facts["reader"]["pid"] not in pids
