"""`check`: every cell, every endpoint, GET and HEAD, held against the contract (probe.CONTRACT).

Status, Content-Type, Content-Length and body must be right. Other headers may differ, because servers add their own:
they are reported, never failed.
"""

import concurrent.futures
import http.client
import os
import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from gateway_zoo.commands.tables import check_table
from gateway_zoo.keeper import image
from gateway_zoo.measure import probe, targets
from gateway_zoo.registry import why_closed
from gateway_zoo.registry.cagefile import Ask
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell
from gateway_zoo.safe_io import bounded
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import print_json, say

PATIENCE_S = 15.0  # for one answer
GIVE_UP = 3  # answers of one front over our limits (bounded.py); the rest of it is not asked
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


def run(settings: Settings, ids: list[str] | None, as_json: bool, urls: dict[str, str]) -> int:
    """Exit 0 if every open cell is right, 1 if one is not, 3 if nothing that was asked for is open."""
    registry, cells = targets.find(settings, ids, urls)
    differences: dict[str, dict[str, list[str]]] = {}
    if old := image.older(settings, targets.image_of(cells)) if any(urls.values()) else None:
        say(old)
    if not ids:
        cells += _pages(registry, cells)
        cells += [] if any(urls.values()) else _tls(settings, cells)
    results = ask_all(registry, cells, differences, str(settings.tls / "ca.pem"))
    failed = sum(result.state == "failed" for result in results)
    opened = any(cell.closed is None for cell in cells)
    if as_json:
        print_json(_told(cells, results, differences) | {"old_image": old})
    else:
        check_table.report(tables.console(), cells, results, differences)
    for why in why_closed.sentences(registry, cells, ids or [] if opened else dict.fromkeys(c.exhibit for c in cells)):
        say(why)
    return 1 if failed else 0 if opened else 3


def _told(cells: list[Cell], results: list[Result], differences: check_table.Differences) -> dict[str, Any]:
    """For programs. `closed` counts cells, as the last line of the table does; nothing open is not ok."""
    failed = sum(result.state == "failed" for result in results)
    ok = not failed and any(cell.closed is None for cell in cells)
    counts = {"failed": failed, "closed": sum(bool(cell.closed) for cell in cells)}
    return {"ok": ok, **counts, "cells": [asdict(result) for result in results], "differences": differences}


def ask_all(
    registry: Registry, cells: list[Cell], differences: dict[str, dict[str, list[str]]], authority: str | None = None
) -> list[Result]:
    """Ask everything, several questions at once; give up a front whose answers have no end. Order as in `cells`."""
    out = tables.console(error=True)
    over: Counter[str] = Counter()

    def answer(cell: Cell, what: str | Ask) -> Result:
        if over[cell.front] >= GIVE_UP and cell.closed is None:
            return _not_asked(cell, what)
        result = ask_own(cell, what, authority) if isinstance(what, Ask) else _ask(cell, what, differences)
        over[cell.front] += (result.why or "").startswith(bounded.OverLimit.__name__)
        return result

    jobs: list[tuple[Cell, str | Ask]] = [(cell, what) for cell in cells for what in _questions(registry, cell)]
    done: dict[int, Result] = {}
    with out.status("asking") as status, concurrent.futures.ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        asked = {pool.submit(answer, cell, what): n for n, (cell, what) in enumerate(jobs)}
        for future in concurrent.futures.as_completed(asked):
            done[asked[future]] = future.result()
            status.update(f"{len(done)} of {len(jobs)} endpoints asked")
    return [done[n] for n in range(len(jobs))]


def _not_asked(cell: Cell, what: str | Ask) -> Result:
    path = what.path if isinstance(what, Ask) else what
    why = f"not asked: {GIVE_UP} answers of {cell.front} were over our limits"
    return Result(cell.exhibit, cell.front, path, f"{cell.url}/{path}", "failed", None, None, None, why)


#: What a page of a cage must be.
PAGE = Ask(path="", type="text/html", has="<h1")


def _pages(registry: Registry, cells: list[Cell]) -> list[Cell]:
    """The cages' pages as cells of their own, named by their path, behind each front that has an open cell."""
    bases = {c.front: c.url.removesuffix(f"/{c.exhibit}") for c in cells if c.closed is None}
    paths = [page.strip("/") for cage in registry.cages for page in cage.file.pages]
    return [Cell(path, front, f"{base}/{path}") for path in paths for front, base in bases.items()]


#: What each front must be over TLS: itself, with a certificate of our own authority.
TLS = Ask(path="", type="text/plain", has="Gateway Zoo")


def _tls(settings: Settings, cells: list[Cell]) -> list[Cell]:
    """https of each front that has an open cell."""
    found = dict.fromkeys(c.front for c in cells if c.closed is None)
    return [Cell("https", f, f"https://localhost:{settings.tls_port(f)}") for f in found if settings.tls_port(f)]


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
        headers = probe.handshake(url) if ask.upgrade else None
        got = probe.ask(url, timeout=PATIENCE_S, headers=headers, authority=authority)
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
        got, head = probe.ask(url, timeout=PATIENCE_S), probe.ask(url, "HEAD", PATIENCE_S)
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
