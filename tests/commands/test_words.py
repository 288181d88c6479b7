"""What a command says is true: what is open, closed or left out, how a zoo is; and its exit status."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from zoo_in_test import REGISTRY, ROOT, Zoo, eventually, slow

from gateway_zoo.measure import clocks

NOT_PLAIN = {e.id for e in REGISTRY.exhibits.values() if REGISTRY.family_of(e.id).group}


@pytest.fixture(scope="module")
def few() -> Iterator[Zoo]:
    """Two families of all."""
    with Zoo() as made:
        yield made.up("fastcgi", "scgi")


def told(text: str) -> str:
    """A sentence without the line ends that a narrow terminal puts into it."""
    return " ".join(text.split())


# --- what is closed, and what was left out ----------------------------------------------------------------------------


def test_up_counts_what_it_was_not_asked_for(fresh_zoo: Zoo) -> None:
    lines = fresh_zoo.cli("up", "-d", "fastcgi").stdout.splitlines()
    left = len(REGISTRY.exhibits) - len(NOT_PLAIN) - 1
    assert f"left out: {left} (./zoo up starts all)" in lines
    assert [line for line in lines if "curl" in line] == [next(line for line in lines if line.startswith("fastcgi "))]
    assert sum(line.startswith("closed") for line in lines) <= 1, lines


@pytest.mark.slow
def test_up_names_every_front_of_an_exhibit_in_order(fresh_zoo: Zoo) -> None:
    done = fresh_zoo.cli("up", "-d", "--mpm", "all", "fastcgi", "mod_wsgi", "mod_php", env={"COLUMNS": "120"})
    assert done.returncode == 0, done.stdout + done.stderr
    apache = fresh_zoo.ports["apache"]
    text = told(done.stdout)
    more = [f"apache-prefork on {apache + 1}", f"apache-worker on {apache + 2}"]
    assert f"/fastcgi/hello also apache on {apache}, {', '.join(more)}" in text
    assert f"localhost:{apache}/mod_wsgi/hello also {', '.join(more)}" in text
    if ("mod_php", "apache-prefork") in fresh_zoo.open_cells():
        assert f"curl localhost:{apache + 1}/mod_php/hello" in text
        assert not re.search(r"closed: [^:]*mod_php", text), text
    assert "closed: apache-itk: ITK's parent must be root" in text
    assert not re.search(r"closed: [^:]*, apache", text), "a front among exhibits"


@pytest.mark.slow
def test_a_front_that_cannot_run_is_told_and_the_rest_is_open(fresh_zoo: Zoo) -> None:
    done = fresh_zoo.cli("up", "-d", "--mpm", "itk", "fastcgi")
    assert (done.returncode, fresh_zoo.open_cells()) == (0, [("fastcgi", "nginx")]), done.stdout + done.stderr
    assert "closed: apache: ITK's parent must be root" in told(done.stdout)
    for words in (["restart", "apache"], ["restart", "mod_wsgi"], ["check", "mod_wsgi"], ["ps", "mod_wsgi"]):
        done = fresh_zoo.cli(*words)
        assert (done.returncode, "ITK's parent must be root" in done.stderr) == (3, True), (words, done.stderr)
    assert "closed: apache: ITK's parent must be root" in told(fresh_zoo.cli("ls").stdout)


def test_up_of_what_cannot_open_starts_nothing(fresh_zoo: Zoo) -> None:
    done = fresh_zoo.cli("up", "-d", "--mpm", "itk", "mod_wsgi")
    assert done.returncode == 3
    assert "mod_wsgi is closed: ITK's parent must be root" in done.stderr
    assert "nothing that was asked for can open here" in done.stderr
    assert fresh_zoo.leftovers() == []


LEFT_OUT = "ajp is closed: left out of this start; ./zoo up starts all"


@pytest.mark.parametrize("words", [["check", "ajp"], ["ps", "ajp"], ["logs", "ajp"], ["restart", "ajp"]], ids=" ".join)
def test_a_closed_exhibit_is_said_to_be_closed(few: Zoo, words: list[str]) -> None:
    done = few.cli(*words)
    assert (done.returncode, done.stderr) == (3, f"zoo: {LEFT_OUT}\n"), done.stdout + done.stderr


def test_wire_says_the_same(few: Zoo) -> None:
    done = few.cli("wire", "ajp", "/hello")
    assert (done.returncode, done.stderr) == (3, f"zoo: {LEFT_OUT}\n")


def test_check_of_open_and_closed_exhibits(few: Zoo) -> None:
    done = few.cli("check", "fastcgi", "ajp")
    assert (done.returncode, LEFT_OUT in done.stderr) == (0, True), done.stdout + done.stderr
    found = json.loads(few.cli("check", "ajp", "--json").stdout)
    assert (found["ok"], found["failed"], found["closed"]) == (False, 0, 2)


@pytest.mark.slow
def test_check_counts_closed_cells_the_same_for_people_and_programs(few: Zoo) -> None:
    text = few.cli("check").stdout
    found = json.loads(few.cli("check", "--json").stdout)
    assert f", {found['closed']} closed (cells)" in text
    assert found["closed"] == len({(c["exhibit"], c["front"]) for c in found["cells"] if c["state"] == "closed"})


def test_check_by_address_of_what_only_the_other_front_has(few: Zoo) -> None:
    done = few.cli("check", "mod_wsgi", f"--nginx=http://127.0.0.1:{few.ports['nginx']}")
    assert done.returncode == 3
    assert "mod_wsgi is closed: no address given; --apache URL" in done.stderr


# --- how it is --------------------------------------------------------------------------------------------------------


def test_doctor_of_a_healthy_zoo(few: Zoo) -> None:
    done = few.cli("doctor")
    assert (done.returncode, "a zoo runs here, all is well" in told(done.stdout)) == (0, True), done.stdout
    assert json.loads(few.cli("doctor", "--json").stdout) == []


@pytest.mark.slow
def test_doctor_names_a_cell_that_does_not_answer(fresh_zoo: Zoo) -> None:
    fresh_zoo.up("fastcgi", "scgi")
    frozen = [process for process in fresh_zoo.processes() if process.pid == fresh_zoo.session("scgi")]
    for process in frozen:
        process.suspend()
    try:
        done = fresh_zoo.cli("doctor")
    finally:
        for process in frozen:
            process.resume()
    assert done.returncode == 1
    said = "scgi does not answer behind nginx and apache; ./zoo logs scgi; ./zoo restart scgi"
    assert said in told(done.stdout)
    assert "fastcgi does not" not in done.stdout
    assert "all is well" not in done.stdout


@pytest.mark.slow
def test_doctor_names_a_family_that_dies_again_and_again(fresh_zoo: Zoo) -> None:
    fresh_zoo.up("fastcgi", "scgi")
    for _ in range(3):
        before = fresh_zoo.session("scgi")
        with contextlib.suppress(ProcessLookupError):
            os.kill(before, signal.SIGKILL)
        eventually(lambda before=before: fresh_zoo.state()["sessions"].get("scgi", before) != before, 20, "again")  # type: ignore[misc]
    done = fresh_zoo.cli("doctor")
    assert done.returncode == 1, done.stdout
    assert re.search(r"scgi has ended \d times in a row", told(done.stdout)), done.stdout
    assert "./zoo restart scgi" in told(done.stdout)


# --- one text ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_up_and_doctor_say_the_same_of_what_is_in_the_way(fresh_zoo: Zoo) -> None:
    with socket.create_server(("127.0.0.1", fresh_zoo.ports["apache"])):
        up, doctor = fresh_zoo.cli("up", "-d"), fresh_zoo.cli("doctor")
        (problem,) = json.loads(fresh_zoo.cli("doctor", "--json").stdout)
    sentence = up.stderr.removeprefix("zoo: ").strip()
    assert (up.returncode, doctor.returncode) == (3, 3)
    assert f"port {fresh_zoo.ports['apache']} on 127.0.0.1 (apache) is held by " in sentence
    assert sentence == told(doctor.stdout) == f"{problem['what']}; {problem['fix']}"


@pytest.mark.parametrize("run", ["/etc/passwd", *slow("/proc/zoo", "link", "/" + "x" * 90, "within")])
def test_up_and_doctor_say_the_same_of_a_run_directory(fresh_zoo: Zoo, tmp_path: Path, run: str) -> None:
    """Also where only the zoo's user may not enter. (A path that is longer than the line is broken anywhere.)"""
    tmp_path.chmod(0o700)
    (tmp_path / "link").symlink_to("/var")
    (tmp_path / "within").mkdir()
    name = str(tmp_path / run) if run in ("link", "within") else run
    up, doctor = (fresh_zoo.cli(*words, env={"ZOO_RUN": name}) for words in (["up", "-d"], ["doctor"]))
    if run == "within" and up.returncode == 0:  # not root: it is ours
        fresh_zoo.cli("down", env={"ZOO_RUN": name})
        return
    assert (up.returncode, doctor.returncode) == (3, 3), up.stderr + doctor.stdout
    assert "".join(up.stderr.split()).removeprefix("zoo:") == "".join(doctor.stdout.split())


