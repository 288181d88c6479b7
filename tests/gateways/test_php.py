"""PHP's cage: the contract again through every cell, php-fpm's own pages, the three process managers told apart.

The tests of the contract, of forged requests and of bodies are those of the other cells, imported: here the fixture
`zoo` is one with PHP, under prefork, so that mod_php is open too.
"""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import statistics
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests
from raw_http import everywhere
from test_contract import (  # noqa: F401 - run here over PHP's cells
    test_a_path_the_app_does_not_know_is_the_apps_404,
    test_head_has_the_headers_and_no_body,
    test_hello_and_ping_are_the_same_bytes_everywhere,
    test_other_methods_get_405_and_what_is_allowed,
    test_status_full_names_every_process_of_the_family,
    test_status_names_exhibit_front_and_path,
)
from test_reports import reports, test_each_program_reports_once_and_answers_the_same  # noqa: F401
from test_safety_bodies import (  # noqa: F401
    test_a_body_has_one_length,
    test_a_body_over_a_megabyte_is_refused,
    test_a_body_that_nobody_asked_for_is_read_before_the_answer,
    test_a_body_with_a_length_arrives_whole,
    test_a_chunked_body_arrives_whole_or_is_refused,
    test_ranges_are_not_cut_by_chance,
    test_the_next_request_on_a_connection_need_not_wait,
)
from test_safety_requests import (  # noqa: F401
    test_a_header_sent_twice_is_joined_or_one_of_the_two,
    test_all_lies_at_once_change_nothing_that_status_says,
    test_every_answer_carries_an_id_of_its_own,
    test_forged_headers_change_no_variable,
    test_lookalikes_change_nothing_but_their_own_variable,
    test_passwords_and_cookies_are_masked,
    test_query_parameters_are_no_variables,
    test_what_the_front_says_about_the_visitor_is_its_own,
)
from test_tls import test_every_open_cell_is_told_that_the_visitor_came_over_tls  # noqa: F401
from zoo_in_test import FRONTS, ROOT, Zoo, eventually, needs_sight

from gateway_zoo.registry import installed
from gateway_zoo.registry.cages import load

POOLS = ("php-fpm", "php-fpm-dynamic", "php-fpm-ondemand")
EXHIBITS = [exhibit.id for cage in load(ROOT).cages if cage.name == "php" for exhibit in cage.file.exhibit]
ABSENT = [part for part in ("php-fpm", "php-cgi") if not installed.program(part)]
ABSENT += [part for part in ("libphp*.so", "mod_fcgid.so") if not installed.apache_module(part)]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(ABSENT), reason=f"not installed: {', '.join(ABSENT)}")]


@pytest.fixture(scope="module")
def zoo() -> Iterator[Zoo]:
    """PHP's cells, all of them open."""
    with Zoo() as made:
        yield made.up("--echo", "--mpm", "prefork", *EXHIBITS)


def test_every_cell_that_can_be_open_is(zoo: Zoo) -> None:
    assert set(zoo.open_cells()) == {
        *((exhibit, front) for exhibit in (*POOLS, "php-cgi") for front in FRONTS),
        *((exhibit, "apache") for exhibit in ("php-fcgid", "mod_php")),
    }


def test_check_asks_phps_own_questions_too(zoo: Zoo) -> None:
    done = zoo.cli("check", "--json", *EXHIBITS)
    found = json.loads(done.stdout)
    assert (done.returncode, found["failed"]) == (0, 0), [cell for cell in found["cells"] if cell["state"] == "failed"]
    asked = {(cell["exhibit"], cell["endpoint"]) for cell in found["cells"] if cell["state"] == "ok"}
    assert {(pool, path) for pool in POOLS for path in ("fpm/ping", "fpm/status")} <= asked


