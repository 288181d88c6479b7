"""Follow one request: a person chooses a cell and a request, presses Send, and sees its way as stations with times.

    GET  /follow?exhibit=fastcgi&front=nginx&endpoint=/hello&method=GET[&beside=cgi&beside_front=apache]
    GET  /api/follow             the cells, their endpoints, the methods, the bounds; what the address chose
    POST /api/follow/send        {"cells": [["fastcgi", "nginx"]], "endpoint": "/hello", "method": "GET",
                                  "headers": [["Accept", "*/*"]], "body": ""}
                                 -> {"ways": [one for each cell], "beside": [for two cells: their facts]}

The records of a way are in gateway_zoo/follow/stations.py, those of `beside` in gateway_zoo/follow/beside.py. A cell
with a socket is asked through the recording fronts of the centre, a cell inside Apache through the real front.
"""

import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from gateway_zoo.centre.context import Context
from gateway_zoo.centre.crowds import cells_of
from gateway_zoo.centre.page import Page, Refused
from gateway_zoo.follow import question, readers, send
from gateway_zoo.follow.beside import Station, beside
from gateway_zoo.follow.lines import Reader
from gateway_zoo.follow.question import BadQuestion, Question
from gateway_zoo.follow.reports import Reports
from gateway_zoo.follow.stations import Unknown, Way
from gateway_zoo.follow.way import Asked, Zoo, way
from gateway_zoo.measure.process_tree import ProcessRow
from gateway_zoo.registry.plans import Cell
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange

MOST_CELLS = 2
MOST_OF_A_POST = 8 * question.MOST_OF_BODY  # JSON may write a character of the body in six
FAMILY_S, READER_S = 2.0, 30.0  # so old may the processes be, and the lines of configuration
UNUSUAL = ("exhibit", "front", "endpoint", "method", "beside", "beside_front")  # words of the address

_one_at_a_time = threading.Lock()


class Choice(msgspec.Struct, frozen=True):
    """An exhibit. `fronts`: front -> why it is closed there, or null."""

    id: str
    about: str
    protocol: str
    fronts: dict[str, str | None]
    endpoints: list[str]


class Choices(msgspec.Struct, frozen=True):
    """`chosen`: the words of the address. `command`: the same in a terminal."""

    exhibits: list[Choice]
    methods: list[str]
    most_headers: int
    most_of_body: int
    chosen: dict[str, str]
    command: str


class Followed(msgspec.Struct, frozen=True):
    """The way through each cell. `beside`: for two cells, what is the same and what differs, station by station."""

    ways: list[Way]
    beside: list[Station]


def data(context: Context, given: Mapping[str, str]) -> Choices:
    """List what can be chosen. Raises Stop where no zoo runs."""
    registry, cells = context.registry, context.cells()
    exhibits = [
        Choice(
            exhibit.id,
            exhibit.about,
            registry.protocol_of(exhibit.id),
            {cell.front: cell.closed for cell in cells if cell.exhibit == exhibit.id},
            question.endpoints(registry, exhibit.id),
        )
        for exhibit in registry.exhibits.values()
    ]
    chosen = {name: given[name][:200] for name in UNUSUAL if name in given}
    bounds = question.MOST_HEADERS, question.MOST_OF_BODY
    return Choices(exhibits, list(question.METHODS), *bounds, chosen, _command(context, chosen))


def _command(context: Context, chosen: Mapping[str, str]) -> str:
    """The command of the same request: known words only, because it is made to be copied."""
    id = chosen.get("exhibit", "")
    words = [id if id in context.registry.exhibits else "fastcgi", "/hello"]
    if chosen.get("front") in context.settings.fronts:
        words += ["--via", chosen["front"]]
    return " ".join(["./zoo follow", *words])


def send_one(context: Context, given: Mapping[str, Any]) -> Followed:
    """Send the request through one cell, or through two in turn."""
    asked = _question(given)
    cells = cells_of(context, given)
    if not _one_at_a_time.acquire(blocking=False):
        raise Refused("a request is being followed; wait for its way", 409)
    try:
        zoo = _zoo(context)
        with Reports(context.settings) as reports:
            ways = [way(zoo, _ask(context, zoo.codecs, cell, asked, reports)) for cell in cells]
    finally:
        _one_at_a_time.release()
    return Followed(ways, beside(ways[0], ways[1]) if len(ways) == MOST_CELLS else [])


def _question(given: Mapping[str, Any]) -> Question:
    """The request of the POST. Raises Refused."""
    try:
        words = [msgspec.convert(given.get(name, ""), str) for name in ("endpoint", "method", "body")]
        headers = tuple(msgspec.convert(given.get("headers", []), list[tuple[str, str]]))
        endpoint, method, body = words
        return question.question(endpoint, method, headers, body.encode())
    except msgspec.ValidationError:
        raise Refused('expected "endpoint", "method" and "body" as texts, "headers" as pairs of texts') from None
    except UnicodeEncodeError:
        raise Refused("the body has a character that is none") from None
    except BadQuestion as problem:
        raise Refused(str(problem)) from None


def _zoo(context: Context) -> Zoo:
    settings, registry = context.settings, context.registry

    def family(cell: Cell) -> list[ProcessRow] | Unknown:
        name = f"followed family {cell.exhibit} {cell.front}"
        return context.once(name, FAMILY_S, partial(send.family_of, settings, registry, cell))

    def reader(front: str) -> Reader:
        return context.once(f"reader {front}", READER_S, partial(readers.reader, settings, front))

    return Zoo(settings.root, registry, Codecs(registry), reader, family)


def _ask(context: Context, codecs: Codecs, cell: Cell, asked: Question, reports: Reports) -> Asked:
    if context.registry.runs_inside(cell.exhibit, cell.front):
        return send.ask_at(codecs, cell, cell.url, asked, reports, lambda *_: send.inside(cell.front))

    def exchange(id: str, seconds: float) -> Exchange | None:
        return context.recorder.exchange(id, seconds)

    url = context.recorder.url(cell.front, cell.exhibit)
    return send.ask_at(codecs, cell, url, asked, reports, partial(send.exchange_behind, exchange))


def text(choices: Choices) -> str:
    """The cells that can be asked, and the command that follows a request in a terminal."""
    lines = ["Follow one request: the front, its lines of configuration, the gateway, the program, and back.", ""]
    for exhibit in choices.exhibits:
        fronts = ", ".join(f"{front} {'closed' if why else 'open'}" for front, why in exhibit.fronts.items())
        lines.append(f"  {exhibit.id:18} {exhibit.about:44} {fronts}")
    return "\n".join([*lines, "", f"In a terminal: {choices.command}"]) + "\n"


PAGE = Page("/follow", "Follow", data, text, order=2, actions={"send": send_one}, most_of_a_post=MOST_OF_A_POST)
