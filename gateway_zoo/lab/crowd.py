"""Thousands of connections in one process, with one epoll.

Three kinds of guest:
* `idle`: requests `ping` once on a connection that may be kept alive, reads the answer, and sends nothing more;
* `slow`: sends half the headers of a request, then one more byte every DRIP_S seconds, and never ends them;
* `visitor`: requests `ping` on a new connection, and leaves. Only visitors are timed, from connect(2) to the last byte.

Visitors come by the clock, even if the last one still waits for its answer: a queue that waits for its slowest member
measures nothing. All turns of the loop are short, so that it measures the server and not itself. All connections go to
127.0.0.0/8, and come from several of its addresses: one address has only some 28,000 ports.
"""

import contextlib
import errno
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Callable

WINDOW = 48  # guests that wait for their first answer: fewer than each gateway's queue takes (uWSGI's: 100)
PATIENCE_S = 0.4  # after so long without progress, further guests come nevertheless
COMING_S = 5.0  # and all of them come within this time
DRIP_S = 4.0
IP_BIND_ADDRESS_NO_PORT = 24  # ip(7): choose the port at connect(2), when the other end is known
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST, to avoid thousands of sockets in TIME_WAIT


class Guest:
    """One connection. `state`: knocking (no handshake yet), asked, held, done, gone (the server ended it), failed."""

    __slots__ = ("kind", "ms", "since", "sock", "state", "text")

    def __init__(self, kind: str, sock: socket.socket) -> None:
        self.kind, self.sock = kind, sock
        self.state, self.text, self.ms = "knocking", b"", 0.0
        self.since = time.perf_counter()


