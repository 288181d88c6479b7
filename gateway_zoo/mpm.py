"""`compare --mpm`: Apache's process models from observation, beside what lectures say (apache/mpm/lecture.toml).

Who serves is asked over HTTP of mod_wsgi-embedded, where the program that answers *is* Apache's child: pid, thread,
user. Memory is the PSS of Apache's processes, so that shared pages count once; it is unknown where a root among them
does not let us look (ITK).

What trips people up: a connection that waits in the listen queue costs the server nothing, so only connections that
got an answer are counted. And prefork's first few connections find children that are there already.
"""

import concurrent.futures
import http.client
import json
import time
import tomllib
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from gateway_zoo import ps, show, state
from gateway_zoo.plan import Cell
from gateway_zoo.settings import Settings
from gateway_zoo.speak import fail, print_json

EXHIBIT = "mod_wsgi-embedded"
CONNECTIONS = 16  # held at once: more than prefork has ready, few enough that it gets there within its keep-alive
AT_ONCE = 8
HOLD_MS = 300
BUSY_MS = 1000  # one request's stay in the gateway while memory is read
MARGIN = 1.25  # two figures nearer than this are taken for equal: PSS and the machine are noisy
WORDS = ("lowest", "low", "high", "highest")
OTHER_HOST = "games.localhost"  # the second virtual host, where there is one (mpm/itk.conf)

Facts = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """One Apache. Sizes in bytes, None where they cannot be read; `idle` and `busy` are per connection."""

    mpm: str
    front: str
    threaded: str
    parent: str
    children: str
    serves: str
    dso: str
    processes: int
    threads: int
    usage: int | None
    idle: int | None
    busy: int | None


def run(made: Settings, as_json: bool, urls: dict[str, str]) -> int:
    """Observe every Apache that answers; exit 0, or 3 if none does. Differences from the lecture are no failure."""
    fronts = _fronts(made, urls)
    if not fronts:
        fail(f"no Apache with mod_wsgi-embedded answers; {_how(made, 'all')} starts one for each MPM", 3)
    seen = []
    with show.console(error=True).status("") as status:
        for front, url in fronts.items():
            status.update(f"watching {front}")
            seen.append(observe(made, front, url))
    lecture = tomllib.loads((made.root / "apache/mpm/lecture.toml").read_text(encoding="utf-8"))
    rows = [asdict(one) | {"differs": differences(seen, one, lecture)} for one in seen]
    if as_json:
        print_json({"mpms": rows, "lecture": lecture})
    else:
        _print(seen, rows, lecture)
        missing = {"event", "worker", "prefork", "itk"} - {one.mpm for one in seen}
        for mpm in sorted(missing):
            show.console().print(f"{mpm} was not observed: it does not run here ({_how(made, mpm)})", style="yellow")
    return 0


def _how(made: Settings, mpm: str) -> str:
    """The command that starts an Apache with this process model. ITK needs root, which only a container has."""
    if mpm == "itk":
        return "docker compose --profile itk up -d"
    return "docker compose --profile mpm up -d" if made.compose else "./zoo up --mpm all"


def _fronts(made: Settings, urls: dict[str, str]) -> dict[str, str]:
    """Front -> address of each Apache to watch."""
    if any(urls.values()):
        return {front: url.rstrip("/") for front, url in urls.items() if _answers(url)}
    running = state.read(made) if state.running(made) else None
    cells = [Cell(**cell) for cell in running["cells"]] if running else []
    mine = [cell for cell in cells if cell.exhibit == EXHIBIT and cell.closed is None]
    return {cell.front: cell.url.removesuffix(f"/{EXHIBIT}") for cell in mine}


def _answers(url: str) -> bool:
    try:
        _status(url, "json")
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return True


# --- observing --------------------------------------------------------------------------------------------------------


def observe(made: Settings, front: str, url: str) -> Seen:
    """Everything about one Apache; about ten seconds."""
    crowd = _crowd(url)
    most = max(Counter(pid for pid, _ in {(f["pid"], f["thread"]) for f in crowd}).values())
    family = _status(url, "json&full")["processes"]
    users = {_status(url, "json", host)["user"] for host in ("localhost", OTHER_HOST)}
    parents = sorted({row["user"] for row in family if row["role"] == "master"})
    pairs = _twice_on_each(url)
    rest = _sizes(made, front, url)
    idle = _memory(made, front, url, rest, busy=False)
    return Seen(
        mpm=front.partition("-")[2] or made.mpm_of(front),
        front=front,
        threaded="yes" if most > 1 else "no",
        parent=", ".join(parents) or "unknown",
        children="a user per virtual host" if len(users) > 1 else next(iter(users)),
        serves=_serves(pairs, threaded=most > 1),
        dso="yes" if crowd else "no",  # mod_wsgi is a module loaded at run time, and it answered
        processes=len(rest),
        threads=sum(threads for threads, _ in rest.values()) if rest else 0,
        usage=_total(rest),
        idle=idle,
        busy=_memory(made, front, url, rest, busy=True),
    )


def _connect(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=30)


def _get(connection: http.client.HTTPConnection, path: str, host: str = "localhost") -> bytes:
    connection.request("GET", path, headers={"Host": host, "Connection": "keep-alive"})
    return connection.getresponse().read()


def _status(url: str, query: str, host: str = "localhost") -> Facts:
    connection = _connect(url)
    try:
        facts: Facts = json.loads(_get(connection, f"/{EXHIBIT}/status?{query}", host))
    finally:
        connection.close()
    return facts


