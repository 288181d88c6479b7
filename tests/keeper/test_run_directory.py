"""The run directory: lost while the zoo runs, or not the zoo's at all. A few families only, so that it is quick."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from zoo_in_test import Zoo, eventually, needs_sight, slow, words_of

from gateway_zoo.safe_io import bounded

USER = "www-data" if os.geteuid() == 0 else None
FEW = ("fastcgi", "wsgi")
CURE = "./zoo down ends it, ./zoo up starts it again"


def give(path: Path) -> Path:
    """To the zoo's user."""
    if USER:
        shutil.chown(path, USER, USER)
    return path


def keeper_of(zoo: Zoo) -> psutil.Process:
    return next(p for p in zoo.processes() if words_of(p)[2:4] == ["-m", "gateway_zoo.keeper"])


def remove(run: Path) -> None:
    shutil.rmtree(run)


def remake(run: Path) -> None:
    shutil.rmtree(run)
    run.mkdir(mode=0o750)
    give(run)


def rename(run: Path) -> None:
    run.rename(run.with_name(f"{run.name}-moved"))


def empty(run: Path) -> None:
    for path in run.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def part(name: str) -> Callable[[Path], None]:
    def without(run: Path) -> None:
        path = run / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    without.__name__ = f"without_{name}"
    return without


def spoil(run: Path) -> None:
    (run / "state.json").write_text("x" * 5_000_000, encoding="utf-8")


PARTS = [part(name) for name in ("state.json", "keeper.sock", "sock", "logs", "nginx")]
WHOLE = [remove, remake, rename, empty]


@pytest.fixture
def running(fresh_zoo: Zoo) -> Iterator[tuple[Zoo, list[psutil.Process]]]:
    """A zoo that runs, with its processes; those that a test leaves behind are ended after it."""
    fresh_zoo.up(*FEW)
    processes = fresh_zoo.processes()
    yield fresh_zoo, processes
    for process in processes:
        if process.is_running():
            process.kill()
    shutil.rmtree(fresh_zoo.run.with_name(f"{fresh_zoo.run.name}-moved"), ignore_errors=True)


