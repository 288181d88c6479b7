"""The way of one request: its stations, and what is known at each.

    browser -> front -> (the front decides) -> gateway -> program -> the way back

It is made from four things: the client's own bytes, the relay's bytes between front and gateway, the program's report,
and the lines of the configuration. Each of them may be missing; then the station says why, in `why`. A cell inside
Apache has no bytes between front and gateway; a gateway that died sent no report.

What trips people up: strangers wrote most of this (headers, paths, titles of processes). It is data here; each view
escapes it. Secrets are masked before they come in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gateway_zoo.errors import Stop
from gateway_zoo.follow import reports, times, way_back
from gateway_zoo.follow.lines import Origin, Reader, Request
from gateway_zoo.follow.question import Headers, Question
from gateway_zoo.follow.reports import Report
from gateway_zoo.follow.stations import Back, Decision, Program, Side, Source, Talk, Unknown, Variable, Way, Wire
from gateway_zoo.follow.times import Clock, Moment
from gateway_zoo.measure.process_tree import ProcessRow
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange, Fields, whole
from gateway_zoo.wire.view.present import view_of
from gateway_zoo.wire.view.variables import variables_of

MOST_BYTES, MOST_FIELDS = 64 * 1024, 5000  # of one direction that a way shows
MOST_LINES = 60  # lines of the program that are shown
SOURCES = (".py", ".php")

T = TypeVar("T")


@dataclass(frozen=True)
class Zoo:
    """What a way is made with. `reader(front)` raises Stop; `family(cell)`: its processes."""

    root: Path
    registry: Registry
    codecs: Codecs
    reader: Callable[[str], Reader]
    family: Callable[[Cell], list[ProcessRow] | Unknown]


@dataclass(frozen=True)
class Asked:
    """A request that was sent. `client`: its bytes; `wire`: those between front and gateway."""

    cell: Cell
    question: Question
    headers: Headers  # all that the client sent
    clock: Clock
    client: Exchange
    wire: Exchange | Unknown
    report: Report | Unknown

    @property
    def exhibit(self) -> str:
        return self.cell.exhibit

    @property
    def front(self) -> str:
        return self.cell.front


def request_id(client: Exchange) -> str:
    """The X-Request-ID of an answer; empty if it has none."""
    head = bytes(client.response[: 1 << 16]).partition(b"\r\n\r\n")[0]
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"x-request-id":
            return value.strip().decode("latin-1")
    return ""


def way(zoo: Zoo, asked: Asked) -> Way:
    """Make the way of a request."""
    client = view_of(asked.client, zoo.codecs, secrets=False)
    wire = None if isinstance(asked.wire, Unknown) else view_of(asked.wire, zoo.codecs, secrets=False)
    request = Request(asked.question.method, asked.question.path(asked.exhibit), asked.headers)
    try:
        reader: Reader | Unknown = zoo.reader(asked.front)
    except Stop as stop:
        reader = Unknown(stop.text)
    applied, applied_why = _known(lambda each: each.applied(asked.exhibit, request), reader)
    moments = _moments(asked)
    seconds = asked.client.seconds
    return Way(
        exhibit=asked.exhibit,
        front=asked.front,
        inside=zoo.registry.runs_inside(asked.exhibit, asked.front),
        method=asked.question.method,
        path=f"/{asked.exhibit}{asked.question.endpoint}",
        request_id=request_id(asked.client),
        status=asked.client.status,
        total_ms=None if seconds is None else round(seconds * 1000, 3),
        moments=moments,
        legs=times.legs(moments),
        browser=_talk(*client),
        decision=Decision(applied or [], applied_why),
        wire=_wire(zoo, asked, wire, reader, request),
        program=_program(zoo, asked),
        back=_back(zoo, asked, client, wire, reader, request),
    )


def _known(read: Callable[[Reader], T], reader: Reader | Unknown) -> tuple[T | None, str]:
    """What a reader says; or why it says nothing."""
    if isinstance(reader, Unknown):
        return None, reader.why
    try:
        return read(reader), ""
    except Stop as stop:
        return None, stop.text


def _moments(asked: Asked) -> list[Moment]:
    began, at, why = asked.client.began, {"sent": asked.client.began}, dict[str, str]()
    if asked.client.seconds is None:
        why["answered"] = "no whole answer came"
    else:
        at["answered"] = began + asked.client.seconds
    if isinstance(asked.wire, Unknown):
        why |= {"to_gateway": asked.wire.why, "from_gateway": asked.wire.why}
    else:
        at["to_gateway"] = asked.wire.began
        if asked.wire.seconds is None:
            why["from_gateway"] = "the end of the gateway's answer did not come"
        else:
            at["from_gateway"] = asked.wire.began + asked.wire.seconds
    if isinstance(asked.report, Unknown):
        why |= {"began": asked.report.why, "ended": asked.report.why}
    else:
        at |= {"began": asked.clock.wall(asked.report.began), "ended": asked.clock.wall(asked.report.ended)}
    if asked.clock.was_set():
        at, why = {"sent": began}, dict.fromkeys(times.MOMENTS, times.CLOCK_WAS_SET)
    return times.moments(at, why)


def _talk(exchange: Exchange, fields: Fields) -> Talk:
    row = whole(exchange, fields)
    status = exchange.status
    first = f"{exchange.method} {exchange.target}"
    request = _side(row["request"], exchange.size("request"))
    response = _side(row["response"], exchange.size("response"))
    return Talk(exchange.protocol, first, status, request, response, exchange.errors, exchange.warnings)


def _side(row: dict[str, Any], size: int) -> Side:
    shown = row["bytes"][: 2 * MOST_BYTES]
    kept = len(shown) // 2
    fields = [field for field in row["fields"] if field["offset"] < kept or not kept]
    return Side(
        size, shown, size - kept, fields[:MOST_FIELDS], max(0, len(row["fields"]) - min(len(fields), MOST_FIELDS))
    )


def _wire(
    zoo: Zoo, asked: Asked, wire: tuple[Exchange, Fields] | None, reader: Reader | Unknown, request: Request
) -> Wire:
    if wire is None:
        assert isinstance(asked.wire, Unknown)
        return Wire(None, [], [], asked.wire.why)
    exchange, fields = wire
    carried = variables_of(exchange.protocol, fields, zoo.codecs)["request"]
    names = [each.name for each in carried]
    cell = asked.exhibit, exchange.protocol, request, names
    origins, why = _known(lambda each: each.origins(*cell), reader)
    silent, silent_why = _known(lambda each: each.silent(*cell), reader)
    nothing: list[Origin | None] = [None] * len(carried)
    variables = [
        Variable(each.name, each.variable, each.value, origin)
        for each, origin in zip(carried, origins or nothing, strict=True)
    ]
    return Wire(_talk(*wire), variables, silent or [], "", why or silent_why)


def _program(zoo: Zoo, asked: Asked) -> Program:
    family = zoo.family(asked.cell)
    rows, family_why = (None, family.why) if isinstance(family, Unknown) else (family, "")
    if isinstance(asked.report, Unknown):
        return Program(None, None, rows, asked.report.why, asked.report.why, family_why)
    found = source(zoo.root, asked.report.source)
    if isinstance(found, Unknown):
        return Program(asked.report, None, rows, "", found.why, family_why)
    return Program(asked.report, found, rows, "", "", family_why)


def source(root: Path, place: reports.Source | None) -> Source | Unknown:
    """The lines of the program. Any process of the zoo's user may write a report: only programs below the checkout are
    read."""
    if place is None:
        return Unknown("the program does not say which lines answered")
    path = (root / place.file).resolve()
    if not path.is_relative_to(root.resolve()) or path.suffix not in SOURCES:
        return Unknown("the program names a file that is no program of the zoo")
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        return Unknown(f"{place.file} cannot be read: {error.strerror or error}")
    shown = lines[place.first - 1 : min(place.last, place.first + MOST_LINES - 1)]
    return Source(place.file, place.first, shown) if shown else Unknown(f"{place.file} has no such lines")


def _back(
    zoo: Zoo,
    asked: Asked,
    client: tuple[Exchange, Fields],
    wire: tuple[Exchange, Fields] | None,
    reader: Reader | Unknown,
    request: Request,
) -> Back:
    lines, _ = _known(lambda each: each.answer_lines(asked.exhibit, request), reader)
    if isinstance(asked.wire, Unknown) or wire is None or wire[0].status is None:
        why = asked.wire.why if isinstance(asked.wire, Unknown) else "the gateway gave no answer: the front made one"
        return Back(way_back.by_lines(client, zoo.codecs, lines or {}), "", why)
    return Back(way_back.changes(wire, client, zoo.codecs, lines or {}), way_back.body(wire[0], client[0], zoo.codecs))
