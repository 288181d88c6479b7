"""A front as its documentation configures it: the stock parameter files of nginx, plain ProxyPass lines of Apache.

It stands beside the zoo's own front, on a free port of loopback, and asks the same gateways. It ends with the block,
and with this process in whatever way that ends. Only the main thread may start it (own_zoo.child), so only a trait with
SCOPE "front" uses it.
"""

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gateway_zoo.keeper import own_zoo
from gateway_zoo.registry import installed, places, plans
from gateway_zoo.traits.cell import Cell, Headers
from gateway_zoo.traits.outcome import NotAsked, Unknown

STOCK = Path("/etc/nginx")  # of Debian's package nginx-common
START_S, STOP_S = 10.0, 5.0
Words = Callable[[Cell, dict[str, Any]], str]
#: Protocol of the socket -> the file of nginx and the directive; the module of Apache and the scheme.
NGINX = {
    "FastCGI": ("fastcgi_params", "fastcgi_pass"),
    "SCGI": ("scgi_params", "scgi_pass"),
    "uwsgi": ("uwsgi_params", "uwsgi_pass"),
    "HTTP": ("proxy_params", "proxy_pass"),
}
APACHE = {
    "FastCGI": ("proxy_fcgi", "fcgi"),
    "SCGI": ("proxy_scgi", "scgi"),
    "uwsgi": ("proxy_uwsgi", "uwsgi"),
    "HTTP": ("proxy_http", "http"),
    "AJP": ("proxy_ajp", "ajp"),
}


@contextlib.contextmanager
def stock_front(cells: list[Cell]) -> Iterator[None]:
    """Run a stock front; in the block the cells send their requests to it. Raises Unknown, LookupError, OSError."""
    zoo, front = cells[0].zoo, cells[0].front
    here = zoo.run / f"stock-{front}"
    here.mkdir(exist_ok=True)
    port, before = own_zoo.free_ports(1), cells[0].port
    lines = {cell: (_nginx_lines if front == "nginx" else _apache_lines)(cell) for cell in cells}
    body = "\n".join(lines.values())
    (here / "stock.conf").write_text(_nginx(here, port, body) if front == "nginx" else _apache(here, port, body, cells))
    for cell in cells:
        cell.note("configuration of the stock front", lines[cell])
    with (here / "stock.log").open("wb") as log:
        argv = [plans.binary(front), *_OPTIONS[front](here)]
        server = own_zoo.child(argv, signal.SIGTERM, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait(server, port, here)
        for cell in cells:
            cell.port = port
        yield
    finally:
        for cell in cells:
            cell.port = before
        server.terminate()
        try:
            server.wait(STOP_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(server: subprocess.Popen[bytes], port: int, here: Path) -> None:
    deadline = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise Unknown(f"the stock front does not start: {(here / 'stock.log').read_text(errors='replace')[-300:]}")


_OPTIONS = {
    "nginx": lambda here: ["-p", str(here), "-c", "stock.conf", "-e", "stderr"],
    "apache": lambda here: ["-d", str(here), "-f", "stock.conf", "-D", "FOREGROUND"],
}


def _protocol(cell: Cell) -> str:
    return cell.zoo.plan.registry.socket_protocol(cell.exhibit.id)


def _unix(cell: Cell) -> str:
    """The socket's path; empty for TCP."""
    return str(cell.zoo.settings.sockets / cell.exhibit.unix) if cell.exhibit.unix else ""


# --- nginx ------------------------------------------------------------------------------------------------------------


def _nginx_lines(cell: Cell) -> str:
    file, directive = NGINX[_protocol(cell)]
    if not (STOCK / file).is_file():
        raise Unknown(f"there is no {STOCK / file} here, so no stock configuration")
    address = f"unix:{_unix(cell)}" if _unix(cell) else cell.zoo.plan.address(cell.exhibit)
    scheme = "http://" if _protocol(cell) == "HTTP" else ""
    cage = str(places.checkout(cell.zoo.settings) / cell.zoo.plan.registry.cage_of(cell.exhibit.id).name)
    # The stock file leaves the name of the program (SCRIPT_FILENAME) to the person who configures.
    more = [
        f'    fastcgi_param {name} "{value.replace("{cage}", cage)}";' for name, value in cell.exhibit.variables.items()
    ]
    lines = [f"    include {STOCK / file};", *more, f"    {directive} {scheme}{address};"]
    return "\n".join([f"location /{cell.exhibit.id}/ {{", *lines, "}"])


def _nginx(here: Path, port: int, locations: str) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "\n".join(
        [
            "daemon off; worker_processes 1; pid nginx.pid; error_log stderr;",
            "events { worker_connections 64; }",
            "http { access_log off;",
            *(f"{kind}_temp_path tmp_{kind};" for kind in kinds),
            f"server {{ listen 127.0.0.1:{port}; server_name localhost;",
            locations,
            "} }\n",
        ]
    )


# --- Apache -----------------------------------------------------------------------------------------------------------


def _apache_lines(cell: Cell) -> str:
    protocol, id = _protocol(cell), cell.exhibit.id
    scheme = APACHE[protocol][1]
    # HTTP and AJP carry the path itself; the other modules make variables of what stands behind the prefix.
    path = f"/{id}/" if protocol in ("HTTP", "AJP") and not cell.exhibit.front_strips_prefix else "/"
    if socket_path := _unix(cell):
        return f'ProxyPass "/{id}/" "unix:{socket_path}|{scheme}://{id}{path}"'
    return f'ProxyPass "/{id}/" "{scheme}://{cell.zoo.plan.address(cell.exhibit)}{path}"'


def _apache(here: Path, port: int, lines: str, cells: list[Cell]) -> str:
    names = ["mpm_event", "authz_core", "proxy", *sorted({APACHE[_protocol(cell)][0] for cell in cells})]
    folder = installed.apache_modules()
    return "\n".join(
        [
            *(f'LoadModule {name}_module "{folder}/mod_{name}.so"' for name in names),
            f"Listen 127.0.0.1:{port}",
            "ServerName localhost",
            "PidFile httpd.pid",
            f'DefaultRuntimeDir "{here}"',
            f'Mutex "file:{here}"',
            "ErrorLog /dev/stderr",
            "StartServers 1\nServerLimit 1\nThreadsPerChild 4",
            "MaxRequestWorkers 4\nMinSpareThreads 1\nMaxSpareThreads 4",
            lines,
            "",
        ]
    )


def ask_all(cells: list[Cell], path: str, headers: Headers, words: Words) -> dict[Cell, str | Exception]:
    """Ask each cell through the stock front. `words` makes an answer of the facts; a refusal is an answer, too."""
    outside = [cell for cell in cells if not cell.inside]
    answers: dict[Cell, str | Exception] = {
        cell: NotAsked(f"the program lives inside {cell.front}, which needs no parameter file") for cell in cells
    }
    with stock_front(outside):
        for cell in outside:
            trait = cell.path.rpartition("/")[2]
            seen = cell.ask(path, headers=[("X-Trait", trait), *headers])
            try:
                answers[cell] = seen.refusal or words(cell, cell.facts(seen))
            except Unknown as error:
                answers[cell] = error
    return answers
