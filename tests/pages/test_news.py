"""Four ways to hear news, through every cell: what works, what fails and why; the source, and what it costs.

Who waits: test_news_places.py. WebSocket: test_news_websocket.py. In a browser: test_news_browser.py.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from news_in_test import FUTURE, cells, events, read_to_the_end
from zoo_in_test import FRONTS, ROOT, Zoo, eventually

from gateway_zoo.keeper import children
from gateway_zoo.settings import read_settings

# --- what is answered -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_way_works_or_fails_through_every_cell_as_declared(zoo: Zoo) -> None:
    done = zoo.cli("news", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0, [cell for cell in told["cells"] if not cell["as_declared"]]
    seen = {(c["exhibit"], c["front"], c["way"]): c for c in told["cells"] if c["state"] != "closed"}
    assert {(exhibit, front) for exhibit, front, _ in seen} == set(cells(zoo))
    for (exhibit, front, way), cell in seen.items():
        if way != "WebSocket":
            assert (cell["state"], cell["why"]) == ("works", None), (exhibit, front, way)
    open_to_sockets = {exhibit for (exhibit, _, way), c in seen.items() if way == "WebSocket" and c["state"] == "works"}
    assert open_to_sockets == {"asgi"}
    refused = [c for c in seen.values() if c["state"] == "fails"]
    assert all(c["why"].startswith("501: no WebSocket here: ") for c in refused)


def test_polling_answers_at_once_and_says_who_did(zoo: Zoo) -> None:
    for exhibit, front in cells(zoo):
        answer = zoo.get(exhibit, front, "news")
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        (item,) = answer.json()  # who does not say what it knows gets the newest
        assert abs(time.time() - item["at"]) < 3
        assert item["worker"].split("/")[0].isdigit()
        last = item["n"]
        assert [i["n"] for i in zoo.get(exhibit, front, f"news?since={last - 1}").json()][:1] == [last]
        assert zoo.get(exhibit, front, f"news?since={FUTURE}").json() == []


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("exhibit", ["wsgi", "asgi"])
def test_what_is_no_number_is_refused(zoo: Zoo, exhibit: str, front: str) -> None:
    for since in ("-1", "x", "1e3", "9" * 16, "١", "0x10"):  # noqa: RUF001 - an Arabic digit is no ASCII digit
        for path in ("news", "news/long", "news/events"):
            answer = zoo.get(exhibit, front, f"{path}?since={since}")
            assert answer.status_code == 400, (since, path)
            assert "must be the number of an item" in answer.text
    assert zoo.get(exhibit, front, "news/events", headers={"Last-Event-ID": "x"}).status_code == 400
    assert zoo.get(exhibit, front, "news/nonsense").status_code == 404
    assert requests.post(zoo.url(exhibit, front, "news"), timeout=10).status_code == 405
    for path in ("news", "news/long", "news/events"):
        head = requests.head(zoo.url(exhibit, front, path), timeout=10)
        assert (head.status_code, head.text) == (200, ""), path


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("exhibit", ["wsgi", "asgi", "cgi"])
def test_events_go_on_where_the_browser_lost_them(zoo: Zoo, exhibit: str, front: str) -> None:
    (first,) = events(zoo, exhibit, front, "limit=1")
    eventually(lambda: zoo.get(exhibit, front, f"news?since={first['n'] + 1}").json(), 10, "two more items")
    header = {"Last-Event-ID": str(first["n"])}
    assert [e["n"] for e in events(zoo, exhibit, front, "limit=2", **header)] == [first["n"] + 1, first["n"] + 2]
    assert events(zoo, exhibit, front, "limit=1&since=1", **header)[0]["n"] == first["n"] + 1  # the header wins


@pytest.mark.slow
def test_a_long_poll_has_a_time_limit(zoo: Zoo) -> None:
    def wait(cell: tuple[str, str]) -> tuple[int, Any, float]:
        began = time.monotonic()
        answer = requests.get(zoo.url(*cell, f"news/long?since={FUTURE}"), timeout=40)
        return answer.status_code, answer.json(), time.monotonic() - began

    with ThreadPoolExecutor() as pool:
        for status, items, seconds in pool.map(wait, [("wsgi", "nginx"), ("asgi", "apache"), ("cgi", "nginx")]):
            assert (status, items) == (200, [])
            assert 18 < seconds < 26


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("exhibit", ["wsgi", "asgi"])
def test_only_pages_of_this_machine_may_read_across_origins_and_only_if_asked(
    zoo: Zoo, exhibit: str, front: str
) -> None:
    def allowed(path: str, origin: str) -> str | None:
        return zoo.get(exhibit, front, path, headers={"Origin": origin}).headers.get("Access-Control-Allow-Origin")

    for path in ("news?", "news/long?", "news/events?limit=1&"):
        assert allowed(path, "http://localhost:1") is None
        for mine in ("http://localhost:8081", "http://127.0.0.1", "https://[::1]:8444"):
            assert allowed(f"{path}cors=1", mine) == mine
        for other in ("http://example.org", "http://localhost.example.org", "null", "file://localhost", "http://["):
            assert allowed(f"{path}cors=1", other) is None, other
        assert "Origin" in zoo.get(exhibit, front, f"{path}cors=1").headers["Vary"]
    assert allowed("news?cors=1&since=x", "http://localhost:1") == "http://localhost:1"  # why not is no secret either


# --- the source, and what it costs those who hear no news -------------------------------------------------------------


def test_importing_the_app_does_not_import_news(zoo: Zoo) -> None:
    environ = children.environment(read_settings(zoo.env | {"ZOO_ROOT": str(ROOT)}), "test", "test")
    code = "import sys, zoo_app; print('zoo_news' in sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_source_survives_what_it_is_told(zoo: Zoo) -> None:
    for said in (b"\n", b"[]\n", b"{}\n", b'"x"\n', b'{"since": "x"}\n', b"\xff\n", b"x" * 5000, b"x" * 2000 + b"\n"):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(zoo.run / "sock/news.sock"))
            client.sendall(said)
            assert read_to_the_end(client) == b"", said
    assert zoo.get("wsgi", "nginx", "news").status_code == 200


@pytest.mark.slow
def test_without_a_source_there_is_a_reason_and_then_news_again(fresh_zoo: Zoo) -> None:
    zoo = fresh_zoo.up("wsgi", "asgi")
    eventually(lambda: heard(zoo, "asgi", 0), 10, "asgi follows the source")
    before = {exhibit: zoo.get(exhibit, "nginx", "news").json()[0]["n"] for exhibit in ("wsgi", "asgi")}
    os.kill(zoo.session("news-source"), signal.SIGSTOP)
    try:
        answer = zoo.get("wsgi", "nginx", "news")
        assert (answer.status_code, answer.text) == (
            503,
            "the news source does not answer; it is started with the zoo\n",
        )
        assert zoo.get("wsgi", "nginx").text == "pong\n"
    finally:
        os.kill(zoo.session("news-source"), signal.SIGKILL)  # the keeper starts another
    for exhibit, last in before.items():
        eventually(lambda e=exhibit, n=last: heard(zoo, e, n), 15, f"{exhibit}: numbers go on")  # type: ignore[misc]


def heard(zoo: Zoo, exhibit: str, last: int) -> bool:
    try:
        answer = zoo.get(exhibit, "nginx", f"news?since={last}")
        return answer.status_code == 200 and bool(answer.json())
    except (OSError, http.client.HTTPException):
        return False
