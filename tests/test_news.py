"""Four ways to hear news, through every cell: what works, what fails and why, who is freed when a client goes."""

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import requests
import websockets
from websockets.sync.client import connect
from zoo_in_test import FRONTS, ROOT, Zoo, eventually, needs_sight

from gateway_zoo import keeper, probe, settings
from gateway_zoo.registry import load

FUTURE = 99999999999  # an item that nobody will live to see
FREED_S = 8.0  # Apache needs two writes to notice, one a second, and then the gateway two more; a busy machine
TELL = [
    e.id for e in load(ROOT).exhibits.values() if (e.interface or load(ROOT).cage_of(e.id).file.interface) != "SAPI"
]


def cells(zoo: Zoo) -> list[tuple[str, str]]:
    return [cell for cell in zoo.open_cells() if cell[0] in TELL]


def family(exhibit: str) -> str:
    return load(ROOT).exhibits[exhibit].family


def waiting(zoo: Zoo, exhibit: str, front: str) -> dict[str, int]:
    facts: dict[str, int] = zoo.get(exhibit, front, "news/waiting").json()
    return facts


@contextmanager
def holding(zoo: Zoo, exhibit: str, front: str, path: str) -> Iterator[tuple[str, socket.socket]]:
    """A client that has asked and got the first of its answer; gives the status line. It vanishes at the end."""
    with socket.create_connection(("127.0.0.1", zoo.ports[front]), timeout=20) as client:
        client.sendall(f"GET /{exhibit}/{path} HTTP/1.1\r\nHost: 127.0.0.1:{zoo.ports[front]}\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = client.recv(4096)
            assert piece, answer
            answer += piece
        yield answer.split(b"\r\n")[0].decode(), client


def events(zoo: Zoo, exhibit: str, front: str, query: str, **headers: str) -> list[dict[str, Any]]:
    answer = zoo.get(exhibit, front, f"news/events?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    found = []
    for block in answer.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "data" in fields:
            found.append(json.loads(fields["data"]))
            assert fields["id"] == str(found[-1]["n"])
    return found


# --- what is answered -------------------------------------------------------------------------------------------------


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


# --- who waits takes a place, and gives it back -----------------------------------------------------------------------


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


@pytest.mark.parametrize(("exhibit", "front"), [("wsgi", "nginx"), ("fastcgi", "apache"), ("asgi", "apache")])
def test_a_thousand_long_polls_get_a_clear_answer_each(fresh_zoo: Zoo, exhibit: str, front: str) -> None:
    zoo = fresh_zoo.up(exhibit)
    answers, pings = asyncio.run(_thousand(zoo, exhibit, front))
    limit = 32 if exhibit == "asgi" else 3
    print(exhibit, front, dict(answers), f"{len(pings)} pings, the slowest {max(pings):.0f} ms")
    assert answers == {200: limit, 503: 1000 - limit}


# --- WebSocket --------------------------------------------------------------------------------------------------------


def socket_url(zoo: Zoo, exhibit: str, front: str, path: str = "news/socket") -> str:
    return zoo.url(exhibit, front, path).replace("http", "ws", 1)


@pytest.mark.parametrize("front", FRONTS)
def test_a_websocket_speaks_both_ways(zoo: Zoo, front: str) -> None:
    with connect(socket_url(zoo, "asgi", front), origin=f"http://127.0.0.1:{zoo.ports[front]}") as client:  # type: ignore[arg-type]
        client.send('{"ping": "\\u2713"}')
        said = [json.loads(client.recv(5)) for _ in range(4)]
    assert [m["pong"] for m in said if "pong" in m] == ["✓"]
    numbers = [m["n"] for m in said if "n" in m]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    eventually(lambda: zoo.get("asgi", front).text == "pong\n", 5, "it goes on")


@pytest.mark.parametrize("front", FRONTS)
def test_a_page_of_another_origin_gets_no_websocket(zoo: Zoo, front: str) -> None:
    mine = f"http://127.0.0.1:{zoo.ports[front]}"
    for origin in ("http://example.org", "null", "", mine + ".example.org", mine.replace("http:", "https:"), mine[:-1]):
        with pytest.raises(websockets.InvalidStatus) as refused:
            connect(socket_url(zoo, "asgi", front), additional_headers={"Origin": origin}).close()
        assert refused.value.response.status_code == 403, origin
        assert refused.value.response.body == b"a WebSocket is opened to pages of this origin only\n"


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize(
    ("said", "code"),
    [
        *((said, 1003) for said in ("no JSON", "[]", "{}", b"\xff\x00", "[" * 4096, '{"ping": ' + "[" * 4000)),
        ('{"ping": "' + "é" * 2043 + '"}', 1009),
    ],
)
def test_what_nobody_understands_ends_the_websocket(zoo: Zoo, front: str, said: str | bytes, code: int) -> None:
    with connect(socket_url(zoo, "asgi", front)) as client:
        client.send(said)
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            _all_of(client)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code
    assert zoo.get("asgi", front).text == "pong\n"


def _all_of(client: Any) -> None:
    while True:
        client.recv(5)


@pytest.mark.parametrize("front", FRONTS)
def test_a_malformed_frame_ends_the_websocket(zoo: Zoo, front: str) -> None:
    frames = {
        "not masked": b"\x81\x02hi",  # RFC 6455, section 5.1: a client's frame must be
        "an unknown opcode": b"\x83\x80aaaa",
        "a reserved bit": b"\xc1\x80aaaa",
        "half a UTF-8 character": b"\x81\x81\0\0\0\0\xc3",
        "a ping of 126 bytes": b"\x89\xfe\0\x7eaaaa" + b"x" * 126,
        "the end of the world": b"\x81\xff" + b"\xff" * 8,
        "the old frame": b"\x00hello\xff",  # hixie-76: it has no length and no mask
    }
    for what, frame in frames.items():
        with handshaken(zoo, front) as client:
            client.sendall(frame)
            said = read_to_the_end(client)
            codes = [int.from_bytes(said[i + 2 : i + 4], "big") for i in range(len(said)) if said[i] == 0x88]
            assert {1002, 1007, 1009} & set(codes), (what, said)
    assert zoo.get("asgi", front).text == "pong\n"


@contextmanager
def handshaken(zoo: Zoo, front: str) -> Iterator[socket.socket]:
    url = zoo.url("asgi", front, f"news/socket?since={FUTURE}")
    lines = [f"{name}: {value}" for name, value in probe.handshake(url).items()]
    request = "\r\n".join([f"GET {url.partition(':')[2][2:].partition('/')[2].join(['/', ''])} HTTP/1.1", *lines])
    with socket.create_connection(("127.0.0.1", zoo.ports[front]), timeout=15) as client:
        client.sendall(f"{request}\r\nHost: 127.0.0.1:{zoo.ports[front]}\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        assert head.split()[1] == b"101", head
        yield client


def read_to_the_end(client: socket.socket) -> bytes:
    said = b""
    try:
        while piece := client.recv(4096):
            said += piece
    except ConnectionResetError:
        pass
    return said


def test_no_wsgi_program_switches_protocols(zoo: Zoo) -> None:
    # nginx tunnels for uwsgi_pass and scgi_pass after a 101, past its own rules (test_news_no_socket.py)
    for exhibit, front in cells(zoo):
        for path in ("news/socket", "ping", "news", "status"):
            if exhibit == "asgi" and path == "news/socket":
                continue
            url = zoo.url(exhibit, front, path)
            answer = probe.ask(url, headers=probe.handshake(url))
            assert answer.status in ((501,) if path == "news/socket" else (200, 400)), (exhibit, front, path)
    assert zoo.get("asgi", "nginx", "news/socket").status_code == 426


# --- the source, and what it costs those who hear no news -------------------------------------------------------------


def test_importing_the_app_does_not_import_news(zoo: Zoo) -> None:
    environ = keeper.environment(settings.from_environment(zoo.env | {"ZOO_ROOT": str(ROOT)}), "test", "test")
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
