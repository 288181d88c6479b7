"""News: who waits takes a place, and gives it back."""

import asyncio
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from news_in_test import FREED_S, FUTURE, cells, family, holding, waiting
from zoo_in_test import Zoo, eventually, needs_sight

from gateway_zoo.measure import probe

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("exhibit", "front", "limit"), [("wsgi", "nginx", 3), ("uwsgi-http", "apache", 3)])
def test_three_of_four_slots_may_wait_and_ping_gets_through(zoo: Zoo, exhibit: str, front: str, limit: int) -> None:
    eventually(lambda: waiting(zoo, exhibit, front)["waiting"] == 0, 40, "nobody waits")
    with ExitStack() as stack:
        for _ in range(limit):
            line, _client = stack.enter_context(holding(zoo, exhibit, front, f"news/long?since={FUTURE}"))
            assert line.split()[1] == "200"
        assert waiting(zoo, exhibit, front)["waiting"] == limit
        assert waiting(zoo, exhibit, front)["workers"] == limit  # each holds one of its own
        for path in (f"news/long?since={FUTURE}", "news/events"):
            refused = zoo.get(exhibit, front, path)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            assert refused.text == "3 clients wait here already and 3 may: each holds a slot; ask again in a second\n"
        for _ in range(5):
            assert zoo.get(exhibit, front).text == "pong\n"
        assert zoo.get(exhibit, front, "news").status_code == 200  # polling waits for nothing


def test_an_event_loop_holds_many_with_one_worker_but_apache_does_not(zoo: Zoo) -> None:
    with ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(holding(zoo, "asgi", "nginx", "news/events"))
        facts = waiting(zoo, "asgi", "nginx")
        assert facts["waiting"] >= 60
        assert facts["workers"] == 1
        for _ in range(32):
            stack.enter_context(holding(zoo, "asgi", "apache", f"news/long?since={FUTURE}"))
        assert zoo.get("asgi", "apache", "news/events").status_code == 503
        assert zoo.get("asgi", "apache").text == "pong\n"


def test_a_client_that_vanishes_frees_its_worker(zoo: Zoo) -> None:
    def freed(cell: tuple[str, str], path: str) -> float:
        eventually(lambda: waiting(zoo, *cell)["waiting"] == 0, 40, f"{cell}: nobody else waits")
        with holding(zoo, *cell, path) as (line, _client):
            assert line.split()[1] == "200", (cell, line)
            assert waiting(zoo, *cell)["waiting"] == 1
        began = time.monotonic()
        eventually(lambda: waiting(zoo, *cell)["waiting"] == 0, FREED_S, f"{cell} {path}: its worker is free")
        return time.monotonic() - began

    def one_after_the_other(mine: list[tuple[str, str]]) -> list[str]:
        ways = ("news/events", f"news/long?since={FUTURE}")
        return [f"{freed(cell, path):.1f} s {path.split('?')[0]} {cell}" for cell in mine for path in ways]

    families: dict[str, list[tuple[str, str]]] = {}
    for cell in cells(zoo):
        families.setdefault(family(cell[0]), []).append(cell)
    with ThreadPoolExecutor(len(families)) as pool:
        told = [line for lines in pool.map(one_after_the_other, families.values()) for line in lines]
    print(*sorted(told), sep="\n")
    assert len(told) == 2 * len(cells(zoo))


@needs_sight
def test_a_killed_worker_waits_no_more(fresh_zoo: Zoo) -> None:
    zoo = fresh_zoo.up("wsgi-sync")
    with holding(zoo, "wsgi-sync", "nginx", "news/events") as (line, client):
        assert line.split()[1] == "200"
        text = b""
        while b'"worker"' not in text:
            text += client.recv(4096)
        pid = int(text.partition(b'"worker": "')[2].partition(b"/")[0])
        assert pid in {process.pid for process in zoo.processes()}
        assert waiting(zoo, "wsgi-sync", "nginx")["waiting"] == 1
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: waiting(zoo, "wsgi-sync", "nginx")["waiting"] == 0, 5, "the killed worker's client is gone")


async def _long_poll(port: int, exhibit: str) -> int:
    """Status of the answer, read to its end; 0 if there is none."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /{exhibit}/news/long?since={FUTURE} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), 60)
        writer.close()
    except OSError:
        return 0
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1]) if head else 0
    assert body.endswith(b"\n"), answer
    assert status != 503 or b"does not answer. Start it" in body or b"may: each holds a slot" in body, answer
    return status


async def _thousand(zoo: Zoo, exhibit: str, front: str) -> tuple[Counter[int], list[float]]:
    polls = [asyncio.create_task(_long_poll(zoo.ports[front], exhibit)) for _ in range(1000)]
    pings = []
    while not all(poll.done() for poll in polls):
        answer = await asyncio.to_thread(probe.ask, zoo.url(exhibit, front), timeout=30)
        assert answer.body == b"pong\n", answer
        pings.append(answer.ms)
        await asyncio.sleep(0.1)
    return Counter(poll.result() for poll in polls), pings


def test_a_thousand_long_polls_get_a_clear_answer_each(fresh_zoo: Zoo) -> None:
    """A thousand through each of three cells, the cells at the same time: each takes as long as one long poll."""
    limits = {("wsgi", "nginx"): 3, ("fastcgi", "apache"): 3, ("asgi", "apache"): 32}
    zoo = fresh_zoo.up(*(exhibit for exhibit, _ in limits))

    async def all_cells() -> list[tuple[Counter[int], list[float]]]:
        return await asyncio.gather(*(_thousand(zoo, *cell) for cell in limits))

    answers = {}
    for cell, (statuses, pings) in zip(limits, asyncio.run(all_cells()), strict=True):
        print(*cell, dict(statuses), f"{len(pings)} pings, the slowest {max(pings):.0f} ms")
        answers[cell] = dict(statuses)
    assert answers == {cell: {200: limit, 503: 1000 - limit} for cell, limit in limits.items()}
