"""`make bench-start`: start-up, check, help, CPU per request, memory; each as a ratio to a peer in the same run.

The method is that of `zoo bench`: rounds, in each of which ours and the peer are measured in turn, because the speed of
a machine drifts within minutes; the ratio of each round; and their mean with a 95 % interval (bench/intervals.py). The
limits are the project's promises. A promise holds if the whole interval keeps the limit, and is missed if the whole
interval is beyond it; else this run cannot decide. Exit status 1 if a promise is missed.

CPU time decides about a start and about a ping: other work on the machine makes it longer, too, but far less than the
time on the clock. Of a promise that is measured in parts, each part is printed with its share of what ours takes more.
`bench_start.py start ping` measures these two only.
"""

import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from zoo_in_test import REGISTRY, ROOT, Zoo, eventually, free, python_of

from gateway_zoo.bench import intervals
from gateway_zoo.keeper import process

PAIRS = 8
STARTS = 16  # of both, for the ping: a process may be faster than another of the same program
BLOCKS, REQUESTS = 40, 50  # of pings in turn, after each start
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
#: What the promise of memory was made for; the cages that came later are told apart.
GATEWAYS = {"cgi_bin", "fastcgi", "scgi", "wsgi", "uwsgi", "asgi", "ajp"}
CORES = os.cpu_count() or 1


@dataclass
class Measured:
    """Pairs of figures of one promise, in `unit`. `value(ours, peer)` of each pair must be at most `limit`.

    `parts`: name -> pairs of a part of both figures, as far as the parts are known.
    """

    name: str
    unit: str
    limit: float
    pairs: list[tuple[float, float]]
    value: Callable[[float, float], float] = lambda ours, peer: ours / peer
    parts: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def print(self) -> bool:
        """Print the figures; returns whether the promise is not missed."""
        ratio = intervals.figure([self.value(*pair) for pair in self.pairs])
        assert ratio
        low, high = ratio.low or ratio.value, ratio.high or ratio.value
        verdict = "holds" if high <= self.limit else "MISSED" if low > self.limit else "not decided by this run"
        ours, peer = map(statistics.median, zip(*self.pairs, strict=True))
        print(
            f"{self.name}\n"
            f"    ours {ours:.3g} {self.unit}, peer {peer:.3g} {self.unit} (medians of {len(self.pairs)} rounds)\n"
            f"    {ratio.value:.3f} ({low:.3f} to {high:.3f}), at most {self.limit}: {verdict}"
        )
        for name, pairs in self.parts.items():
            ours_part, peer_part = map(statistics.median, zip(*pairs, strict=True))
            print(
                f"    {name}: ours {ours_part:.3g}, peer {peer_part:.3g} {self.unit}; "
                f"{(ours_part - peer_part) / peer:+.1%} of the peer's whole"
            )
        sys.stdout.flush()
        return low <= self.limit


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


# --- start ----------------------------------------------------------------------------------------


#: Two daemon processes of mod_wsgi, and one each that the first ping makes mod_fcgid and an Apache worker load.
IMPORTS_IN_FRONTS = 2 + 1 + 1


def importing_processes(zoo: Zoo) -> int:
    """Processes of a start that import the app themselves and stay; forked workers do not.

    One per family that runs Python, and those in the fronts. The CGI programs of the first pings are not among them: no
    parent waits for them, so the kernel adds their CPU time to no process that we could read.
    """
    helpers = {family.id for family in REGISTRY.families.values() if family.serves}
    families = set(zoo.state()["sessions"]) - {"nginx", "apache", "sentinel", "cgi"} - helpers
    return len(families) + IMPORTS_IN_FRONTS


