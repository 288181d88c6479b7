"""`zoo lab sockets`: the same gateway on a unix socket and on TCP.

The lab compares permissions, cost and overload. It finds the exhibits by their names, X and X-tcp, and runs them in a
zoo of its own behind nginx.
"""

import contextlib
import http.client
import os
import stat
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from gateway_zoo.errors import fail
from gateway_zoo.keeper import own_zoo
from gateway_zoo.keeper.own_zoo import OwnZoo
from gateway_zoo.lab import kernel, overload, sockets_report
from gateway_zoo.lab.overload import Overload
from gateway_zoo.lab.progress import Bar
from gateway_zoo.lab.sockets_rows import Cost, Door
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import Settings
from gateway_zoo.terminal.messages import print_json

ROUNDS = 9


def run(settings: Settings, pings: int, as_json: bool) -> int:
    """Run the lab. Raises Stop if the exhibits cannot be started."""
    pairs = pairs_of(settings)
    own_zoo.stop_like_ctrl_c()
    with (
        third_user(settings) as third,
        OwnZoo(settings, [id for pair in pairs for id in pair]) as zoo,
        Bar(as_json) as bar,
    ):
        if reason := zoo.closed("nginx"):
            fail(f"nginx cannot be asked: {reason}", 3)
        bar.start("permission", None)
        doors = [door(zoo, id, third) for pair in pairs for id in pair]
        costs = []
        for pair in pairs:
            bar.start(f"cost: {pair[0]} through nginx", ROUNDS)
            costs += through_nginx(zoo, pair, pings, bar.done)
        addresses = overload.behind_nginx(zoo)
        bar.start("cost: the sockets alone", ROUNDS)
        costs += directly(zoo, addresses, pings, bar.done)
        bar.start(f"overload, {overload.DEADLINE_S:g} s", None)
        overloads = overload.run(zoo, addresses)
    limits = {"somaxconn": kernel.number("net/core/somaxconn"), "listen_65535_gives": overload.listen_limit()}
    if as_json:
        print_json(report(doors, costs, overloads, limits))
    else:
        sockets_report.show(doors, costs, overloads, limits)
    return 0


def report(
    doors: list[Door], costs: list[Cost], overloads: list[Overload], limits: dict[str, int | None]
) -> dict[str, Any]:
    """The figures for JSON."""
    setting = {"slots": 4, "backlog": overload.BACKLOG, "hold_ms": overload.HOLD_MS, "at_once": overload.CROWD}
    return {
        "doors": [asdict(door) for door in doors],
        "costs": [asdict(cost) for cost in costs],
        "overload": setting | {"runs": [asdict(each) | {"outcomes": each.outcomes} for each in overloads]},
        "limits": limits,
    }


def pairs_of(settings: Settings) -> list[tuple[str, str]]:
    """Exhibits that exist on both kinds of socket. Raises LookupError if there is none."""
    registry = load(settings.root)
    pairs = [(id, f"{id}-tcp") for id, e in registry.exhibits.items() if e.unix and f"{id}-tcp" in registry.exhibits]
    if not pairs:
        raise LookupError("no exhibit has a twin named -tcp")
    return pairs


Third = Callable[[str], tuple[str | None, str | None]]


@contextlib.contextmanager
def third_user(settings: Settings) -> Iterator[Third]:
    """Start another user while the lab is root. Yields a function: address -> (result, why it was not tried)."""
    if os.geteuid() != 0:
        yield lambda _: (None, "only root can become another user to try it")
        return
    argv = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--no-new-privs"]
    argv += [sys.executable, "-I", "-m", "gateway_zoo.lab.third_user"]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/", start_new_session=True
    ) as child:
        assert child.stdin
        assert child.stdout
        name = child.stdout.readline().strip()

        def attempt(address: str) -> tuple[str | None, str | None]:
            if not name:
                return None, "setpriv could not start another user"
            assert child.stdin
            assert child.stdout
            child.stdin.write(address + "\n")
            child.stdin.flush()
            return f"{name}: {child.stdout.readline().strip()}", None

        try:
            yield attempt
        finally:
            child.stdin.close()