def all_gone(processes: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


@needs_sight
@pytest.mark.parametrize("harm", [remove, PARTS[0], *slow(*WHOLE[1:], *PARTS[1:], spoil)])
def test_down_ends_what_has_lost_its_directory(
    running: tuple[Zoo, list[psutil.Process]], harm: Callable[[Path], None]
) -> None:
    zoo, processes = running
    harm(zoo.run)
    refused = zoo.cli("up", "-d", *FEW)
    assert refused.returncode == 3, "a second zoo in the same place"
    assert f"a zoo is already running in {zoo.run}; ./zoo down stops it" in refused.stderr, refused.stderr
    for words in (["ps"], ["check"], ["restart", "wsgi"], ["logs"], ["wire", "wsgi", "/hello"], ["ls"]):
        done = zoo.inside(*words)
        assert done.exit_code == 3, (words, done.output)
        assert CURE in done.stderr, (words, done.output)
    advice = zoo.inside("doctor")
    assert advice.exit_code == 3
    assert CURE in " ".join(advice.stdout.split()), advice.stdout
    end = zoo.cli("down")
    assert (end.returncode, end.stdout) == (0, "stopped\n"), end.stderr
    assert all_gone(processes)


@needs_sight
@pytest.mark.parametrize(
    ("number", "harm"),
    [
        (signal.SIGKILL, remove),
        *(pytest.param(number, remove, marks=pytest.mark.slow) for number in (signal.SIGTERM, signal.SIGINT)),
        *(pytest.param(signal.SIGKILL, harm, marks=pytest.mark.slow) for harm in (*WHOLE[1:], part("sock"))),
    ],
)
def test_the_end_of_the_keeper_is_the_end_of_all(
    running: tuple[Zoo, list[psutil.Process]], harm: Callable[[Path], None], number: int
) -> None:
    zoo, processes = running
    keeper = keeper_of(zoo)
    harm(zoo.run)
    keeper.send_signal(number)
    eventually(lambda: all_gone(processes), 20, "everything has ended")


@pytest.mark.slow
@needs_sight
@pytest.mark.parametrize(("word", "harm"), [*(("up", harm) for harm in WHOLE), ("down", remove)])
def test_what_a_dead_keeper_and_a_dead_sentinel_left_is_found_without_the_directory(
    running: tuple[Zoo, list[psutil.Process]], harm: Callable[[Path], None], word: str
) -> None:
    zoo, processes = running
    sentinel, keeper = psutil.Process(zoo.session("sentinel")), keeper_of(zoo)
    harm(zoo.run)
    sentinel.suspend()  # so that it sees nothing before it dies too
    keeper.kill()
    sentinel.kill()
    eventually(lambda: not keeper.is_running() or keeper.status() == psutil.STATUS_ZOMBIE, 10, "the keeper is gone")
    assert not all_gone(processes), "workers that nobody ends: what this test is about"
    if word == "up":
        zoo.up(*FEW)
        assert zoo.get("wsgi", "nginx").text == "pong\n"
    else:
        done = zoo.cli("down")
        assert (done.returncode, done.stdout[:26]) == (0, "no zoo was running; ended "), done.stderr
    assert all_gone(processes)


@pytest.mark.slow
@needs_sight
def test_ctrl_c_ends_a_foreground_zoo_without_a_directory(fresh_zoo: Zoo) -> None:
    argv = [str(fresh_zoo.root / "zoo"), "up", *FEW]
    with subprocess.Popen(argv, env=fresh_zoo.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as up:
        assert up.stdout
        for line in up.stdout:
            if "Ctrl-C stops everything" in line:
                break
        processes = [p for p in fresh_zoo.processes() if p.pid != up.pid]
        remove(fresh_zoo.run)
        up.send_signal(signal.SIGINT)
        assert up.wait(30) == 0
    assert all_gone(processes)


@pytest.mark.slow
@needs_sight
def test_zoos_whose_directories_are_gone_do_not_end_each_other(running: tuple[Zoo, list[psutil.Process]]) -> None:
    zoo, mine = running
    with Zoo() as other:
        other.up("wsgi")
        theirs = other.processes()
        remove(zoo.run)
        remove(other.run)
        assert zoo.cli("down").stdout == "stopped\n"
        assert all_gone(mine)
        assert all(p.is_running() for p in theirs), "the other zoo"
        zoo.run.mkdir(mode=0o750)
        give(zoo.run)
        zoo.up("wsgi")
        again = zoo.processes()
        assert other.cli("down").stdout == "stopped\n"
        assert all_gone(theirs)
        assert zoo.get("wsgi", "nginx").text == "pong\n"
        zoo.down()
        assert all_gone(again)


@pytest.mark.slow
@needs_sight
def test_a_family_starts_again_without_a_folder_for_its_log(running: tuple[Zoo, list[psutil.Process]]) -> None:
    zoo, _ = running
    first = zoo.session("fastcgi")
    shutil.rmtree(zoo.run / "logs")
    os.kill(first, signal.SIGKILL)
    eventually(lambda: zoo.session("fastcgi") != first, 10, "the keeper starts it again")
    eventually(lambda: zoo.get("fastcgi", "nginx").status_code == 200, 20, "it answers again")
    assert (zoo.run / "logs" / "fastcgi.log").is_file()


@pytest.mark.slow
@needs_sight
def test_the_keeper_lives_on_when_it_cannot_write_its_state(running: tuple[Zoo, list[psutil.Process]]) -> None:
    zoo, processes = running
    first = psutil.Process(zoo.session("fastcgi"))
    (zoo.run / "state.json").unlink()
    (zoo.run / "state.json").mkdir()
    first.kill()
    eventually(
        lambda: zoo.get("fastcgi", "nginx").status_code == 200 and not first.is_running(), 20, "it answers again"
    )
    assert zoo.cli("down").stdout == "stopped\n"
    assert all_gone(processes)
    assert (zoo.run / "state.json").is_dir(), "what a person put there stays"
    (zoo.run / "state.json").rmdir()


# --- a directory that is not the zoo's --------------------------------------------------------------------------------


def a_project(run: Path) -> None:
    (run / "thesis.tex").write_text("mine", encoding="utf-8")


def with_folders_of_our_names(run: Path) -> None:
    for name in ("sock", "logs", "nginx", "apache"):
        (run / name).mkdir()
        (run / name / "mine").write_text("mine", encoding="utf-8")


def with_logs(run: Path) -> None:
    (run / "logs").mkdir()
    (run / "logs" / "mine.log").write_text("mine", encoding="utf-8")


def with_a_marked_link(run: Path) -> None:
    (run / "made-by-the-gateway-zoo").symlink_to("/etc/hostname")


def snapshot(run: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, owner and content of everything."""
    found = {}
    for path in (run, *run.rglob("*")):
        facts = path.lstat()
        found[str(path)] = (facts.st_mode, facts.st_uid, path.read_bytes() if path.is_file() else b"")
    return found


@pytest.mark.parametrize("fill", [a_project, *slow(with_folders_of_our_names, with_logs, with_a_marked_link)])
def test_a_directory_of_a_person_is_refused_unchanged(fresh_zoo: Zoo, fill: Callable[[Path], None]) -> None:
    fill(fresh_zoo.run)
    for path in (fresh_zoo.run, *fresh_zoo.run.rglob("*")):
        if not path.is_symlink():
            give(path)
    fresh_zoo.run.chmod(0o755)
    before = snapshot(fresh_zoo.run)
    for words in (["up", "-d", "wsgi"], ["down"]):
        done = fresh_zoo.cli(*words)
        assert done.returncode == 3, (words, done.stdout)
        assert f"{fresh_zoo.run} has files that the zoo did not make, for example " in done.stderr, done.stderr
        assert "; set ZOO_RUN to an empty directory, or to one that is not there yet" in done.stderr
        assert snapshot(fresh_zoo.run) == before, words
    told = fresh_zoo.cli("doctor")
    assert told.returncode == 3
    assert f"{fresh_zoo.run} has files that the zoo did not make" in told.stdout.replace("\n", " ")
    shutil.rmtree(fresh_zoo.run)


@pytest.mark.parametrize("place", ["checkout", *slow("/etc", "/tmp", "home")])  # noqa: S108 - it must be refused
def test_places_of_others_keep_their_mode(fresh_zoo: Zoo, tmp_path: Path, place: str) -> None:
    home = pwd.getpwnam(USER).pw_dir if USER else os.environ["HOME"]
    run = Path({"checkout": str(fresh_zoo.root), "home": home}.get(place, place))
    if not run.is_dir():
        pytest.skip(f"there is no {run}")
    before = run.stat()
    for words in (["up", "-d", "wsgi"], ["down"]):
        done = fresh_zoo.cli(*words, env={"ZOO_RUN": str(run)})
        assert done.returncode == 3, (words, done.stdout, done.stderr)
        assert str(run) in done.stderr
    after = run.stat()
    assert (before.st_mode, before.st_uid, before.st_gid) == (after.st_mode, after.st_uid, after.st_gid)
    assert not (run / "made-by-the-gateway-zoo").exists()


@pytest.mark.slow
def test_a_file_and_a_link_are_no_run_directory(fresh_zoo: Zoo) -> None:
    file, link = (
        fresh_zoo.run.with_name(f"{fresh_zoo.run.name}-file"),
        fresh_zoo.run.with_name(f"{fresh_zoo.run.name}-link"),
    )
    file.write_text("mine", encoding="utf-8")
    link.symlink_to(fresh_zoo.run)
    try:
        for path, why in ((file, "is not a directory"), (link, "is a link")):
            for words in (["up", "-d", "wsgi"], ["down"]):
                done = fresh_zoo.cli(*words, env={"ZOO_RUN": str(path)})
                assert (done.returncode, f"{path} {why}; " in done.stderr) == (3, True), (words, done.stderr)
            told = fresh_zoo.cli("doctor", env={"ZOO_RUN": str(path)})
            assert (told.returncode, f"{path} {why}" in told.stdout) == (3, True), told.stdout
        assert file.read_text(encoding="utf-8") == "mine"
    finally:
        file.unlink()
        link.unlink()


@pytest.mark.slow
def test_a_directory_of_an_earlier_version_is_taken(fresh_zoo: Zoo) -> None:
    fresh_zoo.up("wsgi").down()
    mark = fresh_zoo.run / "made-by-the-gateway-zoo"
    mark.unlink()
    fresh_zoo.up("wsgi").down()
    assert mark.is_file()


@pytest.mark.slow
def test_a_persons_files_in_the_run_directory_stay(fresh_zoo: Zoo, tmp_path: Path) -> None:
    """Whatever `up`, `down`, and a second start remove, they made."""
    fresh_zoo.up("wsgi").down()
    outside = tmp_path / "outside"
    outside.write_text("mine", encoding="utf-8")
    outside.chmod(0o666)
    run = fresh_zoo.run
    mine = [
        *(
            run / name
            for name in ("note", "sock/note", "logs/note", "nginx/note", "nginx/cages/note", "nginx/tmp/note")
        ),
        *(run / name for name in ("nginx/pages/closed/note", "apache/pages/down/note", "apache/note", "sock/tls/note")),
    ]
    for path in mine:
        path.write_text("mine", encoding="utf-8")
        give(path)
    (run / "nginx/local.conf").unlink()
    (run / "nginx/local.conf").symlink_to(outside)
    (run / "nginx/pages/index.txt").unlink()
    (run / "nginx/pages/index.txt").symlink_to(outside)
    fresh_zoo.up("wsgi").down()
    assert [path.read_text(encoding="utf-8") for path in mine] == ["mine"] * len(mine)
    assert outside.read_text(encoding="utf-8") == "mine", "a link is not followed"


@pytest.mark.slow
def test_what_stands_in_the_way_is_named(fresh_zoo: Zoo, tmp_path: Path) -> None:
    """A person's file where the zoo makes a link or a folder; a link to a person's folder where it empties one."""
    fresh_zoo.up("wsgi").down()
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "mine.txt").write_text("mine", encoding="utf-8")
    for name in ("nginx/nginx.conf", "nginx/pages", "nginx/pages/closed", "apache/cages/wsgi.conf", "sock/tls"):
        path, aside = fresh_zoo.run / name, tmp_path / "aside"
        path.rename(aside)
        if name.endswith(".conf"):
            path.write_text("mine", encoding="utf-8")
        else:
            path.symlink_to(theirs)
        done = fresh_zoo.cli("up", "-d", "wsgi")
        assert (done.returncode, f"{path} is in the way" in done.stderr) == (3, True), done.stderr
        advice = fresh_zoo.inside("doctor")
        words = advice.stdout.replace("\n", " ")
        assert (advice.exit_code, f"{path} is in the way" in words) == (3, True), advice.stdout
        path.unlink()
        aside.rename(path)
    assert (theirs / "mine.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.slow
@needs_sight
def test_a_recorder_overwrites_and_removes_only_what_recorders_made(
    running: tuple[Zoo, list[psutil.Process]], tmp_path: Path
) -> None:
    zoo, _ = running
    folder, file = give_text(zoo.run / "wire" / "note"), zoo.run / "wire2.jsonl"
    give_text(file)
    done = zoo.cli("record")
    assert (done.returncode, f"{file} is no recording of the zoo's, and is not overwritten" in done.stderr) == (3, True)
    file.unlink()
    record = subprocess.Popen(
        [str(zoo.root / "zoo"), "record"], env=zoo.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    eventually(file.is_file, 40, "a recording, beside the person's folder")
    record.send_signal(signal.SIGINT)
    assert record.wait(30) == 0
    assert folder.read_text(encoding="utf-8") == "mine"
    assert not (zoo.run / "wire2").exists()
    out = tmp_path / "out.pcap"
    out.write_text("mine", encoding="utf-8")
    done = zoo.cli("wire", "--show", str(file), "--pcap", str(out))
    assert (done.returncode, "no file is overwritten" in done.stderr) == (2, True), done.stderr
    assert out.read_text(encoding="utf-8") == "mine"


def give_text(path: Path) -> Path:
    """A person's file, in a folder of theirs."""
    if not path.parent.exists():
        path.parent.mkdir()
        give(path.parent)
    path.write_text("mine", encoding="utf-8")
    return give(path)


@pytest.mark.slow
@needs_sight
def test_a_killed_recorder_whose_directory_is_gone_leaves_nothing(running: tuple[Zoo, list[psutil.Process]]) -> None:
    zoo, _ = running
    record = subprocess.Popen(
        [str(zoo.root / "zoo"), "record"], env=zoo.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    eventually((zoo.run / "wire.jsonl").is_file, 40, "a recording")
    fronts = [p for p in zoo.processes() if any("/wire/" in word for word in (*words_of(p), p.cwd()))]
    assert fronts
    remove(zoo.run)
    record.kill()
    record.wait()
    eventually(lambda: all_gone(fronts), 20, "its fronts have ended")
    zoo.cli("down")


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@needs_sight
def test_visitors_of_the_control_socket_hold_nothing_for_ever(running: tuple[Zoo, list[psutil.Process]]) -> None:
    zoo, _ = running
    keeper = keeper_of(zoo)
    before = keeper.num_fds()
    with contextlib.ExitStack() as stack:
        for number in range(100):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.settimeout(30)
            client.connect(str(zoo.run / "keeper.sock"))
            if number % 2:
                with contextlib.suppress(OSError):
                    client.sendall(b"x" * 100_000)
        eventually(lambda: keeper.num_fds() < before + 30, 30, "the keeper closes what says nothing")
        assert zoo.cli("restart", "wsgi").stdout == "restarted wsgi\n"


def test_an_answer_of_the_keeper_has_a_size_and_a_deadline() -> None:
    here, there = socket.socketpair()
    with here, there:
        there.settimeout(5)
        threading.Thread(target=flood, args=[there], daemon=True).start()
        with pytest.raises(bounded.OverLimit, match="longer than 1000 bytes"):
            bounded.line(here, 5, 1000)
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"{")
        with pytest.raises(bounded.OverLimit, match=r"not complete after 0\.2 s"):
            bounded.line(here, 0.2, 1000)


def flood(client: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            client.sendall(b"x" * 1000)


# --- what runs is read from one place ---------------------------------------------------------------------------------


@pytest.mark.slow
@needs_sight
def test_a_second_terminal_with_other_ports_asks_this_zoo(running: tuple[Zoo, list[psutil.Process]]) -> None:
    zoo, _ = running
    with Zoo() as other:
        other.up("fastcgi-tcp", "wsgi")
        fresh = {**other.env, "ZOO_RUN": str(zoo.run), "ZOO_MPM": "worker"}
        done = zoo.cli("wire", "fastcgi-tcp", "/hello", env=fresh)
        assert done.returncode == 3, f"it was left out of this zoo, and the other's answered: {done.stdout}"
        assert zoo.cli("check", env=fresh).returncode == 0, "https too"
        assert zoo.cli("wire", "--via", "nginx", "wsgi", "/hello", env=fresh).returncode == 0
        assert f"listen 127.0.0.1:{zoo.ports['nginx']};" in zoo.cli("config", "nginx", env=fresh).stdout
        assert zoo.cli("restart", "wsgi", env=fresh).stdout == "restarted wsgi\n"


@pytest.mark.slow
def test_another_checkouts_command_is_told_whose_zoo_it_is(
    running: tuple[Zoo, list[psutil.Process]], tmp_path: Path
) -> None:
    zoo, _ = running
    done = zoo.cli("check", env={"ZOO_ROOT": str(tmp_path)})
    assert (done.returncode, f"was started from {zoo.root}; use {zoo.root}/zoo" in done.stderr) == (3, True), (
        done.stderr
    )
    assert zoo.cli("down", env={"ZOO_ROOT": str(tmp_path)}).stdout == "stopped\n"
