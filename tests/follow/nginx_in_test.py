"""An nginx with many servers, each of which runs a copy of one cage's file without one line, in front of one gateway.

The gateway is a socket of the test's, under all names that the cages have. It takes the bytes of a request, and answers
nothing. `ask` returns these bytes, without what is new in each request.
"""

import contextlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from zoo_in_test import REGISTRY, ROOT, eventually

from gateway_zoo.follow.lines import Line
from gateway_zoo.keeper import fronts, tls
from gateway_zoo.registry import plans
from gateway_zoo.serving.listen import listener
from gateway_zoo.settings import Settings
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.events import Head, Variables
from gateway_zoo.wire.faults import LIMITS

WIRES = Codecs(REGISTRY)
#: A directive that makes a variable or a header of the gateway.
MAKES = re.compile(r"\w+_(param|set_header)\s+(\S+)")
Headers = Sequence[tuple[str, str]]
BODY = "this is the end"
CHUNKED = ("Transfer-Encoding", "chunked")
SERVER = """
server {{
    listen unix:{socket};
    listen unix:{socket}s ssl;
    server_name localhost;
    include {name}/cage.conf;
}}
"""


def written(run: Path) -> Settings:
    """Settings of a zoo that does not run; nginx's files stand in its run directory. All exhibits are open, also those
    with a part that is not installed here."""
    settings = Settings(root=ROOT, run=run)
    fronts.write("nginx", plans.make(settings))
    local = run / "nginx/local.conf"
    closed = re.compile(r'(\$zoo_closed \{\n    default "";\n).*?\n\}', re.DOTALL)
    local.write_text(closed.sub(r"\1}", local.read_text(encoding="utf-8")), encoding="utf-8")
    return settings


def names_of(protocol: str, data: bytes) -> list[str]:
    """The names of a request's variables, or of its headers and the parts of its request line."""
    for event in WIRES[protocol].decoders(LIMITS)[0].feed(data):
        if isinstance(event, Variables):
            return [name.decode() for name, _ in event.pairs]
        if isinstance(event, Head):
            return ["method", "target", "version", *(name.decode() for name, _ in event.headers)]
    raise AssertionError(f"no request: {data!r}")


class EditedNginx:
    """See the module's text. Enter, add servers, start."""

    def __init__(self) -> None:
        self.run = Path(tempfile.mkdtemp(prefix="zt", dir="/tmp"))
        self.settings = written(self.run)
        self._here = self.run / "edited"
        self._servers = ""
        self._ending = contextlib.ExitStack()
        self._tls = ssl._create_unverified_context()  # noqa: S323 - no name is checked on a unix socket

    def add(self, cage: str, line: Line | None = None) -> str:
        """Add a server with this cage's file, without this line. Returns its name."""
        name = f"s{self._servers.count('server {')}"
        folder = self._here / name
        (folder / "params").mkdir(parents=True)
        for path in (ROOT / f"nginx/cages/{cage}.conf", *(ROOT / "nginx/params").iterdir()):
            rows = path.read_text(encoding="utf-8").splitlines()
            if line and path == ROOT / line.file:
                assert rows[line.number - 1].strip().startswith(line.text), line
                del rows[line.number - 1]
            text = "\n".join(rows).replace("include params/", f"include {name}/params/")
            copy = folder / ("cage.conf" if path.parent.name == "cages" else f"params/{path.name}")
            copy.write_text(text, encoding="utf-8")
        self._servers += SERVER.format(socket=self._here / f"{name}.sock", name=name)
        return name

    def __enter__(self) -> Self:
        return self

    def start(self) -> None:
        local = (self.run / "nginx/local.conf").read_text(encoding="utf-8").partition("\nserver {")[0]
        local = re.sub(r"(upstream .* server) [\d.:]+;", rf"\1 unix:{self._here}/gateway;", local)
        local = local.replace("127.0.0.1 1;", "255.255.255.255 1;")  # geo's address of a client on a unix socket
        self.settings.sockets.mkdir()
        tls.make(self.settings)
        files = f"ssl_certificate {self.settings.tls}/front.pem;\nssl_certificate_key {self.settings.tls}/front.key;\n"
        (self._here / "local.conf").write_text(local + files + self._servers, encoding="utf-8")
        for name in ("nginx.conf", "params"):
            (self._here / name).symlink_to(ROOT / "nginx" / name)
        (self._here / "tmp").mkdir()
        self._gateway = self._ending.enter_context(listener(str(self._here / "gateway")))
        self._gateway.settimeout(10)
        for cage in (ROOT / "nginx/cages").iterdir():
            for name in set(re.findall(r"unix:([\w-]+\.sock)", cage.read_text(encoding="utf-8"))):
                (self._here / name).symlink_to("gateway")
        log = self._ending.enter_context((self.run / "log").open("wb"))
        argv = [plans.binary("nginx"), "-p", str(self._here), "-c", "nginx.conf"]
        argv += ["-g", "user root;"] if os.geteuid() == 0 else []
        nginx = subprocess.Popen(argv, stdout=log, stderr=log, cwd=self._here)
        self._ending.callback(nginx.wait, 10)
        self._ending.callback(nginx.terminate)
        pid = self._here / "nginx.pid"
        eventually(lambda: pid.exists() or nginx.poll() is not None, 10, "an nginx that starts")
        assert nginx.poll() is None, (self.run / "log").read_text(encoding="utf-8")

    def __exit__(self, *_: object) -> None:
        self._ending.close()
        shutil.rmtree(self.run)

    def ask(self, name: str, path: str, headers: Headers, *, tls: bool) -> bytes:
        """Send a POST to a server; return the bytes that nginx sends the gateway before the end of the body."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        body = f"{len(BODY):x}\r\n{BODY}\r\n0\r\n\r\n" if CHUNKED in headers else BODY
        with socket.socket(socket.AF_UNIX) as plain:
            plain.settimeout(10)
            plain.connect(str(self._here / f"{name}.sock{'s' if tls else ''}"))
            client = self._tls.wrap_socket(plain) if tls else plain
            client.sendall(f"POST {path}?a=b HTTP/1.1\r\n{lines}\r\n{body}".encode())
            connection = self._gateway.accept()[0]
            data = b""
            with connection:
                while BODY.encode() not in data:
                    piece = connection.recv(1 << 16)
                    assert piece, data
                    data += piece
            client.close()
        return re.sub(rb"[0-9a-f]{32}", b"-" * 32, data.partition(BODY.encode())[0])
