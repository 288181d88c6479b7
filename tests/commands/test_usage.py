"""What a person gets wrong: words, numbers, directories, ports. A sentence, the right exit status, no traceback."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from zoo_in_test import REGISTRY, ROOT, Zoo, free


@pytest.fixture(scope="module")
def idle() -> Iterator[Zoo]:
    """Ports and a run directory of its own, in which nothing is started."""
    with Zoo() as made:
        yield made


def refused(zoo: Zoo, *words: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit status and what was said; nothing was started, and nobody saw a traceback."""
    done = zoo.cli(*words, env=env)
    assert "Traceback" not in done.stderr, done.stderr
    assert zoo.leftovers() == []
    return done.returncode, done.stderr


# --- words ------------------------------------------------------------------------------------------------------------

WRONG_WORDS = [
    (["up", "fastgci"], "unknown exhibit 'fastgci'; did you mean 'fastcgi'?"),
    (["up", "-d", "wsgi", "unicorn"], "unknown exhibit 'unicorn'; did you mean 'uwsgi-gunicorn'?"),
    (["up", "-d", "wsgi", "servlet"], "unknown exhibit 'servlet'; zoo ls lists them"),
    (["restart", "ngin"], "unknown exhibit 'ngin'; did you mean 'nginx'?"),
    (["check", "scig"], "unknown exhibit 'scig'; did you mean 'scgi'?"),
    (["compare", "uwsgi", "uswgi-http"], "unknown exhibit 'uswgi-http'; did you mean 'uwsgi-http'?"),
    (["logs", "apche"], "unknown exhibit 'apche'; "),
    (["config", "ngnix"], "unknown front 'ngnix'; expected nginx or apache"),
    (["stop"], "unknown command 'stop'"),
    (["ups"], "unknown command 'ups'; did you mean 'up'?"),
    (["up", "--forground"], "No such option: --forground"),
    (["restart"], "Missing argument"),
    (["down", "wsgi"], "unexpected extra argument"),
    (["logs", "-n", "0"], "Invalid value for '-n'"),
    (["logs", "-n", "many"], "Invalid value for '-n'"),
]


@pytest.mark.parametrize(("words", "said"), WRONG_WORDS, ids=[" ".join(words) for words, _ in WRONG_WORDS])
def test_wrong_words_exit_2_with_a_hint(idle: Zoo, words: list[str], said: str) -> None:
    status, text = refused(idle, *words)
    assert (status, said in text) == (2, True), text


WRONG_SETTINGS = [
    ("ZOO_NGINX_PORT", "http", "expected a number from 1024 to 32767"),
    ("ZOO_NGINX_PORT", "80", "expected a number from 1024 to 32767"),
    ("ZOO_APACHE_PORT", "40000", "expected a number from 1024 to 32767"),
    ("ZOO_APACHE_PORT", "-1", "expected a number from 1024 to 32767"),
    ("ZOO_APACHE_PORT", "8081.5", "expected a number from 1024 to 32767"),
    ("ZOO_PORT_SHIFT", "1e3", "expected a number from -30000 to 30000"),
    ("ZOO_PORT_SHIFT", "50000", "expected a number from -30000 to 30000"),
    ("ZOO_LISTEN", "everywhere", "expected an IPv4 address of this machine"),
    ("ZOO_LISTEN", "::1", "expected an IPv4 address of this machine"),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG_SETTINGS)
def test_wrong_settings_exit_2_and_name_the_variable(idle: Zoo, name: str, value: str, said: str) -> None:
    status, text = refused(idle, "up", "-d", env={name: value})
    assert (status, text) == (2, f"zoo: {name}={value}: {said}\n")


NOT_RUNNING = [["restart", "wsgi"], ["restart", "nginx"], ["check"], ["compare"], ["ps"], ["ps", "--json"]]


@pytest.mark.parametrize("words", NOT_RUNNING, ids=" ".join)
def test_commands_that_need_a_running_zoo_say_so(idle: Zoo, words: list[str]) -> None:
    status, text = refused(idle, *words)
    assert status == 3
    assert "running" in text
    assert "./zoo up starts " in text


# --- some of them -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_up_with_names_starts_only_those(fresh_zoo: Zoo) -> None:
    fresh_zoo.up("fastcgi", "wsgi")
    assert sorted(fresh_zoo.open_cells()) == [(e, f) for e in ("fastcgi", "wsgi") for f in ("apache", "nginx")]
    helpers = {family.id for family in REGISTRY.families.values() if "*" in family.serves}
    assert set(fresh_zoo.state()["sessions"]) == {"sentinel", "nginx", "apache", "fastcgi", "wsgi"} | helpers
    for front in ("nginx", "apache"):
        left_out = fresh_zoo.get("scgi", front)
        assert (left_out.status_code, left_out.text) == (
            404,
            f"scgi is closed behind {front}: left out of this start; ./zoo up starts all\n",
        )
    for name in ("scgi", "uwsgi-http", "fcgid", "mod_wsgi"):
        status, text = fresh_zoo.cli("restart", name).returncode, fresh_zoo.cli("restart", name).stderr
        assert (status, text) == (3, f"zoo: {name} is closed: left out of this start; ./zoo up starts all\n")
    assert fresh_zoo.cli("restart", "wsgi").returncode == 0