def test_status_has_the_same_fields_in_the_same_order_as_in_python(zoo: Zoo) -> None:
    text = (ROOT / "app/zoo_status.py").read_text(encoding="utf-8")
    fields = re.findall(r'^        "(\w+)":', text.partition("def facts")[2].partition("def ")[0], re.MULTILINE)
    assert len(fields) > 20

    def check(exhibit: str, front: str) -> None:
        facts = zoo.status(exhibit, front)
        assert list(facts) == fields
        assert (facts["thread"], facts["requests"]) == (None, None), "what PHP cannot know"
        assert facts["run_once"] == (exhibit == "php-cgi")
        assert facts["ppid"] == psutil.Process(facts["pid"]).ppid() if exhibit != "php-cgi" else facts["ppid"] > 0

    everywhere(zoo.open_cells(), check)


def test_status_as_text_and_as_html_and_with_odd_questions(zoo: Zoo) -> None:
    text = zoo.get("php-fpm", "nginx", "status?full")
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "exhibit:            php-fpm\n" in text.text
    assert text.text.count("\nprocess:            pid ") == 5
    html = zoo.get("php-fpm", "nginx", "status?html&full&%3Cb%3E")
    assert html.headers["Content-Type"] == "text/html; charset=utf-8"
    assert html.headers["Content-Security-Policy"] == "default-src 'none'"
    assert "<caption>its family</caption>" in html.text
    assert "<b>" not in html.text
    for query in ("hold[]=1", "hold=-1", "hold=x", "hold=", "json[]=&full[]=", "%ff=%00&json", "hold=1e-3&json"):
        assert zoo.get("php-fpm", "apache", f"status?{query}").status_code == 200, query
    began = time.monotonic()
    held = zoo.status("php-fpm", "nginx", "json&hold=99999999999999999999")["held"]
    assert 1 <= held["to"] - held["from"] < 1.5
    assert began <= held["from"] <= held["to"] <= time.monotonic(), "the machine's monotonic clock"


def test_no_cell_says_that_it_is_php(zoo: Zoo) -> None:
    def check(exhibit: str, front: str) -> list[str]:
        headers = zoo.get(exhibit, front, "hello").headers
        return [name for name, value in headers.items() if "php" in (name + value).lower() or name == "X-Powered-By"]

    everywhere(zoo.open_cells(), check)


def test_logs_join_the_front_and_php(zoo: Zoo) -> None:
    ids = {}
    for exhibit, front in zoo.open_cells():
        answer = zoo.get(exhibit, front, "hello")
        ids[answer.headers["X-Request-ID"]] = (exhibit, front)

    def joined() -> bool:
        rows = {row["id"]: row for row in json.loads(zoo.cli("logs", "--json").stdout)}
        found = [rows.get(id, {}) for id in ids]
        return all(
            (r.get("exhibit"), r.get("front")) == c and r["pid"] for r, c in zip(found, ids.values(), strict=True)
        )

    eventually(joined, 5, f"a line of PHP's for each of {ids}\n{zoo.logs()}")


def test_compare_sees_the_declared_process_models(zoo: Zoo) -> None:
    done = zoo.cli("compare", "--json", *EXHIBITS)
    found = json.loads(done.stdout)
    assert (done.returncode, found["silent"]) == (0, []), found
    seen = {(cell["exhibit"], cell["front"]): cell for cell in found["cells"]}
    assert {cell["parallel"] for id, cell in seen.items() if id[0] in (*POOLS, "php-fcgid")} == {4}
    assert {seen["php-cgi", front]["model"] for front in FRONTS} == {"fork per request"}
    assert seen["mod_php", "apache"]["parallel"] == 8, "as many as were sent: Apache's own processes"


# --- php-fpm: three process managers, and its own pages ---------------------------------------------------------------


def children(zoo: Zoo, pool: str) -> list[int]:
    """Pids of a pool's processes, by their title."""
    master = psutil.Process(zoo.session("php-fpm"))
    found = []
    for child in master.children():
        with contextlib.suppress(psutil.NoSuchProcess):  # ended since, or a zombie
            found += [child.pid] if child.cmdline()[:1] == [f"php-fpm: pool {pool}"] else []
    return found


