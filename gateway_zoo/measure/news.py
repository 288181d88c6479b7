"""Try four ways to hear news through every cell, and hold the result against what the zoo declares to be possible.

Only HTTP and WebSocket, so it works against any running zoo. What the ways are and where one is known to fail is data
(`*/ways.toml`). A way works if items arrive one by one: a stream that comes in one lump at its end is a failure.

What is measured is the time from the event to its arrival. The source has an item every second. If polls came every
second too, all of them would find it at one age, the one at which the command began: they come every POLL_S, and SWEEP
of them find items at evenly spread ages: the median is half a period whenever the command begins. The others hear an
item at once; what they show is the way through the gateway on a machine on which all cells hear it at the same moment.

Waiting clients take slots, and a family refuses the fourth: no more than TOGETHER of one wait at once. Every answer has
a deadline and a size.
"""

import contextlib
import http.client
import json
import random
import statistics
import threading
import time
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from gateway_zoo.measure import figures
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell
from gateway_zoo.safe_io import bounded
from gateway_zoo.settings import Settings

INTERFACES = ("WSGI", "ASGI", "CGI program")  # those that hand their requests to the Flask app
ITEM_S = 1.0  # between two items of the source
SWEEP = 20  # polls that find items at evenly spread ages, a twentieth of a second apart: they hear one more than that
POLL_S = ITEM_S * (SWEEP + 1) / SWEEP  # between two polls
ITEMS = 3  # that a waiting client must hear after the first
PATIENCE_S = 8.0
ANSWER_BYTES = 100_000  # of a whole answer or message; the source keeps 100 items of 150 bytes
TOGETHER = 2  # of three places
LUMP_S = 0.9  # later than this, nearly a second, an item was held back
CLOCK_S = 0.005  # an item that came so much before it was made: two clocks


@dataclass(frozen=True)
class Result:
    """One way through one cell.

    Times from the event to its arrival, in ms: the median of `items`, and between which values 90 of 100 lie
    (`low_ms`, `high_ms`: 5th and 95th percentile, nearest rank); `expected_ms` is what the way itself makes of it,
    for polling half its period. Source: the time that the zoo wrote into the item, and this machine's clock at its
    arrival. `state`: works, fails, closed. `ms` is None also where the two clocks differ.
    """

    exhibit: str
    front: str
    way: str
    url: str
    state: str
    ms: float | None
    why: str | None  # observed
    expected: str | None  # why it is known to fail; None: it should work
    low_ms: float | None = None
    high_ms: float | None = None
    items: int = 0
    expected_ms: float | None = None

    @property
    def as_declared(self) -> bool:
        return self.state == "closed" or (self.state == "works") == (self.expected is None)


class NotHeardError(Exception):
    """The way does not work here; the text is the observation."""


def ways(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """Read all */ways.toml together: their tables `way` and `fails`."""
    tables_by_name: dict[str, list[dict[str, Any]]] = {"way": [], "fails": []}
    for path in sorted(settings.root.glob("*/ways.toml")):
        for name, tables in tomllib.loads(path.read_text(encoding="utf-8")).items():
            tables_by_name[name] += tables
    return tables_by_name


def interface_of(registry: Registry, exhibit: str) -> str:
    return registry.interface_of(exhibit)


def _expected(registry: Registry, exhibit: str, way: str, fails: list[dict[str, Any]]) -> str | None:
    """Return why this way is known to fail, or None. The first table that fits counts."""
    interface = interface_of(registry, exhibit)
    for table in fails:
        fits = exhibit in table.get("exhibits", []) or interface in table.get("interfaces", [])
        if table["way"] == way and fits and exhibit not in table.get("but", []):
            return str(table["why"])
    return None


def try_all(registry: Registry, cells: list[Cell], data: dict[str, list[dict[str, Any]]]) -> list[Result]:
    """Try each way (`ways`) through each cell; results way by way. Nothing is raised for an answer."""
    places: dict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(TOGETHER))
    with ThreadPoolExecutor(200) as pool:
        futures = []
        for way in data["way"]:  # way by way: cells that wait for each other are far apart
            for cell in cells:
                why = _expected(registry, cell.exhibit, way["id"], data["fails"])
                place = places[registry.exhibits[cell.exhibit].family]
                futures.append(pool.submit(_try, cell, way, why, place))
        return [each.result() for each in futures]


