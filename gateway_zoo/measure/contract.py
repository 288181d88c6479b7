"""Ask cells what the contract promises (probe.CONTRACT), GET and HEAD, and judge the answers.

Status, Content-Type, Content-Length and body must be right. Other headers may differ, because servers add their own:
they are reported, never failed.
"""

import concurrent.futures
import http.client
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from gateway_zoo.measure import probe
from gateway_zoo.registry.cagefile import Question
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell
from gateway_zoo.safe_io import bounded
from gateway_zoo.settings import Settings

PATIENCE_S = 15.0  # for one answer
GIVE_UP = 3  # answers of one front over our limits (bounded.py); the rest of it is not asked
#: Headers that the contract covers, or that differ from request to request.
COVERED = {"content-type", "content-length", "date", "connection", "keep-alive", "x-request-id"}

#: Header -> value -> the cells that send it.
Differences = dict[str, dict[str, list[str]]]


@dataclass(frozen=True)
class Result:
    """One endpoint of one cell.

    `state`: ok, failed, closed. `ms`: of the GET, from connect to the last byte. `pid`: only if the answer has it.
    """

    exhibit: str
    front: str
    endpoint: str
    url: str
    state: str
    status: int | None
    ms: float | None
    pid: int | None
    why: str | None


def ask_all(
    registry: Registry,
    cells: list[Cell],
    differences: Differences,
    authority: str | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Result]:
    """Ask everything, several questions at once; give up a front whose answers have no end.

    Results in the order of `cells`. Headers outside the contract are added to `differences`. `authority`: file of the
    certificate authority for https. `progress` gets how many questions are answered, of how many.
    """
    over: Counter[str] = Counter()

    def answer(cell: Cell, question: str | Question) -> Result:
        if over[cell.front] >= GIVE_UP and cell.closed is None:
            return _not_asked(cell, question)
        result = (
            ask_own(cell, question, authority) if isinstance(question, Question) else _ask(cell, question, differences)
        )
        over[cell.front] += (result.why or "").startswith(bounded.OverLimit.__name__)
        return result

    jobs: list[tuple[Cell, str | Question]] = [
        (cell, question) for cell in cells for question in _questions(registry, cell)
    ]
    results: dict[int, Result] = {}
    with concurrent.futures.ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        numbers = {pool.submit(answer, cell, question): n for n, (cell, question) in enumerate(jobs)}
        for future in concurrent.futures.as_completed(numbers):
            results[numbers[future]] = future.result()
            progress(len(results), len(jobs))
    return [results[n] for n in range(len(jobs))]


def _not_asked(cell: Cell, question: str | Question) -> Result:
    path = question.path if isinstance(question, Question) else question
    why = f"not asked: {GIVE_UP} answers of {cell.front} were over our limits"
    return Result(cell.exhibit, cell.front, path, f"{cell.url}/{path}", "failed", None, None, None, why)


#: The answer that a page of a cage must give.
PAGE = Question(path="", type="text/html", contains="<h1")


def pages(registry: Registry, cells: list[Cell]) -> list[Cell]:
    """Return the pages of the cages as cells, each behind every front with an open cell.

    The path of the page is the name of its cell.
    """
    bases = {c.front: c.url.removesuffix(f"/{c.exhibit}") for c in cells if c.closed is None}
    paths = [page.strip("/") for cage in registry.cages for page in cage.file.pages]
    return [Cell(path, front, f"{base}/{path}") for path in paths for front, base in bases.items()]


#: The answer of each front over TLS, with a certificate of our own authority.
TLS = Question(path="", type="text/plain", contains="Gateway Zoo")


def tls(settings: Settings, cells: list[Cell]) -> list[Cell]:
    """Return a cell for https on each front with an open cell."""
    fronts = dict.fromkeys(c.front for c in cells if c.closed is None)
    return [Cell("https", f, f"https://localhost:{settings.tls_port(f)}") for f in fronts if settings.tls_port(f)]


def _questions(registry: Registry, cell: Cell) -> list[str | Question]:
    if cell.url.startswith("https:"):
        return [TLS]
    if cell.exhibit not in registry.exhibits:
        return [PAGE]
    return [*probe.CONTRACT, *registry.questions(cell.exhibit)]


def ask_own(cell: Cell, ask: Question, authority: str | None) -> Result:
    """Ask a cell a question outside the contract: from its cage.toml, of a page, over TLS.

    A connection that fails is a failed Result, not an exception.
    """
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


def _ask(cell: Cell, endpoint: str, differences: Differences) -> Result:
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


def _note(differences: Differences, cell: str, headers: dict[str, str]) -> None:
    for name in headers.keys() - COVERED:
        differences.setdefault(name, {}).setdefault(headers[name], []).append(cell)
