"""The processes of each family, and the place of each process in its family.

A place is a number: 1 is the oldest process of the family, and a process that is born later has a higher place. A
client names a process by family and place, never by its pid. The keeper looks for the process itself, at that moment.

What trips people up: a family inside a front has no session of its own. Its title or its environment tells it.
"""

import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from gateway_zoo.keeper import process

NO_FAMILY = {"sentinel", "?"}  # never stopped: the sentinel guards the zoo, "?" is a process of an unknown family


class Born(NamedTuple):
    """A process, and when it was born, in clock ticks since the start of the machine. Both together name one process
    only: a pid alone is used again."""

    ticks: int
    pid: int


class NoSuchPlace(Exception):
    """No process has this place in this family; says which places there are."""


def family_of(pid: int, sessions: dict[str, int]) -> str:
    """Name the family that a process serves; "?" if unknown. `sessions`: name -> session, as in state.json."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
        if title.startswith(b"(wsgi:"):  # mod_wsgi's display-name=%{GROUP}
            return os.fsdecode(title[6:].partition(b")")[0])
        if name := process.environment(pid).get("ZOO_FAMILY"):
            return name
    except OSError:
        pass
    session = process.session(pid)
    return next((name for name, leader in sessions.items() if leader == session), "?")


def places(pids: Iterable[int], sessions: dict[str, int]) -> dict[str, list[Born]]:
    """Sort these processes into families, the oldest first: the process at place 1 has index 0. A process outside the
    sessions has no place."""
    families: dict[str, list[Born]] = {}
    own = set(sessions.values())
    for pid in pids:
        if process.session(pid) in own and (born := _born(pid)):
            families.setdefault(family_of(pid, sessions), []).append(born)
    return {name: sorted(members) for name, members in families.items() if name not in NO_FAMILY}


def living(token: str | None, sessions: dict[str, int], run: Path) -> dict[str, list[Born]]:
    """List the living processes of every family of a start."""
    return places(process.members(token, set(sessions.values()), run), sessions)


def kill(token: str | None, sessions: dict[str, int], run: Path, family: str, place: int) -> int:
    """Send SIGKILL to the process at this place of a family; returns its pid. Raises NoSuchPlace."""
    members = living(token, sessions, run).get(family, [])
    if not members:
        raise NoSuchPlace(f"no family {family[:80]!a} has a process now; ./zoo ps lists the families")
    if not 1 <= place <= len(members):
        raise NoSuchPlace(f"{family} has no process at place {place} now; its places are 1 to {len(members)}")
    born = members[place - 1]
    gone = NoSuchPlace(f"the process at place {place} of {family} has just ended")
    try:
        descriptor = os.pidfd_open(born.pid)  # it pins the process: no other process gets the number in between
    except OSError:
        raise gone from None
    try:
        if _born(born.pid) != born or not process.is_from_this_start(born.pid, token, run):
            raise gone
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except ProcessLookupError:
        raise gone from None
    finally:
        os.close(descriptor)
    return born.pid


def _born(pid: int) -> Born | None:
    """None if the process is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return Born(int(stat.rpartition(")")[2].split()[19]), pid)  # starttime is the 22nd field (proc(5))