# --- ports ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nginx", "apache", "fastcgi-tcp", "ajp"])
def test_a_port_in_use_is_told_with_its_holder_before_anything_starts(idle: Zoo, name: str) -> None:
    tcp = {"fastcgi-tcp": 9001 + idle.shift, "ajp": 8009 + idle.shift}
    port = (idle.ports | tcp)[name]
    with socket.create_server(("127.0.0.1", port)):
        done = idle.cli("up", "-d")
        assert done.returncode == 3
        assert f"port {port} on 127.0.0.1 ({name}) is held by " in done.stderr
        assert [process for process in idle.processes() if process.pid != os.getpid()] == []
        if os.geteuid() != 0:  # else the holder is another user's, and its name is not ours to read
            assert f"(pid {os.getpid()})" in done.stderr
    assert "set ZOO_" in done.stderr
    assert free(port)


# --- run directories --------------------------------------------------------------------------------------------------


def test_a_run_directory_too_long_for_sockets(idle: Zoo) -> None:
    deep = idle.run / ("x" * 90)
    deep.mkdir()
    status, text = refused(idle, "up", "-d", env={"ZOO_RUN": str(deep)})
    assert status == 3
    assert "is too long: a socket's path would have" in text
    assert "set ZOO_RUN to a shorter one (limit 107)" in text


def test_a_run_directory_that_is_a_link(idle: Zoo) -> None:
    target, link = idle.run / "target", idle.run / "link"
    target.mkdir()
    link.symlink_to(target)
    status, text = refused(idle, "up", "-d", env={"ZOO_RUN": str(link)})
    assert status == 3
    assert f"{link} is a link; remove it, or set ZOO_RUN" in text
    assert list(target.iterdir()) == []


def by_another_user(zoo: Zoo, *words: str) -> subprocess.CompletedProcess[str]:
    """./zoo started by somebody who is not root: an ordinary user of the machine."""
    options = {"user": "www-data", "group": "www-data", "extra_groups": []} if os.geteuid() == 0 else {}
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [str(ROOT / "zoo"), *words], env=zoo.env, capture_output=True, text=True, check=False, cwd="/", **options
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
@pytest.mark.parametrize("mode", [0o777, 0o750])
def test_a_run_directory_of_another_user(idle: Zoo, mode: int) -> None:
    """Anybody may have made the usual one in /tmp: no log is written into it."""
    owner = idle.run.stat()
    idle.run.chmod(mode)
    shutil.chown(idle.run, "nobody", "root")
    done = by_another_user(idle, "up", "-d")
    assert done.returncode == 3
    assert done.stderr == f"zoo: {idle.run} belongs to another user; set ZOO_RUN to a directory of your own\n"
    for words, status in ((["down"], 3), (["ps"], 3), (["check"], 3), (["ls"], 0)):
        done = by_another_user(idle, *words)
        assert (done.returncode, "Traceback" in done.stderr) == (status, False), (words, done.stderr)
    os.chown(idle.run, owner.st_uid, owner.st_gid)
    idle.run.chmod(0o750)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
def test_a_run_directory_that_cannot_be_made(idle: Zoo) -> None:
    idle.env["ZOO_RUN"], usual = "/nobody-may-write-here", idle.env["ZOO_RUN"]
    done = by_another_user(idle, "up", "-d")
    idle.env["ZOO_RUN"] = usual
    assert (done.returncode, "/nobody-may-write-here cannot be used: Permission denied" in done.stderr) == (3, True)
    assert not Path("/nobody-may-write-here").exists()


@pytest.mark.parametrize("env", [{"ZOO_PORT_SHIFT": "-30000"}, {"ZOO_RUN": "/proc/zoo"}, {"ZOO_RUN": "/etc/passwd"}])
def test_settings_that_cannot_work_are_told_before_anything_starts(idle: Zoo, env: dict[str, str]) -> None:
    status, text = refused(idle, "up", "-d", env=env)
    assert status in (2, 3)
    assert text.startswith("zoo: ")


def test_two_that_want_the_same_port(idle: Zoo) -> None:
    status, text = refused(idle, "up", "-d", env={"ZOO_APACHE_PORT": idle.env["ZOO_NGINX_PORT"]})
    assert status == 3
    assert f"apache and nginx both want port {idle.ports['nginx']}" in text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root could give it away")
def test_roots_own_directories_are_not_given_away(idle: Zoo, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("root's", encoding="utf-8")
    tmp_path.chmod(0o755)
    status, _ = refused(idle, "up", "-d", env={"ZOO_RUN": str(tmp_path)})
    assert (status, tmp_path.stat().st_uid, (tmp_path / "kept").stat().st_uid) == (3, 0, 0)
