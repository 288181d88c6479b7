"""The overload that tells unix sockets and TCP apart: more requests at once than slots and listen backlog can take.

The same program (queue_server.py) listens on both, with the same short backlog. Asked through nginx, and directly by
clients that connect as nginx does, without blocking.
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

from gateway_zoo.lab import private
from gateway_zoo.lab.private import Private
from gateway_zoo.speak import fail

BACKLOG = 8
HOLD_MS = 200
AT_ONCE = 60
DEADLINE_S = 9.0  # after the third SYN (7 s); nginx gives up after proxy_connect_timeout, 5 s
NAMES = ("unix", "tcp")

FRAGMENT = """# Written by `zoo lab sockets` into its own zoo: the lab's server, once on each kind of socket.
location /lab-unix/ {{ include params/proxy.conf; proxy_pass http://unix:{unix}:/; }}
location /lab-tcp/  {{ include params/proxy.conf; proxy_pass http://{tcp}/; }}
"""


@dataclass(frozen=True)
class Overload:
    """AT_ONCE requests at the same moment. `waits`: (HTTP status or name of the error, seconds), the quickest first."""

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


@contextlib.contextmanager
def servers(zoo: Private) -> Iterator[dict[str, tuple[str, subprocess.Popen[bytes]]]]:
    """Socket -> (address, process), both behind the lab's nginx; gone afterwards, and when we are killed."""
    addresses = {"unix": "lab.sock", "tcp": f"127.0.0.1:{private.free_ports(1)}"}
    running: dict[str, tuple[str, subprocess.Popen[bytes]]] = {}
    try:
        for name, address in addresses.items():
            running[name] = (address, _start(zoo, address))
        zoo.rewrite("nginx/cages/lab.conf", FRAGMENT.format(**addresses))
        zoo.restart("nginx")
        yield running
    finally:
        for _, process in running.values():
            process.kill()
            process.communicate()


def _start(zoo: Private, address: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "gateway_zoo.lab.queue_server", address, str(BACKLOG)],
        cwd=zoo.settings.sockets,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=private.dies_with_us(signal.SIGKILL),  # noqa: PLW1509 - the lab has no threads yet
    )
    assert process.stdout
    if process.stdout.readline() != b"ready\n":
        process.kill()
        process.communicate()
        fail(f"the lab's server does not start on {address}", 3)
    return process


def run(zoo: Private, running: dict[str, tuple[str, subprocess.Popen[bytes]]]) -> Iterator[Overload]:
    """Each way and socket in turn, from an empty queue every time."""
    for way in ("nginx", "direct"):
        for name in NAMES:
            if way == "nginx":
                address, path = f"127.0.0.1:{zoo.settings.nginx_port}", f"/lab-{name}/?hold={HOLD_MS}"
            else:
                address, path = running[name][0], f"/?hold={HOLD_MS}"
                address = address if ":" in address else str(zoo.settings.sockets / address)
            yield Overload(way, name, crowd(address, path))


def crowd(address: str, path: str) -> list[tuple[str, float]]:
    """AT_ONCE requests; each waits DEADLINE_S at most."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        start = time.perf_counter() + 0.1  # all of them wait for the same moment
        asked = [pool.submit(_ask, address, path, start) for _ in range(AT_ONCE)]
        return sorted((future.result() for future in asked), key=lambda wait: wait[1])


def _ask(address: str, path: str, start: float) -> tuple[str, float]:
    time.sleep(max(0.0, start - time.perf_counter()))
    began = time.perf_counter()
    try:
        outcome = ask(address, path, DEADLINE_S)
    except OSError as error:
        outcome = errno.errorcode.get(error.errno or 0, type(error).__name__)
    return outcome, round(time.perf_counter() - began, 3)


def ask(address: str, path: str, seconds: float) -> str:
    """One request on a connection of its own; the status of the answer. A connect(2) that would have to wait for room
    in a unix socket's queue fails (EAGAIN), as in nginx: a socket with a time-out does not block in Python."""
    host, colon, port = address.rpartition(":")
    with socket.socket(socket.AF_INET if colon else socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        connection.connect((host, int(port)) if colon else address)
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        answer = b""
        while data := connection.recv(4096):
            answer += data
    return answer.split(b" ", 2)[1].decode() if answer.startswith(b"HTTP/") else "no answer"


def listen_limit() -> int:
    """What is left of a TCP backlog of 65,535: the kernel cuts it to net.core.somaxconn. From TCP_INFO of a listening
    socket, where tcpi_sacked is the longest queue (struct tcp_info, linux/tcp.h: 8 bytes, then 32-bit numbers)."""
    with socket.create_server(("127.0.0.1", 0), backlog=65535) as server:
        facts = server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int.from_bytes(facts[28:32], sys.byteorder)


def cpu_s(pids: list[int]) -> float:
    """CPU seconds of these processes so far, to the nanosecond: the first number of each thread's schedstat."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/task/{task}/schedstat", "rb") as file:
                total += int(file.read().split()[0])
    return total / 1e9
