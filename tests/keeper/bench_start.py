"""`make bench-start`: start-up, check, help, CPU per request, memory; each as a ratio to a peer in the same run.

Pairs are interleaved (ours, the peer, ours, …), because the speed of a machine drifts within minutes; what is printed
is the median of the ratios pair by pair, with the smallest and the largest. The limits are the project's promises.
Exit status 1 if a median misses its limit.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from zoo_in_test import REGISTRY, ROOT, Zoo, eventually, free, python_of

PAIRS = 10
REQUESTS = 2000
#: What the promise of memory was made for; the cages that came later are told apart.
GATEWAYS = {"cgi_bin", "fastcgi", "scgi", "wsgi", "uwsgi", "asgi", "ajp"}
CORES = os.cpu_count() or 1


@dataclass
class Measured:
    """Pairs of figures of one promise, in `unit`; holds when the median of `value(ours, peer)` is at most `limit`."""

    name: str
    unit: str
    limit: float
    pairs: list[tuple[float, float]]
    value: Callable[[float, float], float] = lambda ours, peer: ours / peer

    def print(self) -> bool:
        values = sorted(self.value(*pair) for pair in self.pairs)
        ours, peer = (statistics.median(side) for side in zip(*self.pairs, strict=True))
        middle = statistics.median(values)
        verdict = "holds" if middle <= self.limit else "MISSED"
        print(
            f"{self.name}\n"
            f"    ours {ours:.3g} {self.unit}, peer {peer:.3g} {self.unit} (medians of {len(values)} pairs)\n"
            f"    {middle:.3f} ({values[0]:.3f} to {values[-1]:.3f}), at most {self.limit}: {verdict}"
        )
        return middle <= self.limit


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


# --- start ----------------------------------------------------------------------------------------


def importing_processes(zoo: Zoo) -> int:
    """Processes of a start that import the app themselves; forked workers do not.

    One per family that runs Python, two daemon processes of mod_wsgi, one each that the first ping makes mod_fcgid and
    an Apache worker load, and one per cell of CGI.
    """
    helpers = {family.id for family in REGISTRY.families.values() if family.serves}
    families = set(zoo.state()["sessions"]) - {"nginx", "apache", "sentinel", "cgi"} - helpers
    return len(families) + 2 + 1 + 1 + 2


def import_often(times: int) -> None:
    """Import the app in so many processes, as many at a time as there are cores."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "app"), "LANG": "C.UTF-8"}
    command = [python_of(), "-P", "-c", "import zoo_app"]
    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(lambda _: subprocess.run(command, env=env, check=True), range(times)))


def measure_start(zoo: Zoo) -> Measured:
    """`up -d` of the gateways until every cell answers, next to the bare imports; and, without a promise, of all."""
    gateways = [e.id for cage in REGISTRY.cages if cage.name in GATEWAYS for e in cage.file.exhibit]
    zoo.up(*gateways)
    processes = importing_processes(zoo)
    zoo.down()
    pairs, whole = [], []
    for _ in range(PAIRS):
        up = timed(lambda: zoo.up(*gateways))
        zoo.down()
        pairs.append((up, timed(lambda: import_often(processes))))
        whole.append(timed(zoo.up))
        zoo.down()
    print(f"zoo up -d of everything: {statistics.median(whole):.2f} s ({min(whole):.2f} to {max(whole):.2f})")
    return Measured(f"zoo up -d of the gateways, next to {processes} imports of the app", "s", 1.6, pairs)


# --- check and help -------------------------------------------------------------------------------


def measure_check(zoo: Zoo) -> Measured:
    """`check` of all cells, next to as many CGI pings as it contains (2 cells x 3 endpoints x GET and HEAD)."""
    urls = [zoo.url("cgi", front) for front in ("nginx", "apache")] * 6

    def pings() -> None:
        with ThreadPoolExecutor(CORES) as pool:
            list(pool.map(ping, urls))

    def check() -> None:
        done = zoo.cli("check")
        assert done.returncode == 0, done.stdout

    pairs = [(timed(check), timed(pings)) for _ in range(PAIRS)]
    name = "zoo check of all cells, less 1 s, next to 12 CGI pings"
    return Measured(name, "s", 1.3, pairs, lambda ours, peer: (ours - 1) / peer)


def ping(url: str) -> None:
    host, _, path = url.removeprefix("http://").partition("/")
    connection = HTTPConnection(host, timeout=30)
    connection.request("GET", f"/{path}")
    assert connection.getresponse().read() == b"pong\n"
    connection.close()


def measure_help(zoo: Zoo) -> Measured:
    """`--help`, next to nothing: the limit is in seconds."""
    pairs = [(timed(lambda: zoo.cli("--help")), 1.0) for _ in range(PAIRS)]
    return Measured("zoo --help, seconds", "s", 0.5, pairs)


# --- CPU per request ------------------------------------------------------------------------------

STOCK_APP = """
from flask import Flask, Response
app = Flask(__name__)

@app.get("/stock/ping")
def ping():
    return Response("pong\\n", mimetype="text/plain")
"""

STOCK_NGINX = """
daemon off; worker_processes 2; pid {here}/nginx.pid; error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {here}/t1; proxy_temp_path {here}/t2; fastcgi_temp_path {here}/t3;
    uwsgi_temp_path {here}/t4; scgi_temp_path {here}/t5;
    log_format zoo '$msec $request_id nginx - $status $body_bytes_sent '
                   '$request_time $upstream_response_time "$request"';
    access_log {here}/access.log zoo;
    server {{
        listen 127.0.0.1:{port};
        location /stock/ {{ include {params}; uwsgi_pass unix:{here}/stock.sock; }}
    }}
}}
"""


