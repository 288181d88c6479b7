"""The traits of the axes Process and Cost answer what theory predicts."""

import contextlib
import os
import shutil
import subprocess
import sys

import psutil
import pytest
from traits_in_test import answer, kept_natively, measured
from zoo_in_test import ROOT, eventually, needs_sight

from gateway_zoo.traits.records import Matrix

IDS = ("cgi", "fastcgi", "fastcgi-fork", "asgi", "mod_wsgi")
#: trait -> its answers, in the order of IDS: behind nginx, but of mod_wsgi behind Apache.
THEORY = {
    "counter_survives": ["no, it is 1 again", "yes", "yes", "yes", "yes"],
    "wsgi_flags": ["processes, once", "threads", "processes", "ASGI does not tell", "threads, processes"],
    "requests_at_once": ["4", "4", "4", "4", "4"],
    "runs_as_user": ["the web server's user"] * 5,
    "several_threads": ["one request each", "yes", "no", "yes", "yes"],
    "cache_leaks": ["no", "yes", "yes", "yes", "yes"],
    "background_thread": ["no, its process ends", "yes", "yes", "yes", "yes"],
    "fork_random": ["no", "not asked", "yes, own generator", "not asked", "no"],
    "fork_socket": ["no, each its own", "not asked", "yes, one for all", "not asked", "no, each its own"],
    "wire_connections": [*["a new one each time"] * 4, "not asked"],
    "family_memory": ["5 processes", "1 process", "5 processes", "1 process", "2 processes"],
    "first_request": ["yes", *["no, loaded before"] * 4],
    "worker_memory": ["shares little", "shares little", "shares most", "shares little", "shares little"],
}


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return kept_natively()


@pytest.mark.slow
def test_a_cgi_program_forgets_its_counter() -> None:
    matrix = measured(["counter_survives"], ["cgi", "fastcgi"], "nginx")
    assert [a.text for a in matrix.answers] == ["no, it is 1 again", "yes"]
    assert all(a.evidence for a in matrix.answers)


@pytest.mark.parametrize("trait", THEORY)
def test_theory(matrix: Matrix, trait: str) -> None:
    fronts = {"mod_wsgi": "apache"}
    assert [answer(matrix, trait, id, fronts.get(id, "nginx")) for id in IDS] == THEORY[trait]


def test_a_fork_costs_system_calls(matrix: Matrix) -> None:
    assert [answer(matrix, "system_calls", id, "nginx") for id in IDS[:4]] == ["1 fork", *["no fork"] * 3]
    assert answer(matrix, "system_calls", "mod_wsgi", "apache") == "not asked"
    calls = {a.exhibit: a.figure or 0.0 for a in matrix.answers if (a.trait, a.front) == ("system_calls", "nginx")}
    assert 0 < calls["fastcgi"] < calls["cgi"] / 5, calls


def runs(inside: str) -> set[str]:
    """Run directories of living processes that have these words in their name."""
    directories = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            directories.add(process.environ().get("ZOO_RUN", ""))
    return {directory for directory in directories if inside in directory}


@pytest.mark.slow
@needs_sight
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_what_strace_traced_ends_with_the_command() -> None:
    argv = [sys.executable, "-I", "-m", "gateway_zoo", "traits", "-t", "system_calls", "fastcgi-fork", "wsgi"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("ZOO_")}
    with subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as command:
        assert command.stderr
        run = command.stderr.readline().split()[-1].decode()
        try:
            eventually(lambda: len(runs(f"{run}/strace-")) == 2, 60, "both families run under strace")
        finally:
            command.kill()
        eventually(lambda: not runs(run), 30, "nothing of the zoo of the traits lives")
    shutil.rmtree(run)


def test_what_the_front_decides(matrix: Matrix) -> None:
    assert answer(matrix, "requests_at_once", "cgi", "apache") == "all 12", "mod_cgid has no limit"
    assert answer(matrix, "wire_connections", "asgi", "apache") == "kept open", "mod_proxy keeps HTTP connections"
    bytes_of = {(a.exhibit, a.front): a.figure or 0.0 for a in matrix.answers if a.trait == "wire_bytes"}
    assert 0 < bytes_of["asgi", "nginx"] < bytes_of["fastcgi", "nginx"] < bytes_of["fastcgi", "apache"], bytes_of
