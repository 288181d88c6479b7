"""Reports of programs to a follower: one for each followed request, none for any other, and no secret in them."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from raw_http import Answer, ask, everywhere, request
from zoo_in_test import FRONTS, REGISTRY, ROOT, Zoo, slow

from gateway_zoo.errors import Stop
from gateway_zoo.follow.reports import BYTES, Report, Reports
from gateway_zoo.settings import Settings, read_settings, user_of_the_zoo

SECRET = "c2VjcmV0"  # noqa: S105 - sent to be masked
KINDS = {"cgi": "CGI environment"}  # of the other exhibits: WSGI environ, or in PHP $_SERVER
FORKS = ("cgi", "php-cgi")  # a process for each request


def follower(zoo: Zoo) -> Reports:
    return Reports(read_settings(zoo.env | {"ZOO_ROOT": str(zoo.root)}))


@pytest.fixture
def reports(zoo: Zoo) -> Iterator[Reports]:
    """A follower of the zoo. Tests may run as root; the zoo's programs do not."""
    with follower(zoo) as bound:
        if os.geteuid() == 0:
            user = user_of_the_zoo()
            os.chown(bound.path, user.pw_uid, user.pw_gid)
        yield bound


def followed(zoo: Zoo, reports: Reports, front: str, path: str, *headers: str) -> tuple[Answer, Report | None]:
    answer = ask(zoo.ports[front], request(path, ": ".join(reports.header), *headers))
    return answer, reports.wait(answer.headers["x-request-id"], 5)


