"""Print c10k: a table, bars, and sentences made from the figures."""

from rich.console import Console

from gateway_zoo.lab import chart
from gateway_zoo.lab.c10k_rows import C10kRow
from gateway_zoo.terminal import tables as look
from gateway_zoo.terminal.columns import Column

KINDS = {
    "idle": "each asked one ping on a connection that is kept alive, and has been silent since",
    "slow": "each sent half the headers of a request, and now sends a byte every 4 seconds",
}
#: On a narrow terminal the front, its counts, the memory and the wait stay.
COLUMNS = (
    *(Column(""), Column("accepted", right=True), Column("queue", right=True), Column("outside", right=True)),
    *(Column("processes", right=True, rank=2), Column("threads", right=True, rank=1), Column("memory", right=True)),
    *(Column("p50 ms", right=True, rank=3), Column("p99 ms", right=True)),
)


def show(rows: list[C10kRow]) -> None:
    out = look.console()
    for kind, meaning in KINDS.items():
        of_kind = [row for row in rows if row.kind == kind]
        out.print(f"\n{of_kind[0].connections:,} {kind} connections: {meaning}", style="bold")
        _table(out, of_kind)
        out.print()
        _bars(out, of_kind)
    out.print()
    for line in conclusions(rows):
        out.print(line)


def _table(out: Console, rows: list[C10kRow]) -> None:
    cells = []
    for row in rows:
        seen, full = row.visitors, row.full
        counts = f"{row.accepted:,}", f"{row.waiting:,}", f"{row.outside + row.failed:,}"
        of_the_front = f"{full.processes:,}", f"{full.threads:,}", size(row.bytes_per_connection)
        cells.append([row.front, *counts, *of_the_front, _ms(seen.p50_ms), _ms(seen.p99_ms)])
    look.rows(out, COLUMNS, cells)


def _bars(out: Console, rows: list[C10kRow]) -> None:
    """Print bars: linear for accepted; logarithmic for memory and waits, which differ by factors of hundreds."""
    width = out.width - 22
    most = max(row.connections for row in rows)
    out.print("accepted at once")
    for row in rows:
        out.print(f"  {row.front:8} {chart.bar(row.accepted, most, width)} {row.accepted:,}")
    sizes = [row.bytes_per_connection or 0 for row in rows]
    out.print("memory per accepted connection (logarithmic)")
    for row, bytes_each in zip(rows, sizes, strict=True):
        out.print(
            f"  {row.front:8} {chart.log_bar(bytes_each, max(sizes), width, 100)} {size(row.bytes_per_connection)}"
        )
    waits = [row.visitors.p99_ms for row in rows]
    out.print("a new visitor's wait for ping, 99th percentile (logarithmic)")
    for row, wait in zip(rows, waits, strict=True):
        longest = 1000 * row.patience_s
        line = f"  {row.front:8} {chart.log_bar(wait or longest, longest, width)}"
        out.print(f"{line} {_ms(wait)} ms" if wait is not None else f"{line} > {row.patience_s:g} s")


def conclusions(rows: list[C10kRow]) -> list[str]:
    """Sentences from the figures; the last ones are about the goal."""
    lines = [_sentence(row) for row in rows]
    lines.append(
        "Memory is PSS of the front's processes. The kernel's part, sockets and files, some KB at each end of a "
        "connection, is in no PSS."
    )
    busiest = max(row.generator_cpu for row in rows)
    lines.append(f"The load generator used at most {busiest:.0%} of one core while visitors came.")
    for row in rows:
        if row.kind == "idle" and row.front in ("nginx", "event"):
            wait = row.visitors.p99_ms
            verdict = "met" if row.goal_met else "not met"
            got = f"{wait:,.1f} ms" if wait is not None else "not answered"
            lines.append(
                f"Goal of {row.goal_ms:g} ms at the 99th percentile with {row.connections:,} idle on {row.front}: "
                f"{verdict} ({got}; {_ms(row.empty.p99_ms)} ms when it was empty; all that runs on this machine kept "
                f"its cores {row.machine_busy:.0%} busy)."
            )
    return lines


def _sentence(row: C10kRow) -> str:
    full = row.full
    each = f", each costs {size(row.bytes_per_connection)}" if row.bytes_per_connection is not None else ""
    parts = [
        f"{row.front}: {row.accepted:,} of {row.connections:,} {row.kind} connections accepted at once by "
        f"{full.processes} processes with {full.threads} threads{each}"
    ]
    outside = row.outside + row.failed
    parts += [f"{row.waiting:,} waited in the listen backlog"] if row.waiting else []
    parts += [f"{outside:,} did not even get there"] if outside else []
    parts += [f"it ended {row.closed:,} after its time-outs"] if row.closed else []
    seen = row.visitors
    if seen.p99_ms is not None:
        parts.append(f"a new visitor waited {seen.p50_ms} ms, {seen.p99_ms} ms at the 99th percentile")
    else:
        parts.append(f"of {seen.asked} new visitors {seen.answered} were answered within {row.patience_s:g} s")
    return "; ".join(parts) + "."


def size(count: int | None) -> str:
    """A size in B, KB or MB."""
    if count is None:
        return "-"
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:.1f} KB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"
