"""The visitor centre as a child of the keeper: where it listens, how it dies and comes back, that nothing is left.

Each test starts a zoo; the quick ones hold the promises, the slow ones further cases.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from centre_in_test import CentreZoo, a_fresh_centre  # noqa: F401 - a fixture
from centre_states import DATA
from zoo_in_test import ROOT, eventually, free, slow, words_of

from gateway_zoo.commands import up
from gateway_zoo.keeper.ports import HIGHEST, first_free
from gateway_zoo.measure import problems
from gateway_zoo.registry import installed, plans
from gateway_zoo.settings import read_settings

ONE = {"cells": [["fastcgi", "nginx"]], "requests": 1, "hold_ms": 10}


def answers(zoo: CentreZoo) -> bool:
    try:
        return zoo.ask("/nothing").status == 404
    except OSError:
        return False


def centres(zoo: CentreZoo) -> list[int]:
    """The processes of the centre."""
    return [p.pid for p in zoo.processes() if "gateway_zoo.centre" in words_of(p)]


def first_line(zoo: CentreZoo, *words: str) -> str:
    done = zoo.cli("up", "-d", "fastcgi", *words)
    assert done.returncode == 0, done
    return done.stdout.splitlines()[0]


def test_up_prints_it_first_and_down_ends_it(fresh_centre: CentreZoo) -> None:
    assert first_line(fresh_centre).split() == ["visitor", "centre", f"http://localhost:{fresh_centre.centre}/"]
    assert answers(fresh_centre), "up has waited for it"
    assert centres(fresh_centre) == [fresh_centre.session("centre")]
    listening = psutil.Process(fresh_centre.session("centre")).net_connections("tcp")
    assert [each.laddr for each in listening if each.status == "LISTEN"] == [("127.0.0.1", fresh_centre.centre)]
    fresh_centre.down()
    assert fresh_centre.leftovers() == []


@pytest.mark.slow
def test_it_listens_on_loopback_even_where_the_fronts_are_open(fresh_centre: CentreZoo) -> None:
    fresh_centre.env["ZOO_LISTEN"] = "0.0.0.0"  # noqa: S104 - that is the test
    fresh_centre.up("fastcgi")
    listening = psutil.Process(fresh_centre.session("centre")).net_connections("tcp")
    assert [each.laddr for each in listening if each.status == "LISTEN"] == [("127.0.0.1", fresh_centre.centre)]


@pytest.mark.slow
def test_a_held_port_leads_to_the_next_free_one(fresh_centre: CentreZoo) -> None:
    first = first_free(3)
    fresh_centre.move(first)
    with socket.create_server(("127.0.0.1", first)), socket.create_server(("127.0.0.1", first + 1)):
        line = first_line(fresh_centre)
        fresh_centre.centre = first + 2
        assert line.endswith(f" http://localhost:{first + 2}/")
        assert answers(fresh_centre)
        assert fresh_centre.post(ONE).status == 200, "the pages know their name there"
        fresh_centre.down()


@pytest.mark.slow
def test_the_port_of_another_server_of_the_zoo_is_not_taken(fresh_centre: CentreZoo) -> None:
    """A zoo whose nginx has been on 8000 for years still starts."""
    taken = fresh_centre.ports["nginx"]
    fresh_centre.env["ZOO_CENTRE_PORT"] = str(taken)
    line = first_line(fresh_centre)
    port = int(line.rpartition(":")[2].strip("/"))
    assert port > taken
    assert port not in fresh_centre.ports.values()
    fresh_centre.centre = port
    assert answers(fresh_centre)
    assert fresh_centre.get("fastcgi", "nginx").text == "pong\n"


@pytest.mark.slow
def test_the_search_for_a_port_ends_where_settings_end(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", HIGHEST))
        held.listen()
        plan = plans.make(read_settings({"ZOO_RUN": str(tmp_path), "ZOO_CENTRE_PORT": str(HIGHEST)}))
        assert up._centre_port(plan) == HIGHEST, "no other is left; the centre says what is wrong"
    plan = plans.make(read_settings({"ZOO_RUN": str(tmp_path), "ZOO_CENTRE_PORT": "8080"}))
    assert up._centre_port(plan) not in {port for _, (_, port) in problems.addresses(plan)}


@pytest.mark.slow
def test_zero_means_none(fresh_centre: CentreZoo) -> None:
    fresh_centre.env["ZOO_CENTRE_PORT"] = "0"
    assert "visitor centre" not in fresh_centre.cli("up", "-d", "fastcgi").stdout
    assert centres(fresh_centre) == []
    assert "centre" not in fresh_centre.state()["sessions"]


def test_zero_in_a_container_means_one_that_waits(fresh_centre: CentreZoo) -> None:
    """A service that ends at once would be a fault for `docker compose up --wait`."""
    argv = [sys.executable, "-I", "-m", "gateway_zoo.centre"]
    env = fresh_centre.env | {"ZOO_ROOT": str(ROOT), "ZOO_COMPOSE": "1", "ZOO_CENTRE_PORT": "0"}
    with subprocess.Popen(argv, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert process.stderr.readline() == "zoo: ZOO_CENTRE_PORT is 0: there is no visitor centre in this start\n"
        assert process.poll() is None
        process.terminate()
        assert process.wait(timeout=10) == 0


def test_the_centre_is_restarted_and_its_log_read_by_name(fresh_centre: CentreZoo) -> None:
    fresh_centre.up("fastcgi")
    before = fresh_centre.session("centre")
    done = fresh_centre.cli("restart", "centre")
    assert (done.returncode, done.stdout) == (0, "restarted centre\n")
    assert fresh_centre.session("centre") != before
    assert answers(fresh_centre), "restart has waited for it"
    quiet = fresh_centre.cli("logs", "centre")
    assert (quiet.returncode, quiet.stdout, "no fault so far" in quiet.stderr) == (0, "", True)
    with open(fresh_centre.run / "logs/centre.log", "a", encoding="utf-8") as log:
        log.write("first\n\x1b[31msecond\n")
    assert fresh_centre.cli("logs", "centre", "-n", "1").stdout == "\\x1b[31msecond\n"
    assert fresh_centre.cli("logs", "centre", "fastcgi").returncode == 2


@pytest.mark.parametrize("number", [signal.SIGKILL, *slow(signal.SIGTERM)])
def test_a_killed_centre_comes_back_with_another_token(fresh_centre: CentreZoo, number: signal.Signals) -> None:
    fresh_centre.up("fastcgi")
    before, token = fresh_centre.session("centre"), fresh_centre.token
    os.kill(before, number)
    eventually(lambda: fresh_centre.session("centre") != before and answers(fresh_centre), 15, "it comes back")
    assert fresh_centre.token != token
    assert fresh_centre.post(ONE, token=token).status == 403
    assert fresh_centre.post(ONE).status == 200
    fresh_centre.down()
    assert fresh_centre.leftovers() == []


@pytest.mark.slow
def test_an_open_request_does_not_hold_up_down(fresh_centre: CentreZoo) -> None:
    """A half request, an idle connection and a crowd under way."""
    fresh_centre.up("fastcgi")
    address = ("127.0.0.1", fresh_centre.centre)
    with socket.create_connection(address) as idle, socket.create_connection(address) as half:
        half.sendall(b"POST /api/exhibit/crowd HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{")
        began = time.monotonic()
        fresh_centre.down()
        assert time.monotonic() - began < 12
        assert idle.recv(1) == b""
    assert fresh_centre.leftovers() == []


@pytest.mark.slow
def test_nothing_is_left_of_a_killed_keeper(fresh_centre: CentreZoo) -> None:
    fresh_centre.up("fastcgi")
    os.kill(fresh_centre.state()["pid"], signal.SIGKILL)
    eventually(lambda: free(fresh_centre.centre) and not centres(fresh_centre), 15, "the sentinel ends it")
    eventually(lambda: not fresh_centre.processes(), 15, "and all others")


@pytest.mark.slow
def test_a_gateway_that_hangs_is_down_on_the_map(fresh_centre: CentreZoo) -> None:
    fresh_centre.up("fastcgi", "cgi")
    pid = fresh_centre.session("fastcgi")
    os.kill(pid, signal.SIGSTOP)
    try:
        rows = {row["id"]: row for group in fresh_centre.json("/api/map")["protocols"].values() for row in group}
        assert {cell["state"] for cell in rows["fastcgi"]["cells"].values()} == {"down"}
        assert all(cell["why"] for cell in rows["fastcgi"]["cells"].values())
        assert {cell["state"] for cell in rows["cgi"]["cells"].values()} == {"answers"}
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.slow
def test_the_page_of_a_zoo_that_lost_its_directory_says_so(fresh_centre: CentreZoo) -> None:
    fresh_centre.up("fastcgi")
    state = fresh_centre.run / "state.json"
    text = state.read_bytes()
    state.write_text("{}", encoding="utf-8")
    try:
        time.sleep(5.2)  # what was computed is asked for again
        for path in ("/api/map", "/api/processes", "/api/exhibit/fastcgi", "/api/compare/fastcgi/cgi"):
            answer = fresh_centre.ask(path)
            assert answer.status in (200, 503), (path, answer)
            assert b"no zoo" in answer.body.lower(), path
        assert fresh_centre.ask("/", "Accept: text/html").status == 200
    finally:
        state.write_bytes(text)


# --- what is missing --------------------------------------------------------------------------------------------------


FOLLOW = {"endpoint": "/hello", "method": "GET", "headers": [], "body": ""}


@pytest.mark.slow
def test_a_gateway_that_dies_while_a_request_is_followed_is_told_as_it_is(fresh_centre: CentreZoo) -> None:
    fresh_centre.up("fastcgi", "cgi")
    given = FOLLOW | {"cells": [["fastcgi", "nginx"]]}
    assert fresh_centre.post(given, action="follow/send").json()["ways"][0]["status"] == 200
    pid = fresh_centre.session("fastcgi")
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(fresh_centre.post, given, action="follow/send")
        time.sleep(1)
        os.kill(pid, signal.SIGKILL)
        answer = following.result(30)
    (way,) = answer.json()["ways"]
    assert way["status"] == 502, "the front says it"
    assert way["wire"]["talk"]["status"] is None, "the gateway has answered nothing"
    assert way["wire"]["talk"]["request"]["size"] > 0, "it was asked"
    assert way["program"]["report"] is None
    assert "502" in way["program"]["why"]
    eventually(lambda: fresh_centre.session("fastcgi") != pid, 15, "the keeper starts it again")
    eventually(lambda: fresh_centre.post(given, action="follow/send").json()["ways"][0]["status"] == 200, 15, "it is")


@pytest.mark.slow
def test_every_page_says_that_there_is_no_apache_on_this_machine(fresh_centre: CentreZoo) -> None:
    """The zoo starts where Apache's program is a file that nobody can run: in a mount namespace of its own."""
    apache, why = installed.apache(), "apache2 is not installed; sudo apt-get install apache2-bin"
    hide = f"mount --bind /dev/null {apache} && exec {ROOT}/zoo up -d fastcgi cgi"
    argv = ["unshare", "--mount", "sh", "-c", hide]
    if apache is None or subprocess.run([*argv[:2], "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not give a mount namespace to a test")
    zoo = fresh_centre
    done = subprocess.run(argv, env=zoo.env, check=False, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done
    data = {name: zoo.ask(path) for name, path in DATA.items()}
    assert {name: answer.status for name, answer in data.items() if answer.status != 200} == {}
    for name in ("map", "exhibit", "compare", "follow"):
        assert why in data[name].body.decode(), name
    (way,) = zoo.post(FOLLOW | {"cells": [["fastcgi", "nginx"]]}, action="follow/send").json()["ways"]
    assert (way["status"], way["wire"]["why"], way["decision"]["why"]) == (200, "", "")
    assert list(zoo.json("/api/wire")["fronts"]) == ["nginx"], "one recording front"
    for front, words in (("apache", why), ("caddy", "there is no cell 'fastcgi' behind 'caddy'")):
        for given, action in ((FOLLOW, "follow/send"), ({}, "exhibit/crowd")):
            refused = zoo.post({**given, "cells": [["fastcgi", front]]}, action=action)
            assert (refused.status in (409, 422), words in refused.body.decode()) == (True, True), refused
