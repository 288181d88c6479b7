"""Which cells `check` and `compare` ask: the running zoo's, or those of any zoo whose fronts' addresses are given.

Without addresses, the running zoo's own list counts. With addresses, the zoo there is asked: what a front says of
itself (/exhibits.json), and of each optional exhibit, whether it answers. A front in a container cannot know which
profiles are up, so only an answer tells.
"""

import concurrent.futures
import http.client
import json
import os
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from gateway_zoo.errors import fail, known_ids
from gateway_zoo.keeper import state
from gateway_zoo.registry import plans
from gateway_zoo.registry.cagefile import FRONTS
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.registry.plans import Cell
from gateway_zoo.safe_io import bounded
from gateway_zoo.settings import Settings

PATIENCE_S = 10.0  # for one short answer of a front


@dataclass(frozen=True)
class Answer:
    """What a front said of itself: exhibit -> why it is closed there, or None; empty if it has no such list."""

    closed: dict[str, str | None]


def find(settings: Settings, ids: list[str] | None, urls: dict[str, str]) -> tuple[Registry, list[Cell]]:
    """The registry and the cells to ask. Exit 3 if no zoo runs here, 2 for an exhibit that does not exist."""
    registry = load(settings.root)
    wanted = known_ids(ids, list(registry.exhibits))
    if any(urls.values()):
        cells = elsewhere(settings, registry, urls)
    else:
        running = state.of_running(settings)
        if running is None:
            fail(_nothing_runs(settings), 3)
        cells = running.cells
    return registry, [cell for cell in cells if not wanted or cell.exhibit in wanted]


def _nothing_runs(settings: Settings) -> str:
    if settings.compose:
        return "this container does not reach the fronts; docker compose run --rm zoo does, as does exec nginx zoo"
    return f"no zoo is running in {settings.run}; ./zoo up starts one, --nginx and --apache name another"


def elsewhere(settings: Settings, registry: Registry, urls: dict[str, str]) -> list[Cell]:
    """Every cell of the zoo at these addresses, in the order of the registry. Apaches that ZOO_MPM_FRONTS names count
    where they answer."""
    more = {front: url for front, url in further().items() if urls.get("apache")}
    fronts = {front: urls.get(front, "").rstrip("/") for front in FRONTS} | more
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        lists = dict(zip(fronts, pool.map(said, fronts.values()), strict=True))
        fronts = {front: url for front, url in fronts.items() if front not in more or lists[front]}
        cells = [
            _cell(registry, id, front, fronts[front], lists[front]) for id in registry.exhibits for front in fronts
        ]
        unsure = [cell for cell in cells if cell.closed is None and registry.family_of(cell.exhibit).group]
        answering = {(c.exhibit, c.front) for c, yes in zip(unsure, pool.map(answers, unsure), strict=True) if yes}
    # An exhibit inside a front answers whether its group was started or not.
    up = {registry.family_of(id).group for id, front in answering if not registry.runs_inside(id, front)}
    away = {
        (cell.exhibit, cell.front): plans.optional(settings, registry.family_of(cell.exhibit))
        for cell in unsure
        if (cell.exhibit, cell.front) not in answering and registry.family_of(cell.exhibit).group not in up
    }
    return [replace(cell, closed=cell.closed or away.get((cell.exhibit, cell.front))) for cell in cells]


def around(settings: Settings) -> dict[str, str]:
    """The fronts' addresses for a container of theirs, set in compose. Exit 3 in a container that reaches none."""
    urls = {front: os.environ.get(f"ZOO_{front.upper()}", "") for front in FRONTS}
    if not any(urls.values()):
        fail(_nothing_runs(settings), 3)
    return urls


def further() -> dict[str, str]:
    """Apache's other process models: ZOO_MPM_FRONTS is `apache-worker=URL …`, set in compose."""
    return dict(pair.split("=", 1) for pair in os.environ.get("ZOO_MPM_FRONTS", "").split())


def _cell(registry: Registry, exhibit: str, front: str, base: str, answer: Answer | None) -> Cell:
    """Open, unless the front says otherwise; where it says nothing, the registry does."""
    cell, kind = Cell(exhibit, front, f"{base}/{exhibit}"), front.partition("-")[0]
    family = registry.family_of(exhibit)
    if reason := registry.exhibits[exhibit].closed.get(kind):
        return replace(cell, closed=reason)
    if not base:
        return replace(cell, closed=f"no address given; --{front} URL")
    if answer and answer.closed:
        return replace(cell, closed=answer.closed.get(exhibit, "the zoo there does not know it"))
    if family.mpm and family.runs_in == kind:
        return replace(cell, closed=f"works under Apache's {family.mpm} MPM only")
    return cell


def said(url: str) -> Answer | None:
    """None where nothing answers in HTTP."""
    try:
        status, body = get(f"{url}/exhibits.json") if url else (0, b"")
        rows = json.loads(body) if status == 200 else []
        return Answer({str(row["id"]): row["closed"] for row in rows}) if status else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return Answer({})
    except (OSError, http.client.HTTPException):
        return None


def image_of(cells: list[Cell]) -> dict[str, Any] | None:
    """What the first front that has an image says of it (image.py); None for a zoo that runs natively."""
    for base in dict.fromkeys(cell.url.removesuffix(f"/{cell.exhibit}") for cell in cells if cell.closed is None):
        try:
            status, body = get(f"{base}/image.json")
            facts = json.loads(body) if status == 200 else None
        except (OSError, ValueError, RecursionError, http.client.HTTPException):
            continue
        return facts if isinstance(facts, dict) else None
    return None


def answers(cell: Cell) -> bool:
    """Does the exhibit itself answer? A front whose gateway is away says 502 or 503, or nothing."""
    try:
        return get(f"{cell.url}/ping")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def get(url: str) -> tuple[int, bytes]:
    """Status and body of a GET. OSError where nothing answers, or answers too much or too late (bounded.py)."""
    connection = bounded.connect(url, PATIENCE_S)
    try:
        connection.request("GET", urlsplit(url).path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
