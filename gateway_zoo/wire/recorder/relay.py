"""Stands between a front and its gateways, copies every byte both ways, and tells what came by. It changes nothing.

    relay = Relay(on_entry, on_pause)         on_entry: Opened, Bytes, Ended and Closed of recording.py, as they happen
    relay.add(socket that listens, Target)    before run
    relay.run()                               until stop(), which any thread may call

Bytes go first: callbacks are called when there is nothing to relay, or MANY entries wait. One thread and one epoll;
plain asyncio took twice the CPU time (113 µs for an exchange, 54 here: a ratio of 0.54 and 0.75 to the direct path). A
connection costs two descriptors and at most one piece of 64 KiB for each direction: while that cannot be handed on,
nothing more is read, and the sender has to wait as it would without us.

What trips people up:
* The gateway is called before the front's connection is accepted. If the gateway's backlog is full, the front's stays
  in ours; if it refuses, the front sees a connection that is closed at once, and answers 502 or 503
  (Apache's mod_proxy_uwsgi: 500).
* A peer that closed a unix socket hangs up (EPOLLHUP) and is gone; on TCP the same looks like a half-close until we
  send. EPOLLHUP cannot be masked: a socket that nobody wants to hear of leaves the epoll.
* A gateway may answer and stop reading before it has the whole request. The front must then see that it cannot send
  (shutdown for reading does that on a unix socket) and still be given the answer.
* A reset is passed on as one on TCP (SO_LINGER 0). Unix sockets have none to send: they are closed.
"""

import errno
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened

