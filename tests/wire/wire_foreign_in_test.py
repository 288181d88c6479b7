"""Gateways and a web server that the zoo did not start: a php-fpm and a uWSGI of the test's, and its own nginx.

They run as the zoo's user, in a directory of theirs, and know nothing of the zoo.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
from recordings import WIRES
from zoo_in_test import ROOT, eventually, free, python_of

from gateway_zoo.registry import installed
from gateway_zoo.serving.listen import answers_at
from gateway_zoo.settings import user_of_the_zoo
from gateway_zoo.wire.ask import client, direct
from gateway_zoo.wire.ask.client import USUAL
from gateway_zoo.wire.ask.request import ClientRequest
from gateway_zoo.wire.exchange import Exchange
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.recording import read

PHP = installed.program("php-fpm")
needs_php = pytest.mark.skipif(not PHP, reason="php-fpm is not installed: apt-get install php8.2-fpm")
ROOTS = os.geteuid() == 0
PAGE = "<?php header('Set-Cookie: a=s3cr3t'); echo 'php ', $_SERVER['REQUEST_URI'], file_get_contents('php://input');"
POOL = """[global]
error_log = {0}/fpm.log
daemonize = no
[www]
listen = {1}
listen.mode = 0660
pm = static
pm.max_children = 2
"""
APPLICATION = """def application(environ, start):
    start("200 OK", [("Set-Cookie", "a=s3cr3t")])
    return [b"uwsgi ", environ["REQUEST_URI"].encode(), environ["wsgi.input"].read()]
"""
NGINX = """daemon off; pid {0}/nginx.pid; error_log {0}/nginx.log; worker_processes 1;
events {{}}
http {{
  access_log off;
  client_body_temp_path {0}/t; proxy_temp_path {0}/t; fastcgi_temp_path {0}/t; uwsgi_temp_path {0}/t;
  scgi_temp_path {0}/t;
  server {{
    listen 127.0.0.1:{1};
    location / {{ fastcgi_param SCRIPT_FILENAME {0}/x.php; fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param REQUEST_URI $request_uri; fastcgi_param CONTENT_LENGTH $content_length; {2} }}
  }}
}}
"""


def as_user() -> dict[str, Any]:
    """Options of Popen: not root."""
    user = user_of_the_zoo()
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if ROOTS else {}


def a_port() -> int:
    """A free port below those of outgoing connections."""
    return next(port for port in iter(lambda: random.randrange(12_000, 30_000), 0) if free(port))  # noqa: S311


@dataclass(frozen=True)
class Gateway:
    """Where it listens, and how it is asked."""

    address: str
    protocol: str
    params: tuple[str, ...] = ()

    @property
    def option(self) -> str:
        return f"--{self.protocol.lower()}"

    def ask(self, address: str, path: str, **more: Any) -> Exchange:
        """Ask this gateway, or a relay before it."""
        request = ClientRequest(path, params=self.params, **more)
        return direct.send_to(WIRES, self.protocol, client.address(address), request, USUAL)


class Site:
    """A directory with gateways of the test's. Everything that it has started ends with it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="zf", dir="/tmp"))
        self.processes: list[subprocess.Popen[bytes]] = []
        if ROOTS:
            user = user_of_the_zoo()
            os.chown(self.path, user.pw_uid, user.pw_gid)
        self.path.chmod(0o755)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGINT)
        for process in self.processes:
            process.wait(20)
        shutil.rmtree(self.path)

    def start(self, *argv: str) -> None:
        with (self.path / "log").open("ab") as log:
            env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
            self.processes.append(
                subprocess.Popen(
                    argv, stdout=log, stderr=log, cwd=self.path, env=env, start_new_session=True, **as_user()
                )
            )

    def wait(self, address: str) -> str:
        eventually(
            lambda: answers_at(address.removeprefix("unix:")), 15, f"{address}: {(self.path / 'log').read_text()}"
        )
        return address

    def php(self, address: str) -> Gateway:
        (self.path / "x.php").write_text(PAGE, encoding="ascii")
        (self.path / "fpm.conf").write_text(POOL.format(self.path, address.removeprefix("unix:")), encoding="ascii")
        self.start(str(PHP), "-n", "-F", "-y", str(self.path / "fpm.conf"))
        return Gateway(self.wait(address), "FastCGI", (f"SCRIPT_FILENAME={self.path}/x.php",))

    def uwsgi(self, address: str) -> Gateway:
        (self.path / "x.py").write_text(APPLICATION, encoding="ascii")
        words = [
            "--socket",
            address.removeprefix("unix:"),
            "--chmod-socket=660",
            "--wsgi-file",
            str(self.path / "x.py"),
        ]
        self.start(str(installed.program("uwsgi")), *words, "--die-on-term", "--buffer-size", "32768")
        return Gateway(self.wait(address), "uwsgi")

    def nginx(self, line: str) -> str:
        """An nginx that passes everything on as this line says. Returns its address."""
        port = a_port()
        (self.path / "nginx.conf").write_text(NGINX.format(self.path, port, line), encoding="ascii")
        self.start("nginx", "-c", str(self.path / "nginx.conf"), "-e", str(self.path / "nginx.log"))
        return self.wait(f"127.0.0.1:{port}")


def record_argv(*words: str) -> list[str]:
    """`zoo record`, as a person or root types it."""
    user = ["--user", user_of_the_zoo().pw_name] if ROOTS and "--user" not in words else []
    return [python_of(), "-m", "gateway_zoo", "record", *words, *user]


def record_to_its_end(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """For what does not begin to record."""
    argv = record_argv(*words) if not options else [python_of(), "-m", "gateway_zoo", "record", *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT, **options)


class Recorder:
    """A `zoo record --listen` in the background. `file`: the recording."""

    def __init__(self, site: Site, *words: str) -> None:
        self.site, self.log = site, site.path / f"record{len(list(site.path.glob('record*')))}"
        self.file = site.path / f"{self.log.name}.jsonl"
        with self.log.open("wb") as out:
            argv = [*record_argv("-o", str(self.file), *words)]
            self.process = subprocess.Popen(argv, stdout=out, stderr=out, cwd=ROOT, start_new_session=True)
        eventually(lambda: "Ctrl-C ends" in self.text() or self.process.poll() is not None, 30, "a recording")
        assert self.process.poll() is None, self.text()

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def stop(self, number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(20)


@contextlib.contextmanager
def recorder(site: Site, *words: str) -> Iterator[Recorder]:
    made = Recorder(site, *words)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module", name="site")
def a_site() -> Iterator[Site]:
    """A place for gateways of others. A test file has it and the next two by importing them."""
    with Site() as made:
        yield made


@pytest.fixture(scope="module", name="php")
def a_php(site: Site) -> Gateway:
    return site.php(f"unix:{site.path}/php.sock")


@pytest.fixture(scope="module", name="uwsgi")
def a_uwsgi(site: Site) -> Gateway:
    return site.uwsgi(f"127.0.0.1:{a_port()}")


def recorded(file: Path) -> list[Exchange]:
    """The exchanges of a recording."""
    exchanges = Exchanges(WIRES)
    with file.open("rb") as lines:
        for entry in read(lines, "it"):
            exchanges.feed(entry)
    return list(exchanges.all.values())
