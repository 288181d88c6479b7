"""Overload unix sockets and TCP.

More requests come at once than slots and backlog take. The same program (queue_server.py) listens on both, with the
same short backlog. Requests come through nginx, and from clients that connect as nginx does, without blocking.
"""

import concurrent.futures
import contextlib
import errno
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from gateway_zoo.errors import fail
from gateway_zoo.keeper import own_zoo
from gateway_zoo.keeper.own_zoo import OwnZoo

BACKLOG = 8
HOLD_MS = 200
CROWD = 100
DEADLINE_S = 9.0

FRAGMENT = """# Written by `zoo lab sockets` into its own zoo: the lab's server, once on each kind of socket.
location /lab-unix/ {{ include params/proxy.conf; proxy_pass http://unix:{unix}:/; }}
location /lab-tcp/  {{ include params/proxy.conf; proxy_pass http://{tcp}/; }}
"""


@dataclass(frozen=True)
class Overload:
    """CROWD requests at the same moment. `waits`: (outcome, seconds), the quickest first. An outcome is an HTTP status,
    the name of an error, "closed" without an answer, or "none": nothing within DEADLINE_S."""

    way: str  # nginx, direct
    socket: str  # unix, tcp
    waits: list[tuple[str, float]]

    @property
    def outcomes(self) -> dict[str, dict[str, float]]:
        """Outcome -> count, fastest_s, median_s, slowest_s."""
        kinds = sorted({kind for kind, _ in self.waits})
        times = {kind: [s for k, s in self.waits if k == kind] for kind in kinds}
        return {
            kind: {"count": len(t), "fastest_s": t[0], "median_s": round(statistics.median(t), 3), "slowest_s": t[-1]}
            for kind, t in times.items()
        }


def behind_nginx(zoo: OwnZoo) -> dict[str, str]:
    """Let the lab's nginx pass /lab-KIND/ to an address. Returns kind -> address, relative to the sockets'
    directory."""
    addresses = {"unix": "lab.sock", "tcp": f"127.0.0.1:{own_zoo.free_ports(1)}"}
    zoo.rewrite("nginx/cages/lab.conf", FRAGMENT.format(**addresses))
    zoo.restart("nginx")
    return addresses


@contextlib.contextmanager
def server(zoo: OwnZoo, address: str) -> Iterator[int]:
    """Run the lab's server on this address. Yields its pid. The server ends with the block or the lab."""
    process = own_zoo.child(
        [sys.executable, "-I", "-m", "gateway_zoo.lab.queue_server", address, str(BACKLOG)],
        signal.SIGKILL,
        cwd=zoo.settings.sockets,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout
        if process.stdout.readline() != b"ready\n":
            fail(f"the lab's server does not start on {address}", 3)
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def from_here(zoo: OwnZoo, address: str) -> str:
    """The address for a client in any directory."""
    return address if ":" in address else str(zoo.settings.sockets / address)


def run(zoo: OwnZoo, addresses: dict[str, str]) -> list[Overload]:
    """Overload both kinds of socket in both ways, each with a server of its own. They run side by side, because most of
    it is waiting; the bursts start one after the other."""
    own = {"unix": "own.sock", "tcp": f"127.0.0.1:{own_zoo.free_ports(1)}"}
    front = f"127.0.0.1:{zoo.settings.nginx_port}"
    ways = {("nginx", kind): (front, f"/lab-{kind}/?hold={HOLD_MS}") for kind in addresses}
    ways |= {("direct", kind): (from_here(zoo, at), f"/?hold={HOLD_MS}") for kind, at in own.items()}
    # After a Ctrl-C the servers end first: then no request waits for them.
    with concurrent.futures.ThreadPoolExecutor(len(ways)) as pool, contextlib.ExitStack() as stack:
        for address in (*addresses.values(), *own.values()):
            stack.enter_context(server(zoo, address))
        jobs = [pool.submit(crowd, *where, 0.5 * n) for n, where in enumerate(ways.values())]
        waits = [job.result() for job in jobs]
    return [Overload(way, kind, each) for (way, kind), each in zip(ways, waits, strict=True)]


def crowd(address: str, path: str, after_s: float) -> list[tuple[str, float]]:
    """Send CROWD requests at once, after some seconds; each waits at most DEADLINE_S."""
    with concurrent.futures.ThreadPoolExecutor(CROWD) as pool:
        start = time.perf_counter() + 0.1 + after_s  # all of them wait for the same moment
        futures = [pool.submit(_ask, address, path, start) for _ in range(CROWD)]
        return sorted((future.result() for future in futures), key=lambda wait: wait[1])


def _ask(address: str, path: str, start: float) -> tuple[str, float]:
    time.sleep(max(0.0, start - time.perf_counter()))
    began = time.perf_counter()
    try:
        outcome = ask(address, path, DEADLINE_S)
    except OSError as error:
        outcome = "none" if isinstance(error, TimeoutError) else errno.errorcode[error.errno or errno.EIO]
    return outcome, round(time.perf_counter() - began, 3)


def ask(address: str, path: str, seconds: float) -> str:
    """Send a request on a new connection. Returns the status of the answer, or "closed". Raises OSError: if a unix
    socket's queue is full, connect(2) fails (EAGAIN), as in nginx, because a socket with a time-out does not block."""
    host, colon, port = address.rpartition(":")
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_INET if colon else socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        connection.connect((host, int(port)) if colon else address)
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        answer = b""
        while data := connection.recv(4096):
            answer += data
            connection.settimeout(max(0.001, deadline - time.monotonic()))
    return answer.split(b" ", 2)[1].decode() if answer.startswith(b"HTTP/") else "closed"


def listen_limit() -> int:
    """The queue that a TCP backlog of 65,535 gets: the kernel cuts it to net.core.somaxconn. Source: TCP_INFO of a
    listening socket, where tcpi_sacked is the queue's limit (linux/tcp.h: 8 bytes, then 32-bit numbers)."""
    with socket.create_server(("127.0.0.1", 0), backlog=65535) as server:
        facts = server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int.from_bytes(facts[28:32], sys.byteorder)


def cpu_s(pids: list[int]) -> float:
    """CPU seconds of these processes, to the nanosecond (the first number of each thread's schedstat)."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/task/{task}/schedstat", "rb") as file:
                total += int(file.read().split()[0])
    return total / 1e9
