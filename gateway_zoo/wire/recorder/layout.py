"""The configuration of a recording front.

It is the zoo's, with the relay's sockets in place of the gateways'. Only local.conf differs. It stands in the front's
own run directory, $ZOO_RUN/wire/nginx, whose sockets are the relay's. A gateway on TCP has the same port there, on
another address of this machine, 127.0.0.2. Each front has its own sockets, so the relay knows which front connects.

It listens on this machine only. In a container whose ports are published, also on its address among the fronts, where
no gateway reaches it.

A program that lives inside Apache (mod_cgid, mod_fcgid, mod_wsgi) has no socket to relay: its cell is closed, with the
reason. A cell that is closed in the running zoo is closed here, too.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gateway_zoo.keeper import fronts, own_address, ports, run_directory
from gateway_zoo.registry import places
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell, Plan
from gateway_zoo.serving import listen
from gateway_zoo.settings import MAX_SOCKET_PATH, Settings
from gateway_zoo.wire.recorder.relay import Relay, Target

ADDRESSES = [f"127.0.0.{number}" for number in range(2, 255)]
INSIDE = "it lives inside {}: there is no socket between them to record"
LEFT_OUT = "left out of this recording"


class CannotFront(Exception):
    """The recording fronts cannot start. The message has the reason and the fix."""


@dataclass
class Layout:
    """Plans recording fronts and opens the relay's sockets for them. `ids`, `usual`: see RecordingFronts."""

    settings: Settings
    registry: Registry
    relay: Relay
    ids: Sequence[str]
    usual: bool

    def plan(self, name: str, run: Path, cells: list[Cell]) -> Plan:
        """Make the run directory of a front, its sockets and its configuration. Raises CannotFront."""
        address = own_address.among_fronts(self.settings) if self.usual else "127.0.0.1"
        settings = replace(self._with_ports(name), run=run, mpm="event", listen=address, bind="127.0.0.1")
        run_directory.prepare(settings)
        (settings.sockets / "tls").symlink_to(self.settings.tls)
        planned = {cell.exhibit: self._cell(settings, cell) for cell in cells if cell.front == name}
        opened = [self.registry.exhibits[id] for id, cell in planned.items() if not cell.closed]
        host = self._tcp_doors(name, [e.id for e in opened if e.tcp])
        settings = replace(settings, gateway_hosts=" ".join(f"{e.id}={host}" for e in opened if e.tcp))
        for exhibit in opened:
            if exhibit.unix:
                path, there = settings.sockets / exhibit.unix, self.settings.sockets / exhibit.unix
                if len(str(path)) > MAX_SOCKET_PATH:
                    raise CannotFront(f"{path} is too long for a socket; set ZOO_RUN to a shorter directory")
                self.relay.add(listen.listener(str(path)), self._target(name, exhibit.id, exhibit.unix, str(there)))
        plan = Plan(settings, self.registry, list(planned.values()), [])
        places.link(settings)
        fronts.write(name, plan)
        return plan

    def _cell(self, settings: Settings, cell: Cell) -> Cell:
        """The cell of the running zoo, closed if it cannot be recorded or is not wanted."""
        closed = cell.closed
        if self.registry.runs_inside(cell.exhibit, cell.front):
            closed = closed or INSIDE.format(cell.front)
        if self.ids and cell.exhibit not in self.ids:
            closed = closed or LEFT_OUT
        return replace(cell, url=f"{settings.url(cell.front)}/{cell.exhibit}", closed=closed)

    def _target(self, front: str, id: str, address: str, place: str | tuple[str, int]) -> Target:
        return Target(id, front, self.registry.socket_protocol(id), address, place)

    def _tcp_doors(self, name: str, ids: list[str]) -> str:
        """Listen for these exhibits on the first address of this machine with their ports free. Returns the address."""
        places = {id: self.settings.tcp(id, self.registry.exhibits[id].tcp) for id in ids}
        ports = {id: int(place.rpartition(":")[2]) for id, place in places.items()}
        for address in ADDRESSES if ids else []:
            with contextlib.ExitStack() as opened, contextlib.suppress(OSError):
                doors = {id: opened.enter_context(listen.listener(f"{address}:{port}")) for id, port in ports.items()}
                opened.pop_all()
                for id, door in doors.items():
                    host = places[id].rpartition(":")[0]
                    self.relay.add(door, self._target(name, id, places[id], (host, ports[id])))
                return address
        if ids:
            raise CannotFront(f"no address from {ADDRESSES[0]} to {ADDRESSES[-1]} has the gateways' ports free")
        return ""

    def _with_ports(self, name: str) -> Settings:
        plain, tls = self.settings.wire_ports(name)
        if not self.usual:
            try:
                plain = ports.first_free(2)
            except ports.NoFreePorts as error:
                raise CannotFront(str(error)) from None
            tls = plain + 1
        for port in (plain, tls):
            if not ports.free(port):
                hint = "a recording may be running already, also on the visitor centre's page /wire"
                raise CannotFront(f"port {port} on 127.0.0.1 is in use; {hint}")
        if name == "nginx":
            return replace(self.settings, nginx_port=plain, nginx_tls_port=tls)
        return replace(self.settings, apache_port=plain, apache_tls_port=tls)
