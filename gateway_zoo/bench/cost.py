"""What gateway and front use for a load: CPU, memory, context switches; and the processes that are started for it.

CPU time is read twice, and the difference counts. Of a living process the kernel tells it in nanoseconds, threads that
have ended included. Of ended children it adds the time to the parent that waits for them (cutime and cstime, proc(5)).

What trips people up: a parent that ignores SIGCHLD never waits, so the time of its children is added nowhere. fcgiwrap
and Apache's CGI daemon do so, and CGI's cost lies in these children. Then a control group knows: its counter keeps the
time of all its processes, ended ones too. Counter - living processes - children that a parent has waited for = the time
of these children. Other programs of the same group that end meanwhile would be counted too, so this is done only where
such a parent exists and the machine starts processes, at least one for every second request.
"""

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from gateway_zoo.bench.records import Cost, Side
from gateway_zoo.keeper import families, process
from gateway_zoo.measure.process_use import use_of

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
SIGCHLD_IGNORED = 1 << 16  # in SigIgn of /proc/PID/status: bit 0 is signal 1, SIGCHLD is 17
FORKS = 0.5  # per request, from which on children are counted by the control group
QUIET_S = 0.05  # without work, after which a load has ended
QUIET_SHARE = 0.1  # of a core, that counts as no work
SETTLE_S = 2.0  # at most
READINGS = 8  # of a control group, at most
SHORT_S = 0.01  # CPU seconds of the group during a reading that is good
CGROUPS = Path("/sys/fs/cgroup")


class NoCounter(Exception):
    """The control group's counter cannot be read; says why."""


@dataclass
class Reading:
    """The counters of one side at one moment. `cpu_s`: of living processes and of children that they waited for.
    `switches`: pid -> (voluntary, involuntary)."""

    cpu_s: float = 0.0
    switches: dict[int, tuple[int, int]] = field(default_factory=dict)


@dataclass
class Moment:
    """All counters at one moment. `uncounted_s`: CPU of ended processes for which no parent has waited; None: unknown,
    for the reason `why`. `forks`: processes and threads that the machine has started."""

    gateway: Reading
    front: Reading
    forks: int
    uncounted_s: float | None
    why: str


class Watch:
    """Watch gateway and front during one closed loop: begin, look now and then, end."""

    def __init__(self, gateway: Side, front: Side) -> None:
        self.gateway = gateway
        self.front = front
        self.idle = self._memory()
        self.peak = self.idle
        self.uncounted = any(_ignores_children(pid) for pids in self._pids() for pid in pids)
        self.before = self._moment()

    def look(self) -> None:
        """Read the memory. The most counts."""
        both = zip(self.peak, self._memory(), strict=True)
        self.peak = tuple(None if None in pair else max(pair) for pair in both)  # type: ignore[type-var]

    def end(self, requests: int, own_forks: int) -> tuple[Cost, Cost, float | None]:
        """Return the cost of gateway and front for so many requests, and the forks per request.

        `own_forks`: processes and threads of the load generator. First wait until the work that is left has ended.
        """
        self._settle()
        now = self._moment()
        if not requests:
            return Cost(why="no requests"), Cost(why="no requests"), None
        forks = max(0, now.forks - self.before.forks - own_forks) / requests
        costs = []
        for name, side, idle, peak in zip(
            ("gateway", "front"), (self.gateway, self.front), self.idle, self.peak, strict=True
        ):
            first, last = getattr(self.before, name), getattr(now, name)
            costs.append(self._cost(side, first, last, requests, idle, peak))
        gateway, front = costs
        if forks >= FORKS and self.gateway.sessions is not None and self.uncounted:
            gateway = self._with_children(gateway, now, requests)
        return gateway, front, forks

    def _cost(
        self, side: Side, first: Reading, last: Reading, requests: int, idle: int | None, peak: int | None
    ) -> Cost:
        if side.sessions is None or not last.switches:
            return Cost(why=side.why or "it has no process of its own")
        stayed = first.switches.keys() & last.switches.keys()
        voluntary, involuntary = (
            sum(last.switches[pid][kind] - first.switches[pid][kind] for pid in stayed) / requests for kind in (0, 1)
        )
        return Cost(
            cpu_ms=max(0.0, last.cpu_s - first.cpu_s) * 1000 / requests,
            voluntary=voluntary,
            involuntary=involuntary,
            pss_idle=idle,
            pss_peak=peak,
            why="" if idle is not None else "the memory of its processes may not be read",
        )

    def _with_children(self, gateway: Cost, now: Moment, requests: int) -> Cost:
        """Add the children that the control group counted. Without its counter the CPU is unknown, not too small."""
        if self.before.uncounted_s is None or now.uncounted_s is None:
            return Cost(why=f"no parent waits for the programs that it starts, and {now.why or self.before.why}")
        cpu_s = (gateway.cpu_ms or 0.0) * requests / 1000 + now.uncounted_s - self.before.uncounted_s
        return Cost(
            cpu_ms=max(0.0, cpu_s) * 1000 / requests,
            voluntary=gateway.voluntary,
            involuntary=gateway.involuntary,
            pss_idle=self.idle[0],
            pss_peak=self.peak[0],
            why="" if gateway.cpu_ms is not None else "at rest it has no process, whose switches could be read",
        )

    def _settle(self) -> None:
        """Wait until neither side works any longer: requests that wrk has left unfinished go on."""
        deadline = time.monotonic() + SETTLE_S
        before = self._work()
        while time.monotonic() < deadline:
            time.sleep(QUIET_S)
            now = self._work()
            if now.keys() <= before.keys() and sum(now[pid] - before[pid] for pid in now) < QUIET_S * QUIET_SHARE:
                return
            before = now

    def _work(self) -> dict[int, float]:
        return {pid: _clock_s(pid) for pids in self._pids() for pid in pids}

    def _memory(self) -> tuple[int | None, ...]:
        return tuple(_pss(pids) for pids in self._pids())

    def _moment(self) -> Moment:
        gateway, front = self._pids()
        uncounted, why = None, ""
        if self.uncounted:
            try:
                uncounted = _uncounted_s([*gateway, *front][0])
            except NoCounter as error:
                why = str(error)
        return Moment(_reading(gateway), _reading(front), _forks(), uncounted, why)

    def _pids(self) -> tuple[list[int], list[int]]:
        """The living processes of gateway and front. Those of the gateway are not the front's, in one session too."""
        of: dict[int, list[int]] = {}
        for pid in process.pids():
            if (session := process.session(pid)) is not None:
                of.setdefault(session, []).append(pid)
        gateway = [
            pid for leader in self.gateway.sessions or [] for pid in of.get(leader, []) if _serves(pid, self.gateway)
        ]
        front = [pid for leader in self.front.sessions or [] for pid in of.get(leader, []) if _serves(pid, self.front)]
        return gateway, [pid for pid in front if pid not in gateway]


