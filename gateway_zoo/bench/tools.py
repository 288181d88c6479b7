"""Find the load generators and the limits of this machine, before anything is measured.

Load comes from wrk (capacity) and h2load (latency), which Debian has. A missing tool, too few descriptors or ports, or
a busy machine is said at once, in a line that names the cure. `start` and `ended` run a tool: it is killed when we end,
in whatever way, and its CPU time is known afterwards.
"""

import os
import resource
import signal
import subprocess
import time
from dataclasses import dataclass
from importlib import metadata
from urllib.parse import urlsplit

from gateway_zoo.bench.records import Tool
from gateway_zoo.errors import fail
from gateway_zoo.registry import installed

PACKAGES = installed.APT_ON_REQUEST["bench"]  # program -> Debian's package
OPTIONS = {"wrk": "-v", "h2load": "--version"}
PATIENCE_S = 10.0  # for a version
BUSY_LIMIT = 0.2  # share of all cores
BUSY_S = 1.0
OWN_DESCRIPTORS = 64  # that we have besides the connections
MOST_RPS = 20_000  # connections per second, if a front opens a connection to a TCP gateway for each request
TIME_WAIT_S = 60  # that the kernel keeps a closed connection's port (tcp(7)); 1 s where tcp_tw_reuse allows it
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
#: Names that Compose gives to the fronts; only a container of the zoo resolves them.
COMPOSE = ("nginx", "apache")


@dataclass(frozen=True)
class Tools:
    """Paths of the load generators."""

    wrk: str
    h2load: str

    def versions(self) -> list[Tool]:
        """The tools that measure, with their versions."""
        return [
            *(Tool(name, _version(name, path)) for name, path in (("wrk", self.wrk), ("h2load", self.h2load))),
            Tool("hdrhistogram", metadata.version("hdrhistogram")),
        ]


def find(compose: bool = False) -> Tools:
    """Find both tools. Raises Stop with the cure if one is missing."""
    paths = {name: installed.program(name) for name in PACKAGES}
    missing = [name for name, path in paths.items() if not path]
    if missing:
        packages = " ".join(PACKAGES[name] for name in missing)
        cure = f"sudo apt-get install -y {packages}, or as root ./zoo up --with bench"
        if compose:
            cure = "the image is older than this checkout: docker compose build"
        fail(f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed; {cure}", 3)
    return Tools(paths["wrk"] or "", paths["h2load"] or "")


def _version(name: str, path: str) -> str:
    """`wrk debian/4.1.0-3+b2 [epoll] ...` and `h2load nghttp2/1.52.0`: the word behind the slash. wrk exits with 1."""
    done = subprocess.run([path, OPTIONS[name]], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    return next((word.partition("/")[2] for word in done.stdout.split() if "/" in word), "unknown")


# --- limits of the machine -------------------------------------------------------------------------------------------


def refuse_what_does_not_fit(connections: int, tcp_gateways: bool) -> None:
    """Raise Stop if this machine has too few descriptors, or too few ports for gateways on TCP."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if (needed := connections + OWN_DESCRIPTORS) > soft:
        if hard != resource.RLIM_INFINITY and needed > hard:
            fail(f"{connections} connections need {needed} descriptors, the limit is {hard}; ulimit -Hn {needed}", 3)
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    low, high = map(int, _kernel("ip_local_port_range").split())
    kept_s = TIME_WAIT_S if _kernel("tcp_tw_reuse") == "0" else 1
    needed = connections + (MOST_RPS * kept_s if tcp_gateways else 0)
    if needed > high - low + 1:
        cure = "sysctl net.ipv4.tcp_tw_reuse=2" if kept_s > 1 else "sysctl net.ipv4.ip_local_port_range='1024 65535'"
        fail(f"this load may need {needed} ports of 127.0.0.1 at once, and there are {high - low + 1}; {cure}", 3)


def _kernel(name: str) -> str:
    """A setting of IPv4. A kernel without it has the value that is the most cautious: 0."""
    try:
        with open(f"/proc/sys/net/ipv4/{name}", encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return "32768 60999" if name == "ip_local_port_range" else "0"


def busy(seconds: float = BUSY_S) -> float:
    """Measure which share of all cores is busy, 0 to 1. The load average would still show what ended a minute ago."""
    before = _ticks()
    time.sleep(seconds)
    idle, every = (after - was for after, was in zip(_ticks(), before, strict=True))
    return 1 - idle / every if every else 0.0


def _ticks() -> tuple[int, int]:
    """(idle, all) ticks of all cores since the start of the machine (proc_stat(5)). Waiting for a disk is idle."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def refuse_busy(share: float, allowed: bool) -> None:
    """Raise Stop if the machine has other work, unless the user allowed it."""
    if share > BUSY_LIMIT and not allowed:
        fail(
            f"{share:.0%} of the processors are busy with other work, which would be measured too; --busy allows it", 3
        )


def refuse_address(url: str, compose: bool) -> None:
    """Raise Stop for a URL that is neither on loopback nor, in a container, a front of the zoo."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    if parts.scheme != "http" or host not in (*LOOPBACK, *(COMPOSE if compose else ())):
        fail(f"{url} is not on this machine: the benchmark sends load to http://127.0.0.1 only", 2)


# --- running a tool --------------------------------------------------------------------------------------------------


def start(argv: list[str], **options: object) -> subprocess.Popen[bytes]:
    """Start a tool in a session of its own: Ctrl-C reaches us alone. The kernel kills it when this thread ends."""
    guard = ["setpriv", "--pdeathsig", "KILL", "--"]
    return subprocess.Popen([*guard, *argv], stdin=subprocess.DEVNULL, start_new_session=True, **options)  # type: ignore[call-overload,no-any-return]


def alive(tool: subprocess.Popen[bytes]) -> bool:
    """Does a tool run? Unlike poll(), this does not reap it: `ended` needs its CPU time."""
    return os.waitid(os.P_PID, tool.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def ended(tool: subprocess.Popen[bytes], patience_s: float) -> float:
    """Wait until a tool ends; kill it after `patience_s`. Returns its CPU seconds."""
    deadline = time.monotonic() + patience_s
    while True:
        pid, status, use = os.wait4(tool.pid, os.WNOHANG)
        if pid:
            tool.returncode = os.waitstatus_to_exitcode(status)
            return use.ru_utime + use.ru_stime
        if time.monotonic() > deadline:
            os.kill(tool.pid, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(0.002)
