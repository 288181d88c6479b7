"""`follow`: the way of one request, from the client to the program and back; or of the same request through two cells.

Exit status: 0 where an answer came, whatever its status; 1 where none came, or it broke off; 2 for wrong words; 3 where
a cell is closed, a front is down, or no zoo runs.
"""

from collections.abc import Sequence
from functools import partial

import msgspec

from gateway_zoo.errors import fail
from gateway_zoo.follow import readers, send, view
from gateway_zoo.follow.beside import beside
from gateway_zoo.follow.question import BadQuestion, Question, endpoints, header, question
from gateway_zoo.follow.stations import Way
from gateway_zoo.follow.way import Zoo, way
from gateway_zoo.measure import targets
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.registry.plans import Cell
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import print_json
from gateway_zoo.wire.codecs import Codecs

RIGHT = "zoo follow ID [/PATH], zoo follow ID ID [/PATH] or zoo follow nginx:ID apache:ID [/PATH]"
MOST = 2  # cells side by side


def run(
    settings: Settings,
    words: list[str],
    via: str,
    method: str,
    headers: Sequence[str],
    data: str | None,
    *,
    every: bool,
    as_json: bool,
) -> int:
    """Follow a request through one cell, or through two. Returns the exit status. Raises Stop."""
    asked = _question(words, method, headers, data)
    names = words[:-1] if words[-1].startswith("/") else words
    if not 1 <= len(names) <= MOST or any(name.startswith("/") for name in names):
        fail(f"expected one exhibit, or two to see them side by side: {RIGHT}", 2)
    pairs = [_pair(name, via) for name in names]
    urls = targets.around(settings) if settings.compose else {}
    _check_ids(settings, [id for _, id in pairs])
    registry, cells = targets.find(settings, [id for _, id in pairs], urls)
    chosen = [send.choose(cells, id, front) for front, id in pairs]
    ways = _follow(settings, registry, chosen, asked)
    _print(ways, every=every, as_json=as_json)
    return int(any(each.status is None or each.browser.errors for each in ways))


def _question(words: list[str], method: str, headers: Sequence[str], data: str | None) -> Question:
    endpoint = words[-1] if words[-1].startswith("/") else "/hello"
    verb = method.upper() or ("GET" if data is None else "POST")
    body = (data or "").encode("utf-8", "surrogateescape")
    try:
        return question(endpoint, verb, tuple(map(header, headers)), body)
    except BadQuestion as problem:
        fail(str(problem), 2)


def _pair(name: str, via: str) -> tuple[str, str]:
    """Front and exhibit of `nginx:ID`, or of `ID` with --via."""
    front, colon, id = name.partition(":")
    if colon and via and front != via:
        fail(f"{name} and --via {via} name two fronts; expected one: {RIGHT}", 2)
    return (front, id) if colon else (via, name)


def _check_ids(settings: Settings, ids: list[str]) -> None:
    """Raise Stop for a word that is no exhibit, and may be a path without its /."""
    known = load(settings.root)
    for id in ids[1:]:
        if id not in known.exhibits and f"/{id}" in endpoints(known, ids[0]):
            fail(f"unknown exhibit '{id}'; a path begins with /: zoo follow {ids[0]} /{id}", 2)


def _follow(settings: Settings, registry: Registry, cells: list[Cell], asked: Question) -> list[Way]:
    codecs = Codecs(registry)
    family = partial(send.family_of, settings, registry)
    zoo = Zoo(settings.root, registry, codecs, partial(readers.reader, settings), family)
    with send.sending(settings, registry, codecs, cells) as ask:
        return [way(zoo, ask(cell, asked)) for cell in cells]


def _print(ways: list[Way], *, every: bool, as_json: bool) -> None:
    pair = (ways[0], ways[1]) if len(ways) == MOST else None
    stations = beside(*pair) if pair else []
    if as_json:
        print_json(msgspec.to_builtins({"ways": ways, "beside": stations}))
    elif pair:
        view.show_beside(tables.console(), pair, stations, every)
    else:
        view.show(tables.console(), ways[0], every)
