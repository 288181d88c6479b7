"""Many Apaches with copies of our configuration, and gateways of the test's own that keep what Apache sends.

Each copy has the same sockets and an address of its own. A gateway takes one whole request and closes the connection.
"""

import contextlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

from zoo_in_test import REGISTRY, ROOT, eventually

from gateway_zoo.follow.lines import Line, Request
from gateway_zoo.keeper import children, fronts, ports, run_directory, tls
from gateway_zoo.registry import plans
from gateway_zoo.registry.plans import Plan
from gateway_zoo.settings import Settings, read_settings, user_of_the_zoo
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.conversation import Conversation
from gateway_zoo.wire.events import End
from gateway_zoo.wire.exchange import Exchange, fields_of
from gateway_zoo.wire.view.variables import variables_of

CODECS = Codecs(REGISTRY)
ID = re.compile(r"(?<![\w@-])(follow\d+-)?[\w@-]{24,30}(?![\w@-])")  # mod_unique_id's
PORT = re.compile(r":\d{4,5}\b")
CHANGING = {"REMOTE_PORT", "AJP_REMOTE_PORT", "SSL_SESSION_ID", "ssl_session", "SERVER_PORT", "server_port"}
MOST = 80  # copies at once
Pairs = list[tuple[str, str]]


def planned(run: Path) -> Plan:
    """A plan for a run directory, all cells open; nothing starts."""
    settings = read_settings({"ZOO_ROOT": str(ROOT), "ZOO_RUN": str(run)})
    plan = plans.make(replace(settings, port_shift=ports.first_free(1) % 1000 + 20_000))
    return replace(plan, cells=[replace(cell, closed=None) for cell in plan.cells])


def send(request: Request, plain: int, over_tls: int) -> int:
    """Send a request with exactly these headers; returns the status."""
    context = ssl._create_unverified_context()  # noqa: S323 - the zoo's own certificate
    secure = HTTPSConnection("localhost", over_tls, timeout=20, context=context)
    connection = secure if request.tls else HTTPConnection("127.0.0.1", plain, timeout=20)
    with contextlib.closing(connection):
        connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers:
            connection.putheader(name, value)
        connection.endheaders(b"x" * int(dict(request.headers).get("Content-Length", "0")))
        return connection.getresponse().status


def pairs(protocol: str, data: bytes) -> Pairs:
    """The names and values of a request to a gateway. What each request has its own value for is masked."""
    exchange = Exchange(1, 1, "", "apache", protocol, 0.0, request=bytearray(data))
    found = variables_of(protocol, fields_of(exchange, CODECS), CODECS)["request"]
    return [
        (each.name, "" if each.name in CHANGING else PORT.sub(":PORT", ID.sub(r"\1ID", each.value))) for each in found
    ]


class Gateways:
    """Sockets in place of these exhibits' gateways. `asked` has the last request of each."""

    def __init__(self, plan: Plan, ids: Sequence[str]) -> None:
        self.asked: dict[str, Pairs] = {}
        self.servers = []
        for id in ids:
            exhibit = REGISTRY.exhibits[id]
            server = socket.socket(socket.AF_UNIX if exhibit.unix else socket.AF_INET)
            path = plan.settings.sockets / exhibit.unix
            host, _, port = plan.settings.tcp(id, exhibit.tcp).partition(":")
            server.bind(str(path) if exhibit.unix else (host, int(port)))
            if exhibit.unix:
                path.chmod(0o666)
            server.listen()
            self.servers.append(server)
            threading.Thread(target=self._serve, args=(id, server), daemon=True).start()

    def _serve(self, id: str, server: socket.socket) -> None:
        protocol = REGISTRY.socket_protocol(id)
        while True:
            try:
                visitor, _ = server.accept()
            except OSError:  # it is closed
                return
            with visitor:
                talk, data = Conversation(CODECS, protocol), b""
                while piece := visitor.recv(65536):
                    data += piece
                    if any(isinstance(each.event, End) for each in talk.feed("request", piece)):
                        break
                self.asked[id] = pairs(protocol, data)

    def close(self) -> None:
        for server in self.servers:
            server.shutdown(socket.SHUT_RDWR)
            server.close()