class Stock:
    """The same server with nginx's own uwsgi_params, one uwsgi_pass, equal processes and an app of one route.

    uWSGI writes its own line per request, as our app does; both go to a file.
    """

    def __init__(self) -> None:
        self.here = Path(tempfile.mkdtemp(prefix="zs", dir="/tmp"))
        self.port = next(port for port in range(21000, 30000) if free(port))
        (self.here / "stock.py").write_text(STOCK_APP, encoding="utf-8")
        params = next(p for p in (Path("/etc/nginx/uwsgi_params"), ROOT / "nginx/params/uwsgi.conf") if p.exists())
        conf = STOCK_NGINX.format(here=self.here, port=self.port, params=params)
        (self.here / "nginx.conf").write_text(conf, encoding="utf-8")
        shutil.chown(self.here, *USER)
        self.log = (self.here / "log").open("wb")
        uwsgi = [str(ROOT / ".venv/bin/uwsgi"), "--socket", f"{self.here}/stock.sock", "--module", "stock:app"]
        uwsgi += ["--master", "--processes", "2", "--threads", "2", "--die-on-term", "--chmod-socket=660"]
        uwsgi += ["--pythonpath", str(self.here), "--no-orphans", "--need-app", "--single-interpreter"]
        nginx = [shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx", "-c", f"{self.here}/nginx.conf"]
        self.children = [self._start(uwsgi), self._start(nginx)]
        eventually((self.here / "stock.sock").exists, 10, "the stock uWSGI")
        eventually(lambda: not free(self.port), 10, "the stock nginx")

    def _start(self, argv: list[str]) -> subprocess.Popen[bytes]:
        user: dict[str, Any] = {"user": USER[0], "group": USER[1], "extra_groups": []} if os.geteuid() == 0 else {}
        return subprocess.Popen(argv, stdout=self.log, stderr=self.log, start_new_session=True, **user)

    def close(self) -> None:
        for child in self.children:
            child.terminate()
            child.wait(10)
        self.log.close()
        shutil.rmtree(self.here)


USER = ("www-data", "www-data") if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def cpu_s(sessions: list[int]) -> float:
    """CPU seconds that all threads of these sessions have used (/proc/PID/task/TID/schedstat: nanoseconds)."""
    total = 0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(path.name)) in sessions:
                total += sum(int(task.read_text().split()[0]) for task in path.glob("task/*/schedstat"))
        except OSError:
            continue
    return total / 1e9


def cpu_per_request(port: int, path: str, sessions: list[int]) -> float:
    """Microseconds of CPU in front and gateway for one request, over many on one connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    before = cpu_s(sessions)
    for _ in range(REQUESTS):
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.read() == b"pong\n"
        if response.will_close:
            connection.close()
    connection.close()
    return (cpu_s(sessions) - before) / REQUESTS * 1e6


def measure_cpu(zoo: Zoo) -> Measured:
    """A ping through uwsgi behind nginx, next to the stock configuration."""
    stock = Stock()
    try:
        ours = [zoo.session("nginx"), zoo.session("uwsgi")]
        theirs = [child.pid for child in stock.children]
        pairs = []
        for number in range(PAIRS + 1):
            one = cpu_per_request(zoo.ports["nginx"], "/uwsgi/ping", ours)
            other = cpu_per_request(stock.port, "/stock/ping", theirs)
            if number:  # the first pair warms both up
                pairs.append((one, other))
    finally:
        stock.close()
    return Measured("ping through uwsgi behind nginx, next to stock uwsgi_params", "us of CPU", 1.05, pairs)


# --- memory ---------------------------------------------------------------------------------------


def measure_memory(zoo: Zoo) -> bool:
    """PSS of all gateways and fronts, idle, after each process has answered; per exhibit. Keeper and sentinel apart."""
    with ThreadPoolExecutor(8) as pool:
        for exhibit, front in zoo.open_cells():
            list(pool.map(lambda _, e=exhibit, f=front: zoo.status(e, f, "json&hold=60"), range(8)))
    rows = json.loads(zoo.cli("ps", "--json").stdout)
    sums: dict[str, int] = {}
    for row in rows:
        if row["exhibit"] not in ("keeper", "sentinel"):
            sums[row["exhibit"]] = sums.get(row["exhibit"], 0) + row["pss"]
    print("PSS idle, after each process has answered")
    print("    " + "  ".join(f"{name} {size / 1e6:.0f}" for name, size in sums.items()))
    first = {family.id for cage in REGISTRY.cages if cage.name in GATEWAYS for family in cage.file.family}
    total = sum(size for name, size in sums.items() if name in first | {"nginx", "apache"}) / 1e6
    print(f"    the rest of the syllabus {sum(sums.values()) / 1e6 - total:.0f} MB")
    print(f"    gateways and fronts {total:.0f} MB, at most 700: {'holds' if total <= 700 else 'MISSED'}")
    return total <= 700


def main() -> int:
    zoo = Zoo()
    try:
        held = [measure_start(zoo).print()]
        zoo.up()
        held += [measure_memory(zoo), measure_check(zoo).print(), measure_help(zoo).print(), measure_cpu(zoo).print()]
    finally:
        zoo.close()
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
