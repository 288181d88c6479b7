"""The children of the keeper: families, fronts and the sentinel, and how each is started and recognised as back."""

import signal
import sys
import time
from dataclasses import dataclass

from gateway_zoo.keeper import fronts, process
from gateway_zoo.registry import places
from gateway_zoo.registry.plans import Plan
from gateway_zoo.serving import listen
from gateway_zoo.settings import Settings

ALIVE_S = 1.0  # a child without an address is back after this time
FIXED = "prefork"  # in the name of a process model: its master keeps a fixed number of workers


@dataclass
class Child:
    """A family or a front under supervision. Times are monotonic seconds."""

    name: str
    argv: list[str]
    stop_signal: int
    pid: int = 0  # 0: not running
    started: float = 0.0
    failures: int = 0  # deaths in a row, none of them after a healthy life
    due: float | None = 0.0  # when it starts, if it does not run
    going: bool = False  # it is being stopped, so its death is no failure


def make(plan: Plan, sentinel_descriptor: int) -> list[Child]:
    """Make the children in the order of their start: the sentinel first, so that all others are watched."""
    watch = [sys.executable, "-I", "-m", "gateway_zoo.keeper.sentinel", str(sentinel_descriptor)]
    children = [Child("sentinel", watch, signal.SIGKILL)]
    children += [Child(front, fronts.command(front, plan.settings), signal.SIGTERM) for front in plan.fronts]
    if plan.settings.centre_port:
        children.append(Child("centre", [sys.executable, "-I", "-m", "gateway_zoo.centre"], signal.SIGTERM))
    for family in plan.started:
        children.append(Child(family.id, plan.command(family), signal.Signals[f"SIG{family.stop_signal}"]))
    return children


def environment(settings: Settings, family: str, token: str) -> dict[str, str]:
    """Make the whole environment of a gateway: no other variable of the shell reaches a program."""
    own = {"ZOO_ROOT": str(settings.root)} if family == "centre" else {}  # it reads the zoo's own files
    folders = [places.checkout(settings) / name for name in (settings.program, "app") if name]
    return own | {
        "PATH": places.search_path(settings),
        "LANG": "C.UTF-8",
        "PYTHONPATH": ":".join(map(str, folders)),
        "ZOO_RUN": str(settings.run),
        "ZOO_FAMILY": family,
        "ZOO_ECHO": str(int(settings.echo)),
        process.TOKEN: token,
    }


def clear(plan: Plan, name: str) -> None:
    """Unlink the sockets and pid files of a killed server.

    Apache believes the number in its pid file, and does not start while any process has that number. Raises
    AddressInUse if a process still answers at a socket: it keeps the address.
    """
    for socket_name in plan.registry.sockets(name) if name in plan.registry.families else []:
        listen.remove_stale(str(plan.settings.sockets / socket_name))
    for file in (plan.settings.run / name).glob("*.pid"):
        if not file.is_dir():
            file.unlink()


def has_fixed_workers(plan: Plan, name: str) -> bool:
    """Does a child keep a fixed number of workers?"""
    family = plan.registry.families.get(name)
    return FIXED in family.model if family else name == "nginx"


def answers(plan: Plan, child: Child) -> bool:
    """Does a child run, and take connections at each of its addresses?"""
    if not child.pid:
        return False
    addresses = _addresses(plan, child.name)
    lives = time.monotonic() > child.started + ALIVE_S
    return all(map(listen.answers_at, addresses)) if addresses else lives


def _addresses(plan: Plan, name: str) -> list[str]:
    settings, registry = plan.settings, plan.registry
    if name in plan.fronts:
        return [f"127.0.0.1:{settings.port(name)}"]
    if name == "centre":
        return [f"127.0.0.1:{settings.centre_port}"]
    if name not in registry.families:
        return []
    tcp = [settings.tcp(e.id, e.tcp) for e in registry.exhibits.values() if e.family == name and e.tcp]
    return [str(settings.sockets / socket_name) for socket_name in registry.sockets(name)] + tcp
