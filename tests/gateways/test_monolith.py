"""One uWSGI that does everything, and the same functions apart: what they share.

What a death costs in each: test_monolith_deaths.py.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from monolith_in_test import (
    BOTH,
    MICRO,
    MONOLITH,
    PORT,
    PUBLIC,
    a_zoo_of_its_own,  # noqa: F401 - a fixture
    bases,
    clock,
    counts,
    rows,
    straight,
)
from raw_http import ask, request
from zoo_in_test import FRONTS, ROOT, Zoo, eventually, free, needs_sight

from gateway_zoo.registry import installed


@pytest.fixture(scope="module")
def small_zoo() -> Iterator[Zoo]:
    """The two exhibits, and one of another cage as a control; shared by the tests that break nothing."""
    with Zoo() as zoo:
        yield zoo.up(*BOTH, "uwsgi-http")


# --- what both do -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_check_and_compare_are_content(small_zoo: Zoo) -> None:
    checked = json.loads(small_zoo.cli("check", *BOTH, "--json").stdout)
    assert (checked["failed"], checked["closed"]) == (0, 0), checked
    assert {cell["endpoint"] for cell in checked["cells"]} > {"hello", "clock", "static/hello.txt"}
    compared = small_zoo.cli("compare", *BOTH, "--json")
    assert compared.returncode == 0, compared.stdout + compared.stderr


@pytest.mark.slow
def test_the_monolith_needs_no_web_server(small_zoo: Zoo) -> None:
    base = straight(small_zoo)
    hello = requests.get(f"{base}hello", timeout=20)
    assert (hello.status_code, hello.content) == (200, b"Hello from the Gateway Zoo\n")
    facts = requests.get(f"{base}status?json", timeout=20).json()
    assert (facts["exhibit"], facts["front"], facts["remote_addr"]) == (MONOLITH, None, "127.0.0.1")
    refused = requests.post(f"{base}hello", timeout=20)
    assert (refused.status_code, set(refused.headers["Allow"].split(", "))) == (405, {"GET", "HEAD"})


@pytest.mark.slow
def test_the_clock_goes_on(small_zoo: Zoo) -> None:
    for way, base in bases(small_zoo).items():
        before = clock(base)
        assert abs(time.time() - before["time"]) < 3, (way, before)
        assert not before["stale"], (way, before)
        eventually(partial(counts, base, before["count"] + 2), 6, f"{way} ticks")


def test_who_writes_and_who_reads(small_zoo: Zoo) -> None:
    """In the monolith writer and reader are two processes of one program; in the other two programs."""
    for way, base in bases(small_zoo).items():
        eventually(partial(counts, base, 2), 6, f"{way} ticks")  # the first is the master's
        found = clock(base)
        assert found["writer"]["pid"] != found["reader"]["pid"], (way, found)
        one_program = found["writer"]["program"] == found["reader"]["program"]
        assert one_program == ("monolith" in way), (way, found)
    assert clock(small_zoo.url(MICRO, "nginx", ""))["writer"]["pid"] == small_zoo.session("uwsgi-micro-timer")


def test_the_clock_is_read_only(small_zoo: Zoo) -> None:
    for way, base in bases(small_zoo).items():
        assert requests.post(f"{base}clock", timeout=20).status_code == 405, way
        assert requests.head(f"{base}clock", timeout=20).status_code == 200, way


# --- static files -----------------------------------------------------------------------------------------------------


def test_static_files_are_the_same_bytes_everywhere(small_zoo: Zoo) -> None:
    kinds = {"hello.txt": "text/plain;charset=utf-8", "monolith.svg": "image/svg+xml"}
    for way, base in bases(small_zoo).items():
        for name, kind in kinds.items():
            answer = requests.get(f"{base}static/{name}", timeout=20)
            assert (answer.status_code, answer.content) == (200, (PUBLIC / name).read_bytes()), (way, name)
            assert answer.headers["Content-Type"].replace(" ", "").startswith(kind), (way, name, answer.headers)
            assert answer.headers["X-Content-Type-Options"] == "nosniff", (way, name)


@pytest.mark.slow
def test_static_files_ask_no_gateway_in_the_microservices(own_zoo: Zoo) -> None:
    os.killpg(own_zoo.session(MICRO), signal.SIGSTOP)
    try:
        for front in FRONTS:
            assert own_zoo.get(MICRO, front, "static/hello.txt").status_code == 200, front
    finally:
        os.killpg(own_zoo.session(MICRO), signal.SIGCONT)


#: Ways out of the folder, each below static/. What lies there: clock.py, and monolith.ini in the cage.
ESCAPES = [
    "../../monolith.ini",
    "%2e%2e/%2e%2e/monolith.ini",
    "..%2f..%2fmonolith.ini",
    "%2e%2e%2f%2e%2e%2fmonolith.ini",
    ".%2e/.%2e/monolith.ini",
    "..%5c..%5cmonolith.ini",
    "%252e%252e/%252e%252e/monolith.ini",
    "..;/..;/monolith.ini",
    "/../../monolith.ini",
    "x/../../../monolith.ini",
    "%00/../../../monolith.ini",
    "%c0%ae%c0%ae/%c0%ae%c0%ae/monolith.ini",
    f"/{ROOT}/monolith/monolith.ini",
    "....//....//monolith.ini",
]


def test_no_path_leads_out_of_the_static_folder(small_zoo: Zoo) -> None:
    secret = b"strict = true"
    assert secret in (ROOT / "monolith/monolith.ini").read_bytes()
    for way, base in bases(small_zoo).items():
        port, path = int(urlsplit(base).port or 0), urlsplit(base).path
        for escape in (*(f"static/{e}" for e in ESCAPES), "static../../monolith.ini", "static%2e%2e/../monolith.ini"):
            answer = ask(port, request(f"{path}{escape}"))
            assert secret not in answer.body, (way, escape)
            assert answer.status >= 400, (way, escape, answer)


def test_no_link_leads_out_of_the_static_folder(small_zoo: Zoo) -> None:
    link = PUBLIC / f"link-{os.getpid()}.txt"
    link.symlink_to("../../monolith.ini")
    try:
        for way, base in bases(small_zoo).items():
            answer = requests.get(f"{base}static/{link.name}", timeout=20)
            assert answer.status_code in (403, 404), (way, answer.status_code)
            assert b"strict" not in answer.content, way
    finally:
        link.unlink()


def test_uwsgi_serves_a_folder_whose_name_begins_like_the_static_one(tmp_path: Path) -> None:
    """Why the static folder has no neighbours. If this fails, uWSGI has been cured: simplify monolith.ini."""
    (tmp_path / "static").mkdir()
    (tmp_path / "static-secret").mkdir()
    (tmp_path / "static-secret/x.txt").write_text("a secret")
    (tmp_path / "x.txt").write_text("a secret too")
    port = next(port for port in range(22000, 23000) if free(port))
    argv = ["--http-socket", f"127.0.0.1:{port}", "--static-map", f"/static={tmp_path}/static", "--die-on-term"]
    with subprocess.Popen([str(installed.program("uwsgi")), *argv], stderr=subprocess.PIPE, cwd=tmp_path) as server:
        try:
            eventually(lambda: not free(port), 10, "uWSGI listens")
            assert ask(port, request("/static/%2e%2e/static-secret/x.txt")).body == b"a secret"
            assert b"secret" not in ask(port, request("/static/%2e%2e/x.txt")).body
        finally:
            server.terminate()
            server.communicate(timeout=10)


def test_nothing_lies_beside_the_static_folder() -> None:
    assert [path.name for path in PUBLIC.parent.iterdir()] == ["static"]


# --- slow visitors ----------------------------------------------------------------------------------------------------


def half_heads(connect: Callable[[], socket.socket], count: int) -> contextlib.ExitStack:
    """Connections that have sent half a head, and will send no more."""
    stack = contextlib.ExitStack()
    for _ in range(count):
        connection = stack.enter_context(connect())
        connection.sendall(b"GET /uwsgi-http/ping HTTP/1.1\r\nHost: ")
    return stack


@pytest.mark.slow
def test_slow_visitors_fill_no_worker_of_the_monolith(small_zoo: Zoo) -> None:
    """The router waits for them, not the workers. The control is a uWSGI with http-socket and as many slots."""
    with half_heads(lambda: socket.create_connection(("127.0.0.1", PORT + small_zoo.shift)), 32):
        time.sleep(0.2)
        assert requests.get(f"{straight(small_zoo)}ping", timeout=1.5).text == "pong\n"

    def control() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(1.5)
        connection.connect(str(small_zoo.run / "sock/uwsgi-http.sock"))
        return connection

    if os.geteuid() != 0 and not os.access(small_zoo.run / "sock/uwsgi-http.sock", os.W_OK):
        pytest.skip("the control's socket is another user's")
    with half_heads(control, 8), control() as ninth:
        time.sleep(0.2)
        ninth.sendall(b"GET /uwsgi-http/ping HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(TimeoutError):
            ninth.recv(4096)


@pytest.mark.slow
def test_slow_bodies_fill_the_monolith_but_not_behind_nginx(small_zoo: Zoo) -> None:
    """The router waits for the head only; nginx takes the whole request before it asks anybody."""
    slow = request(f"/{MONOLITH}/ping", "Content-Length: 1000", method="POST")
    for port, waits in ((small_zoo.ports["nginx"], False), (PORT + small_zoo.shift, True)):
        with contextlib.ExitStack() as stack:
            for _ in range(8):
                stack.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(slow + b"x")
            time.sleep(0.3)
            answered = True
            try:
                assert ask(port, request(f"/{MONOLITH}/ping"), patience=1.5).body == b"pong\n"
            except TimeoutError:
                answered = False
            assert answered != waits, port


# --- processes --------------------------------------------------------------------------------------------------------


@needs_sight
def test_ps_shows_the_trees_of_both(small_zoo: Zoo) -> None:
    found = [(row["exhibit"], row["role"]) for row in rows(small_zoo, *BOTH)]
    assert found == [
        *((MONOLITH, role) for role in ("master", "worker", "worker", "timer mule", "router")),
        *((MICRO, role) for role in ("master", "worker", "worker")),
        ("uwsgi-micro-cache", "cache"),
        ("uwsgi-micro-timer", "timer"),
    ]
    text = small_zoo.cli("ps", MONOLITH).stdout
    assert "    timer mule" in text
    assert "nginx" not in text
    assert small_zoo.cli("ps", "uwsgi-mono").returncode == 2


@needs_sight
def test_ps_takes_helpers_and_fronts(small_zoo: Zoo) -> None:
    assert [row["exhibit"] for row in rows(small_zoo, "uwsgi-micro-timer")] == ["uwsgi-micro-timer"]
    assert {row["exhibit"] for row in rows(small_zoo, "nginx")} == {"nginx"}
    assert {row["exhibit"] for row in rows(small_zoo, "uwsgi-http")} == {"uwsgi"}


@pytest.mark.slow
@needs_sight
def test_the_monolith_needs_less_memory(small_zoo: Zoo) -> None:
    """As the label says. PSS, after each has answered: pages that processes share are divided among them."""
    for base in bases(small_zoo).values():
        clock(base)
    pss = {id: sum(row["pss"] for row in rows(small_zoo, id)) / 1e6 for id in BOTH}
    assert 10 < pss[MONOLITH] < pss[MICRO] < 80, pss
