"""`zoo record --listen`: the relay between a web server and gateways that the zoo did not start. No zoo runs."""

import os
import pwd
import signal
import socket
import stat
from pathlib import Path

import psutil
import pytest
import requests
from typer.testing import CliRunner
from wire_foreign_in_test import (  # noqa: F401 - fixtures
    ROOTS,
    Gateway,
    Site,
    a_php,
    a_port,
    a_site,
    a_uwsgi,
    needs_php,
    record_to_its_end,
    recorded,
    recorder,
)
from zoo_in_test import eventually

from gateway_zoo.cli import app
from gateway_zoo.settings import user_of_the_zoo


@needs_php
def test_an_nginx_and_a_php_fpm_of_others(site: Site, php: Gateway) -> None:
    """The answer is the gateway's; the recording names both sides; the socket is as the gateway's, and goes."""
    door, real = site.path / "spy.sock", site.path / "php.sock"
    with recorder(site, "--listen", f"unix:{door}", php.option, php.address) as made:
        facts, like = door.stat(), real.stat()
        assert (facts.st_mode, facts.st_uid, facts.st_gid) == (like.st_mode, like.st_uid, like.st_gid)
        assert f"fastcgi_pass unix:{door};" in made.text()
        url = f"http://{site.nginx(f'fastcgi_pass unix:{door};')}/x?a=b"
        answer = requests.post(url, data=b"body", headers={"Cookie": "s3cr3t"}, timeout=20)
        assert (answer.status_code, answer.text) == (200, "php /x?a=bbody")
        process = psutil.Process(made.process.pid)
        assert process.uids().effective == (user_of_the_zoo().pw_uid if ROOTS else os.geteuid())
        assert made.stop() == 0, made.text()
        assert f"./zoo wire --show {made.file} lists them" in made.text()
        (exchange,) = recorded(made.file)
        text = made.file.read_bytes()
    assert (exchange.method, exchange.target, exchange.status) == ("POST", "/x?a=b", 200)
    assert (exchange.exhibit, exchange.front, exchange.protocol) == (php.address, "web server", "FastCGI")
    assert b"a=" in bytes(exchange.response)
    assert b"s3cr3t" not in bytes(exchange.request + exchange.response)
    assert b"czNjcjN0" not in text, "its base64"
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
    assert not list(site.path.glob("spy.sock*"))


@pytest.mark.parametrize("doors", ["127.0.0.1", "[::1]", "unix"])
def test_a_uwsgi_of_others(site: Site, uwsgi: Gateway, doors: str) -> None:
    """On TCP, with the relay on TCP, on IPv6, and on a unix socket. With --secrets everything is kept."""
    door = f"unix:{site.path}/mixed.sock" if doors == "unix" else f"{doors}:{a_port()}"
    with recorder(site, "--listen", door, uwsgi.option, uwsgi.address, "--secrets") as made:
        plain, through = (uwsgi.ask(address, "/x", data=b"body") for address in (uwsgi.address, door))
        assert plain.response == through.response
        assert plain.response.endswith(b"uwsgi /xbody")
        assert made.stop() == 0, made.text()
        (exchange,) = recorded(made.file)
    assert exchange.response == plain.response
    assert exchange.errors == []
    assert not list(site.path.glob("mixed.sock*"))


@needs_php
def test_the_socket_of_a_killed_recorder_goes(site: Site, php: Gateway) -> None:
    """The doorkeeper removes it. If that is killed, too, the next start replaces it; also one on the same path."""
    door = site.path / "killed.sock"
    words = ("--listen", f"unix:{door}", php.option, php.address)
    with recorder(site, *words) as made:
        made.stop(signal.SIGKILL)
        eventually(lambda: not list(site.path.glob("killed.sock*")), 10, "no socket of a killed recorder")
    with recorder(site, *words) as made:
        for helper in psutil.Process(made.process.pid).children():
            helper.kill()
        made.stop(signal.SIGKILL)
        assert sorted(path.name for path in site.path.glob("killed.sock*")) == ["killed.sock", "killed.sock.zoo"]
    with recorder(site, *words):
        assert php.ask(f"unix:{door}", "/x").status == 200
        second = record_to_its_end(*words)
        assert (second.returncode, "another program listens there" in second.stderr) == (3, True), second.stderr
        assert php.ask(f"unix:{door}", "/x").status == 200
    assert not list(site.path.glob("killed.sock*"))


def _left(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def _left_with_an_old_mark(path: Path) -> None:
    _left(path)
    facts = path.stat()
    path.with_name(f"{path.name}.zoo").write_text(f"zoo record {facts.st_dev} {facts.st_ino} 1\n", encoding="ascii")


def _mark_alone(path: Path) -> None:
    path.with_name(f"{path.name}.zoo").write_text("of a person\n", encoding="ascii")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_text("mine", encoding="ascii"), "is no socket; it stays"),
        (lambda path: path.mkdir(), "is no socket; it stays"),
        (lambda path: path.symlink_to("/etc/hostname"), "is no socket; it stays"),
        (_left, "zoo record did not make it; remove it yourself"),
        (_left_with_an_old_mark, "zoo record did not make it; remove it yourself"),
        (_mark_alone, "File exists"),
    ],
)
def test_a_file_of_others_stays(site: Site, tmp_path: Path, make: object, words: str) -> None:
    assert callable(make)
    folder = site.path / tmp_path.name  # where also --user may make a socket
    folder.mkdir(mode=0o777)
    make(folder / "s")
    before = _contents(folder)
    done = record_to_its_end("--listen", f"unix:{folder}/s", "--http", f"127.0.0.1:{a_port()}")
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr
    assert _contents(folder) == before


