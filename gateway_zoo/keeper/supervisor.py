"""The keeper: one process that starts every family and front, and starts again what dies.

`zoo up` starts `python -m gateway_zoo.keeper`. It sleeps until a child dies (SIGCHLD), a command asks at the control
socket, SIGTERM comes, or the terminal that started it closes. It serves no request, knows no cage by name, and believes
no pid from outside.

When the keeper is killed, its sentinel ends what is left (sentinel.py); if that is gone too, the next start does.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from typing import Any

from gateway_zoo.keeper import children, families, fronts, leftovers, process, state, tls
from gateway_zoo.keeper.children import Child
from gateway_zoo.keeper.control import ControlSocket
from gateway_zoo.keeper.deaths import Deaths
from gateway_zoo.keeper.workers import Workers
from gateway_zoo.registry import places, plans
from gateway_zoo.registry.plans import Plan
from gateway_zoo.settings import SettingsError, environment, read_settings

BACKOFF_S = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # waits before the first, second … restart in a row
HEALTHY_S = 10.0  # a family that lived this long starts again at the beginning of the row
GRACE_S = 4.0  # between the stop signal and SIGKILL
LOOK_S = 0.2  # between two looks whether a dead child is back


class Keeper:
    """Supervises the children of one plan. All times are monotonic seconds."""

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
        self.children = {child.name: child for child in children.make(plan, self.sentinel_pipe[0])}

    # --- life ---------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Start everything, and watch it until the zoo is to stop."""
        process.adopt_orphans()
        control = self._open_doors()
        self._write_state()
        # Other commands find the keeper by this mark, even without the run directory; it stays open until the end.
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

    def _open_doors(self) -> ControlSocket:
        """Make signals, control socket and terminal events of the one selector."""
        wake_read, wake_write = socket.socketpair()
        for end in (wake_read, wake_write):
            end.setblocking(False)
        signal.set_wakeup_fd(wake_write.fileno())
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        self.selector.register(wake_read, selectors.EVENT_READ, self._on_signal)
        if self.terminal is not None:
            self.selector.register(self.terminal, selectors.EVENT_READ, self._on_terminal)
        self._wake_write = wake_write
        return ControlSocket(self.settings.control, self.selector, self._answer)

    def _wait(self) -> float | None:
        due = [child.due for child in self.children.values() if child.pid == 0 and child.due is not None]
        look = [time.monotonic() + LOOK_S] if self.deaths.waiting else []
        return max(0.0, min(due + look) - time.monotonic()) if due or look else None

    def _on_terminal(self, terminal: socket.socket) -> None:
        """Handle the message of `up` that everything answers (so all workers exist), or the end of the terminal."""
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
        """Collect the status of dead children, and of their orphans, which this process has adopted."""
        by_pid = {child.pid: child for child in self.children.values() if child.pid}
        with contextlib.suppress(ChildProcessError):
            while (death := os.waitpid(-1, os.WNOHANG))[0]:
                if death[0] in by_pid:
                    self._died(by_pid[death[0]], death[1])

    def _died(self, child: Child, status: int) -> None:
        """End the rest of a family whose first process died, and plan its next start."""
        session, child.pid = child.pid, 0  # another process may have the number from now on
        self.workers.forget(session)
        rest = process.end(self.token, {session}, self.settings.run)
        if not child.going:
            how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"
            self._start_later(child, f"ended ({how}); {rest} left over ended")
            self.deaths.died(child.name, how)

    def _start_later(self, child: Child, event: str) -> None:
        lived = time.monotonic() - child.started
        child.failures = 0 if lived > HEALTHY_S else child.failures + 1
        pause = BACKOFF_S[min(child.failures, len(BACKOFF_S) - 1)]
        child.due = time.monotonic() + pause
        self._say(f"{child.name} {event}; it lived {lived:.1f} s; again in {pause} s")

    # --- children -----------------------------------------------------------------------------------------------------

    def _start_due(self) -> None:
        now = time.monotonic()
        waiting = [c for c in self.children.values() if c.pid == 0 and c.due is not None and c.due <= now]
        for child in waiting if not self.stopping else []:
            self._start(child)
        if waiting:
            self._write_state()

    def _start(self, child: Child) -> None:
        env = children.environment(self.settings, child.name, self.token)
        log = self.settings.logs / f"{child.name}.log"
        outlives = self.sentinel_pipe[:1] if child.name == "sentinel" else ()
        child.started = time.monotonic()
        try:
            for folder in (self.settings.sockets, self.settings.logs):  # a user may have removed them
                folder.mkdir(mode=0o750, exist_ok=True)
            children.clear(self.plan, child.name)
            child.pid = process.spawn(child.argv, env, self.settings.sockets, log, outlives)
        except OSError as error:  # no memory, no room for the log, or its socket is in use
            self._start_later(child, f"does not start: {error}")

    def _stop(self, names: list[str]) -> None:
        """Send the stop signal to several children, wait GRACE_S, then send SIGKILL. They stay down. Meanwhile the
        other children are supervised as always."""
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
        """Stop everything and remove the files of this start. The sentinel stops last: until then it watches."""
        self.stopping = True
        self._stop([name for name in self.children if name != "sentinel"])
        self._stop(["sentinel"])
        process.end(self.token, set(), self.settings.run, everything=True)
        leftovers.clean(self.settings)

    # --- deaths and returns, for the terminal -------------------------------------------------------------------------

    def _watch(self, child: Child) -> int:
        """Watch the workers of a child that keeps a fixed number of them; returns how many there are."""
        fixed = children.has_fixed_workers(self.plan, child.name)
        return self.workers.watch(child.pid) if fixed and child.pid and self.terminal else 0

    def _worker_ended(self, leader: int, worker: int, left: int) -> None:
        """Note that a worker ended whose master lives; the master forks another, and reports nothing."""
        child = next((child for child in self.children.values() if child.pid == leader), None)
        if child and not child.going and not self.stopping and not process.zombie(leader):
            self.lacking.setdefault(child.name, left + 1)
            self._say(f"{child.name}: its worker {worker} ended")
            self.deaths.died(f"a worker of {child.name}", f"pid {worker}")

    def _look_for_returns(self) -> None:
        for name in self.deaths.awaited if self.deaths.waiting else []:
            child = self.children[name.removeprefix("a worker of ")]
            if self._complete(child) if name != child.name else children.answers(self.plan, child):
                self.lacking.pop(child.name, None)
                self._watch(child)
                self.deaths.returned(name)

    def _complete(self, child: Child) -> bool:
        return bool(child.pid) and self._watch(child) >= self.lacking.get(child.name, 0)

    # --- answers and notes ------------------------------------------------------------------------------------------

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what a request says: `stop`, `restart` a child, or `stop-worker`. Raises KeyError, TypeError."""
        if request["do"] == "stop":
            self.stopping = True
            return {"stopping": os.getpid()}
        if request["do"] == "stop-worker":
            return self._stop_worker(request["family"], request["place"])
        if request["restart"] not in self.children:
            return {"error": f"{request['restart']} was left out of this start, or is closed here; ./zoo ls says why"}
        child = self.children[request["restart"]]
        self._stop([child.name])
        child.due = 0.0
        return {"restarted": child.name}

    def _stop_worker(self, family: object, place: object) -> dict[str, Any]:
        """Kill one process of a family. Whatever forked it, or this keeper, starts another."""
        if not isinstance(family, str) or type(place) is not int:
            raise TypeError("expected the name of a family and a number")
        sessions = {child.name: child.pid for child in self.children.values() if child.pid}
        try:
            pid = families.kill(self.token, sessions, self.settings.run, family, place)
        except families.NoSuchPlace as problem:
            return {"error": str(problem)}
        self._say(f"{family}: its process {pid}, at place {place}, got SIGKILL, as a command wished")
        return {"stopped": {"family": family, "place": place, "pid": pid}}

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a full disk must not end the zoo
            print(f"{time.time():.3f} keeper: {text}", file=sys.stderr, flush=True)

    def _write_state(self) -> None:
        """Write state.json. If the disk is full or the directory gone, the old state stays and the zoo lives."""
        now = state.State(
            pid=os.getpid(),
            token=self.token,
            sessions={c.name: c.pid for c in self.children.values() if c.pid},
            failures={c.name: c.failures for c in self.children.values() if c.failures},
            settings=environment(self.settings),
            cells=self.plan.cells,
        )
        try:
            state.write(self.settings, now)
        except (OSError, SettingsError) as error:
            self._say(f"state.json cannot be written: {error}")


def main() -> int:
    """Run the keeper. Arguments: the exhibits to start (none: all); settings/variables.py has the variables."""
    settings = read_settings()
    os.umask(0o027)
    os.set_inheritable(int(os.environ["ZOO_LOCK"]), False)  # no child keeps the lock
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
