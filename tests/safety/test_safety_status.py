"""`status` is for this machine: a client at another address gets 403, however it spells it and whatever it claims.

The other address is real: a network namespace with its own interface, joined to this machine by a veth pair. Nothing
leaves the machine. It takes root, so on other machines these tests are skipped.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from raw_http import ask, everywhere, request
from zoo_in_test import FRONTS, ROOT, Zoo

#: (status, body) of each request
Stranger = Callable[[list[tuple[int, bytes]]], list[tuple[int, str]]]

#: Ways to write the path of `status`; {e} is the exhibit, {c} its first letter as %XX and the rest.
SPELLINGS = [
    "/{e}/status",
    "/{e}/status?json",
    "/{e}/status?full&html",
    "/{e}/status?/../hello",
    "/{e}/status/",
    "/{e}/status/x",
    "/{e}/status;x",
    "/{e}/%73tatus",
    "/{e}/st%61tus",
    "/%{c}/status",
    "/{e}/%2573tatus",
    "/{e}/%252fstatus",
    "/{e}%2fstatus",
    "/{e}/%2fstatus",
    "/{e}/status%2f",
    "/{e}//status",
    "//{e}/status",
    "///{e}///status",
    "/./{e}/status",
    "/{e}/./status",
    "/{e}/.//status",
    "/{e}/%2e/status",
    "/x/../{e}/status",
    "/{e}/x/../status",
    "/{e}/hello/../status",
    "/{e}/hello/%2e%2e/status",
    "/{e}/x%2f..%2fstatus",
    "/-pages/../{e}/status",
    "/{e}/status/../status",
    "/{e}/status%00",
    "/{e}/%00/../status",
    "/{e}/status%0a",
    "/{e}/%0astatus",
    "/{e}/%0a/../status",
    "/{e}/status%20",
    "/{e}/status%3fjson",
    "/{e}/status%23x",
    "/{e}/STATUS",
    "/{e}/Status",
    "/{E}/status",
    "/{e}\\status",
    "http://127.0.0.1/{e}/status",
    "http://localhost/{e}/%73tatus?json",
    "http:///{e}/status",
    "{e}/status",
]
CLAIMS = [
    "X-Forwarded-For: 127.0.0.1",
    "X-Forwarded-For:",
    "X_Forwarded_For: 127.0.0.1",
    "X-Real-IP: 127.0.0.1",
    "Forwarded: for=127.0.0.1",
    "Client-IP: 127.0.0.1",
    "True-Client-IP: 127.0.0.1",
    "REMOTE_ADDR: 127.0.0.1",
    "X-Original-URL: /hello",
    "X-Rewrite-URL: /hello",
    "X-HTTP-Method-Override: HEAD",
    "Connection: close, X-Forwarded-For",
]


@pytest.fixture(scope="module")
def open_zoo() -> Iterator[tuple[Zoo, Stranger]]:
    """A zoo that listens for a class too, and a stranger who can ask it."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("needs root and ip(8) for a second network address")
    name = f"zt{os.getpid()}"
    here, there = f"198.18.{os.getpid() % 256}.1", f"198.18.{os.getpid() % 256}.2"  # RFC 2544: never a real network
    if subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True).returncode:
        pytest.skip("no network namespace can be made here")
    zoo = Zoo()
    try:
        for command in (
            f"ip link add {name}a type veth peer name {name}b netns {name}",
            f"ip address add {here}/30 dev {name}a",
            f"ip link set {name}a up",
            f"ip -netns {name} address add {there}/30 dev {name}b",
            f"ip -netns {name} link set {name}b up",
        ):
            subprocess.run(command.split(), check=True)
        zoo.up(env={"ZOO_LISTEN": here})

        def ask_from_there(asked: list[tuple[int, bytes]]) -> list[tuple[int, str]]:
            argv = ["ip", "netns", "exec", name, sys.executable, str(ROOT / "tests/raw_http.py"), here]
            pairs = json.dumps([(port, data.decode("latin-1")) for port, data in asked])
            done = subprocess.run(argv, input=pairs, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0, done.stderr
            return [(status, body) for status, body in json.loads(done.stdout)]

        yield zoo, ask_from_there
    finally:
        zoo.close()
        subprocess.run(["ip", "netns", "delete", name], check=True)  # its interface goes with it, and ours with that


def test_a_stranger_may_say_hello(open_zoo: tuple[Zoo, Stranger]) -> None:
    zoo, stranger = open_zoo
    cells = zoo.open_cells()
    answers = stranger([(zoo.ports[front], request(f"/{exhibit}/hello")) for exhibit, front in cells])
    wrong = {cell: answer for cell, answer in zip(cells, answers, strict=True) if answer[0] != 200}
    assert not wrong, wrong


def test_a_stranger_gets_no_status_however_it_is_spelt(open_zoo: tuple[Zoo, Stranger]) -> None:
    zoo, stranger = open_zoo
    asked, wrong = [], []
    for exhibit, front in zoo.open_cells():
        words = {"e": exhibit, "E": exhibit.upper(), "c": f"{ord(exhibit[0]):02x}{exhibit[1:]}"}
        asked += [(exhibit, front, spelling, spelling.format(**words)) for spelling in SPELLINGS]
    answers = stranger([(zoo.ports[front], request(path)) for _, front, _, path in asked])
    for (exhibit, front, spelling, path), (status, body) in zip(asked, answers, strict=True):
        right = status == 403 if spelling in SPELLINGS[:6] else status in (400, 403, 404)
        if not right or "pid" in body:
            wrong.append(f"{exhibit} behind {front}, {path}: {status} {body[:80]!r}")
    assert not wrong, "\n".join(wrong)


def test_a_stranger_gets_no_status_whatever_it_claims_and_with_any_method(open_zoo: tuple[Zoo, Stranger]) -> None:
    zoo, stranger = open_zoo
    asked, wrong = [], []
    for exhibit, front in zoo.open_cells():
        path = f"/{exhibit}/status"
        asked += [(exhibit, front, request(path, claim)) for claim in CLAIMS]
        asked += [(exhibit, front, request(path, method=method)) for method in ("HEAD", "POST", "PUT", "OPTIONS")]
        asked += [(exhibit, front, f"GET {path} HTTP/1.0\r\n\r\n".encode())]
    answers = stranger([(zoo.ports[front], data) for _, front, data in asked])
    for (exhibit, front, data), (status, body) in zip(asked, answers, strict=True):
        if status != 403 or "pid" in body:
            wrong.append(f"{exhibit} behind {front}, {data!r}: {status} {body[:80]!r}")
    assert not wrong, "\n".join(wrong)


def test_a_stranger_follows_no_request(open_zoo: tuple[Zoo, Stranger]) -> None:
    zoo, stranger = open_zoo
    stranger([(zoo.ports[front], request("/fastcgi/hello?stranger", "X-Zoo-Follow: 1")) for front in FRONTS])
    for front in FRONTS:
        assert ask(zoo.ports[front], request("/fastcgi/hello?near", "X-Zoo-Follow: 1")).status == 200
        lines = (zoo.run / "logs" / f"{front}.log").read_text(encoding="utf-8").splitlines()
        ids = {query: line.split()[1] for query in ("stranger", "near") for line in lines if f"hello?{query} " in line}
        assert ids["near"].startswith("follow1-")
        assert not ids["stranger"].startswith("follow"), front


def test_this_machine_gets_status_from_the_same_zoo(open_zoo: tuple[Zoo, Stranger]) -> None:
    zoo, _ = open_zoo

    def check(exhibit: str, front: str) -> None:
        assert zoo.status(exhibit, front)["exhibit"] == exhibit

    everywhere(zoo.open_cells(), check)
