"""`news`: four ways to hear news through every cell, tried, and held against what the zoo declares to be possible.

Only HTTP and WebSocket, so it works against any running zoo. What the ways are and where one is known to fail is data
(`*/ways.toml`). A way works if items arrive one by one: a stream that comes in one lump at its end is a failure.

Waiting clients take slots, and a family refuses the fourth: no more than TOGETHER of one wait at once.
"""

import contextlib
import http.client
import json
import statistics
import threading
import time
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from rich.markup import escape

from gateway_zoo import show, targets
from gateway_zoo.plan import Cell
from gateway_zoo.registry import Registry
from gateway_zoo.settings import Settings
from gateway_zoo.speak import fail, print_json, printable

INTERFACES = ("WSGI", "ASGI", "CGI program")  # those that hand their requests to the Flask app
ITEMS = 2  # to be heard, after the first
POLL_S = 1.0  # between two polls
PATIENCE_S = 8.0
TOGETHER = 2  # of three places
LUMP_S = 0.9  # the source has an item every second: later than this, it was held back


@dataclass(frozen=True)
class Result:
    """One way through one cell. `ms`: median time from the event to its arrival. `state`: works, fails, closed."""

    exhibit: str
    front: str
    way: str
    url: str
    state: str
    ms: float | None
    why: str | None  # observed
    expected: str | None  # why it is known to fail; None: it should work

    @property
    def as_declared(self) -> bool:
        return self.state == "closed" or (self.state == "works") == (self.expected is None)


class NotHeardError(Exception):
    """The way does not work here: what was seen instead."""


def run(made: Settings, ids: list[str] | None, as_json: bool, urls: dict[str, str]) -> int:
    """Exit status: 0 if all is as declared, 1 if not."""
    registry, cells = targets.find(made, ids, urls)
    cells = [cell for cell in cells if _interface(registry, cell.exhibit) in INTERFACES]
    data = _data(made)
    if not data["way"] or not cells:
        fail("no exhibit here tells news", 3)
    results = _try_all(registry, cells, data)
    wrong = [result for result in results if not result.as_declared]
    if as_json:
        print_json({"ok": not wrong, "cells": [asdict(r) | {"as_declared": r.as_declared} for r in results]})
    else:
        _print(results, [way["id"] for way in data["way"]])
    return 1 if wrong else 0


def _data(made: Settings) -> dict[str, list[dict[str, Any]]]:
    """All */ways.toml together."""
    found: dict[str, list[dict[str, Any]]] = {"way": [], "fails": []}
    for path in sorted(made.root.glob("*/ways.toml")):
        for name, tables in tomllib.loads(path.read_text(encoding="utf-8")).items():
            found[name] += tables
    return found


def _interface(registry: Registry, exhibit: str) -> str:
    return registry.exhibits[exhibit].interface or registry.cage_of(exhibit).file.interface


def _expected(registry: Registry, exhibit: str, way: str, fails: list[dict[str, Any]]) -> str | None:
    """Why this is known to fail; None if it should work. The first table that fits counts."""
    interface = _interface(registry, exhibit)
    for table in fails:
        fits = exhibit in table.get("exhibits", []) or interface in table.get("interfaces", [])
        if table["way"] == way and fits and exhibit not in table.get("but", []):
            return str(table["why"])
    return None


def _try_all(registry: Registry, cells: list[Cell], data: dict[str, list[dict[str, Any]]]) -> list[Result]:
    places: dict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(TOGETHER))
    with ThreadPoolExecutor(60) as pool:
        asked = []
        for way in data["way"]:  # way by way: cells that wait for each other are far apart
            for cell in cells:
                why = _expected(registry, cell.exhibit, way["id"], data["fails"])
                place = places[registry.exhibits[cell.exhibit].family]
                asked.append(pool.submit(_try, cell, way, why, place))
        return [each.result() for each in asked]


def _try(cell: Cell, way: dict[str, str], expected: str | None, place: threading.Semaphore) -> Result:
    url = f"{cell.url}/{way['path']}"
    if cell.closed:
        return Result(cell.exhibit, cell.front, way["id"], url, "closed", None, cell.closed, None)
    with place if way["id"] != "polling" else contextlib.nullcontext():
        try:
            delays = HEAR[way["id"]](url)
            state, ms, why = "works", round(statistics.median(delays) * 1000, 1), None
        except (NotHeardError, OSError, http.client.HTTPException, ValueError) as error:
            state, ms, why = "fails", None, str(error) or type(error).__name__
    return Result(cell.exhibit, cell.front, way["id"], url, state, ms, why, expected)


# --- the four ways. Each returns the seconds from event to arrival of ITEMS items -------------------------------------


