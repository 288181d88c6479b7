"""Try each front with its configuration before the start, and name the parts with which it does not start.

One module can take a whole web server down: mod_fcgid ends Apache where /dev/shm is read-only, a module built for
another Apache is not even loaded, a fragment with a mistake in it ends the reading. So each front is tried as a whole,
which is quick. Only a front that fails is tried in parts: first without any, then with one more each time. A part with
which it fails is left out, with the message of the front as the reason; if it fails without any, the front is closed.

Parts are the fragments of the cages and, in Apache, each exhibit that it runs itself. nginx runs no programs, and finds
every error when it reads its configuration (`nginx -t`). Apache's modules start their work later, some of them in the
children: so Apache is started, and must answer one request.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gateway_zoo.errors import printable
from gateway_zoo.keeper import children, fronts, leftovers, privileges, process, run_directory, tls
from gateway_zoo.registry import places, plans
from gateway_zoo.registry.plans import ALL, Broken, Plan
from gateway_zoo.settings import kind

START_S = 20.0  # for one start of a front on a busy machine
QUESTION = b"GET /exhibits.json HTTP/1.0\r\nHost: localhost\r\n\r\n"
#: Lines of nginx and Apache that are about an error, and what stands before the error itself: time, process, and the
#: files and macros by which Apache came to the place.
GRAVE = re.compile(r"\[[\w:]*(?:emerg|alert|crit|error)\]|^(?:AH\d+|apache2|httpd|Syntax error|Fatal)\b", re.I)
BEFORE = re.compile(
    r"^(?:\[[^]]*\] )+|^nginx: (?:\[emerg\] )?|^\S+ \S+ \[emerg\] [^:]*: "
    r"|^.*Syntax error on line \d+ of macro[^:]*: |^.*(?=Syntax error)"
)
TOO_OFTEN = 5  # grave lines while we wait: processes that Apache starts die again and again


def broken(plan: Plan) -> Broken:
    """Find the parts with which each front does not start, and why.

    The run directory must be ready, and no zoo may run there. Raises SettingsError, OSError.
    """
    before = os.umask(0o027)
    try:
        places.link(plan.settings)
        tls.make(plan.settings)
        return {front: parts for front in plan.fronts if (parts := _broken_parts(front, plan))}
    finally:
        leftovers.clean(plan.settings)  # sockets of Apaches that were killed
        os.umask(before)


def broken_elsewhere(plan: Plan) -> Broken:
    """Do the same in another directory, for `doctor`. As root, become the zoo's user for good."""
    with tempfile.TemporaryDirectory(prefix="zdoc", dir="/tmp") as folder:
        settings = replace(plan.settings, run=Path(folder))
        privileges.give_up(settings)
        run_directory.prepare(settings)
        return broken(replace(plan, settings=settings))


def _broken_parts(front: str, plan: Plan) -> dict[str, str]:
    if not _complaint(front, plan):
        return {}
    left_out = dict.fromkeys(_parts(front, plan), "left out of this trial")
    if words := _complaint(front, plans.without(plan, {front: left_out})):
        return {ALL: f"{front} does not start: {words}; mend that, then ./zoo up"}
    broken_parts = {}
    for part in list(left_out):
        del left_out[part]
        if words := _complaint(front, plans.without(plan, {front: left_out})):
            mend = f"mend {kind(front)}/cages/{part}" if part.endswith(".conf") else "mend that, or do without"
            left_out[part] = broken_parts[part] = f"{front} does not start with it: {words}; {mend}"
    return broken_parts


def _parts(front: str, plan: Plan) -> Iterator[str]:
    """Names of fragments (`NAME.conf`), then ids of exhibits that the front runs itself."""
    yield from (f"{cage.name}.conf" for cage in plan.registry.cages)
    for cell in plan.open_cells:
        if cell.front == front and plan.registry.runs_inside(cell.exhibit, front):
            yield cell.exhibit


def _complaint(front: str, plan: Plan) -> str:
    """The message of a front that does not start with this plan; empty if it starts."""
    fronts.write(front, plan)
    return _read(front, plan) if kind(front) == "nginx" else _started(front, plan)


def _read(front: str, plan: Plan) -> str:
    environment = children.environment(plan.settings, front, "")
    argv = [*fronts.command(front, plan.settings), "-t"]
    try:
        done = subprocess.run(
            argv, env=environment, cwd=plan.settings.sockets, capture_output=True, timeout=START_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return printable(error)
    return _reason(plan, done.stderr, _how(done.returncode)) if done.returncode else ""


def _started(front: str, plan: Plan) -> str:
    settings, token = plan.settings, os.urandom(16).hex()
    log = settings.logs / f"trial-{front}.log"
    log.unlink(missing_ok=True)
    for file in (settings.run / front).glob("*.pid"):
        file.unlink()
    env = children.environment(settings, front, token)
    pid = process.spawn(fronts.command(front, settings), env, settings.sockets, log)
    try:
        how = _ended_before_an_answer(pid, settings.port(front), log)
        return _reason(plan, log.read_bytes(), how) if how else ""
    finally:
        process.end(token, {pid}, settings.run)
        with contextlib.suppress(ChildProcessError):  # reaped above
            os.waitpid(pid, 0)
        log.unlink(missing_ok=True)


def _ended_before_an_answer(pid: int, port: int, log: Path) -> str:
    """Say how a front ended, or that it never answers; empty once it answers."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return _how(os.waitstatus_to_exitcode(status))
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(QUESTION)
                if connection.recv(5) == b"HTTP/":
                    return ""
        except OSError:
            time.sleep(0.01)
        if len(_grave(log.read_bytes())) >= TOO_OFTEN:
            return "its processes end again and again"
    return f"no answer within {START_S:.0f} s"


def _how(code: int) -> str:
    return f"it ends with exit status {code}" if code >= 0 else f"it is ended by {signal.Signals(-code).name}"


def _reason(plan: Plan, log: bytes, how: str) -> str:
    return (last_words(log) or how).replace(str(plan.settings.run), "$ZOO_RUN")


def last_words(log: bytes) -> str:
    """The last error line of a log, without time and place; empty if there is none."""
    grave = _grave(log)
    return printable(BEFORE.sub("", grave[-1]))[:300] if grave else ""


def _grave(log: bytes) -> list[str]:
    """The error lines of a log. Apache writes the place of an error on a line that ends in a colon, and the error on
    the next line."""
    text = log.decode("utf-8", "replace").replace(":\n", ": ")
    return [line for line in map(str.strip, text.splitlines()) if GRAVE.search(line) and not line.endswith("Failed")]