def import_often(times: int) -> None:
    """Import the app in so many processes, as many at a time as there are cores."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "app"), "LANG": "C.UTF-8"}
    command = [python_of(), "-P", "-c", "import zoo_app"]
    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(lambda _: subprocess.run(command, env=env, check=True), range(times)))


def ended_children_s() -> float:
    """CPU seconds of all our children that have ended, and of theirs."""
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    return use.ru_utime + use.ru_stime


def zoo_s(zoo: Zoo) -> dict[str, float]:
    """CPU seconds of the processes of a running zoo, ended children included: "fronts", "keeper", "gateways"."""
    sessions = zoo.state()["sessions"]
    fronts = {sessions["nginx"], sessions["apache"]}
    sums = {"fronts": 0.0, "keeper": 0.0, "gateways": 0.0}
    for pid in process.members(None, set(), zoo.run, everything=True):
        with contextlib.suppress(OSError):
            ticks = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[11:15]
            session = os.getsid(pid)
            kept = pid == zoo.state()["pid"] or session == sessions["sentinel"]
            sums["fronts" if session in fronts else "keeper" if kept else "gateways"] += sum(map(int, ticks)) * TICK_S
    return sums


def measure_start(zoo: Zoo) -> Measured:
    """The CPU of `up -d` of the gateways until every cell answers, next to the bare imports."""
    gateways = [e.id for cage in REGISTRY.cages if cage.name in GATEWAYS for e in cage.file.exhibit]
    zoo.up(*gateways)
    processes = importing_processes(zoo)
    zoo.down()
    pairs: list[tuple[float, float]] = []
    parts: dict[str, list[tuple[float, float]]] = {}
    clock: list[tuple[float, float]] = []
    in_fronts = IMPORTS_IN_FRONTS / processes
    shares = {"fronts": in_fronts, "gateways": 1 - in_fronts}  # of the imports
    for _ in range(PAIRS):
        before = ended_children_s()
        up_s = timed(lambda: zoo.up(*gateways))
        ours = {"the command up": ended_children_s() - before, **zoo_s(zoo)}
        zoo.down()
        before = ended_children_s()
        imports_s = timed(lambda: import_often(processes))
        imports = ended_children_s() - before
        pairs.append((sum(ours.values()), imports))
        for name, used in ours.items():
            parts.setdefault(name, []).append((used, imports * shares.get(name, 0.0)))
        clock.append((up_s, imports_s))
    seconds = intervals.figure([ours / peer for ours, peer in clock])
    assert seconds
    print(f"the same on the clock: {seconds.value:.2f} ({seconds.low:.2f} to {seconds.high:.2f}), without a promise")
    name = f"zoo up -d of the gateways, next to {processes} imports of the app"
    return Measured(name, "s of CPU", 1.6, pairs, parts=parts)


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


def processes_of(sessions: list[int]) -> list[int]:
    return [pid for pid in process.pids() if process.session(pid) in sessions]


def cpu_s(pids: list[int]) -> float:
    """CPU seconds of these processes, with all their threads, in nanoseconds (clock_getcpuclockid(3))."""
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in pids)


class Pings:
    """Pings over one connection, and what front and gateway use for them."""

    def __init__(self, port: int, path: str, sides: dict[str, list[int]]) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=30)
        self.path = path
        self.sides = sides
        self.blocks: dict[str, list[float]] = {name: [] for name in sides}

    def ask(self, times: int) -> None:
        for _ in range(times):
            self.connection.request("GET", self.path)
            response = self.connection.getresponse()
            assert response.read() == b"pong\n"
            if response.will_close:
                self.connection.close()

    def measure(self) -> None:
        """Ask REQUESTS times; keep microseconds of CPU per request."""
        before = {name: cpu_s(pids) for name, pids in self.sides.items()}
        self.ask(REQUESTS)
        for name, pids in self.sides.items():
            self.blocks[name].append((cpu_s(pids) - before[name]) / REQUESTS * 1e6)

    def least(self) -> dict[str, float]:
        """The cheapest block of each side. Other work on the machine can only add: it empties the caches."""
        return {name: min(block) for name, block in self.blocks.items()}


def pings_in_turn(zoo: Zoo) -> tuple[dict[str, float], dict[str, float]]:
    """Start both, let both warm up, ask them in turn; microseconds of CPU per request of ours and of stock, by side."""
    zoo.up("uwsgi")
    stock = Stock()
    both: list[Pings] = []
    try:
        sessions = {"nginx": zoo.session("nginx"), "uWSGI": zoo.session("uwsgi")}
        theirs = {"nginx": stock.children[1].pid, "uWSGI": stock.children[0].pid}
        for port, path, leaders in ((zoo.ports["nginx"], "/uwsgi/ping", sessions), (stock.port, "/stock/ping", theirs)):
            warm = Pings(port, path, {})
            warm.ask(REQUESTS)  # all workers are there now
            warm.connection.close()
            both.append(Pings(port, path, {name: processes_of([leader]) for name, leader in leaders.items()}))
        for number in range(BLOCKS):
            for each in both if number % 2 else reversed(both):
                each.measure()
    finally:
        for each in both:
            each.connection.close()
        stock.close()
        zoo.down()
    return both[0].least(), both[1].least()


def measure_cpu(zoo: Zoo) -> Measured:
    """A ping through uwsgi behind nginx, next to the stock configuration."""
    rounds = [pings_in_turn(zoo) for _ in range(STARTS)]
    pairs = [(sum(ours.values()), sum(theirs.values())) for ours, theirs in rounds]
    parts = {name: [(ours[name], theirs[name]) for ours, theirs in rounds] for name in ("nginx", "uWSGI")}
    name = "ping through uwsgi behind nginx, next to stock uwsgi_params"
    return Measured(name, "us of CPU", 1.05, pairs, parts=parts)


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
    only = sys.argv[1:]
    zoo = Zoo()
    held = []
    try:
        if not only or "start" in only:
            held.append(measure_start(zoo).print())
        if not only or "ping" in only:
            held.append(measure_cpu(zoo).print())
        if not only:
            zoo.up()
            held += [measure_memory(zoo), measure_check(zoo).print(), measure_help(zoo).print()]
    finally:
        zoo.close()
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
