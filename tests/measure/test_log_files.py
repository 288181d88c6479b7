"""Logs that grow, end, turn over and misbehave, as files; and requests whose two lines come in any order."""

import os
import resource
from pathlib import Path

import pytest

from gateway_zoo.measure import log_files
from gateway_zoo.measure.log_files import LONGEST, Logs
from gateway_zoo.measure.request_log import RequestLog
from gateway_zoo.measure.requests import MOST, PATIENCE_S, Joiner, Request

FRONT = '1700000000.500 {0} nginx wsgi 200 5 0.004 0.003 "GET /wsgi/ping HTTP/1.1"'
APP = "1700000000.498 {0} wsgi ping 200 5 1.25 42 43"


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_only_what_is_new_is_given_and_a_line_waits_for_its_end(tmp_path: Path) -> None:
    append(tmp_path / "a.log", "one\ntwo\nthr")
    logs = Logs(tmp_path)
    assert list(logs.lines()) == ["one", "two"]
    append(tmp_path / "a.log", "ee\n")
    append(tmp_path / "b.log", "late\n")
    assert list(logs.lines()) == ["three", "late"]
    assert list(logs.lines()) == []
    logs.close()


def test_a_file_that_is_truncated_removed_or_rotated(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    append(path, "before\n")
    logs = Logs(tmp_path)
    assert list(logs.lines()) == ["before"]
    os.truncate(path, 0)
    append(path, "cut\n")
    assert list(logs.lines()) == ["cut"]
    with path.open("a", encoding="utf-8") as server:  # it writes on to the file that it has, whatever it is called
        path.rename(tmp_path / "a.log.1")
        server.write("to the old one\n")
        server.flush()
        append(path, "new\n")
        assert list(logs.lines()) == ["to the old one", "new"]
    path.unlink()
    assert list(logs.lines()) == []
    append(path, "again\n")
    assert list(logs.lines()) == ["again"]
    path.unlink()
    tmp_path.rmdir() if not any(tmp_path.iterdir()) else None
    assert list(logs.lines()) == []
    logs.close()
    assert len(os.listdir("/proc/self/fd")) < 200


def test_what_is_no_file_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.log")
    (tmp_path / "folder.log").mkdir()
    (tmp_path / "zero.log").symlink_to("/dev/zero")
    (tmp_path / "gone.log").symlink_to("/nowhere")
    append(tmp_path / "real.log", "line\n")
    assert list(Logs(tmp_path).lines()) == ["line"]


@pytest.mark.slow
def test_a_line_without_end_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    append(path, "first\n")
    logs = Logs(tmp_path)
    assert list(logs.lines()) == ["first"]
    with path.open("r+b") as file:  # a gigabyte of zeros, then a line
        file.truncate(1 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert list(logs.lines()) == ["last"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000, "KiB"


def test_a_large_log_is_read_from_near_its_end(tmp_path: Path) -> None:
    with (tmp_path / "a.log").open("w", encoding="ascii") as file:
        file.writelines(f"{number:09d}\n" for number in range(400_000))
    lines = list(Logs(tmp_path).lines())
    assert len(lines) <= log_files.TAIL / 10
    assert lines[-1] == "000399999"
    assert all(len(line) == 9 for line in lines), "no half line at the beginning"


def test_the_longest_line_that_is_kept(tmp_path: Path) -> None:
    append(tmp_path / "a.log", "x" * LONGEST + "\n" + "y" * (LONGEST + 1) + "\nend\n")
    assert [len(line) for line in Logs(tmp_path).lines()] == [LONGEST, 3]


# --- joining ----------------------------------------------------------------------------------------------------------


def test_two_lines_in_any_order_are_one_request() -> None:
    for lines in ((FRONT, APP), (APP, FRONT)):
        joiner = Joiner(clock=lambda: 0.0)
        joiner.add([lines[0].format("id")])
        assert joiner.ready() == [], "it waits for its other line"
        joiner.add([lines[1].format("id")])
        (request,) = joiner.ready()
        assert (request.front_ms, request.app_ms, request.pid, request.time) == (4.0, 1.25, 42, 1700000000.5)
        assert joiner.ready() == [], "and is given once"


def test_a_request_that_the_front_answered_itself_waits_for_nothing_long() -> None:
    now = [0.0]
    joiner = Joiner(clock=lambda: now[0])
    joiner.add([FRONT.format("id")])
    assert joiner.ready() == []
    now[0] = PATIENCE_S + 0.1
    assert [request.app_ms for request in joiner.ready()] == [None]


def test_every_front_is_known_by_its_name() -> None:
    joiner = Joiner()
    fronts = ("apache", "apache-prefork", "apache-worker", "apache-itk")
    joiner.add(f'1700000000500 {front} {front} wsgi 200 5 4000 3000 "GET / HTTP/1.1"' for front in fronts)
    found = joiner.ready(all_of_them=True)
    assert sorted(str(request.front) for request in found) == sorted(fronts)
    assert {(request.front_ms, request.gateway_ms) for request in found} == {(4.0, 3.0)}


def test_lines_without_a_partner_are_forgotten_at_last() -> None:
    joiner = Joiner()
    joiner.add(APP.format(number) for number in range(MOST + 100))
    assert len(joiner.waiting) == MOST


# --- order ------------------------------------------------------------------------------------------------------------


def nginx(id: str, end_s: float) -> str:
    return f'17000{end_s:08.3f} {id} nginx wsgi 200 5 0.500 0.400 "GET /wsgi/{id} HTTP/1.1"'


def apache(id: str, begin_s: float, took_s: float) -> str:
    """Apache writes the beginning of a request (%t) and how long it took (%D)."""
    begin, took = f"17000{begin_s:08.3f}".replace(".", ""), int(took_s * 1e6)
    return f'{begin} {id} apache wsgi 200 5 {took} 1000 "GET /wsgi/{id} HTTP/1.1"'


def app(id: str) -> str:
    return f"1700000000.000 {id} wsgi ping 200 5 1.25 42 43"


def ids(requests: list[Request]) -> list[str]:
    return [request.id for request in requests]


def test_the_order_is_that_of_the_ends_whichever_front_answered(tmp_path: Path) -> None:
    append(tmp_path / "apache.log", apache("third", 10.0, 3.0) + "\n" + apache("first", 10.5, 0.5) + "\n")
    append(tmp_path / "nginx.log", nginx("second", 12.0) + "\n" + nginx("fourth", 14.0) + "\n")
    append(tmp_path / "wsgi.log", "".join(app(id) + "\n" for id in ("fourth", "third", "second", "first")))
    log = RequestLog(tmp_path)
    assert ids(log.past()) == ["first", "second", "third", "fourth"]
    log.close()


def test_a_request_that_waits_for_its_other_line_holds_back_later_ones_but_not_for_long() -> None:
    now = [0.0]
    joiner = Joiner(clock=lambda: now[0])
    joiner.add([nginx("early", 1.0), nginx("late", 2.0), app("late")])
    assert joiner.ready() == []
    joiner.add([app("early")])
    assert ids(joiner.ready()) == ["early", "late"]
    joiner.add([nginx("alone", 3.0), nginx("next", 4.0), app("next")])
    assert joiner.ready() == []
    now[0] = PATIENCE_S + 0.1
    assert ids(joiner.ready()) == ["alone", "next"]


def test_what_nginx_answered_itself_holds_nothing_back() -> None:
    joiner = Joiner(clock=lambda: 0.0)
    own = nginx("own", 1.0).replace(" 0.400 ", " - ")
    joiner.add([own, nginx("next", 2.0), app("next")])
    assert ids(joiner.ready()) == ["own", "next"]


def test_followed_lines_that_come_interleaved_are_in_order(tmp_path: Path) -> None:
    log = RequestLog(tmp_path)
    assert log.past() == []
    append(tmp_path / "nginx.log", nginx("b", 2.0) + "\n" + nginx("d", 4.0) + "\n")
    append(tmp_path / "apache.log", apache("c", 1.0, 2.0) + "\n" + apache("a", 0.5, 0.5) + "\n")
    append(tmp_path / "wsgi.log", "\n".join(map(app, "dcb")) + "\n")
    assert ids(log.new()) == [], "a, the earliest, waits for the app's line"
    append(tmp_path / "wsgi.log", app("a") + "\n")
    assert ids(log.new()) == ["a", "b", "c", "d"]
    assert log.new() == []
    log.close()


def test_method_and_path_without_the_version() -> None:
    lines = {"GET /a?b=c HTTP/1.1": "GET /a?b=c", "HEAD / HTTP/1.0": "HEAD /", "GET /x HTTP/2.0": "GET /x", "-": "-"}
    assert [Request("id", 0, request=line).method_and_path for line in lines] == list(lines.values())
    assert Request("id", 0).method_and_path == "-"
