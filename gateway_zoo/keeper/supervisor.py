"""The keeper: one process that starts every family and both fronts, and restarts what dies.

`python -m gateway_zoo.keeper`, started by `zoo up`. It sleeps until a child dies (SIGCHLD), somebody asks something on
its control socket, it is told to stop (SIGTERM), or the terminal that started it goes away. What it may not do: serve
requests, know a cage by name, or believe a pid.

When it is killed, its sentinel ends what is left (see sentinel.py); when that is gone too, the next start does.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from dataclasses import dataclass
from typing import Any

from gateway_zoo.keeper import fronts, leftovers, process, state, tls
from gateway_zoo.keeper.deaths import Deaths
from gateway_zoo.keeper.workers import Workers
from gateway_zoo.registry import places, plans
from gateway_zoo.registry.plans import Plan
from gateway_zoo.serving import listen
from gateway_zoo.settings import Settings, SettingsError, read_settings
from gateway_zoo.settings import environment as settings_environment

BACKOFF_S = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # waits before the first, second … restart in a row
HEALTHY_S = 10.0  # a family that lived this long starts again at the beginning of the row
GRACE_S = 4.0  # between the stop signal and SIGKILL
LOOK_S = 0.2  # between two looks whether something that died is back
ALIVE_S = 1.0  # what has no address of its own is back when it has lived that long
VISITORS = 20  # of the control socket at once: one that says nothing must not hold a descriptor for ever
FIXED = "prefork"  # in the name of a process model: its master keeps a fixed number of workers


@dataclass
class Child:
    """A family or a front under supervision. `pid` 0: not running; then `due` says when it starts (monotonic)."""

    name: str
    argv: list[str]
    stop_signal: int
    pid: int = 0
    started: float = 0.0
    failures: int = 0  # deaths in a row, none of them after a healthy life
    due: float | None = 0.0
    going: bool = False  # being stopped on purpose: its death is no failure


class Keeper:
    """Supervises the children of one plan. All times monotonic seconds."""

    def __init__(self, plan: Plan, terminal: socket.socket | None) -> None:
        self.plan = plan
        self.settings = plan.settings
        self.token = os.urandom(16).hex()
        self.terminal = terminal  # to the foreground `zoo up`; it closes with it
        self.deaths = Deaths(terminal)
        self.stopping = False
        self.sentinel_pipe = os.pipe()
        self.selector = selectors.DefaultSelector()
        self.workers = Workers(self.selector, self._worker_ended)
        self.lacking: dict[str, int] = {}  # child whose worker ended -> how many there were
        self.visitors: list[socket.socket] = []
        self.children = {child.name: child for child in self._make_children()}

    def _make_children(self) -> list[Child]:
        """In the order of their start: the sentinel first, so that nothing ever runs unwatched."""
        watch = [sys.executable, "-I", "-m", "gateway_zoo.keeper.sentinel", str(self.sentinel_pipe[0])]
        made = [Child("sentinel", watch, signal.SIGKILL)]
        made += [Child(front, fronts.command(front, self.settings), signal.SIGTERM) for front in self.plan.fronts]
        for family in self.plan.started:
            stop = signal.Signals[f"SIG{family.stop_signal}"]
            made.append(Child(family.id, self.plan.command(family), stop))
        return made

    # --- life ---------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Start everything and watch it until told to stop."""
        process.adopt_orphans()
        control = self._open_doors()
        self._write_state()
        # From here on other commands know us by it, whatever becomes of the run directory; it stays open until we end.
        process.mark(self.settings.run, self.token)
        try:
            while not self.stopping:
                self._start_due()
                for key, _ in self.selector.select(self._wait()):
                    key.data(key.fileobj)
                self._look_for_returns()
        finally:
            control.close()
            self._end_all()

    def _open_doors(self) -> socket.socket:
        """Signals, control socket and terminal as events of the one selector."""
        wake_read, wake_write = socket.socketpair()
        for end in (wake_read, wake_write):
            end.setblocking(False)
        signal.set_wakeup_fd(wake_write.fileno())
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        self.selector.register(wake_read, selectors.EVENT_READ, self._on_signal)
        control = listen.listener(str(self.settings.control))
        control.setblocking(False)
        self.selector.register(control, selectors.EVENT_READ, self._on_visitor)
        if self.terminal is not None:
            self.selector.register(self.terminal, selectors.EVENT_READ, self._on_terminal)
        self._wake_write = wake_write
        return control

    def _wait(self) -> float | None:
        due = [child.due for child in self.children.values() if child.pid == 0 and child.due is not None]
        look = [time.monotonic() + LOOK_S] if self.deaths.waiting else []
        return max(0.0, min(due + look) - time.monotonic()) if due or look else None

    def _on_terminal(self, terminal: socket.socket) -> None:
        """`up` says a word when everything answers: now all workers are there. Nothing more comes but the end."""
        if not terminal.recv(4096):
            self.stopping = True
        else:
            for child in self.children.values():
                self._watch(child)

    def _on_signal(self, wake: socket.socket) -> None:
        numbers = wake.recv(4096)
        if set(numbers) & {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}:
            self.stopping = True
        self._reap()

    def _reap(self) -> None:
        """Collect the dead: children, and orphans of theirs, which have become ours."""
        by_pid = {child.pid: child for child in self.children.values() if child.pid}
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if found[0] in by_pid:
                    self._died(by_pid[found[0]], found[1])

    def _died(self, child: Child, status: int) -> None:
        """The first process of a family is gone: end the rest of it, and start it again after a pause."""
        session, child.pid = child.pid, 0  # the number may belong to somebody else from now on
        self.workers.forget(session)
        rest = process.end(self.token, {session}, self.settings.run)
        if not child.going:
            how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"
            self._start_later(child, f"ended ({how}); {rest} left over ended")
            self.deaths.died(child.name, how)

    def _start_later(self, child: Child, what: str) -> None:
        lived = time.monotonic() - child.started
        child.failures = 0 if lived > HEALTHY_S else child.failures + 1
        pause = BACKOFF_S[min(child.failures, len(BACKOFF_S) - 1)]
        child.due = time.monotonic() + pause
        self._say(f"{child.name} {what}; it lived {lived:.1f} s; again in {pause} s")

    # --- children -----------------------------------------------------------------------------------------------------

    def _start_due(self) -> None:
        now = time.monotonic()
        waiting = [c for c in self.children.values() if c.pid == 0 and c.due is not None and c.due <= now]
        for child in waiting if not self.stopping else []:
            self._start(child)
        if waiting:
            self._write_state()

    def _start(self, child: Child) -> None:
        env = environment(self.settings, child.name, self.token)
        log = self.settings.logs / f"{child.name}.log"
        outlives = self.sentinel_pipe[:1] if child.name == "sentinel" else ()
        child.started = time.monotonic()
        try:
            for folder in (self.settings.sockets, self.settings.logs):  # somebody may have removed them
                folder.mkdir(mode=0o750, exist_ok=True)
            self._clear(child.name)
            child.pid = process.spawn(child.argv, env, self.settings.sockets, log, outlives)
        except OSError as error:  # no memory, no room for the log, or somebody who answers at its socket
            self._start_later(child, f"does not start: {error}")

    def _clear(self, name: str) -> None:
        """Unlink what a killed server left behind. Raises AddressInUse: who answers at a socket keeps the address.

        A front's pid file goes too: Apache believes the number in it, and will not start while any process has it.
        """
        for socket_name in self.plan.registry.sockets(name) if name in self.plan.registry.families else []:
            listen.remove_stale(str(self.settings.sockets / socket_name))
        for file in (self.settings.run / name).glob("*.pid"):
            if not file.is_dir():
                file.unlink()

    def _stop(self, names: list[str]) -> None:
        """Stop signal, patience, SIGKILL: for several children at once. They do not start again by themselves.

        The others are looked after meanwhile: one that dies now must not wait for this.
        """
        going = [self.children[name] for name in names]
        sessions = {child.pid for child in going if child.pid}
        for child in going:
            child.going, child.due, child.failures = True, None, 0
            if child.pid:
                self.workers.forget(child.pid)
                process.send(child.pid, child.stop_signal, self.token, self.settings.run)
        deadline = time.monotonic() + GRACE_S
        while any(child.pid for child in going) and time.monotonic() < deadline:
            time.sleep(0.01)
            self._reap()
            self._start_due()
        process.end(self.token, sessions, self.settings.run)
        self._reap()
        for child in going:
            child.pid, child.going = 0, False

    def _end_all(self) -> None:
        """Everything down, files of this start removed. The sentinel last: until then it covers us."""
        self.stopping = True
        self._stop([name for name in self.children if name != "sentinel"])
        self._stop(["sentinel"])
        process.end(self.token, set(), self.settings.run, everything=True)
        leftovers.clean(self.settings)

    # --- what the terminal hears --------------------------------------------------------------------------------------

    def _watch(self, child: Child) -> int:
        """Watch the workers of a child that keeps a fixed number of them; returns how many there are."""
        family = self.plan.registry.families.get(child.name)
        fixed = FIXED in family.model if family else child.name == "nginx"
        return self.workers.watch(child.pid) if fixed and child.pid and self.terminal else 0

    def _worker_ended(self, leader: int, worker: int, left: int) -> None:
        """A worker is gone whose master lives: the master forks another one, and keeps to itself what happened."""
        child = next((child for child in self.children.values() if child.pid == leader), None)
        if child and not child.going and not self.stopping and not process.zombie(leader):
            self.lacking.setdefault(child.name, left + 1)
            self._say(f"{child.name}: its worker {worker} ended")
            self.deaths.died(f"a worker of {child.name}", f"pid {worker}")

    def _look_for_returns(self) -> None:
        for name in self.deaths.awaited if self.deaths.waiting else []:
            child = self.children[name.removeprefix("a worker of ")]
            if self._complete(child) if name != child.name else self._answers(child):
                self.lacking.pop(child.name, None)
                self._watch(child)
                self.deaths.returned(name)

    def _complete(self, child: Child) -> bool:
        """Has it as many workers again as it had before one ended?"""
        return bool(child.pid) and self._watch(child) >= self.lacking.get(child.name, 0)

    def _answers(self, child: Child) -> bool:
        """Does it run, and take connections wherever it should?"""
        if not child.pid:
            return False
        doors = self._doors(child.name)
        lives = time.monotonic() > child.started + ALIVE_S
        return all(map(listen.answers_at, doors)) if doors else lives

    def _doors(self, name: str) -> list[str]:
        """The addresses at which a child listens."""
        if name in self.plan.fronts:
            return [f"127.0.0.1:{self.settings.port(name)}"]
        if name not in self.plan.registry.families:
            return []
        mine = [e for e in self.plan.registry.exhibits.values() if e.family == name and e.tcp]
        unix = [str(self.settings.sockets / socket_name) for socket_name in self.plan.registry.sockets(name)]
        return unix + [self.settings.tcp(exhibit.id, exhibit.tcp) for exhibit in mine]

    # --- talking ------------------------------------------------------------------------------------------------------

    def _on_visitor(self, control: socket.socket) -> None:
        try:
            visitor, _ = control.accept()
        except OSError:  # gone again, or we have no descriptor left for it
            return
        visitor.settimeout(1)
        self.visitors.append(visitor)
        self.selector.register(visitor, selectors.EVENT_READ, self._on_request)  # one that says nothing stops nobody
        if len(self.visitors) > VISITORS:
            self._dismiss(self.visitors[0])

    def _dismiss(self, visitor: socket.socket) -> None:
        self.visitors.remove(visitor)
        self.selector.unregister(visitor)
        visitor.close()

    def _on_request(self, visitor: socket.socket) -> None:
        """One JSON line in, one out. Only `restart` and `stop` exist; the socket is private to the user. Only the first
        piece is read, so a visitor that sends without end changes nothing."""
        if visitor not in self.visitors:  # dismissed in this round
            return
        try:
            answer = self._answer(json.loads(visitor.recv(4096)))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            answer = {"error": f"not understood: {error!r}"}
        with contextlib.suppress(OSError):
            visitor.sendall(json.dumps(answer).encode() + b"\n")
        self._dismiss(visitor)

    def _answer(self, asked: dict[str, str]) -> dict[str, Any]:
        if asked["do"] == "stop":
            self.stopping = True
            return {"stopping": os.getpid()}
        if asked["restart"] not in self.children:
            return {"error": f"{asked['restart']} was left out of this start, or is closed here; ./zoo ls says why"}
        child = self.children[asked["restart"]]
        self._stop([child.name])
        child.due = 0.0
        return {"restarted": child.name}

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a full disk must not end the zoo
            print(f"{time.time():.3f} keeper: {text}", file=sys.stderr, flush=True)

    def _write_state(self) -> None:
        """A disk that is full, or a directory that is gone, must not end the zoo: the old state stays."""
        now = state.State(
            pid=os.getpid(),
            token=self.token,
            sessions={c.name: c.pid for c in self.children.values() if c.pid},
            failures={c.name: c.failures for c in self.children.values() if c.failures},
            settings=settings_environment(self.settings),
            cells=self.plan.cells,
        )
        try:
            state.write(self.settings, now)
        except (OSError, SettingsError) as error:
            self._say(f"state.json cannot be written: {error}")