def fixed(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """What two answers to the same request have in common."""
    return answer.status, {n: v for n, v in answer.headers.items() if n not in ("x-request-id", "date")}, answer.body


# --- through the fronts -----------------------------------------------------------------------------------------------


def test_each_program_reports_once_and_answers_the_same(zoo: Zoo, reports: Reports) -> None:
    secrets = [f"Authorization: Basic {SECRET}", f"Cookie: a={SECRET}", f"Proxy-Authorization: Basic {SECRET}"]
    sessions = zoo.state()["sessions"]

    def check(exhibit: str, front: str) -> list[str]:
        plain = ask(zoo.ports[front], request(f"/{exhibit}/hello", *secrets))
        answer, report = followed(zoo, reports, front, f"/{exhibit}/hello", *secrets)
        assert report
        php = exhibit.startswith(("php", "mod_php"))
        assert (report.id, report.exhibit, report.status) == (answer.headers["x-request-id"], exhibit, 200)
        assert report.kind == KINDS.get(exhibit, "$_SERVER" if php else "WSGI environ")
        assert report.given["HTTP_X_REQUEST_ID"] == report.id
        assert report.given["HTTP_X_ZOO_FRONT"] == front
        assert report.given["HTTP_COOKIE"] == "(masked)"
        assert SECRET not in str(report.given)
        assert not [name for name in report.given if "FOLLOW" in name.upper()]
        assert report.source
        lines = (ROOT / report.source.file).read_text(encoding="utf-8").splitlines()
        assert "Hello from the Gateway Zoo" in "\n".join(lines[report.source.first - 1 : report.source.last])
        assert 0 < report.began <= report.ended <= time.monotonic()
        if exhibit not in FORKS:
            family = REGISTRY.family_of(exhibit).id
            assert os.getsid(report.pid) == sessions.get(family, sessions["apache"])
            assert Path(f"/proc/{report.pid}/task/{report.thread}").exists()
        assert fixed(answer) == fixed(plain)
        assert not plain.headers["x-request-id"].startswith("follow")
        return []

    everywhere(zoo.open_cells(), check, at_once=1)  # one thread at a time waits for reports
    assert reports.wait("another", 0.2) is None
    assert reports._reports == {}, "a second report"


@pytest.mark.parametrize("front", FRONTS)
def test_an_asgi_program_reports_its_scope(zoo: Zoo, reports: Reports, front: str) -> None:
    answer, report = followed(zoo, reports, front, "/asgi/news?since=1", f"Cookie: a={SECRET}")
    assert report
    assert (report.kind, report.status, answer.status) == ("ASGI scope", 200, 200)
    assert (report.given["type"], report.given["query_string"]) == ("http", "since=1")
    assert (report.given["headers[cookie]"], report.given["headers[x-zoo-front]"]) == ("(masked)", front)
    assert SECRET not in str(report.given)
    assert report.source
    assert report.source.file == "asgi/news_app.py"


def test_an_error_and_a_long_request_are_reported(zoo: Zoo, reports: Reports) -> None:
    """A datagram has an end: values are cut, then names are left out."""
    many = [f"X-{n}: {'x' * 40}" for n in range(80)]
    _, report = followed(zoo, reports, "nginx", f"/fastcgi/none?{'q' * 5000}", *many)
    assert report
    assert (report.status, report.source and report.source.file) == (404, "app/zoo_app.py")
    assert report.given["QUERY_STRING"] == "q" * 4000 + "… (5000 characters)"
    assert report.given["HTTP_X_79"] == "x" * 40


WRONG = ["0", "100", "-1", "1;x", "../../x", "01", "1 2", "1,", "a", "", "1\t1", "\xb2", "1%0a", "1e1", "1" * 3000]


@pytest.mark.parametrize("front", FRONTS)
def test_the_id_is_marked_only_when_the_header_is_right(zoo: Zoo, front: str) -> None:
    """Also for a text of the front itself; a header of wrong form changes nothing."""
    port = zoo.ports[front]
    usual = len(ask(port, request("/fastcgi/hello")).headers["x-request-id"])
    for path in ("/fastcgi/hello", "/", "/no-such/exhibit", "/-web/icon.svg"):
        for number in ("1", "9", "10", "99"):
            id = ask(port, request(path, f"X-Zoo-Follow: {number}")).headers["x-request-id"]
            assert (id[: len(number) + 7], len(id)) == (f"follow{number}-", usual + len(number) + 7), (path, number)
    wrong = [[f"X-Zoo-Follow: {value}"] for value in WRONG]
    wrong += [[f"{name}: 1"] for name in ("X_Zoo_Follow", "X-Zoo_Follow", "X_Zoo-Follow", "Zoo-Follow")]
    for lines in wrong:
        answer = ask(port, request("/fastcgi/echo", *lines))
        assert len(answer.headers["x-request-id"]) == usual, lines
        assert "HTTP_X_ZOO_FOLLOW" not in answer.json()["variables"], lines
    twice = ask(port, request("/fastcgi/hello", "X-Zoo-Follow: 1", "X-Zoo-Follow: 2")).headers["x-request-id"]
    assert len(twice) == usual or (front == "nginx" and twice.startswith("follow1-"))  # nginx < 1.23 knows the first


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "", "localhost, evil.example"])
def test_a_rebound_name_follows_nothing(zoo: Zoo, front: str, host: str) -> None:
    data = f"GET /fastcgi/hello HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-Zoo-Follow: 1\r\n\r\n"
    assert not ask(zoo.ports[front], data.encode()).headers.get("x-request-id", "").startswith("follow")


# --- the socket -------------------------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A run directory without a zoo."""
    (tmp_path / "sock").mkdir()
    return Settings(root=ROOT, run=tmp_path)


HOLD = """
import sys, time, pathlib
from gateway_zoo.follow.reports import Reports
from gateway_zoo.settings import Settings
with Reports(Settings(root=pathlib.Path("/"), run=pathlib.Path(sys.argv[1]))) as reports:
    print(reports.number, flush=True)
    time.sleep(60)
"""