def sources(count: int) -> list[str]:
    """Client addresses, at least four: each needs at most an eighth of its ports."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        low, high = map(int, file.read().split())
    return [f"127.0.0.{2 + n}" for n in range(max(4, -(-count * 8 // (high - low + 1))))]


class Crowd:
    """All guests of one server at `address`, which request `path`. Raises ValueError outside loopback."""

    def __init__(self, address: tuple[str, int], path: str, homes: list[str]) -> None:
        if not all(host.startswith("127.") for host in (address[0], *homes)):
            raise ValueError(f"{address[0]}: load goes to 127.0.0.0/8 only")
        self.address, self.homes = address, homes
        ask = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n"
        self.says = {
            "idle": f"{ask}\r\n".encode(),
            "slow": f"{ask}X-Slow: ".encode(),
            "visitor": f"{ask}Connection: close\r\n\r\n".encode(),
        }
        self.epoll = select.epoll()
        self.guests: dict[int, Guest] = {}  # with an open socket, by descriptor
        self.young: deque[Guest] = deque()
        self.slow: deque[Guest] = deque()  # the next to send a byte is at the left
        self.visits: list[Guest] = []
        self.count = dict.fromkeys("opened settled answered gone failed".split(), 0)
        self.held = self.most_held = 0  # idle guests, answered and still connected
        self.progress = time.perf_counter()

    def enter(self, kind: str, home: str) -> Guest:
        """Begin one more connection."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        guest = Guest(kind, sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((home, 0))
        self.guests[sock.fileno()] = guest
        self.epoll.register(sock.fileno(), select.EPOLLOUT)
        if sock.connect_ex(self.address) not in (0, errno.EINPROGRESS):
            self._leave(guest, "failed")
        return guest

    def fill(self, kind: str, wanted: int, seconds: float, shown: Callable[[int], None]) -> float:
        """Let `wanted` guests in, until all are settled or nothing happens for 1.5 s. Returns the time in seconds.

        A server that answers sets the pace. A server that does not answer gets all of them nevertheless."""
        began = self.progress = time.perf_counter()
        came = self.count["opened"]
        while (now := time.perf_counter()) < began + seconds:
            self._let_in(kind, came + wanted, now - began)
            self.turn(0.002)
            shown(self.count["opened"] - came)
            quiet = now - self.progress > 1.5
            if self.count["opened"] == came + wanted and (quiet or self.count["settled"] == self.count["opened"]):
                break
        return time.perf_counter() - began

    def ripen(self, seconds: float, taken: Callable[[], int]) -> None:
        """Wait until `taken()`, the number of accepted guests, grows no more: prefork forks once a second."""
        now = began = grown = time.perf_counter()
        most = taken()
        while now < began + seconds and now < grown + 1.5 and most < len(self.guests):
            end = now + 0.5
            while (now := time.perf_counter()) < end:
                self.turn(0.01)
            if (count := taken()) > most:
                most, grown = count, now

    def _let_in(self, kind: str, until: int, elapsed: float) -> None:
        now = time.perf_counter()
        while self.young and (
            self.young[0].state not in ("knocking", "asked") or now - self.young[0].since > PATIENCE_S
        ):
            self.young.popleft()
        room = WINDOW - sum(guest.state in ("knocking", "asked") for guest in self.young)
        if now - self.progress > PATIENCE_S:
            room = min(WINDOW, int(until * elapsed / COMING_S) - self.count["opened"])
        for _ in range(min(room, until - self.count["opened"])):
            home = self.homes[self.count["opened"] % len(self.homes)]
            self.count["opened"] += 1
            self.young.append(self.enter(kind, home))

    def visit(self, seconds: float, pause: float, patience: float) -> list[Guest]:
        """Send a visitor every `pause` seconds, then wait for the last ones, each at most `patience` seconds. Returns
        all visitors. One without an answer is not `done`."""
        self.visits = []
        began = time.perf_counter()
        while (now := time.perf_counter()) < began + seconds:
            if now >= began + len(self.visits) * pause:
                self.visits.append(self.enter("visitor", "127.0.0.1"))
            self.turn(0.001)
        while any(g.state in ("knocking", "asked") and now - g.since < patience for g in self.visits):
            self.turn(0.01)
            now = time.perf_counter()
        for guest in self.visits:
            if guest.state in ("knocking", "asked"):
                self._leave(guest, "failed")
        return self.visits

    def turn(self, wait: float) -> None:
        """Handle what has happened, and send the next bytes of slow guests."""
        for descriptor, _ in self.epoll.poll(wait, 64):
            if guest := self.guests.get(descriptor):
                try:
                    self._handle(guest)
                except OSError:
                    self._leave(guest, "gone" if guest.state != "knocking" else "failed")
        self._drip()

    def _handle(self, guest: Guest) -> None:
        if guest.state == "knocking":
            if error := guest.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, "connect")
            guest.sock.send(self.says[guest.kind])
            self.epoll.modify(guest.sock.fileno(), select.EPOLLIN)
            guest.state = "asked"
            if guest.kind == "slow":
                self._settle(guest, "held")
                guest.since = time.perf_counter()
                self.slow.append(guest)
            return
        data = guest.sock.recv(4096)
        guest.text += data
        if not data:
            self._leave(guest, "gone")
        elif guest.state == "asked" and not guest.text.startswith(b"HTTP/1.1 200 "[: len(guest.text)]):
            self._leave(guest, "failed")
        elif guest.state == "asked" and guest.text.endswith(b"pong\n"):
            self._note_answer(guest)

    def _note_answer(self, guest: Guest) -> None:
        if guest.kind == "visitor":
            guest.ms = (time.perf_counter() - guest.since) * 1000
            self._leave(guest, "done")
        else:
            self.count["answered"] += 1
            self.held += 1
            self.most_held = max(self.most_held, self.held)
            self._settle(guest, "held")

    def _settle(self, guest: Guest, state: str) -> None:
        guest.state = state
        self.count["settled"] += 1
        self.progress = time.perf_counter()

    def _drip(self) -> None:
        """Send one byte of an endless header value, for at most 32 guests a turn."""
        now = time.perf_counter()
        for _ in range(min(32, len(self.slow))):
            if now - self.slow[0].since < DRIP_S:
                return
            guest = self.slow.popleft()
            if guest.state == "held":
                with contextlib.suppress(OSError):  # epoll reports the closed connection
                    guest.sock.send(b"z")
                guest.since = now
                self.slow.append(guest)

    def _leave(self, guest: Guest, state: str) -> None:
        """Close a connection. `gone`: the server ended it; for a visitor that counts as failed."""
        if guest.kind != "visitor":
            self.held -= guest.state == "held" and guest.kind == "idle"
            self.count["settled"] += guest.state in ("knocking", "asked")
            self.count[state] += 1
        guest.state = state
        self.guests.pop(guest.sock.fileno(), None)
        guest.sock.close()

    def close(self) -> None:
        """Close all connections."""
        for guest in list(self.guests.values()):
            guest.sock.close()
        self.guests.clear()
        self.epoll.close()