class Copies:
    """Apaches side by side: with our configuration, or without one line of it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.processes: list[subprocess.Popen[Any]] = []
        self.first = ports.first_free(2 * MOST)

    def start(self, without: Sequence[Line | None]) -> None:
        """Start an Apache for each line, and wait until they listen. They are numbered from 0 on."""
        before = len(self.processes)
        for number, line in enumerate(without, before):
            self.processes.append(self._start(number, line))
        for number in range(before, len(self.processes)):
            eventually(partial(self._listens, number), 20, f"Apache {number}")

    def _start(self, number: int, line: Line | None) -> subprocess.Popen[Any]:
        settings = self.plan.settings
        here, root = settings.run / f"a{number}", settings.run / f"root{number}"
        shutil.copytree(ROOT / "apache", root / "apache")
        if line:
            file = root / line.file
            lines = file.read_text(encoding="utf-8").splitlines()
            rows = line.text.count("\n") + 1
            lines[line.number - 1 : line.number - 1 + rows] = [""] * rows
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        (root / "apache/mpm/small.conf").write_text(
            "LoadModule mpm_event_module ${ZOO_MODULES}/mod_mpm_event.so\nStartServers 1\nThreadsPerChild 8\n"
            "MinSpareThreads 1\nMaxSpareThreads 8\nMaxRequestWorkers 8\n"
        )
        here.mkdir()
        (here / "cages").symlink_to(root / "apache/cages")
        (here / "local.conf").write_text(self._local_conf(number), encoding="utf-8")
        log = settings.logs / f"a{number}.log"
        log.touch()
        user = user_of_the_zoo()
        owner: dict[str, Any] = (
            {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        )
        if owner:
            subprocess.run(["chown", "-R", f"{user.pw_uid}:{user.pw_gid}", str(here), str(log)], check=True)
        argv = fronts.command("apache", settings)
        argv[argv.index("-d") + 1] = str(root / "apache")
        environment = children.environment(settings, here.name, "test")
        with log.open("wb") as output:
            return subprocess.Popen(argv, env=environment, stdout=output, stderr=output, cwd="/", **owner)

    def _local_conf(self, number: int) -> str:
        settings = self.plan.settings
        plain = self.first + 2 * number
        own = replace(settings, apache_port=plain, apache_tls_port=plain + 1)
        text = fronts.local_conf("apache", replace(self.plan, settings=own))
        text = text.replace(f'"{settings.run}/apache"', f'"{settings.run}/a{number}"')
        text = text.replace("ZOO_MPM     event", "ZOO_MPM     small")
        return re.sub(r"Define open-.*", "", text)  # nothing that Apache starts itself

    def _listens(self, number: int) -> bool:
        with socket.socket() as trial:
            assert self.processes[number].poll() is None, f"Apache {number} has ended: {self.log(number)}"
            return trial.connect_ex(("127.0.0.1", self.first + 2 * number + 1)) == 0

    def log(self, number: int) -> str:
        return (self.plan.settings.logs / f"a{number}.log").read_text(encoding="utf-8")

    def send(self, number: int, request: Request) -> int:
        plain = self.first + 2 * number
        return send(request, plain, plain + 1)

    def close(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(20)


@contextlib.contextmanager
def run_of_ours() -> Iterator[Settings]:
    """A run directory with certificates; it belongs to the zoo's user."""
    run = Path(tempfile.mkdtemp(prefix="zf", dir="/tmp"))
    try:
        settings = planned(run).settings
        run_directory.prepare(settings)
        tls.make(settings)
        if os.geteuid() == 0:
            user = user_of_the_zoo()
            subprocess.run(["chown", "-R", f"{user.pw_uid}:{user.pw_gid}", str(run)], check=True)
        yield settings
    finally:
        shutil.rmtree(run)