def _crowd(url: str) -> list[Facts]:
    """Several at once, each holding for a moment: as many workers as that must have answered."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda _: _status(url, f"json&hold={HOLD_MS}"), range(AT_ONCE)))


Worker = tuple[int, int]


def _twice_on_each(url: str) -> list[tuple[Worker, Worker]]:
    """On each of some keep-alive connections two requests, the second in another order: who served which?"""
    connections = [_connect(url) for _ in range(AT_ONCE)]
    try:
        first = [_worker(connection) for connection in connections]
        second = [_worker(connection) for connection in reversed(connections)]
    finally:
        for connection in connections:
            connection.close()
    return list(zip(first, reversed(second), strict=True))


def _worker(connection: http.client.HTTPConnection) -> Worker:
    facts = json.loads(_get(connection, f"/{EXHIBIT}/status?json"))
    return facts["pid"], facts["thread"]


def _serves(pairs: list[tuple[Worker, Worker]], threaded: bool) -> str:
    kept = all(first == second for first, second in pairs)
    return f"a {'thread' if threaded else 'child'} per {'connection' if kept else 'request'}"


# --- memory -----------------------------------------------------------------------------------------------------------

Sizes = dict[int, tuple[int, int | None]]  # pid -> (threads, PSS)


def _sizes(made: Settings, front: str, url: str) -> Sizes:
    """Apache's own processes, without the programs that it runs (mod_wsgi's daemons, CGI). Of an Apache elsewhere its
    own word is taken, from a child that has to run the app for that: one interpreter more."""
    running = state.read(made) if not made.compose and state.running(made) else None
    if running:
        rows = ps.collect(made, running)
        return {row.pid: (row.threads, row.pss) for row in rows if row.exhibit == front}
    return {row["pid"]: (row["threads"], row["pss"]) for row in _status(url, "json&full")["processes"]}


def _total(sizes: Sizes) -> int | None:
    known = [pss for _, pss in sizes.values() if pss is not None]
    return sum(known) if known and len(known) == len(sizes) else None


def _memory(made: Settings, front: str, url: str, rest: Sizes, *, busy: bool) -> int | None:
    """PSS per connection, on top of what Apache has at rest. Idle: answered once, then silent. Busy: waiting for a
    gateway's answer."""
    before = _total(rest)
    if before is None:
        return None
    connections = [_connect(url) for _ in range(CONNECTIONS)]
    try:
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(lambda connection: _get(connection, "/"), connections))  # all accepted, children forked
            if busy:
                held = [pool.submit(_get, c, f"/fastcgi/status?hold={BUSY_MS}") for c in connections]
                time.sleep(BUSY_MS / 2000)
            now = _total(_sizes(made, front, url))
            for future in held if busy else []:
                future.result()
    finally:
        for connection in connections:
            connection.close()
    return None if now is None else round((now - before) / CONNECTIONS)


# --- lecture and observation ------------------------------------------------------------------------------------------

WORDED = ("threaded", "parent", "children", "serves", "dso")
RANKED = ("idle", "busy", "usage")


def differences(seen: list[Seen], one: Seen, lecture: dict[str, dict[str, str]]) -> dict[str, str]:
    """Property -> why, where the observation and the lecture's word differ."""
    found = {}
    for name in WORDED:
        if getattr(one, name) != lecture[name][one.mpm]:
            found[name] = _why(lecture[name], getattr(one, name), one.mpm)
    for name in RANKED:
        if _out_of_order(seen, one, name, lecture[name]):
            found[name] = _why(lecture[name], _size(getattr(one, name)), one.mpm)
    return found


def _why(row: dict[str, str], observed: str, mpm: str) -> str:
    return row.get("why", "").format(observed=observed, lecture=row[mpm])


def _out_of_order(seen: list[Seen], one: Seen, name: str, row: dict[str, str]) -> bool:
    """Does another MPM, which the lecture puts clearly above or below this one, come out on the other side?"""
    mine = getattr(one, name)
    for other in seen:
        theirs = getattr(other, name)
        if mine is None or theirs is None:
            continue
        said = WORDS.index(row[one.mpm]) - WORDS.index(row[other.mpm])
        if (said > 0 and theirs > max(mine, 0) * MARGIN) or (said < 0 and mine > max(theirs, 0) * MARGIN):
            return True
    return False


# --- what people see --------------------------------------------------------------------------------------------------


def _print(seen: list[Seen], rows: list[dict[str, Any]], lecture: dict[str, dict[str, str]]) -> None:
    out = show.console()
    table = show.table("", *(one.mpm for one in seen))
    for column in table.columns:
        column.no_wrap = False
    for name in (*WORDED, *RANKED):
        observed = [_cell(one, name) for one in seen]
        marks = ["[red]≠[/] " if name in row["differs"] else "" for row in rows]
        said = [f"{mark}[dim]{lecture[name][one.mpm]}[/]" for mark, one in zip(marks, seen, strict=True)]
        table.add_row(lecture[name]["title"], *observed)
        table.add_row("[dim]  the lecture says[/]", *said)
    table.add_row("processes, threads at rest", *(f"{one.processes}, {one.threads}" for one in seen))
    out.print(table)
    told: dict[str, list[str]] = {}
    for row in rows:
        for why in row["differs"].values():
            told.setdefault(why, []).append(row["mpm"])
    for why, mpms in told.items():
        out.print(f"[red]≠[/] {', '.join(mpms)}: {why}")
    out.print(
        f"Memory: PSS on top of what Apache has at rest, with {CONNECTIONS} connections; the first few find spare\n"
        "children. Resource usage: PSS at rest, after the app has run in it (each child carries its own interpreter).",
        style="dim",
    )


def _cell(one: Seen, name: str) -> str:
    value = getattr(one, name)
    return _size(value) if name in RANKED else str(value)


def _size(value: int | None) -> str:
    if value is None:
        return "unknown"
    return f"{value / 1e6:.1f} MB" if abs(value) >= 1e6 else f"{value / 1e3:.0f} kB"
