"""What dies comes back: workers, whole families, both fronts, the sentinel."""

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator

import psutil
import pytest
import requests
from zoo_in_test import ROOT, Zoo, eventually, needs_sight, slow

from gateway_zoo.registry.cages import load

FAMILIES = [family.id for family in load(ROOT).families.values() if family.command and not family.group]
QUICK = FAMILIES[::4]
BACK_S = 10.0  # from the death of a master to the first answer; a second where the machine is idle


@pytest.fixture(scope="module")
def hurt() -> Iterator[Zoo]:
    """One zoo for all tests that kill a part of it and see it come back."""
    with Zoo() as made:
        yield made.up()


def members(session: int) -> list[psutil.Process]:
    """The living processes of a session."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (OSError, psutil.Error):
            continue
    return found


def cells_of(zoo: Zoo, family: str) -> list[tuple[str, str]]:
    """The open cells that a family, or a front, serves."""
    exhibits = load(ROOT).exhibits
    return [(e, f) for e, f in zoo.open_cells() if family in (exhibits[e].family, f)]


def answers(zoo: Zoo, exhibit: str, front: str) -> bool:
    try:
        return requests.get(zoo.url(exhibit, front), timeout=5).text == "pong\n"
    except requests.RequestException:
        return False


# --- masters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "family", [*FAMILIES[::4], "nginx", "apache", *slow(*(f for f in FAMILIES if f not in FAMILIES[::4]))]
)
def test_a_killed_master_leaves_no_orphan_and_is_back_soon(hurt: Zoo, family: str) -> None:
    cells = cells_of(hurt, family)
    assert all(answers(hurt, *cell) for cell in cells)
    old = hurt.session(family)
    before = len(members(old))
    killed = time.monotonic()
    os.kill(old, signal.SIGKILL)
    eventually(lambda: hurt.state()["sessions"].get(family, old) != old, 5, f"{family} started again")
    assert members(old) == [], "an orphan of the old family"
    eventually(lambda: all(answers(hurt, *cell) for cell in cells), 10, f"{cells} answer")
    took = time.monotonic() - killed
    print(f"recovery {family} {took:.2f}")
    assert took < BACK_S
    eventually(lambda: len(members(hurt.session(family))) >= before, 5, f"{before} processes again")


def test_every_cell_answers_after_all_that(hurt: Zoo) -> None:
    silent = [cell for cell in hurt.open_cells() if not answers(hurt, *cell)]
    assert not silent, silent


# --- workers ----------------------------------------------------------------------------------------------------------

#: Exhibit whose worker is killed, front that it is seen through.
WORKERS = [
    *(("fastcgi-fork", "nginx"), ("scgi-fork", "apache"), ("wsgi", "nginx"), ("wsgi-sync", "apache")),
    *(("uwsgi", "nginx"), ("uwsgi-gunicorn", "nginx"), ("mod_wsgi", "apache"), ("mod_wsgi-embedded", "apache")),
    ("fcgid", "apache"),
]


@pytest.mark.parametrize(("exhibit", "front"), WORKERS)
def test_a_killed_worker_costs_at_most_the_request_in_flight(hurt: Zoo, exhibit: str, front: str) -> None:
    in_flight: list[int | str] = []

    def hold() -> None:
        try:
            in_flight.append(hurt.get(exhibit, front, "status?json&hold=1000").status_code)
        except requests.RequestException as error:
            in_flight.append(type(error).__name__)

    worker = hurt.status(exhibit, front)["pid"]
    session = os.getsid(worker)
    before = len(members(session))
    assert worker != session, "a worker, not its master"
    thread = threading.Thread(target=hold)
    thread.start()
    time.sleep(0.2)
    os.kill(worker, signal.SIGKILL)
    cells = [cell for cell in hurt.open_cells() if cell[0] == exhibit]
    seen = [answers(hurt, *cell) for cell in cells * 6]
    thread.join()
    assert in_flight[0] in (200, 500, 502, 503, "ConnectionError"), "answered, or told that it was not"
    assert all(seen), (seen, in_flight)
    if exhibit != "fcgid":  # Apache starts those as requests come
        eventually(lambda: len(members(session)) == before, 6, f"{before} processes again, not {members(session)}")
    assert worker not in {process.pid for process in members(session)}
    assert hurt.session({"fcgid": "apache"}.get(exhibit, "nginx")), "the family itself lives on"


def workers(session: int, name: str, threads: int) -> list[psutil.Process]:
    """The processes of a session that do the work: no helpers, no CGI programs that happen to run."""
    found = []
    for process in members(session):
        with contextlib.suppress(psutil.Error):
            if process.pid != session and process.name() == name and process.num_threads() >= threads:
                found.append(process)
    return found


@pytest.mark.parametrize(
    ("family", "name", "threads"), [("nginx", "nginx", 1), ("apache", "apache2", 32), ("cgi", "fcgiwrap", 1)]
)
def test_a_killed_worker_of_what_runs_programs_or_of_a_front_comes_back(
    hurt: Zoo, family: str, name: str, threads: int
) -> None:
    session = hurt.session(family)
    before = len(workers(session, name, threads))
    workers(session, name, threads)[0].kill()
    seen = [answers(hurt, *cell) for cell in cells_of(hurt, family)[:4] * 3]
    assert all(seen), seen
    eventually(lambda: len(workers(session, name, threads)) == before, 5, f"{before} workers again")
    assert hurt.session(family) == session, "the family itself lives on"


@needs_sight
def test_a_killed_helper_of_mod_cgid_comes_back(hurt: Zoo) -> None:
    """It is no worker but the master of all CGI programs: until Apache has started another, they answer 503."""
    helpers = [p for p in workers(hurt.session("apache"), "apache2", 1) if listens_for_cgi(p)]
    assert len(helpers) == 1
    helpers[0].kill()
    assert answers(hurt, "fastcgi", "apache")
    eventually(lambda: answers(hurt, "cgi", "apache"), BACK_S, "CGI behind Apache")


def listens_for_cgi(process: psutil.Process) -> bool:
    try:
        return any("cgid.sock" in str(connection.laddr) for connection in process.net_connections("unix"))
    except psutil.Error:
        return False


# --- the sentinel, and the keeper's own health ------------------------------------------------------------------------


def test_a_killed_sentinel_comes_back(hurt: Zoo) -> None:
    old = hurt.session("sentinel")
    os.kill(old, signal.SIGKILL)
    eventually(lambda: hurt.session("sentinel") != old, 5, "another sentinel")
    assert psutil.Process(hurt.session("sentinel")).is_running()
    log = (hurt.run / "logs/keeper.log").read_text(encoding="utf-8")
    assert "sentinel ended (signal 9)" in log
    assert "Traceback" not in log


def ask_keeper(zoo: Zoo, text: bytes) -> dict[str, object]:
    """One line to the control socket and back."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(zoo.run / "keeper.sock"))
        connection.sendall(text)
        answer: dict[str, object] = json.loads(connection.makefile().readline())
    return answer


