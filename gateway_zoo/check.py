"""`check`: every cell, every endpoint, GET and HEAD, held against the contract (probe.CONTRACT).

Status, Content-Type, Content-Length and body must be right. Other headers may differ, because servers add their own:
they are reported, never failed.
"""

import concurrent.futures
import http.client
import os
import re
import statistics
from dataclasses import asdict, dataclass
from typing import Any

from gateway_zoo import image, probe, show, targets
from gateway_zoo.cagefile import Ask
from gateway_zoo.plan import Cell
from gateway_zoo.registry import Registry
from gateway_zoo.settings import Settings
from gateway_zoo.speak import print_json, printable, say

#: Headers that the contract covers, or that differ from request to request.
COVERED = {"content-type", "content-length", "date", "connection", "keep-alive", "x-request-id"}


@dataclass(frozen=True)
class Result:
    """One endpoint of one cell. `state`: ok, failed, closed. `ms` of the GET; `pid` where the answer tells it."""

    exhibit: str
    front: str
    endpoint: str
    url: str
    state: str
    status: int | None
    ms: float | None
    pid: int | None
    why: str | None


def run(made: Settings, ids: list[str] | None, as_json: bool, urls: dict[str, str]) -> int:
    """Exit 0 if every open cell is right, else 1."""
    registry, cells = targets.find(made, ids, urls)
    differences: dict[str, dict[str, list[str]]] = {}
    if old := image.older(made, targets.image_of(cells)) if any(urls.values()) else None:
        say(old)
    if not ids:
        cells += _pages(registry, cells)
        cells += [] if any(urls.values()) else _tls(made, cells)
    results = ask_all(registry, cells, differences, str(made.tls / "ca.pem"))
    failed = [result for result in results if result.state == "failed"]
    closed = [cell for cell in cells if cell.closed]
    if as_json:
        rows = [asdict(result) for result in results]
        counts = {"ok": not failed, "failed": len(failed), "closed": len(closed), "old_image": old}
        print_json(counts | {"cells": rows, "differences": differences})
    else:
        _print(cells, results, differences)
    return 1 if failed else 0


def ask_all(
    registry: Registry, cells: list[Cell], differences: dict[str, dict[str, list[str]]], authority: str | None = None
) -> list[Result]:
    """Ask everything; two cells at a time, a cell's own requests one after the other. Order as in `cells`."""
    out = show.console(error=True)
    jobs: list[tuple[Cell, str | Ask]] = [(cell, what) for cell in cells for what in _questions(registry, cell)]
    done: dict[int, Result] = {}
    with out.status("asking") as status, concurrent.futures.ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        asked = {
            pool.submit(ask_own, cell, what, authority)
            if isinstance(what, Ask)
            else pool.submit(_ask, cell, what, differences): n
            for n, (cell, what) in enumerate(jobs)
        }
        for future in concurrent.futures.as_completed(asked):
            done[asked[future]] = future.result()
            status.update(f"{len(done)} of {len(jobs)} endpoints asked")
    return [done[n] for n in range(len(jobs))]


#: What a page of a cage must be.
PAGE = Ask(path="", type="text/html", has="<h1")


def _pages(registry: Registry, cells: list[Cell]) -> list[Cell]:
    """The cages' pages as cells of their own, named by their path, behind each front that has an open cell."""
    bases = {c.front: c.url.removesuffix(f"/{c.exhibit}") for c in cells if c.closed is None}
    paths = [page.strip("/") for cage in registry.cages for page in cage.file.pages]
    return [Cell(path, front, f"{base}/{path}") for path in paths for front, base in bases.items()]


#: What each front must be over TLS: itself, with a certificate of our own authority.
TLS = Ask(path="", type="text/plain", has="Gateway Zoo")


def _tls(made: Settings, cells: list[Cell]) -> list[Cell]:
    """https of each front that has an open cell."""
    found = dict.fromkeys(c.front for c in cells if c.closed is None)
    return [Cell("https", f, f"https://localhost:{made.tls_port(f)}") for f in found if made.tls_port(f)]


def _questions(registry: Registry, cell: Cell) -> list[str | Ask]:
    if cell.url.startswith("https:"):
        return [TLS]
    if cell.exhibit not in registry.exhibits:
        return [PAGE]
    return [*probe.CONTRACT, *registry.asks(cell.exhibit)]


