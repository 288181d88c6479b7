"""The ground that a ladder stands on: a folder in /tmp, servers of its own, and a zoo of its own for exhibits.

Every server leads a session, so that its CPU can be counted, and the kernel kills it when we end, in whatever way. A
server here has no children that would outlive it: nginx runs in one process, and what needs several processes is
started several times at one socket. Leaving the block ends all, and removes the folder.
"""

import contextlib
import functools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from gateway_zoo.bench import cells, tools
from gateway_zoo.bench.records import Side, Target
from gateway_zoo.errors import fail
from gateway_zoo.keeper import children, own_zoo, ports, privileges, process, state
from gateway_zoo.registry import installed, places
from gateway_zoo.serving import listen
from gateway_zoo.settings import Settings

START_S = 20.0
STOP_S = 5.0
BACKLOG = 256  # more than the connections of any step

UWSGI = """uwsgi --master --die-on-term --no-orphans --need-app --single-interpreter --disable-logging
    --buffer-size 16384 --chmod-socket=660"""
NGINX = """daemon off;
master_process off;
pid nginx.pid;
error_log stderr crit;
worker_rlimit_nofile 4096;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 10000000;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    map "" $zoo_id {{ default $request_id; }}
    {upstreams}
    server {{
        listen 127.0.0.1:{port};
        {locations}
    }}
}}
"""