@pytest.mark.slow
def test_many_restarts_leak_no_descriptor_and_no_zombie(hurt: Zoo) -> None:
    keeper = psutil.Process(hurt.state()["pid"])

    def restart() -> None:
        old = hurt.session("cgi")
        assert ask_keeper(hurt, b'{"do": "restart", "restart": "cgi"}') == {"restarted": "cgi"}
        eventually(lambda: hurt.state()["sessions"].get("cgi", old) != old, 5, "cgi started again")

    restart()
    before = keeper.num_fds()
    for _ in range(20):
        restart()
    assert keeper.num_fds() == before
    eventually(lambda: not [c for c in keeper.children() if c.status() == psutil.STATUS_ZOMBIE], 2, "no zombies")


NONSENSE = [b"", b"{", b"[]", b"7", b'"stop"', b"{}", b'{"do": "dance"}', b'{"do": ["stop"]}', b'{"do": "restart"}']
NONSENSE += [b'{"do": "restart", "restart": []}', b'{"do": "restart", "restart": "1"}', b"[" * 4000, b"\xff\xfe"]


@pytest.mark.parametrize("text", NONSENSE, ids=[repr(text[:32]) for text in NONSENSE])
def test_nonsense_on_the_control_socket_is_answered_and_changes_nothing(hurt: Zoo, text: bytes) -> None:
    before = hurt.state()["sessions"]
    assert "error" in ask_keeper(hurt, text or b"\n")
    assert hurt.state()["sessions"] == before


def test_a_silent_visitor_of_the_control_socket_does_not_stop_the_keeper(hurt: Zoo) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(hurt.run / "keeper.sock"))
        old = hurt.session("cgi")
        os.kill(old, signal.SIGKILL)
        eventually(lambda: hurt.state()["sessions"].get("cgi", old) != old, BACK_S, "cgi started again")


@pytest.mark.slow
def test_a_family_that_dies_while_another_is_stopped_is_started_again(hurt: Zoo) -> None:
    """A stop may take seconds. A death meanwhile must neither be lost nor wait."""
    slow, other = hurt.session("wsgi"), hurt.session("cgi")
    os.kill(slow, signal.SIGSTOP)  # it cannot hear the stop signal: the keeper will wait, then kill
    thread = threading.Thread(target=ask_keeper, args=(hurt, b'{"do": "restart", "restart": "wsgi"}'))
    thread.start()
    time.sleep(0.3)
    os.kill(other, signal.SIGKILL)
    began = time.monotonic()
    eventually(lambda: answers(hurt, "cgi", "nginx"), BACK_S, "cgi answers")
    eventually(lambda: hurt.state()["sessions"].get("cgi", other) != other, BACK_S, "cgi started again")
    assert thread.is_alive() or time.monotonic() - began < 5
    thread.join()
    eventually(lambda: answers(hurt, "wsgi", "nginx"), 10, "wsgi answers")
    assert members(slow) == []


def test_restart_of_an_exhibit_and_of_the_fronts(hurt: Zoo) -> None:
    for name, family in (("uwsgi-scgi", "uwsgi"), ("nginx", "nginx"), ("fcgid", "apache")):
        old = hurt.session(family)
        done = hurt.cli("restart", name)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"restarted {family}\n", ""), name
        assert hurt.session(family) != old
        assert members(old) == []
        assert answers(hurt, *cells_of(hurt, family)[0])
