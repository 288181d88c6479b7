"""Print sockets: tables, and sentences made from the figures."""

import os

from gateway_zoo.lab import overload
from gateway_zoo.lab.overload import DEADLINE_S, Overload
from gateway_zoo.lab.sockets_rows import Cost, Door
from gateway_zoo.terminal import tables as look
from gateway_zoo.terminal.columns import Column

NARROW = 64  # columns that the table of seconds needs for heads with blanks
DOORS = (Column("exhibit"), Column("address"), Column("mode"), Column("what happened", least=12, gives="lines"))
COSTS = (
    *(Column("", least=12, gives="lines"), Column("unix", right=True), Column("TCP", right=True)),
    *(Column("TCP/unix", right=True), Column("half of the rounds", rank=1)),
)


def show(doors: list[Door], costs: list[Cost], overloads: list[Overload], limits: dict[str, int | None]) -> None:
    out = look.console()
    out.print("\nPermission: another user of this machine tries", style="bold")
    cells = []
    for door in doors:
        address = door.address if door.mode is None else os.path.basename(door.address)
        cells.append([door.exhibit, address, door.mode or "has none", door.third or "not tried: see below"])
    look.rows(out, DOORS, cells)

    out.print("\nWhat a ping costs, in microseconds", style="bold")
    cells = []
    for cost in costs:
        spread = f"{cost.ratio_low:.2f} to {cost.ratio_high:.2f}"
        cells.append([cost.what, f"{cost.unix_us:,.0f}", f"{cost.tcp_us:,.0f}", f"{cost.ratio:.2f}", spread])
    look.rows(out, COSTS, cells)

    out.print(
        f"\nOverload: {overload.CROWD} requests at once for four slots of {overload.HOLD_MS} ms and a backlog of "
        f"{overload.BACKLOG}",
        style="bold",
    )
    unit = " s" if out.width >= NARROW else "s"
    seconds = [f"{n}{unit}" for n in range(int(DEADLINE_S) + 1)]
    cells = []
    for run in overloads:
        for number, (outcome, facts) in enumerate(run.outcomes.items()):
            ends = [
                sum(k == outcome and min(int(s), len(seconds) - 1) == n for k, s in run.waits)
                for n in range(len(seconds))
            ]
            first = (run.way, run.socket) if number == 0 else ("", "")
            cells.append([*first, outcome, str(int(facts["count"])), *(str(n or ".") for n in ends)])
    numbers = [Column(name, right=True) for name in ("count", *seconds)]
    look.rows(out, [Column("way"), Column("socket"), Column("outcome", least=8), *numbers], cells)
    out.print("Columns: how many requests ended in the second that begins there. none: no answer.\n")
    for line in conclusions(doors, costs, overloads, limits):
        out.print(line)


def conclusions(
    doors: list[Door], costs: list[Cost], overloads: list[Overload], limits: dict[str, int | None]
) -> list[str]:
    """Sentences from the figures."""
    lines = []
    private = next(door for door in doors if door.mode)
    lines.append(
        f"permission: a unix socket is a file ({private.mode}, {private.owner}) in a directory ({private.folder_mode})"
        "; a TCP port on loopback has no owner: every user of the machine may connect."
    )
    if private.third_why:
        lines.append(f"No other user tried: {private.third_why}.")
    cpu = [cost for cost in costs if cost.what.endswith("CPU")]
    ratios = ", ".join(f"{cost.ratio:.2f} ({cost.what.rpartition(',')[0]})" for cost in cpu)
    lines.append(f"cost: TCP took so many times the servers' CPU: {ratios}.")
    lines += [_overload(run) for run in overloads]
    lines.append(
        f"somaxconn is {limits['somaxconn']:,} here: listen(2) with 65,535 got a queue of "
        f"{limits['listen_65535_gives']:,}. It limits both kinds of socket, each one by itself."
    )
    return lines


def _overload(run: Overload) -> str:
    outcomes = dict(run.outcomes)
    good = outcomes.pop("200", None)
    none = outcomes.pop("none", None)
    parts = []
    if good:
        parts.append(f"{good['count']} answered, the last after {good['slowest_s']:.1f} s")
    for name, facts in outcomes.items():
        quick, slow = facts["fastest_s"] * 1e3, facts["slowest_s"] * 1e3
        parts.append(f"{facts['count']} ended with {name} after {quick:.0f} to {slow:.0f} ms")
    if none:
        parts.append(f"{none['count']} without any answer after {DEADLINE_S:g} s")
    return f"overload, {run.socket}, {'through nginx' if run.way == 'nginx' else 'direct'}: " + "; ".join(parts) + "."