class Ground:
    """`with Ground(settings) as ground:` gives a ladder what it starts. Raises Stop where something does not start."""

    def __init__(self, settings: Settings) -> None:
        self.given = settings
        self.servers: list[tuple[str, subprocess.Popen[bytes]]] = []
        self.stack = contextlib.ExitStack()

    def __enter__(self) -> "Ground":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        with own_zoo.signals_ignored():
            self.stack.close()

    # --- exhibits of a zoo --------------------------------------------------------------------------------------------

    def zoo(self, ids: list[str], mpm: str = "event") -> own_zoo.OwnZoo:
        """Start a zoo with these exhibits."""
        return self.stack.enter_context(own_zoo.OwnZoo(self.given, ids, mpm, in_a_container=True))

    def cell(self, zoo: own_zoo.OwnZoo, id: str, front: str = "nginx") -> Target:
        """The ping of an exhibit of that zoo. Raises Stop if its cell is closed."""
        cell = zoo.plan.cell(id, front)
        if cell.closed:
            fail(f"{id} behind {front}: {cell.closed}", 3)
        return cells.target(zoo.plan.registry, cell, id, "", state.read(zoo.settings))

    # --- servers of its own -------------------------------------------------------------------------------------------

    @functools.cached_property
    def settings(self) -> Settings:
        """Those of the servers. Their run directory is a folder of ours, and root is given up with it."""
        settings = replace(self.given, run=Path(tempfile.mkdtemp(prefix="zlad-", dir="/tmp")))
        self.stack.callback(shutil.rmtree, settings.run, ignore_errors=True)
        self.stack.callback(self._end_servers)  # before the folder goes
        privileges.give_up(settings)
        places.link(settings)
        return settings

    @property
    def folder(self) -> Path:
        """The folder of the servers, where they run."""
        return self.settings.run

    @property
    def checkout(self) -> Path:
        """The checkout, under a path that every configuration takes."""
        return places.checkout(self.settings)

    @property
    def programs(self) -> Path:
        """The programs that ladders bring with them."""
        return self.checkout / "gateway_zoo/bench/ladders/programs"

    @property
    def packages(self) -> Path:
        """Where Python keeps the packages of the zoo."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return places.venv(self.settings) / "lib" / version / "site-packages"

    def listener(self, name: str) -> socket.socket:
        """A listening socket NAME.sock in the folder, which several servers may share as their standard input."""
        listening = socket.socket(socket.AF_UNIX)
        self.stack.callback(listening.close)
        listening.bind(str(self.folder / f"{name}.sock"))
        listening.listen(BACKLOG)
        return listening

    def server(
        self, name: str, argv: list[str], more: dict[str, str] | None = None, shared: socket.socket | None = None
    ) -> int:
        """Start a server; returns its session. `more`: variables; `shared`: a listening socket, which is its standard
        input. Without one, wait until it answers at NAME.sock."""
        program = places.program(self.settings, argv[0])
        path = installed.program(program[0])
        if path is None:
            fail(f"{program[0]} is not installed; {installed.install_command(program[0])}", 3)
        env = children.environment(self.settings, name, secrets.token_hex(16)) | (more or {})
        with (self.folder / f"{name}.log").open("ab") as log:
            server = own_zoo.child(
                [path, *program[1:], *argv[1:]],
                signal.SIGKILL,
                cwd=self.folder,
                env=env,
                stdin=shared if shared else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.servers.append((name, server))
        if shared is None:
            self._wait(name, server, str(self.folder / f"{name}.sock"))
        return server.pid

    def nginx(self, locations: str, upstreams: str = "") -> tuple[str, Side]:
        """Start an nginx of one process; returns its address, and its side of a target.

        Its configuration may use `include params/....conf` and names of sockets in the folder.
        """
        nginx = installed.nginx()
        if not nginx:
            fail(installed.front_missing("nginx"), 3)
        try:
            port = ports.first_free(1)
        except ports.NoFreePorts as error:
            fail(str(error), 3)
        text = NGINX.format(port=port, locations=locations, upstreams=upstreams)
        (self.folder / "nginx.conf").write_text(text, encoding="utf-8")
        (self.folder / "params").symlink_to(self.checkout / "nginx/params")
        with (self.folder / "nginx.log").open("wb") as log:
            server = own_zoo.child(
                [nginx, "-p", f"{self.folder}/", "-e", "stderr", "-c", "nginx.conf"],
                signal.SIGKILL,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.servers.append(("nginx", server))
        self._wait("nginx", server, f"127.0.0.1:{port}")
        return f"http://127.0.0.1:{port}", Side(sessions=[server.pid])

    def uwsgis(self, shapes: Iterable[tuple[int, int]], module: str = "zoo_app:app") -> Iterator[Target]:
        """Start a uWSGI for each shape (processes, threads), and one nginx before them all."""
        sessions = {shape: self._uwsgi(*shape, module) for shape in shapes}
        location = "location /%s/ { include params/uwsgi.conf; uwsgi_param SCRIPT_NAME /%s; uwsgi_pass unix:%s.sock; }"
        address, front = self.nginx("\n".join(location % ((_uwsgi_name(*shape),) * 3) for shape in sessions))
        for (processes, threads), session in sessions.items():
            name = _uwsgi_name(processes, threads)
            gateway = Side(sessions=[session])
            yield Target(name, f"{address}/{name}/ping", b"pong\n", processes, threads, gateway, front, behind="nginx")

    def _uwsgi(self, processes: int, threads: int, module: str) -> int:
        name = _uwsgi_name(processes, threads)
        argv = [*UWSGI.split(), "--socket", f"{name}.sock", "--module", module, "--processes", str(processes)]
        argv += ["--threads", str(threads)] if threads > 1 else []  # else Python needs no lock
        return self.server(name, argv, {"PYTHONPATH": f"{self.checkout}/app:{self.programs}"})

    def _wait(self, name: str, server: "subprocess.Popen[bytes]", address: str) -> None:
        deadline = time.monotonic() + START_S
        while not listen.answers_at(address):
            if not tools.alive(server) or time.monotonic() > deadline:
                words = (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace").strip()
                fail(f"{name} does not start: {words[-500:]}", 3)
            time.sleep(0.02)

    def _end_servers(self) -> None:
        """Ask all to end, wait, and kill what is left in their sessions. Nobody has waited for a server before, so its
        number is still its own, even if it has ended."""
        for _, server in self.servers:
            os.kill(server.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        for _, server in self.servers:
            while tools.alive(server) and time.monotonic() < deadline:
                time.sleep(0.01)
            self._kill_session(server.pid)
            server.wait()
        self.servers.clear()

    @staticmethod
    def _kill_session(leader: int) -> None:
        """Kill what is left in a session whose leader we have not waited for."""
        for pid in process.pids():
            if process.session(pid) == leader:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _uwsgi_name(processes: int, threads: int) -> str:
    return f"uwsgi-{processes}x{threads}"