def crowd(zoo: Zoo, pool: str, seconds: float) -> set[int]:
    """Eight visitors who hold again and again; returns the most children that there were at a time (pids)."""
    most: set[int] = set()
    end = time.monotonic() + seconds

    def visit() -> None:
        while time.monotonic() < end:
            zoo.status(pool, "nginx", "json&hold=200")

    with ThreadPoolExecutor(8) as pool_of_threads:
        jobs = [pool_of_threads.submit(visit) for _ in range(8)]
        while not all(job.done() for job in jobs):
            most = max(most, set(children(zoo, pool)), key=len)
            time.sleep(0.05)
        for job in jobs:
            job.result()
    return most


def test_static_keeps_its_four_children(zoo: Zoo) -> None:
    before = children(zoo, "php-fpm")
    assert len(before) == 4
    assert crowd(zoo, "php-fpm", 1) == set(before) == set(children(zoo, "php-fpm"))


def test_dynamic_grows_when_crowded_and_shrinks_to_its_spares(zoo: Zoo) -> None:
    eventually(lambda: len(children(zoo, "php-fpm-dynamic")) in (2, 3), 10, "two or three wait at rest")
    assert len(crowd(zoo, "php-fpm-dynamic", 4)) == 4
    eventually(lambda: len(children(zoo, "php-fpm-dynamic")) == 3, 10, "three spare ones stay")


def test_ondemand_has_nobody_at_rest_and_forks_for_a_request(zoo: Zoo) -> None:
    eventually(lambda: children(zoo, "php-fpm-ondemand") == [], 15, "nobody at rest")
    assert zoo.status("php-fpm-ondemand", "apache")["pid"] in children(zoo, "php-fpm-ondemand")
    assert len(children(zoo, "php-fpm-ondemand")) == 1
    assert len(crowd(zoo, "php-fpm-ondemand", 1)) == 4
    eventually(lambda: children(zoo, "php-fpm-ondemand") == [], 15, "nobody again")


@pytest.mark.parametrize("front", FRONTS)
def test_php_fpms_own_status_page(zoo: Zoo, front: str) -> None:
    for pool in POOLS:
        answer = zoo.get(pool, front, "fpm/ping")
        assert (answer.status_code, answer.text) == (200, "pong"), "php-fpm's own pong has no newline"
        page = zoo.get(pool, front, "fpm/status?json&full").json()
        assert (page["pool"], page["process manager"]) == (pool, pool.removeprefix("php-fpm").lstrip("-") or "static")
        assert 1 <= page["total processes"] <= 4
        assert {row["pid"] for row in page["processes"]} <= set(children(zoo, pool))
        running = [row["request uri"] for row in page["processes"] if row["state"] == "Running"]
        assert running[0].startswith("/fpm/status"), "php-fpm calls PATH_INFO so, as cgi.fix_pathinfo is off"
    assert "<table" in zoo.get("php-fpm", front, "fpm/status?html&full").text
    assert zoo.get("php-fpm", front, "fpm/nothing").text == "404 Not Found\n", "the app's"


def test_the_status_page_counts_requests_where_php_cannot(zoo: Zoo) -> None:
    def accepted() -> int:
        return int(zoo.get("php-fpm", "nginx", "fpm/status?json").json()["accepted conn"])

    before = accepted()
    for _ in range(5):
        zoo.get("php-fpm", "nginx")
    assert accepted() == before + 6