# --- logs that go on --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def following(zoo: Zoo, *words: str) -> Iterator["subprocess.Popen[str]"]:
    argv = [str(ROOT / "zoo"), "logs", "-f", *words]
    process = subprocess.Popen(argv, env=zoo.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/")
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()


def test_followed_logs_are_an_object_on_each_line_and_end_by_ctrl_c(few: Zoo) -> None:
    few.get("fastcgi", "nginx")
    with following(few, "--json", "-n", "1", "fastcgi", "scgi") as process:
        assert process.stdout
        assert json.loads(process.stdout.readline())["front"] == "nginx"
        sent = [few.get(exhibit, "apache", "hello").headers["X-Request-ID"] for exhibit in ("fastcgi", "scgi")]
        found = [json.loads(process.stdout.readline()) for _ in sent]
        assert sorted(each["id"] for each in found) == sorted(sent)
        assert all(each["app_ms"] is not None and each["pid"] for each in found), "both lines of each"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr
        assert process.stderr.read() == ""


def test_followed_logs_end_when_the_reader_goes_away(few: Zoo) -> None:
    few.get("fastcgi", "nginx")
    for words in ([], ["--json"]):
        with following(few, "-n", "1", *words) as process:
            assert process.stdout
            process.stdout.readline()
            process.stdout.close()
            assert process.wait(20) == 0, words
            assert process.stderr
            assert process.stderr.read() == ""


def test_followed_logs_go_on_when_files_are_rotated(few: Zoo) -> None:
    few.get("fastcgi", "nginx")
    with following(few, "--json", "-n", "1", "fastcgi") as process:
        assert process.stdout
        process.stdout.readline()
        log = few.run / "logs" / "nginx.log"
        with log.open("a", encoding="utf-8") as file:
            os.truncate(log, 0)
            file.write("x" * 100_000)
            file.write("\n")
        answer = few.get("fastcgi", "nginx", "hello")
        assert json.loads(process.stdout.readline())["id"] == answer.headers["X-Request-ID"]


@pytest.mark.slow
def test_logs_of_every_apache(fresh_zoo: Zoo) -> None:
    fresh_zoo.up("--mpm", "all", "fastcgi")
    port = fresh_zoo.ports["apache"]
    for number in range(3):
        requests.get(f"http://127.0.0.1:{port + number}/fastcgi/hello", timeout=20)
    fronts = {"apache", "apache-prefork", "apache-worker"}

    def seen() -> bool:
        return {row["front"] for row in json.loads(fresh_zoo.cli("logs", "--json", "-n", "3").stdout)} == fronts

    eventually(seen, 10, f"a line of each of {fronts}")


# --- files that are none ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [["replay"], ["wire", "--show"], ["wire", "fastcgi", "/hello", "--data"]], ids=" ".join
)
def test_what_never_ends_meets_a_limit(few: Zoo, tmp_path: Path, words: list[str]) -> None:
    fifo, large = tmp_path / "fifo", tmp_path / "large"
    os.mkfifo(fifo)
    large.touch()
    os.truncate(large, 10 << 30)
    said = {"/dev/zero": "bytes, our limit", str(fifo): "nothing came for 10 s, our limit", str(large): "our limit"}
    for name, limit in said.items():
        began = time.monotonic()
        done = few.cli(*words, f"@{name}" if words[-1] == "--data" else name)
        assert (done.returncode, limit in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr
        assert time.monotonic() - began < 60


# --- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_clock_of_a_zoo_is_compared_with_ours(few: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """On one machine they agree; where ours is set back by 30 s, theirs is ahead by as much."""
    news = few.url("fastcgi", "nginx", "news")
    found = clocks.offset(news)
    assert abs(found.seconds) <= found.within + 0.01
    real = time.time
    monkeypatch.setattr("gateway_zoo.measure.clocks.time.time", lambda: real() - 30)
    assert abs(clocks.offset(news).seconds - 30) <= 0.5
    with pytest.raises(ValueError, match="does not say what the time is there"):
        clocks.offset(few.url("fastcgi", "nginx", "nothing"))