def ask_own(cell: Cell, ask: Ask, authority: str | None) -> Result:
    """What is asked besides the contract: what its cage.toml says, a page, TLS."""
    url = f"{cell.url}/{ask.path}"
    if cell.closed:
        return Result(cell.exhibit, cell.front, ask.path, url, "closed", None, None, None, cell.closed)
    try:
        got = probe.ask(url, headers=probe.handshake(url) if ask.upgrade else None, authority=authority)
        status, wrong, ms = got.status, probe.ask_faults(ask, got), round(got.ms, 1)
    except (OSError, http.client.HTTPException) as error:
        status, wrong, ms = None, [f"{type(error).__name__}: {error}"], None
    state = "failed" if wrong else "ok"
    return Result(cell.exhibit, cell.front, ask.path, url, state, status, ms, None, "; ".join(wrong) or None)


def _ask(cell: Cell, endpoint: str, differences: dict[str, dict[str, list[str]]]) -> Result:
    url = f"{cell.url}/{endpoint}"
    if cell.closed:
        return Result(cell.exhibit, cell.front, endpoint, url, "closed", None, None, None, cell.closed)
    try:
        got, head = probe.ask(url), probe.ask(url, "HEAD")
    except (OSError, http.client.HTTPException) as error:
        why = f"{type(error).__name__}: {error}"
        return Result(cell.exhibit, cell.front, endpoint, url, "failed", None, None, None, why)
    wrong = [f"GET: {fault}" for fault in probe.faults(endpoint, "GET", got)]
    wrong += [f"HEAD: {fault}" for fault in probe.faults(endpoint, "HEAD", head)]
    if endpoint == "hello":
        _note(differences, f"{cell.exhibit} behind {cell.front}", got.headers)
    pid = re.search(rb"^pid: +(\d+)$", got.body, re.MULTILINE)
    return Result(
        exhibit=cell.exhibit,
        front=cell.front,
        endpoint=endpoint,
        url=url,
        state="failed" if wrong else "ok",
        status=got.status,
        ms=round(got.ms, 1),
        pid=int(pid[1]) if pid else None,
        why="; ".join(wrong) or None,
    )


def _note(differences: dict[str, dict[str, list[str]]], who: str, headers: dict[str, str]) -> None:
    for name in headers.keys() - COVERED:
        differences.setdefault(name, {}).setdefault(headers[name], []).append(who)


def _print(cells: list[Cell], results: list[Result], differences: dict[str, dict[str, list[str]]]) -> None:
    out = show.console()
    fronts = list(dict.fromkeys(cell.front for cell in cells))
    table = show.table("exhibit", *(front.replace("apache", "Apache") for front in fronts))
    for exhibit in dict.fromkeys(cell.exhibit for cell in cells):
        table.add_row(exhibit, *(_summary(results, exhibit, front) for front in fronts))
    out.print(table)
    for result in results:
        if result.state == "failed":
            line = f"{result.exhibit} behind {result.front}: {result.endpoint}: {printable(result.why)}"
            out.print(line, style="red", markup=False, soft_wrap=True)
    _print_differences(differences, out)
    counts = {state: sum(r.state == state for r in results) for state in ("ok", "failed")}
    closed = sum(cell.closed is not None for cell in cells)
    out.print(f"{counts['ok']} ok, {counts['failed']} failed, {closed} closed")


def _summary(results: list[Result], exhibit: str, front: str) -> str:
    mine = [r for r in results if (r.exhibit, r.front) == (exhibit, front)]
    if not mine or mine[0].state == "closed":
        return "closed"
    good = [r.ms for r in mine if r.state == "ok" and r.ms is not None]
    if len(good) < len(mine):
        return f"FAILED {len(mine) - len(good)} of {len(mine)}"
    return f"ok {len(good)} of {len(mine)}  {statistics.median(good):6.1f} ms"


def _print_differences(differences: dict[str, dict[str, Any]], out: Any) -> None:
    """One line per header and value: who sends it, counted when many."""
    if differences:
        out.print("\nOther headers on hello (no failure):")
    for name, values in sorted(differences.items()):
        for value, who in values.items():
            shown = who[0] if len(who) == 1 else f"{len(who)} cells"
            out.print(f"  {name}: {printable(value)}  ({shown})", markup=False, no_wrap=True, overflow="ellipsis")