def from_elsewhere(port: int, path: str) -> tuple[int, bytes]:
    """Ask as 127.0.0.2, which is not near: `near` is 127.0.0.1 and ::1."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=("127.0.0.2", 0))
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


SPELLINGS = ["fpm/ping", "fpm/status", "fpm/status?json", "%66pm/ping", "fpm//ping", "./fpm/./ping", "x/../fpm/ping"]
SPELLINGS += ["/fpm/ping", "fpm%2fping", "fpm/ping/", "fpm/ping?full", "fpm/%73tatus", "status"]


def test_strangers_do_not_get_php_fpms_pages_however_they_spell_them(zoo: Zoo) -> None:
    def check(pool: str, front: str) -> list[str]:
        if pool not in POOLS:
            return []
        seen = {path: from_elsewhere(zoo.ports[front], f"/{pool}/{path}") for path in SPELLINGS}
        return [f"{path}: {got}" for path, got in seen.items() if got[0] not in (403, 404) or b"pong" in got[1]]

    everywhere(zoo.open_cells(), check)
    for front in FRONTS:
        assert from_elsewhere(zoo.ports[front], "/php-fpm/fpm/ping")[0] == 403
        assert from_elsewhere(zoo.ports[front], "/php-fpm/hello") == (200, b"Hello from the Gateway Zoo\n")


def pair(name: str, value: str) -> bytes:
    """FastCGI 1.0, section 3.4: two lengths (each in one byte below 128, else in four), name, value."""
    sizes = [len(name), len(value)]
    head = b"".join(n.to_bytes(1) if n < 128 else (n | 1 << 31).to_bytes(4) for n in sizes)
    return head + name.encode() + value.encode()


def record(kind: int, content: bytes) -> bytes:
    """Section 3.3: version, type, request id, length, no padding."""
    return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content


def ask_the_socket(zoo: Zoo, script: Path) -> bytes:
    """What whoever reaches php-fpm's socket may ask: this file, please. Everything that comes back, records and all."""
    variables = {"SCRIPT_FILENAME": str(script), "SCRIPT_NAME": "/x", "REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "x"}
    params = b"".join(pair(name, value) for name, value in variables.items())
    begin = record(1, struct.pack("!HB5x", 1, 0))  # as responder, and close the connection afterwards
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(zoo.run / "sock/php-fpm.sock"))
        connection.sendall(begin + record(4, params) + record(4, b"") + record(5, b""))
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_only_files_named_php_run_and_errors_are_for_the_log(zoo: Zoo) -> None:
    """Files where php-fpm may read them, not below the checkout."""
    program = "<?php echo 'it runs'; no_such_function();"
    for name in ("cat.jpg", "x.php"):
        (zoo.run / name).write_text(program, encoding="utf-8")
        (zoo.run / name).chmod(0o644)
    refused = ask_the_socket(zoo, zoo.run / "cat.jpg")
    assert b"Access denied" in refused
    assert b"it runs" not in refused
    broken = ask_the_socket(zoo, zoo.run / "x.php")
    assert b"it runs" in broken, "this is why nobody else may reach the socket"
    assert b"no_such_function" not in broken
    log = zoo.run / "logs/php-fpm.log"
    eventually(
        lambda: "Call to undefined function no_such_function()" in log.read_text("utf-8"), 5, "an error in the log"
    )
    assert (zoo.run / "sock/php-fpm.sock").stat().st_mode & 0o777 == 0o660


# --- mod_php ----------------------------------------------------------------------------------------------------------


def test_mod_php_is_closed_but_under_prefork(fresh_zoo: Zoo) -> None:
    fresh_zoo.up("php-fpm", "mod_php")
    assert ("mod_php", "apache") not in fresh_zoo.open_cells()
    answer = fresh_zoo.get("mod_php", "apache", "hello")
    assert answer.status_code == 404
    assert answer.text.startswith("mod_php is closed behind apache: works under Apache's prefork MPM only"), answer.text
    assert "php_module" not in fresh_zoo.cli("config", "apache").stdout


def test_a_plain_start_leaves_php_out(fresh_zoo: Zoo) -> None:
    fresh_zoo.up("fastcgi")
    why = {cell["exhibit"]: cell["closed"] for cell in fresh_zoo.state()["cells"] if cell["front"] == "apache"}
    assert {why[id] for id in EXHIBITS} == {"an optional part; ./zoo up --with php opens it"}


