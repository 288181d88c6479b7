"""The keeper: one process that starts every family and both fronts, and restarts what dies. `python -m gateway_zoo.keeper`

It sleeps until a child dies (SIGCHLD), somebody asks something on its control socket, it is told to stop (SIGTERM), or
the terminal that started it goes away. What it may not do: serve requests, know a cage by name, or believe a pid.

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

from gateway_zoo import fronts, leftovers, listen, parts, plan, process, settings, state
from gateway_zoo.plan import Plan
from gateway_zoo.settings import Settings

BACKOFF_S = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # waits before the first, second … restart in a row
HEALTHY_S = 10.0  # a family that lived this long starts again at the beginning of the row
GRACE_S = 4.0  # between the stop signal and SIGKILL


@dataclass
class Child:
    """A family or a front under supervision. `pid` 0: not running; then `due` says when it starts (monotonic)."""

    name: str
    argv: list[str]
    stop_signal: int
    pid: int = 0
    started: float = 0.0
    failures: int = 0
    due: float | None = 0.0


class Keeper:
    """Supervises the children of one plan. All times monotonic seconds."""

    def __init__(self, made: Plan, terminal: int | None) -> None:
        self.plan = made
        self.settings = made.settings
        self.token = os.urandom(16).hex()
        self.terminal = terminal  # read end of a pipe that closes with the foreground `zoo up`
        self.stopping = False
        self.sentinel_pipe = os.pipe()
        self.selector = selectors.DefaultSelector()
        self.children = {child.name: child for child in self._make_children()}

    def _make_children(self) -> list[Child]:
        made = [Child(f, fronts.command(f, self.settings), signal.SIGTERM) for f in self.plan.fronts]
        for family in self.plan.started:
            stop = signal.Signals[f"SIG{family.stop_signal}"]
            made.append(Child(family.id, self.plan.command(family), stop))
        watch = [sys.executable, "-P", "-m", "gateway_zoo.sentinel", str(self.sentinel_pipe[0])]
        return [*made, Child("sentinel", watch, signal.SIGKILL)]

    # --- life ---------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Start everything and watch it until told to stop."""
        process.become_subreaper()
        control = self._open_doors()
        try:
            while not self.stopping:
                self._start_due()
                for key, _ in self.selector.select(self._wait()):
                    key.data(key.fileobj)
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
        self.selector.register(control, selectors.EVENT_READ, self._on_request)
        if self.terminal is not None:
            self.selector.register(self.terminal, selectors.EVENT_READ, self._on_terminal)
        self._wake_write = wake_write
        return control

    def _wait(self) -> float | None:
        due = [child.due for child in self.children.values() if child.pid == 0 and child.due is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _on_terminal(self, _: Any) -> None:
        self.stopping = True

    def _on_signal(self, wake: socket.socket) -> None:
        numbers = wake.recv(4096)
        if set(numbers) & {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}:
            self.stopping = True
        self._reap()

    def _reap(self) -> None:
        by_pid = {child.pid: child for child in self.children.values() if child.pid}
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if found[0] in by_pid and not self.stopping:
                    self._died(by_pid[found[0]], found[1])

    def _died(self, child: Child, status: int) -> None:
        """The first process of a family is gone: end the rest of it, and start it again after a pause."""
        lived = time.monotonic() - child.started
        child.failures = 0 if lived > HEALTHY_S else child.failures + 1
        pause = BACKOFF_S[min(child.failures, len(BACKOFF_S) - 1)]
        rest = process.end(self.token, {child.pid}, self.settings.run)
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"
        self._say(f"{child.name} ended ({how}) after {lived:.1f} s; {rest} left over ended; again in {pause} s")
        child.pid, child.due = 0, time.monotonic() + pause

    # --- children ---------------------------------------------------------------------------------------------------------

    def _start_due(self) -> None:
        now = time.monotonic()
        waiting = [c for c in self.children.values() if c.pid == 0 and c.due is not None and c.due <= now]
        for child in waiting:
            self._start(child)
        if waiting:
            self._write_state()

    def _start(self, child: Child) -> None:
        env = environment(self.settings, child.name, self.token)
        log = self.settings.logs / f"{child.name}.log"
        self._clear_addresses(child.name)
        outlives = self.sentinel_pipe[:1] if child.name == "sentinel" else ()
        child.pid = process.spawn(child.argv, env, self.settings.sockets, log, outlives)
        child.started = time.monotonic()

    def _clear_addresses(self, family: str) -> None:
        """Unlink sockets that a killed server left behind; one that answers belongs to somebody and stays."""
        for exhibit in self.plan.registry.exhibits.values():
            if exhibit.family == family and exhibit.unix:
                try:
                    listen.remove_stale(str(self.settings.sockets / exhibit.unix))
                except listen.AddressInUse as error:
                    self._say(str(error))

    def _stop(self, names: list[str]) -> None:
        """Stop signal, patience, SIGKILL: for several children at once. They do not start again by themselves."""
        going = [c for name in names if (c := self.children[name]).pid]
        for child in going:
            process.send(child.pid, child.stop_signal, self.token, {child.pid}, self.settings.run)
        sessions = {child.pid for child in going}
        deadline = time.monotonic() + GRACE_S
        while process.members(self.token, sessions, self.settings.run) and time.monotonic() < deadline:
            self._reap_quietly()
            time.sleep(0.02)
        process.end(self.token, sessions, self.settings.run)
        self._reap_quietly()
        for child in going:
            child.pid, child.due, child.failures = 0, None, 0

    def _reap_quietly(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    def _end_all(self) -> None:
        """Everything down, files of this start removed. The sentinel last: until then it covers us."""
        self.stopping = True
        self._stop([name for name in self.children if name != "sentinel"])
        self._stop(["sentinel"])
        process.end(self.token, set(), self.settings.run, everything=True)
        leftovers.clean(self.settings)

    # --- talking ------------------------------------------------------------------------------------------------------------

    def _on_request(self, control: socket.socket) -> None:
        """One JSON line in, one out. Only `restart` and `stop` exist; the socket is private to the user."""
        connection, _ = control.accept()
        with connection:
            connection.settimeout(2)
            try:
                asked = json.loads(connection.makefile("r", encoding="utf-8").readline())
                answer = self._answer(asked)
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                answer = {"error": f"not understood: {error!r}"}
            with contextlib.suppress(OSError):
                connection.sendall(json.dumps(answer).encode() + b"\n")

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
        print(f"{time.time():.3f} keeper: {text}", file=sys.stderr, flush=True)

    def _write_state(self) -> None:
        state.write(
            self.settings,
            {
                "pid": os.getpid(),
                "token": self.token,
                "sessions": {c.name: c.pid for c in self.children.values() if c.pid},
                "echo": self.settings.echo,
                "cells": [vars(cell) for cell in self.plan.cells],
            },
        )


def environment(made: Settings, family: str, token: str) -> dict[str, str]:
    """All that a gateway gets: an allow-list, so that nothing of the shell that starts the zoo reaches a program."""
    return {
        "PATH": parts.PATH,
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(made.root / "app"),
        "ZOO_RUN": str(made.run),
        "ZOO_FAMILY": family,
        "ZOO_ECHO": str(int(made.echo)),
        process.TOKEN: token,
    }


def prepare(made: Settings) -> None:
    """The run directory: ours, 0750, with its folders. Raises SettingsError if somebody else's stands there."""
    made.run.mkdir(mode=0o750, parents=True, exist_ok=True)
    facts = made.run.lstat()
    if made.run.is_symlink() or facts.st_uid != os.geteuid():
        raise settings.SettingsError(f"{made.run} belongs to another user; set ZOO_RUN to a directory of your own")
    made.run.chmod(0o750)
    for path in (made.sockets, made.logs):
        path.mkdir(mode=0o750, exist_ok=True)


def main() -> int:
    """Arguments: the exhibits to start (none: all). ZOO_TERMINAL: descriptor that closes with the terminal."""
    made = settings.from_environment()
    os.umask(0o027)
    prepare(made)
    try:
        holder = state.lock(made.lock)
    except state.Locked:
        print(f"another zoo is running in {made.run}", file=sys.stderr)
        return 3
    leftovers.end(made)
    the_plan = plan.make(made, sys.argv[1:] or None)
    for front in the_plan.fronts:
        fronts.write(front, the_plan)
    terminal = os.environ.get("ZOO_TERMINAL")
    Keeper(the_plan, int(terminal) if terminal else None).run()
    os.close(holder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