def _try(cell: Cell, way: dict[str, str], expected: str | None, place: threading.Semaphore) -> Result:
    url = f"{cell.url}/{way['path']}"
    if cell.closed:
        return Result(cell.exhibit, cell.front, way["id"], url, "closed", None, cell.closed, None)
    with place if way["id"] != "polling" else contextlib.nullcontext():
        try:
            delays = HEAR[way["id"]](url)
        except (NotHeardError, OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            why = str(error) or type(error).__name__
            return Result(cell.exhibit, cell.front, way["id"], url, "fails", None, why, expected)
    return Result(cell.exhibit, cell.front, way["id"], url, "works", expected=expected, **_figures(way["id"], delays))


def _figures(way: str, delays: list[float]) -> dict[str, Any]:
    fields: dict[str, Any] = {"items": len(delays), "expected_ms": EXPECTED_MS.get(way)}
    if min(delays) < -CLOCK_S:
        why = f"no time: an item came {-min(delays):.3f} s before it was made, so the zoo has another clock"
        return fields | {"ms": None, "why": why}
    ms = [max(0.0, delay * 1000) for delay in delays]
    low, high = figures.percentile(ms, 0.05), figures.percentile(ms, 0.95)
    return fields | {
        "ms": round(statistics.median(ms), 1),
        "why": None,
        "low_ms": round(low, 1),
        "high_ms": round(high, 1),
    }


# --- the four ways. Each returns the seconds from event to arrival of its items ---------------------------------------

Item = dict[str, Any]


def _item(value: object) -> Item:
    """Check an item of news. Raises NotHeardError if the answer is not a zoo's."""
    if isinstance(value, dict) and isinstance(value.get("n"), int) and isinstance(value.get("at"), int | float):
        return value
    raise NotHeardError(f"no item of news: {str(value)[:60]}")


def _delay(item: Item) -> float:
    return time.time() - float(item["at"])


def _open(url: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    """Open an answer and read its head. The whole answer has PATIENCE_S and ANSWER_BYTES."""
    parts = urlsplit(url)
    connection = bounded.connect(url, PATIENCE_S, ANSWER_BYTES)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        if response.status != 200:
            line = response.read(200).decode("utf-8", "replace").strip()
            raise NotHeardError(f"{response.status}: {line}")
    except BaseException:
        connection.close()
        raise
    return connection, response


def _list(url: str) -> list[Item]:
    connection, response = _open(url)
    try:
        items = json.loads(response.read())
    finally:
        connection.close()
    return [_item(item) for item in items] if isinstance(items, list) else [_item(items)]


def _newest(url: str) -> int:
    if not (items := _list(url)):
        raise NotHeardError("no news yet")
    return int(items[-1]["n"])


def _poll(url: str) -> list[float]:
    """Ask SWEEP times, by the clock, for items newer than the last."""
    time.sleep(random.uniform(0, POLL_S - ITEM_S))  # noqa: S311 - where between two ages the cell begins
    last, began = _newest(url), time.monotonic()
    delays: list[float] = []
    for turn in range(1, SWEEP + 1):
        time.sleep(max(0.0, began + turn * POLL_S - time.monotonic()))
        for item in _list(f"{url}?since={last}"):
            last = item["n"]
            delays.append(_delay(item))
    if len(delays) < SWEEP:
        raise NotHeardError(f"{len(delays)} items within {SWEEP * POLL_S:.0f} s")
    return delays


def _ask_again(url: str) -> list[float]:
    """Ask for items newer than the last, and again as soon as they come."""
    delays: list[float] = []
    last, deadline = _newest(url), time.monotonic() + PATIENCE_S
    while len(delays) < ITEMS:
        if time.monotonic() > deadline:
            raise NotHeardError(f"{len(delays)} items within {PATIENCE_S:.0f} s, our limit")
        for item in _list(f"{url}?since={last}"):
            last = item["n"]
            delays.append(_delay(item))
    return delays


def _events(url: str) -> list[float]:
    def items() -> Iterator[Item]:
        connection, response = _open(f"{url}?limit={ITEMS + 1}")
        try:
            yield from (_item(json.loads(line[5:])) for line in iter(response.readline, b"") if line[:5] == b"data:")
        finally:
            connection.close()

    return _heard(items())


def _socket(url: str) -> list[float]:
    from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException

    try:
        return _heard(_messages(url))
    except InvalidStatus as error:
        body = (error.response.body or b"").decode("utf-8", "replace").strip()
        raise NotHeardError(f"{error.response.status_code}: {body[:200]}") from None
    except (InvalidHandshake, WebSocketException) as error:
        raise NotHeardError(str(error)) from None


def _messages(url: str) -> Iterator[Item]:
    """Yield items from a WebSocket that also answers us. It has PATIENCE_S in all; a message has ANSWER_BYTES."""
    from websockets.sync.client import connect

    deadline = time.monotonic() + PATIENCE_S
    options: dict[str, Any] = {"open_timeout": PATIENCE_S, "close_timeout": 1, "max_size": ANSWER_BYTES}
    with connect(url.replace("http", "ws", 1), proxy=None, **options) as client:
        client.send('{"ping": 1}')  # both directions
        ponged = False
        while True:
            try:
                message = client.recv(max(0.001, deadline - time.monotonic()))
            except TimeoutError:
                raise NotHeardError(f"not enough came within {PATIENCE_S:g} s, our limit") from None
            item = json.loads(message)
            ponged |= isinstance(item, dict) and item.get("pong") == 1
            if ponged and isinstance(item, dict) and "at" in item:
                yield _item(item)
            if time.monotonic() > deadline:
                raise NotHeardError(f"not enough came within {PATIENCE_S:g} s, our limit")


def _heard(items: Iterator[Item]) -> list[float]:
    """Return the delays of ITEMS items after the first, which may be old. In one lump, all but the last are late:
    NotHeardError."""
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
    if max(delays) - min(0.0, *delays) > LUMP_S:  # the second part: of another clock's
        raise NotHeardError(f"an item came {max(delays):.1f} s late: held back until there were more")
    return delays


HEAR: dict[str, Callable[[str], list[float]]] = {
    "polling": _poll,
    "long poll": _ask_again,
    "SSE": _events,
    "WebSocket": _socket,
}
#: What a way itself makes of the delay. The others hear at once.
EXPECTED_MS = {"polling": POLL_S / 2 * 1000}