def child_of_apache(zoo: Zoo) -> dict[str, float]:
    """RSS, PSS and private memory of an idle child in MB: medians over those that serve requests."""
    master = psutil.Process(zoo.session("apache"))
    sizes = [child.memory_full_info() for child in master.children() if listens(child)]
    assert len(sizes) >= 5, sizes
    return {n: round(statistics.median(getattr(size, n) for size in sizes) / 1e6, 1) for n in ("rss", "pss", "uss")}


def listens(child: psutil.Process) -> bool:
    return any(c.status == psutil.CONN_LISTEN for c in child.net_connections("tcp"))


@needs_sight
def test_what_an_apache_child_costs_with_and_without_mod_php(fresh_zoo: Zoo) -> None:
    """The label's figures come from here; held is only their order."""
    fresh_zoo.up("--mpm", "prefork", "php-fpm")
    without = child_of_apache(fresh_zoo)
    fresh_zoo.down()
    fresh_zoo.up("--mpm", "prefork", "php-fpm", "mod_php")
    unused = child_of_apache(fresh_zoo)
    with ThreadPoolExecutor(8) as visitors:
        list(visitors.map(lambda _: fresh_zoo.status("mod_php", "apache", "json&hold=200"), range(32)))
    used = child_of_apache(fresh_zoo)
    print(f"an idle child of Apache in MB: {without} without mod_php, {unused} with it, {used} after it ran PHP")
    assert without["pss"] < unused["pss"] < used["pss"]


# --- faults -----------------------------------------------------------------------------------------------------------


def alive(pids: list[int]) -> list[int]:
    def lives(pid: int) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        return False

    return [pid for pid in pids if lives(pid)]


def hold_all_children(zoo: Zoo) -> None:
    """Four requests in flight: these processes are in the program's folder now, not where php-fpm was started."""

    def hold() -> None:
        with contextlib.suppress(requests.RequestException):
            zoo.get("php-fpm", "nginx", "status?hold=1000")

    for _ in range(4):
        threading.Thread(target=hold, daemon=True).start()
    eventually(lambda: in_the_cage(children(zoo, "php-fpm")) == 4, 1, "four children run the program")


def in_the_cage(pids: list[int]) -> int:
    return sum(os.readlink(f"/proc/{pid}/cwd") == str(ROOT / "php") for pid in pids)


@needs_sight
def test_a_killed_master_of_php_fpm_leaves_no_orphan_and_is_back(fresh_zoo: Zoo) -> None:
    fresh_zoo.up(*POOLS)
    old = fresh_zoo.session("php-fpm")
    orphans = [pid for pool in POOLS for pid in children(fresh_zoo, pool)]
    assert len(orphans) >= 6
    hold_all_children(fresh_zoo)
    os.kill(old, signal.SIGKILL)
    eventually(lambda: fresh_zoo.state()["sessions"].get("php-fpm", old) != old, 5, "php-fpm started again")
    assert alive(orphans) == []
    eventually(lambda: fresh_zoo.get("php-fpm", "nginx").text == "pong\n", 5, "php-fpm answers")


@needs_sight
def test_a_killed_keeper_takes_php_fpm_with_it(fresh_zoo: Zoo) -> None:
    fresh_zoo.up(*POOLS)
    family = [fresh_zoo.session("php-fpm"), *(pid for pool in POOLS for pid in children(fresh_zoo, pool))]
    hold_all_children(fresh_zoo)
    os.kill(fresh_zoo.state()["pid"], signal.SIGKILL)
    eventually(lambda: alive(family) == [], 5, f"{family} ended")


def test_a_killed_child_costs_at_most_its_request(zoo: Zoo) -> None:
    for exhibit, front in (("php-fpm", "nginx"), ("php-fcgid", "apache"), ("mod_php", "apache")):
        child = zoo.status(exhibit, front)["pid"]
        os.kill(child, signal.SIGKILL)
        eventually(lambda pid=child: not alive([pid]), 2, "the child is gone")  # type: ignore[misc]
        for _ in range(6):
            assert zoo.get(exhibit, front).text == "pong\n", exhibit
    eventually(lambda: len(children(zoo, "php-fpm")) == 4, 5, "four children again")