def _delay(item: dict[str, Any]) -> float:
    return time.time() - float(item["at"])


def _open(url: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=PATIENCE_S)
    connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""), headers={"Connection": "close"})
    response = connection.getresponse()
    if response.status != 200:
        line = response.read(200).decode("utf-8", "replace").strip()
        connection.close()
        raise NotHeardError(f"{response.status}: {line}")
    return connection, response


def _list(url: str) -> list[dict[str, Any]]:
    connection, response = _open(url)
    try:
        items: list[dict[str, Any]] = json.loads(response.read())
    finally:
        connection.close()
    return items


def _asking(url: str, pause: float) -> list[float]:
    """Ask again and again for what is newer than the last."""
    delays: list[float] = []
    last, deadline = _list(url)[-1]["n"], time.monotonic() + PATIENCE_S
    while len(delays) < ITEMS:
        if time.monotonic() > deadline:
            raise NotHeardError(f"{len(delays)} items within {PATIENCE_S:.0f} s")
        time.sleep(pause)
        for item in _list(f"{url}?since={last}"):
            last = item["n"]
            delays.append(_delay(item))
    return delays


def _events(url: str) -> list[float]:
    def items() -> Iterator[dict[str, Any]]:
        connection, response = _open(f"{url}?limit={ITEMS + 1}")
        try:
            yield from (json.loads(line[5:]) for line in iter(response.readline, b"") if line.startswith(b"data:"))
        finally:
            connection.close()

    return _heard(items())


def _socket(url: str) -> list[float]:
    from websockets.exceptions import InvalidHandshake, InvalidStatus
    from websockets.sync.client import connect

    def items() -> Iterator[dict[str, Any]]:
        with connect(url.replace("http", "ws", 1), open_timeout=PATIENCE_S) as client:
            client.send('{"ping": 1}')  # both directions
            ponged = False
            while True:
                item = json.loads(client.recv(PATIENCE_S))
                ponged |= item.get("pong") == 1
                if ponged and "at" in item:
                    yield item

    try:
        return _heard(items())
    except InvalidStatus as error:
        body = (error.response.body or b"").decode("utf-8", "replace").strip()
        raise NotHeardError(f"{error.response.status_code}: {body}") from None
    except InvalidHandshake as error:
        raise NotHeardError(str(error)) from None


def _heard(items: Iterator[dict[str, Any]]) -> list[float]:
    """Delays of ITEMS items after the first, which may be old. In one lump, all but the last are late."""
    delays: list[float] = []
    try:
        for number, item in enumerate(items):
            if number:
                delays.append(_delay(item))
            if number == ITEMS:
                break
    finally:
        items.close()  # type: ignore[attr-defined]  # they are generators
    if len(delays) < ITEMS:
        raise NotHeardError(f"the stream ended after {len(delays)} items")
    if max(delays) > LUMP_S:
        raise NotHeardError(f"an item came {max(delays):.1f} s late: held back until there were more")
    return delays


HEAR: dict[str, Callable[[str], list[float]]] = {
    "polling": lambda url: _asking(url, POLL_S),
    "long poll": lambda url: _asking(url, 0),
    "SSE": _events,
    "WebSocket": _socket,
}


# --- the table --------------------------------------------------------------------------------------------------------


def _print(results: list[Result], ways: list[str]) -> None:
    """A row per cell, the time from event to arrival, notes below. An observation that nobody declared is marked."""
    out = show.console()
    notes: dict[str, int] = {}
    table = show.table("exhibit", "front", *ways, right=tuple(ways))
    for exhibit, front in dict.fromkeys((r.exhibit, r.front) for r in results):
        row = [r for r in results if (r.exhibit, r.front) == (exhibit, front)]
        if row[0].state == "closed":
            continue
        table.add_row(exhibit, front, *(_cell(result, notes) for result in row))
    out.print(table)
    for note, number in notes.items():
        out.print(f"[{number}] {printable(note)}", markup=False, soft_wrap=False)
    closed = len({(r.exhibit, r.front) for r in results if r.state == "closed"})
    wrong = sum(not r.as_declared for r in results)
    out.print(f"\nMedian time from event to arrival. {closed} cells are closed. ", end="")
    out.print("All as declared." if not wrong else f"{wrong} are not as declared (!).")


def _cell(result: Result, notes: dict[str, int]) -> str:
    mark = "" if result.as_declared else "! "
    if result.state == "works":
        return f"{mark}{result.ms:4.0f} ms"
    note = result.expected if result.as_declared else result.why
    number = notes.setdefault(note or "?", len(notes) + 1)
    return escape(f"{mark}fails [{number}]")