def test_a_socket_has_a_mode_and_a_life(settings: Settings) -> None:
    """Owner and group only; gone at the end; that of a killed follower is taken over, a living one's is not."""
    old = os.umask(0o077)
    try:
        with Reports(settings) as first, Reports(settings) as second:
            assert (first.header, second.number) == (("X-Zoo-Follow", "1"), 2)
            assert stat.S_IMODE(first.path.stat().st_mode) == 0o660
            assert first.path.stat().st_uid == os.geteuid()
    finally:
        os.umask(old)
    assert list(settings.sockets.iterdir()) == []
    command = [sys.executable, "-c", HOLD, str(settings.run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ROOT)}) as killed:
        assert killed.stdout
        assert killed.stdout.readline() == "1\n"
        with Reports(settings) as beside:
            assert beside.number == 2
        killed.send_signal(signal.SIGKILL)
    assert (settings.sockets / "follow1.sock").exists()
    (settings.sockets / "follow2.sock").write_text("a person's file", encoding="ascii")
    with Reports(settings) as third, Reports(settings) as fourth:
        assert (third.number, fourth.number) == (1, 3)
    assert [path.name for path in settings.sockets.iterdir()] == ["follow2.sock"]


def test_many_followers_at_once_share_no_number(settings: Settings) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(20) as pool:
        followers = [Reports(settings) for _ in range(99)]
        numbers = list(pool.map(lambda reports: stack.enter_context(reports).number, followers))
        assert sorted(numbers) == list(range(1, 100))
        with pytest.raises(Stop, match="99 followers run already"):
            stack.enter_context(Reports(settings))
    assert list(settings.sockets.iterdir()) == []
    with pytest.raises(Stop, match=r"no socket in /nowhere/sock .*: No such file"):
        Reports(Settings(root=ROOT, run=Path("/nowhere"))).__enter__()


def a_report(**changes: Any) -> dict[str, Any]:
    facts = {"id": "follow1-a", "exhibit": "fastcgi", "kind": "WSGI environ", "pid": 1, "thread": 1, "status": 200}
    source = {"file": "app/zoo_app.py", "first": 1, "last": 2}
    return facts | {"began": 1.0, "ended": 2.0, "given": {"a": "b"}, "source": source} | changes


HOSTILE: list[bytes] = [
    *(b"", b"{", b"null", b"[]", b"\xff\xfe", b"[" * 50_000, b"x" * BYTES, b"\0" * 100),
    json.dumps(a_report(given={"a": "x" * BYTES})).encode(),
    *(
        json.dumps(a_report(**{name: value})).encode()
        for name, value in [
            *(("id", 7), ("id", "follow2-a"), ("id", "a"), ("kind", "other"), ("pid", -1), ("pid", "1")),
            *(("pid", 2**40), ("began", "now"), ("ended", -1), ("status", 99), ("given", {"a": 1}), ("given", None)),
            *(("source", {"file": file, "first": 1, "last": 2}) for file in ("/etc/passwd", "app/../x.py", "a/b.py\n")),
            ("source", {"file": "app/zoo_app.py", "first": 0, "last": 2}),
        ]
    ),
]


def test_what_is_no_report_is_ignored(settings: Settings) -> None:
    with Reports(settings) as reports, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(str(reports.path))
        for datagram in HOSTILE:
            sender.send(datagram)
            assert reports.wait("follow1-a", 0) is None, datagram[:200]
            assert reports.wait("follow2-a", 0) is None, datagram[:200]
        sender.send(json.dumps(a_report()).encode())
        sender.send(json.dumps(a_report(exhibit="a second one")).encode())
        for number in range(60):  # reports that nobody waits for do not fill the memory
            sender.send(json.dumps(a_report(id=f"follow1-{number}")).encode())
            assert reports.wait("follow1-none", 0.01 if number == 59 else 0) is None
        assert len(reports._reports) == 50
        assert "follow1-59" in reports._reports


@pytest.mark.parametrize("id", ["follow1-a", *slow("follow1-none")])
def test_a_report_is_kept_until_it_is_wanted(settings: Settings, id: str) -> None:
    with Reports(settings) as reports, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(str(reports.path))
        for name in ("follow1-b", "follow1-a"):
            sender.send(json.dumps(a_report(id=name)).encode())
        report = reports.wait(id, 0.1)
        assert (report and report.id) == (None if id == "follow1-none" else id)
        kept = reports.wait("follow1-b", 0)
        assert kept
        assert (kept.given, kept.source and kept.source.last) == ({"a": "b"}, 2)