def _contents(folder: Path) -> list[tuple[str, int, int]]:
    facts = [(path.name, path.lstat()) for path in sorted(folder.iterdir())]
    return [(name, each.st_ino, each.st_mtime_ns) for name, each in facts]


OPEN = "whoever reaches this relay reaches the gateway"
BAD = {
    ("--listen", "0.0.0.0:14900", "--http", "127.0.0.1:1"): OPEN,
    ("--listen", "[::]:14900", "--http", "127.0.0.1:1"): OPEN,
    ("--listen", "192.0.2.1:14900", "--http", "127.0.0.1:1"): OPEN,
    ("--listen", "example.com:14900", "--http", "127.0.0.1:1"): OPEN,
    ("--listen", "127.0.0.1.example.com:14900", "--http", "127.0.0.1:1"): OPEN,
    ("--listen", "/run/x.sock", "--http", "127.0.0.1:1"): "--listen /run/x.sock: expected unix:PATH or HOST:PORT",
    ("--listen", "127.0.0.1:70000", "--http", "127.0.0.1:1"): "expected unix:PATH or HOST:PORT",
    ("--listen", "unix:", "--http", "127.0.0.1:1"): "expected unix:PATH or HOST:PORT",
    ("--listen", "unix:/nowhere/s", "--http", "127.0.0.1:1"): "expected a directory that can be written",
    ("--listen", f"unix:/tmp/{'x' * 200}", "--http", "127.0.0.1:1"): "expected a path at which a socket can be made",
    ("--listen", "127.0.0.1:14900", "--http", "php"): "--http php: expected unix:PATH or HOST:PORT",
    ("--listen", "127.0.0.1:14900", "--http", "127.0.0.1:14900"): "the relay would ask itself",
    ("--listen", "localhost:14900", "--http", "127.0.0.1:14900"): "the relay would ask itself",
    ("--listen", "[::1]:14900", "--http", "[::1]:14900"): "the relay would ask itself",
    ("--listen", "127.0.0.1:14900"): "--listen takes one gateway, not 0",
    ("--listen", "127.0.0.1:14900", "--http", "127.0.0.1:1", "--scgi", "127.0.0.1:1"): "takes one gateway, not 2",
    ("--listen", "127.0.0.1:14900", "--http", "127.0.0.1:1", "uwsgi"): "it takes no exhibit",
    ("--listen", "127.0.0.1:14900", "--http", "127.0.0.1:1", "--front", "nginx"): "no --front",
    ("--http", "127.0.0.1:1"): "--http goes with --listen",
    ("--user", "www-data"): "--user goes with --listen",
    ("--listen", "127.0.0.1:14900", "--http", "127.0.0.1:1", "--user", "no such"): "--user no such: ",
    ("--listen", "127.0.0.1:14900", "--http", "127.0.0.1:1", "--user", "root"): "--user root",
}


@pytest.mark.parametrize(("words", "sentence"), BAD.items(), ids=lambda words: " ".join(words)[:60])
def test_a_command_line_that_makes_no_sense(words: tuple[str, ...], sentence: str) -> None:
    user = ["--user", "nobody"] if ROOTS and "--user" not in words else []
    done = CliRunner().invoke(app, ["record", *words, *user], prog_name="zoo")
    assert (done.exit_code, sentence in done.output) == (2, True), done.output


def test_what_is_not_there(tmp_path: Path) -> None:
    """A gateway that nobody answers for, a port that is taken, a file that exists: nothing is left of the attempt."""
    port = a_port()
    silent = record_to_its_end("--listen", f"127.0.0.1:{a_port()}", "--fastcgi", f"127.0.0.1:{port}")
    assert (silent.returncode, "does not answer: Connection refused" in silent.stderr) == (3, True), silent.stderr
    with socket.create_server(("127.0.0.1", port)):
        taken = record_to_its_end("--listen", f"127.0.0.1:{port}", "--fastcgi", "127.0.0.1:1")
        assert (taken.returncode, "Address already in use" in taken.stderr) == (3, True), taken.stderr
        file = tmp_path / "r"
        file.write_text("mine", encoding="ascii")
        tmp_path.chmod(0o755)
        words = ("--listen", f"127.0.0.1:{a_port()}", "--fastcgi", f"127.0.0.1:{port}", "-o", str(file))
        kept = record_to_its_end(*words)
    assert kept.returncode == 2, kept.stderr
    assert file.read_text(encoding="ascii") == "mine"


@pytest.mark.skipif(not ROOTS, reason="only root can be another user")
def test_who_may_not_open_the_gateway(site: Site) -> None:
    """Neither root without --user, nor a user that the socket is not for. The words say who may."""
    user, other = user_of_the_zoo(), pwd.getpwnam("nobody")
    path = site.path / "private.sock"
    with socket.socket(socket.AF_UNIX) as gateway:
        gateway.bind(str(path))
        gateway.listen()
        os.chown(path, user.pw_uid, user.pw_gid)
        path.chmod(0o660)
        words = ("--listen", f"127.0.0.1:{a_port()}", "--fastcgi", f"unix:{path}")
        plain = record_to_its_end(*words, user=other.pw_uid, group=other.pw_gid, extra_groups=[])
        dropped = record_to_its_end(*words, "--user", "nobody")
        for done in (plain, dropped):
            assert done.returncode == 3, done.stderr
            assert f"nobody may not open it, but {user.pw_name} and group" in done.stderr, done.stderr
            assert f"--user {user.pw_name}" in done.stderr
        rootly = record_to_its_end(*words, env=dict(os.environ))
        assert (rootly.returncode, f"such as {user.pw_name}" in rootly.stderr) == (2, True), rootly.stderr