PIECE = 65_536
MANY = 64  # entries that wait to be told while there is something to relay
RETRY_S = 0.005  # while a gateway's backlog is full, or we have no descriptors left
FULL = {errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
RESET = struct.pack("ii", 1, 0)  # SO_LINGER, no time: close sends RST
IN, OUT, HUP, ERR = select.EPOLLIN, select.EPOLLOUT, select.EPOLLHUP, select.EPOLLERR


class Target(NamedTuple):
    """A gateway: what is recorded of it, and where it really listens (a path, or host and port)."""

    exhibit: str
    front: str
    protocol: str
    address: str
    place: str | tuple[str, int]


class _Side:
    """One end of a connection: the front's or the gateway's."""

    __slots__ = ("deaf", "direction", "ended", "fd", "gone", "other", "pair", "pending", "sock", "watched")

    def __init__(self, pair: "_Pair", sock: socket.socket, direction: Direction) -> None:
        self.pair, self.sock, self.fd, self.direction = pair, sock, sock.fileno(), direction
        self.other = self
        self.pending = b""  # to be sent to this side
        self.ended = False  # nothing more comes from it
        self.deaf = False  # nothing more can be sent to it
        self.gone = False  # both, because it closed
        self.watched = 0


class _Pair:
    """A connection of the front, and ours to the gateway."""

    __slots__ = ("calling", "front", "gateway", "number", "tcp", "why")

    def __init__(self, number: int, front: socket.socket, gateway: socket.socket, tcp: bool) -> None:
        self.number, self.tcp = number, tcp
        self.calling = False  # the gateway has not picked up yet (TCP)
        self.why = ""
        self.front, self.gateway = _Side(self, front, "request"), _Side(self, gateway, "response")
        self.front.other, self.gateway.other = self.gateway, self.front


class Relay:
    """See the module's text. Whatever the callbacks raise comes out of run()."""

    def __init__(self, on_entry: Callable[[AnyEntry], object], on_pause: Callable[[], object] = lambda: None) -> None:
        self.on_entry, self.on_pause = on_entry, on_pause
        self.count = 0  # connections so far
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._wake, IN)
        self._doors: dict[int, tuple[socket.socket, Target]] = {}
        self._sides: dict[int, _Side] = {}
        self._shut: list[int] = []  # doors that are closed until RETRY_S is over
        self._stopped = False
        self._entries: list[AnyEntry] = []
        self._note = self._entries.append  # of what happens; told when there is time

    @property
    def open(self) -> int:
        """Connections at this moment."""
        return len(self._sides) // 2

    def add(self, door: socket.socket, target: Target) -> None:
        """Relay what is accepted here to the target. The socket is ours from now on."""
        door.setblocking(False)
        self._doors[door.fileno()] = (door, target)
        self._epoll.register(door, IN)

    def stop(self) -> None:
        self._stopped = True
        with suppress(OSError):  # it has ended by itself
            os.eventfd_write(self._wake, 1)

    def run(self) -> None:
        """Relay until stopped; then everything is closed."""
        try:
            while not self._stopped:
                events = self._epoll.poll(0 if self._entries else RETRY_S if self._shut else None)
                sides = [(self._sides.get(fd), mask) for fd, mask in events]
                for side, mask in sides:
                    if side and self._sides.get(side.fd) is side:  # not closed, and its number used again, just now
                        self._event(side, mask)
                for fd, _ in events:
                    if fd in self._doors:
                        self._visitor(fd)
                if self._shut:
                    self._reopen()
                if not events or len(self._entries) >= MANY:
                    self._tell()
        finally:
            self.close()

    def _tell(self) -> None:
        entries = self._entries[:]
        self._entries.clear()
        for entry in entries:
            self.on_entry(entry)
        self.on_pause()

    # --- connections --------------------------------------------------------------------------------------------------

    def _visitor(self, fd: int) -> None:
        """Call the gateway, then accept."""
        door, target = self._doors[fd]
        tcp = door.family != socket.AF_UNIX
        try:
            gateway = socket.socket(socket.AF_INET if isinstance(target.place, tuple) else socket.AF_UNIX)
        except OSError:  # no descriptor left
            self._pause(fd)
            return
        gateway.setblocking(False)
        error = gateway.connect_ex(target.place)
        if error in FULL:
            gateway.close()
            self._pause(fd)
            return
        try:
            front, _ = door.accept()
        except OSError as accepted:  # it went away again, or no descriptor is left
            gateway.close()
            if accepted.errno in FULL - {errno.EAGAIN}:
                self._pause(fd)
            return
        front.setblocking(False)
        self._pair(front, gateway, target, tcp, error)

    def _pair(self, front: socket.socket, gateway: socket.socket, target: Target, tcp: bool, error: int) -> None:
        self.count += 1
        pair = _Pair(self.count, front, gateway, tcp)
        exhibit, name, protocol, address, _ = target
        self._note(
            Opened(
                connection=self.count, at=time.time(), exhibit=exhibit, front=name, protocol=protocol, address=address
            )
        )
        self._sides[pair.front.fd], self._sides[pair.gateway.fd] = pair.front, pair.gateway
        if tcp:
            for sock in (front, gateway):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if error == errno.EINPROGRESS:
            pair.calling = True
            self._watch(pair.gateway, OUT)
        elif error:
            self._refused(pair, error)
        else:
            self._watch(pair.front, IN)
            self._watch(pair.gateway, IN)

    def _refused(self, pair: _Pair, error: int) -> None:
        pair.why = f"the gateway refuses: {os.strerror(error)}"
        self._close(pair)

    def _pause(self, fd: int) -> None:
        """Let those who come to this door wait in its backlog."""
        self._epoll.unregister(fd)
        self._shut.append(fd)

    def _reopen(self) -> None:
        for fd in self._shut:
            self._epoll.register(fd, IN)
        self._shut = []

    def _watch(self, side: _Side, mask: int) -> None:
        if mask == side.watched:
            return
        if not mask:
            self._epoll.unregister(side.fd)
        elif side.watched:
            self._epoll.modify(side.fd, mask)
        else:
            self._epoll.register(side.fd, mask)
        side.watched = mask

    # --- bytes --------------------------------------------------------------------------------------------------------

    def _event(self, side: _Side, mask: int) -> None:
        pair = side.pair
        if pair.calling:
            pair.calling = False
            if error := side.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._refused(pair, error)
                return
            self._watch(pair.front, IN)
            self._watch(pair.gateway, IN)
            return
        if side.pending and mask & (OUT | HUP | ERR):
            self._send(side, side.pending)
        if mask & (IN | HUP | ERR) and not side.ended:
            self._read(side, bool(mask & HUP))
        if side.fd in self._sides:
            self._settle(side)

    def _read(self, side: _Side, hung_up: bool) -> None:
        """One piece, or all that is left from somebody who is gone; as long as the other side takes it."""
        other = side.other
        while not side.ended and not other.pending:
            try:
                data = side.sock.recv(PIECE)
            except BlockingIOError:
                return
            except OSError as error:
                self._broken(side, error)
                side.ended = side.gone = True
                return
            if not data:
                side.ended = True
                side.gone = hung_up
                self._note(Ended(connection=side.pair.number, at=time.time(), direction=side.direction))
                return
            at = time.time()
            if not other.deaf:  # first of all: nobody waits for what is told
                self._send(other, data)
            self._note(Bytes(connection=side.pair.number, at=at, direction=side.direction, data=data))
            if not hung_up:
                return

    def _send(self, side: _Side, data: bytes) -> None:
        """As much as it takes; the rest is pending."""
        try:
            sent = side.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._broken(side, error)
            side.deaf = True
            with suppress(OSError):  # its sender must not go on; what it still says must arrive
                side.other.sock.shutdown(socket.SHUT_RD)
            side.other.ended = True
            sent = len(data)
        side.pending = data[sent:] if sent < len(data) else b""

    def _broken(self, side: _Side, error: OSError) -> None:
        who = "front" if side is side.pair.front else "gateway"
        side.pair.why = side.pair.why or f"the {who}: {error.strerror}"

    def _settle(self, side: _Side) -> None:
        """After an event: pass on ends, close what is over, and say what we want to hear of next."""
        pair, other = side.pair, side.other
        if side.watched == other.watched == IN and not (side.ended or other.ended or side.pending or other.pending):
            return
        for one in (side, other):
            if one.gone and not one.other.pending:  # whoever closed hears nothing any more
                self._close(pair)
                return
        for one in (side, other):
            if one.other.ended and not one.pending and not one.deaf:
                one.deaf = True
                with suppress(OSError):
                    one.sock.shutdown(socket.SHUT_WR)
        if side.ended and other.ended and not side.pending and not other.pending:
            self._close(pair)
            return
        for one in (side, other):
            wants = 0 if one.ended or one.other.pending else IN
            self._watch(one, wants | (OUT if one.pending else 0))

    def _close(self, pair: _Pair) -> None:
        for side in (pair.front, pair.gateway):
            del self._sides[side.fd]
            if pair.tcp and pair.why:
                with suppress(OSError):
                    side.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            side.sock.close()  # and it leaves the epoll
        self._note(Closed(connection=pair.number, at=time.time(), why=pair.why))

    def close(self) -> None:
        """Close everything; once is enough."""
        if self._epoll.closed:
            return
        for door, _ in self._doors.values():
            door.close()
        for pair in {id(side.pair): side.pair for side in self._sides.values()}.values():
            pair.why = "the relay ended"
            self._close(pair)
        self._epoll.close()
        os.close(self._wake)
        with suppress(Exception):  # the callback may be what ended us
            self._tell()
