"""The monolith and the microservices as tests ask them: their clock, their processes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from zoo_in_test import FRONTS, ROOT, Zoo

MONOLITH, MICRO = "uwsgi-monolith", "uwsgi-micro"
BOTH = (MONOLITH, MICRO)
PORT = 9090
PUBLIC = ROOT / "monolith/public/static"


@pytest.fixture(name="own_zoo")
def a_zoo_of_its_own() -> Iterator[Zoo]:
    """Only the two exhibits, for one test that breaks something."""
    with Zoo() as zoo:
        yield zoo.up(*BOTH)


def bases(zoo: Zoo) -> dict[str, str]:
    """Every way to each of the two: through both fronts, and to the monolith also straight."""
    found = {f"{id} behind {front}": zoo.url(id, front, "") for id in BOTH for front in FRONTS}
    return {**found, "monolith, straight": straight(zoo)}


def straight(zoo: Zoo) -> str:
    return f"http://127.0.0.1:{PORT + zoo.shift}/{MONOLITH}/"


def clock(base: str) -> dict[str, Any]:
    facts = clock_if_up(base)
    assert facts, f"{base} does not answer"
    return facts


def clock_if_up(base: str) -> dict[str, Any]:
    """What the clock says; empty while the exhibit does not answer."""
    answer = requests.get(f"{base}clock", timeout=20)
    if answer.status_code != 200:
        return {}
    assert answer.headers["Content-Type"] == "application/json", base
    facts: dict[str, Any] = answer.json()
    return facts


def answers(base: str) -> bool:
    return bool(clock_if_up(base))


def counts(base: str, least: int) -> bool:
    """Has the clock counted so far? One request: between two, the exhibit may go away."""
    return clock_if_up(base).get("count", -1) >= least  # type: ignore[no-any-return]


def is_stale(base: str) -> bool:
    return bool(clock(base)["stale"])


def is_fresh(base: str) -> bool:
    return not is_stale(base)


def ticked_since(base: str, before: dict[str, Any]) -> bool:
    """Has the timer written again, and twice, so that it is not only the monolith's first? One request, as above."""
    return clock_if_up(base).get("time", 0) > before["time"] + 1.5  # type: ignore[no-any-return]


def rows(zoo: Zoo, *ids: str) -> list[dict[str, Any]]:
    done = zoo.cli("ps", *ids, "--json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def pid_of(zoo: Zoo, family: str, role: str) -> int:
    """Pid of the first process of that role."""
    return int(next(row["pid"] for row in rows(zoo, family) if (row["exhibit"], row["role"]) == (family, role)))
