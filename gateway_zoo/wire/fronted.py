"""Fronts of our own for the zoo that runs, with the relay between them and its gateways.

    with Fronted(settings, ["nginx"], ["uwsgi"], entries.append) as fronted:
        requests.get(fronted.url("nginx", "uwsgi") + "/hello")

The configuration is the zoo's, file by file. Only local.conf is another one: it stands in a run directory of the
front's own, $ZOO_RUN/wire/nginx, where the sockets are the relay's; a gateway on TCP has the same port there, but on
another address of this machine, 127.0.0.2. So each front has its own doors, and the relay knows who comes.

A program that lives inside Apache (mod_cgid, mod_fcgid, mod_wsgi) has no socket of ours: its cell is closed here, and
says why. Only cells that are open in the running zoo are open here.

How it ends, whatever happens to us: a watcher holds the other end of a pipe, ends what is left in the directory when
the pipe closes, and removes it. Two may be at work at once: the second one's directory is wire2.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gateway_zoo import fronts, keeper, listen, plan, process, state
from gateway_zoo.plan import Cell, Plan
from gateway_zoo.registry import Registry, load
from gateway_zoo.settings import MAX_SOCKET_PATH, Settings, kind
from gateway_zoo.wire.masking import Masking
from gateway_zoo.wire.recording import Line
from gateway_zoo.wire.relay import Relay, Target
from gateway_zoo.wire.wires import Wires

SHIFT = 10  # from a front's usual port to the recording one's
START_S = 20.0
STOP_S = 4.0
DIRECTORIES = 20  # recorders at once in one zoo
ADDRESSES = [f"127.0.0.{number}" for number in range(2, 255)]
INSIDE = "it lives inside {front}: there is no socket between them to record"


class CannotFront(Exception):
    """The recording fronts cannot be started; the message says why, and the way out."""


@dataclass
class _Front:
    """A front that was started, and the settings it was started with. `pid` 0: not running."""

    name: str
    plan: Plan
    pid: int = 0
    due: float = 0.0


class Fronted:
    """See the module's text. `fronts`, `ids`: empty means all. `on_entry` is called in the relay's thread.

    Secrets are masked unless `secrets` is set. `ports`: "usual" (each front's + 10) or "free" ones.
    """

    def __init__(
        self,
        made: Settings,
        fronts: Sequence[str],
        ids: Sequence[str],
        on_entry: Callable[[Line], None],
        *,
        on_pause: Callable[[], None] = lambda: None,
        secrets: bool = False,
        ports: str = "free",
        registry: Registry | None = None,
    ) -> None:
        self.settings, self.ids, self.ports = made, ids, ports
        self.registry = registry or load(made.root)
        self.names = list(fronts)
        self.error: BaseException | None = None  # what ended the relay
        entry = on_entry if secrets else Masking(Wires(self.registry), on_entry)
        self.relay = Relay(entry, on_pause)
        self._token = os.urandom(16).hex()
        self._fronts: list[_Front] = []
        self._thread = threading.Thread(target=self._relay, name="relay")
        self._ending = contextlib.ExitStack()

    def url(self, front: str, exhibit: str) -> str:
        """Where an exhibit answers: http://127.0.0.1:8090/uwsgi."""
        return next(one for one in self._fronts if one.name == front).plan.cell(exhibit, front).url

    @property
    def cells(self) -> list[Cell]:
        """What is recorded, and what is not and why."""
        return [cell for front in self._fronts for cell in front.plan.cells if cell.front == front.name]

    # --- life ---------------------------------------------------------------------------------------------------------

    def __enter__(self) -> "Fronted":
        try:
            self._start()
        except BaseException:
            self._ending.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def _start(self) -> None:
        """Doors first, then whoever comes to them, then the relay: no thread of ours may run while we fork."""
        open_cells = self._open_cells()
        self.run, lock = self._directory()
        self._ending.callback(self._tidy, lock)
        self._watch(lock)
        taken = set[str]()
        for name in self.names:
            self._fronts.append(self._lay_out(name, open_cells, taken))
        for front in self._fronts:
            self._spawn(front)
        self._thread.start()
        self._ending.callback(self._stop_relay)
        self._ending.callback(self._stop_fronts)
        deadline = time.monotonic() + START_S
        for front in self._fronts:
            self._wait(front, deadline)

    def _open_cells(self) -> list[Cell]:
        running = state.read(self.settings) if state.running(self.settings) else None
        if running is None:
            raise CannotFront("the zoo is not running; ./zoo up starts it")
        cells = [Cell(**cell) for cell in running["cells"] if cell["front"] in self.names]
        for name in self.names:
            if not any(cell.front == name for cell in cells):
                raise CannotFront(f"{name} does not run here")
        return cells

    def _directory(self) -> tuple[Path, int]:
        """The first that nobody uses; what a killed recorder left there is ended and removed. Returns it, locked."""
        for number in range(1, DIRECTORIES + 1):
            run = self.settings.run / f"wire{number if number > 1 else ''}"
            run.mkdir(mode=0o750, exist_ok=True)
            with contextlib.suppress(state.Locked, FileNotFoundError):
                lock = state.hold(replace(self.settings, run=run))
                if os.path.exists(run) and os.fstat(lock).st_ino == run.stat().st_ino:  # not one just removed
                    sweep(run, None)
                    return run, lock
                os.close(lock)
        raise CannotFront(f"{DIRECTORIES} recorders are at work in {self.settings.run}")

    def _watch(self, lock: int) -> None:
        """Start the watcher. It holds the lock too: nobody takes the directory before it has done."""
        read, self._pipe = os.pipe()
        argv = [sys.executable, "-P", "-m", "gateway_zoo.wire.watcher", str(read), str(self.run), str(lock)]
        environment = {"PATH": os.environ.get("PATH", ""), process.TOKEN: self._token}
        self._watcher = subprocess.Popen(
            argv, env=environment, stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=(read, lock), cwd="/"
        )
        os.close(read)

    def _lay_out(self, name: str, cells: list[Cell], taken: set[str]) -> _Front:
        """The run directory of one front, its doors and its configuration."""
        run = self.run / name
        made = replace(self.settings, run=run, listen="", further={}, **self._ports(name))
        if made.mpm_of(name) != made.mpm or name not in made.fronts:
            raise CannotFront(f"{name} sends what apache sends; record that")
        state.prepare(made)
        (made.sockets / "tls").symlink_to(self.settings.tls)
        exhibits = self.registry.exhibits
        tcp = [id for id in self._recorded(cells, name) if exhibits[id].tcp]
        address = self._tcp_doors(name, tcp, taken) if tcp else ""
        made = replace(made, gateway_hosts=" ".join(f"{id}={address}" for id in tcp))
        for id in self._recorded(cells, name):
            if exhibits[id].unix:
                self._unix_door(name, id, made)
        the_plan = Plan(made, self.registry, [self._cell(made, cell) for cell in cells if cell.front == name], [])
        fronts.write(kind(name), the_plan)
        return _Front(name, the_plan)

    def _ports(self, name: str) -> dict[str, int]:
        """All ports of the settings that this front has; of others nobody asks."""
        usual = {"port": self.settings.port(name) + SHIFT, "tls_port": self.settings.tls_port(name) + SHIFT}
        if self.ports == "free":
            first = _free(2)
            usual = {"port": first, "tls_port": first + 1}
        for port in usual.values():
            if not _can_listen("127.0.0.1", port):
                raise CannotFront(f"port {port} on 127.0.0.1 is in use; is a recording running already?")
        return {f"{kind(name)}_{port}": number for port, number in usual.items()}