def _serves(pid: int, side: Side) -> bool:
    """Does a process serve the family of a side? So does a program that a daemon of the front has started."""
    if not side.family or families.family_of(pid, {}) == side.family:
        return True
    return _ignores_children(_stat(pid)[1])


def _reading(pids: Iterable[int]) -> Reading:
    reading = Reading()
    for pid in pids:
        reading.cpu_s += _clock_s(pid) + _children_s(pid)
        if (switches := _switches(pid)) is not None:
            reading.switches[pid] = switches
    return reading


# --- the counters of the kernel --------------------------------------------------------------------------------------


def _clock_s(pid: int) -> float:
    """CPU seconds of a process, with all its threads, also ended ones: its clock (clock_getcpuclockid(3)). 0 if it has
    ended."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def _stat(pid: int) -> tuple[float, int]:
    """(CPU seconds of the children for which a process has waited, its parent); (0, 0) if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()  # from the third on (proc(5))
    except OSError:
        return 0.0, 0
    return (int(fields[13]) + int(fields[14])) * TICK_S, int(fields[1])


def _children_s(pid: int) -> float:
    return _stat(pid)[0]


def _ignores_children(pid: int) -> bool:
    with contextlib.suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        return bool(int(status.partition("\nSigIgn:\t")[2].split()[0], 16) & SIGCHLD_IGNORED)
    return False


def _switches(pid: int) -> tuple[int, int] | None:
    """(voluntary, involuntary) context switches of all living threads; None if the process has ended."""
    voluntary = involuntary = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # this thread has ended
                lines = Path(f"/proc/{pid}/task/{thread}/status").read_bytes().splitlines()
                voluntary += int(lines[-2].split()[1])
                involuntary += int(lines[-1].split()[1])
    except OSError:
        return None
    return voluntary, involuntary


def _forks() -> int:
    """Processes and threads that this machine has started since its start (proc_stat(5))."""
    text = Path("/proc/stat").read_text(encoding="ascii")
    return int(text.partition("\nprocesses ")[2].split()[0])


def _pss(pids: Iterable[int]) -> int | None:
    """The memory of these processes; 0 without any, None where it may not be read."""
    processes = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            processes.append(psutil.Process(pid))
    return use_of(processes).pss


# --- the control group ------------------------------------------------------------------------------------------------


def _uncounted_s(pid: int) -> float:
    """CPU seconds of all ended processes in the group of a process for which no parent has waited. Only a difference
    of two has a meaning. Raises NoCounter."""
    folder, counter = _group(pid)
    readings = []
    for _ in range(READINGS):  # while all processes are read, they go on: the shortest reading counts
        first = _counter_s(counter)
        counted = sum(_clock_s(member) + _children_s(member) for member in [*_members(folder), *_zombies(folder)])
        last = _counter_s(counter)
        readings.append((last - first, (first + last) / 2 - counted))
        if last - first < SHORT_S:
            break
    return min(readings)[1]


def _counter_s(counter: Path) -> float:
    """CPU seconds of a control group. Raises NoCounter."""
    try:
        text = counter.read_text(encoding="ascii")
    except OSError as error:
        raise NoCounter(f"{counter} cannot be read: {error.strerror}") from None
    return int(text) / 1e9 if counter.name == "cpuacct.usage" else int(text.split()[1]) / 1e6


def _group(pid: int) -> tuple[Path, Path]:
    """The folder of a process's control group, and the file with its CPU time (cgroups(7)). Raises NoCounter."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "cpuacct" in controllers.split(","):  # version 1: nanoseconds
            folder = CGROUPS / "cpuacct" / path.lstrip("/")
            if (folder / "cpuacct.usage").exists():
                return folder, folder / "cpuacct.usage"
        folder = CGROUPS / path.lstrip("/")
        if not controllers and (folder / "cgroup.type").exists():  # version 2; not its root, which counts in ticks
            return folder, folder / "cpu.stat"
    raise NoCounter("this machine has no control group that counts CPU time")


def _members(folder: Path) -> Iterable[int]:
    """The processes of a group and of the groups below it. A process of another pid namespace has the number 0."""
    for place, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            for word in Path(place, "cgroup.procs").read_text(encoding="ascii").split():
                if word != "0":
                    yield int(word)


def _zombies(folder: Path) -> Iterable[int]:
    """The processes of a group that have ended, but for which no parent has waited yet: the group lists them no more,
    and their time would move from the ended ones to those that were waited for."""
    for pid in process.pids():
        if process.zombie(pid):
            with contextlib.suppress(NoCounter):
                own = _group(pid)[0]
                if own == folder or folder in own.parents:
                    yield pid
