"""Relay bytes between fronts and gateways, and report them.

    relay = Relay(on_entry, on_pause)         on_entry: Opened, Bytes, Ended and Closed of recording.py, as they happen
    relay.add(socket that listens, Target)    before run
    relay.run()                               until stop(), which any thread may call

Bytes go first: the callbacks run when there is nothing to relay, or MANY entries wait. One thread has one epoll; plain
asyncio took twice the CPU time (113 µs for an exchange, 54 here: a ratio of 0.54 and 0.75 to the direct path). A
connection costs two descriptors and at most one piece of 64 KiB in each direction. While the receiver does not take it,
the relay reads nothing more, and the sender waits as it would without a relay.

What trips people up:
* The relay connects to the gateway before it accepts the front's connection. If the gateway's backlog is full, the
  front waits in the relay's backlog. If the gateway refuses, the front sees a connection that closes at once, and
  answers 502 or 503 (Apache's mod_proxy_uwsgi: 500).
* A peer that closes a unix socket hangs up (EPOLLHUP) and is gone; on TCP the same looks like a half-close until the
  relay sends. EPOLLHUP cannot be masked: the epoll must not have a socket for which no event is wanted.
* A gateway may answer and stop reading before it has the whole request. The front must then see that it cannot send
  (shutdown for reading does that on a unix socket) and still get the answer.
* On TCP a reset is passed on (SO_LINGER 0). A unix socket cannot send one: it is closed.
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
MANY = 64  # entries that wait for the callback while there is something to relay
RETRY_S = 0.005  # while a gateway's backlog is full, or no descriptor is left
FULL = {errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
RESET = struct.pack("ii", 1, 0)  # SO_LINGER, no time: close sends RST
IN, OUT, HUP, ERR = select.EPOLLIN, select.EPOLLOUT, select.EPOLLHUP, select.EPOLLERR


#: The address of a socket: a path, or what IPv4 and IPv6 have (host and port; a host with colons is IPv6).
Place = str | tuple[str, int] | tuple[str, int, int, int]


class Target(NamedTuple):
    """A gateway: its facts for the recording, and its real address."""

    exhibit: str
    front: str
    protocol: str
    address: str
    place: Place


class _Side:
    """One end of a connection: the front's or the gateway's."""

    __slots__ = ("bridge", "deaf", "direction", "ended", "fd", "gone", "other", "pending", "sock", "tcp", "watched")

    def __init__(self, bridge: "_Bridge", sock: socket.socket, direction: Direction) -> None:
        self.bridge, self.sock, self.fd, self.direction = bridge, sock, sock.fileno(), direction
        self.tcp = sock.family != socket.AF_UNIX
        self.other = self
        self.pending = b""  # to be sent to this side
        self.ended = False  # it sends nothing more
        self.deaf = False  # it receives nothing more
        self.gone = False  # it has closed: both
        self.watched = 0


class _Bridge:
    """Two connections: the front's to the relay, and the relay's to the gateway."""

    __slots__ = ("calling", "front", "gateway", "number", "why")

    def __init__(self, number: int, front: socket.socket, gateway: socket.socket) -> None:
        self.number = number
        self.calling = False  # the gateway has not accepted yet (TCP)
        self.why = ""
        self.front, self.gateway = _Side(self, front, "request"), _Side(self, gateway, "response")
        self.front.other, self.gateway.other = self.gateway, self.front


def family(place: Place) -> socket.AddressFamily:
    """The kind of socket that this address has."""
    if isinstance(place, str):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in place[0] else socket.AF_INET


class Relay:
    """See the module's text. run() raises what the callbacks raise."""

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
        self._note = self._entries.append  # the callback gets them when there is time

    @property
    def open(self) -> int:
        """Connections at this moment."""
        return len(self._sides) // 2

    def add(self, door: socket.socket, target: Target) -> None:
        """Relay connections to this listening socket to the target. The relay closes the socket."""
        door.setblocking(False)
        self._doors[door.fileno()] = (door, target)
        self._epoll.register(door, IN)

    def stop(self) -> None:
        self._stopped = True
        with suppress(OSError):  # run() has ended already
            os.eventfd_write(self._wake, 1)

    def run(self) -> None:
        """Relay until stop(); then close all sockets."""
        try:
            while not self._stopped:
                events = self._epoll.poll(0 if self._entries else RETRY_S if self._shut else None)
                sides = [(self._sides.get(fd), mask) for fd, mask in events]
                for side, mask in sides:
                    if side and self._sides.get(side.fd) is side:  # not closed, and its number used again, just now
                        self._handle(side, mask)
                for fd, _ in events:
                    if fd in self._doors:
                        self._accept(fd)
                if self._shut:
                    self._reopen()
                if not events or len(self._entries) >= MANY:
                    self._report()
        finally:
            self.close()

    def _report(self) -> None:
        entries = self._entries[:]
        self._entries.clear()
        for entry in entries:
            self.on_entry(entry)
        self.on_pause()

    # --- connections --------------------------------------------------------------------------------------------------

    def _accept(self, fd: int) -> None:
        """Connect to the gateway, then accept the front's connection."""
        door, target = self._doors[fd]
        try:
            gateway = socket.socket(family(target.place))
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
        except OSError as failure:  # the front has closed again, or no descriptor is left
            gateway.close()
            if failure.errno in FULL - {errno.EAGAIN}:
                self._pause(fd)
            return
        front.setblocking(False)
        self._bridge(front, gateway, target, error)

    def _bridge(self, front: socket.socket, gateway: socket.socket, target: Target, error: int) -> None:
        self.count += 1
        bridge = _Bridge(self.count, front, gateway)
        facts = {"exhibit": target.exhibit, "protocol": target.protocol, "address": target.address}
        self._note(Opened(connection=self.count, at=time.time(), front=target.front, **facts))
        self._sides[bridge.front.fd], self._sides[bridge.gateway.fd] = bridge.front, bridge.gateway
        for side in (bridge.front, bridge.gateway):
            if side.tcp:
                side.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if error == errno.EINPROGRESS:
            bridge.calling = True
            self._watch(bridge.gateway, OUT)
        elif error:
            self._refuse(bridge, error)
        else:
            self._watch(bridge.front, IN)
            self._watch(bridge.gateway, IN)

    def _refuse(self, bridge: _Bridge, error: int) -> None:
        bridge.why = f"the gateway refuses: {os.strerror(error)}"
        self._close(bridge)

    def _pause(self, fd: int) -> None:
        """Accept nothing at this door for RETRY_S: connections wait in its backlog."""
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

    def _handle(self, side: _Side, mask: int) -> None:
        bridge = side.bridge
        if bridge.calling:
            bridge.calling = False
            if error := side.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._refuse(bridge, error)
                return
            self._watch(bridge.front, IN)
            self._watch(bridge.gateway, IN)
            return
        if side.pending and mask & (OUT | HUP | ERR):
            self._send(side, side.pending)
        if mask & (IN | HUP | ERR) and not side.ended:
            self._read(side, bool(mask & HUP))
        if side.fd in self._sides:
            self._settle(side)

    def _read(self, side: _Side, hung_up: bool) -> None:
        """Read one piece, or all that a closed socket still has, while the other side takes it."""
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
                self._note(Ended(connection=side.bridge.number, at=time.time(), direction=side.direction))
                return
            at = time.time()
            if not other.deaf:  # sent before it is noted: the traffic does not wait
                self._send(other, data)
            self._note(Bytes(connection=side.bridge.number, at=at, direction=side.direction, data=data))
            if not hung_up:
                return

    def _send(self, side: _Side, data: bytes) -> None:
        """Send what the socket takes; the rest is pending."""
        try:
            sent = side.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._broken(side, error)
            side.deaf = True
            with suppress(OSError):  # the sender must stop, and may still receive
                side.other.sock.shutdown(socket.SHUT_RD)
            side.other.ended = True
            sent = len(data)
        side.pending = data[sent:] if sent < len(data) else b""

    def _broken(self, side: _Side, error: OSError) -> None:
        peer = "front" if side is side.bridge.front else "gateway"
        side.bridge.why = side.bridge.why or f"the {peer}: {error.strerror}"

    def _settle(self, side: _Side) -> None:
        """After an event, make the bridge ready for the next: pass on ends, close it, or choose the events.

        When it returns, this holds for each side of an open bridge:
        - no byte is lost: a side is shut down only after all that was read for it is sent;
        - no byte piles up: a side is read (IN) only while the other has nothing pending;
        - no event comes in vain: a side that has ended is not read, and OUT is watched only while bytes are pending.
        """
        bridge, other = side.bridge, side.other
        if side.watched == other.watched == IN and not (side.ended or other.ended or side.pending or other.pending):
            return  # the common case: bytes came and went
        for each in (side, other):
            if each.gone and not each.other.pending:  # it reads nothing more, and all that it sent has arrived
                self._close(bridge)
                return
        for each in (side, other):
            if each.other.ended and not each.pending and not each.deaf:  # pass on the half-close
                each.deaf = True
                with suppress(OSError):
                    each.sock.shutdown(socket.SHUT_WR)
        if side.ended and other.ended and not side.pending and not other.pending:
            self._close(bridge)
            return
        for each in (side, other):
            wants = 0 if each.ended or each.other.pending else IN
            self._watch(each, wants | (OUT if each.pending else 0))

    def _close(self, bridge: _Bridge) -> None:
        for side in (bridge.front, bridge.gateway):
            del self._sides[side.fd]
            if side.tcp and bridge.why:
                with suppress(OSError):
                    side.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            side.sock.close()  # and it leaves the epoll
        self._note(Closed(connection=bridge.number, at=time.time(), why=bridge.why))

    def close(self) -> None:
        """Close all sockets. A second call does nothing."""
        if self._epoll.closed:
            return
        for door, _ in self._doors.values():
            door.close()
        for bridge in {id(side.bridge): side.bridge for side in self._sides.values()}.values():
            bridge.why = "the relay ended"
            self._close(bridge)
        self._epoll.close()
        os.close(self._wake)
        with suppress(Exception):  # the callback may have raised what ended run()
            self._report()