def environment(settings: Settings, family: str, token: str) -> dict[str, str]:
    """All that a gateway gets: an allow-list, so that nothing of the shell that starts the zoo reaches a program."""
    return {
        "PATH": places.search_path(settings),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(places.checkout(settings) / "app"),
        "ZOO_RUN": str(settings.run),
        "ZOO_FAMILY": family,
        "ZOO_ECHO": str(int(settings.echo)),
        process.TOKEN: token,
    }


def main() -> int:
    """Arguments: the exhibits to start (none: all). Descriptors of `zoo up`: ZOO_LOCK, the run directory, made ready
    and locked; ZOO_TERMINAL, which closes with the terminal (empty: none). ZOO_BROKEN: what no front can live with.
    """
    settings = read_settings()
    os.umask(0o027)
    os.set_inheritable(int(os.environ["ZOO_LOCK"]), False)  # ours until we end, and nobody else's
    plan = plans.without(plans.make(settings, sys.argv[1:] or None), json.loads(os.environ.get("ZOO_BROKEN") or "{}"))
    try:
        places.link(settings)
        tls.make(settings)
        for front in plan.fronts:
            fronts.write(front, plan)
    except (OSError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 3
    terminal = os.environ["ZOO_TERMINAL"]
    Keeper(plan, socket.socket(fileno=int(terminal)) if terminal else None).run()
    return 0