def door(zoo: OwnZoo, id: str, third: Third) -> Door:
    exhibit = zoo.plan.registry.exhibits[id]
    address = zoo.plan.address(exhibit)
    if exhibit.tcp:
        return Door(id, address, None, None, None, *third(address))
    path = zoo.settings.sockets / address
    modes = [stat.filemode(each.stat().st_mode) for each in (path, path.parent)]
    return Door(id, str(path), modes[0], modes[1], f"{path.owner()}:{path.group()}", *third(str(path)))


def through_nginx(zoo: OwnZoo, pair: tuple[str, str], pings: int, shown: Callable[[int], None]) -> list[Cost]:
    """Measure a ping of each exhibit through nginx. The client keeps its connection; nginx opens a new one to the
    gateway for every request. CPU is that of nginx and of the gateway."""
    registry = zoo.plan.registry
    families = {id: [p.pid for p in zoo.processes(registry.exhibits[id].family)] for id in pair}
    nginx = [p.pid for p in zoo.processes("nginx")]

    def pings_of(id: str) -> tuple[float, float]:
        visitor = http.client.HTTPConnection("127.0.0.1", zoo.settings.nginx_port, timeout=20)
        with contextlib.closing(visitor):
            return _time(lambda: _ping(visitor, f"/{id}/ping"), nginx + families[id], pings)

    return _costs(f"{pair[0]} through nginx", lambda: pings_of(pair[0]), lambda: pings_of(pair[1]), shown)


def _ping(visitor: http.client.HTTPConnection, path: str) -> None:
    visitor.request("GET", path)
    answer = visitor.getresponse()
    if (answer.status, answer.read()) != (200, b"pong\n"):
        fail(f"{path} answered {answer.status}: this measures nothing", 3)


def directly(zoo: OwnZoo, addresses: dict[str, str], pings: int, shown: Callable[[int], None]) -> list[Cost]:
    """Measure connect, request, answer and close at the lab's small server. CPU is the server's."""
    with overload.server(zoo, addresses["unix"]) as unix, overload.server(zoo, addresses["tcp"]) as tcp:

        def pings_of(kind: str, pid: int) -> tuple[float, float]:
            address = overload.from_here(zoo, addresses[kind])
            return _time(lambda: overload.ask(address, "/", 5), [pid], pings)

        return _costs("socket alone", lambda: pings_of("unix", unix), lambda: pings_of("tcp", tcp), shown)


def _time(ping: Callable[[], object], pids: list[int], pings: int) -> tuple[float, float]:
    """(seconds, CPU seconds of `pids`) of one ping: the mean of `pings`."""
    ping()
    cpu, began = overload.cpu_s(pids), time.perf_counter()
    for _ in range(pings):
        ping()
    return (time.perf_counter() - began) / pings, (overload.cpu_s(pids) - cpu) / pings


def _costs(
    what: str,
    unix: Callable[[], tuple[float, float]],
    tcp: Callable[[], tuple[float, float]],
    shown: Callable[[int], None],
) -> list[Cost]:
    rounds = []
    for number in range(ROUNDS):
        if number % 2 == 0:  # the two take turns in going first
            rounds.append((unix(), tcp()))
        else:
            tcp_times = tcp()
            rounds.append((unix(), tcp_times))
        shown(number + 1)
    costs = []
    for column, unit in enumerate(("time", "CPU")):
        low, middle, high = statistics.quantiles([t[column] / u[column] for u, t in rounds], n=4)
        us = [statistics.median(r[side][column] for r in rounds) * 1e6 for side in (0, 1)]
        costs.append(
            Cost(f"{what}, {unit}", round(us[0], 1), round(us[1], 1), round(middle, 3), round(low, 3), round(high, 3))
        )
    return costs
