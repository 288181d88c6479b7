"""Take the run directory, and start, ask and stop the keeper of it.

Everything that a start does in the run directory (tidy, look at ports, start) happens under one lock. The keeper
inherits it, so only one zoo at a time has the directory.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

from gateway_zoo.errors import fail
from gateway_zoo.keeper import process, run_directory, state
from gateway_zoo.registry.plans import Plan
from gateway_zoo.safe_io import bounded
from gateway_zoo.serving import listen
from gateway_zoo.settings import Settings, SettingsError, environment

STOP_S = 30.0  # until everything must be down
TIDY_S = 15.0  # for a start, a stop or a sentinel that is at work in the run directory
ANSWER = 65536  # bytes that the keeper may answer


def take(settings: Settings) -> int:
    """Make the run directory ready and lock it; returns the descriptor of the lock.

    Raises Stop if the directory cannot be used, or if another zoo has it.
    """
    deadline = time.monotonic() + TIDY_S
    already = f"a zoo is already running in {settings.run}; ./zoo down stops it"
    try:
        if not os.path.lexists(settings.run) and process.keepers(settings.run):
            fail(f"{already} (the directory was removed)", 3)
        run_directory.take(settings)
        while True:
            try:
                lock = state.hold(settings)
                if process.keepers(settings.run):  # whose lock is on a directory that was removed
                    fail(f"{already} (the directory was removed, or replaced)", 3)
                run_directory.prepare(settings)
                return lock
            except state.Locked:
                # A start, a stop or a sentinel that is at work there ends soon. A keeper that listens stays.
                if listen.answers(str(settings.control)) or time.monotonic() > deadline:
                    fail(already, 3)
            time.sleep(0.02)
    except SettingsError as error:
        fail(str(error), 3)
    except OSError as error:  # removed in this moment
        fail(f"{settings.run} cannot be used: {error.strerror}; set ZOO_RUN to a directory of yours", 3)


def start(
    plan: Plan, lock: int, only: list[str], *, detach: bool, echo: bool
) -> tuple[subprocess.Popen[bytes], socket.socket | None]:
    """Start the keeper with the lock and these exhibits (none: all).

    In the foreground the keeper gets one end of a socket, which closes when we end; it reports deaths there. Returns
    the process and our end, which is None for a detached keeper.
    """
    settings = plan.settings
    our_end, keepers_end = socket.socketpair()
    environ = environment(replace(settings, echo=echo or settings.echo)) | {
        "LANG": "C.UTF-8",
        "ZOO_LOCK": str(lock),
        "ZOO_TERMINAL": "" if detach else str(keepers_end.fileno()),
        "ZOO_BROKEN": json.dumps(plan.broken),
    }
    with open(settings.logs / "keeper.log", "ab", opener=process.no_link) as log:
        keeper = subprocess.Popen(
            [sys.executable, "-I", "-m", "gateway_zoo.keeper", *only],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            pass_fds=(lock,) if detach else (lock, keepers_end.fileno()),
        )
    os.close(lock)
    keepers_end.close()
    if detach:
        our_end.close()
    return keeper, None if detach else our_end


def stop(keeper: subprocess.Popen[bytes]) -> None:
    """Stop a keeper that this process has started, and wait for its end. Raises subprocess.TimeoutExpired."""
    with contextlib.suppress(ProcessLookupError):
        keeper.send_signal(signal.SIGTERM)
    keeper.wait(timeout=STOP_S)


def ask(settings: Settings, request: dict[str, str | int], seconds: float = 30) -> dict[str, Any]:
    """Send a request to the control socket, and return the answer.

    The answer is {"error": …} if none comes in time, or if it is longer than a line of ANSWER bytes.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(str(settings.control))
            connection.sendall(json.dumps(request).encode())
            answer: dict[str, Any] = json.loads(bounded.line(connection, seconds, ANSWER))
            if not isinstance(answer, dict):
                raise ValueError("no object")
    except (OSError, ValueError, RecursionError) as error:
        return {"error": f"the keeper in {settings.run} does not answer: {error}"}
    return answer


def lock_when_stopped(settings: Settings, *, usable: bool) -> int | None:
    """Stop every keeper of the run directory, and lock the directory.

    The keeper may still be starting; or it is gone, and its sentinel tidies. Returns the lock; None if there is no
    directory, or if it is not the zoo's (`usable` is false). Raises Stop.
    """
    deadline = time.monotonic() + STOP_S
    stopping = False
    while True:
        lock, free = None, True
        try:
            lock = state.hold(settings) if usable else None
        except state.Locked:
            free = False
        except FileNotFoundError:
            pass
        except OSError as error:
            fail(f"{settings.run} cannot be used: {error.strerror}", 3)
        if free and not process.keepers(settings.run):
            return lock
        if lock is not None:
            os.close(lock)
        if time.monotonic() > deadline:
            fail(f"the keeper in {settings.run} does not stop", 1)
        stopping = stopping or process.stop_keepers(settings.run) or "error" not in ask(settings, {"do": "stop"}, 5)
        time.sleep(0.05)
