"""Send a request through a cell, and collect what is known of its way.

    with sending(settings, registry, codecs, cells) as ask:
        asked = ask(cell, question)

A cell with a socket is asked through a recording front: the zoo's own configuration with a relay behind it
(wire/recorder). A cell inside Apache has no socket, and is asked through the real front. `ask_at` is for a caller that
has recording fronts already: the visitor centre.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from urllib.parse import urlsplit

from gateway_zoo.errors import fail
from gateway_zoo.follow.question import Question
from gateway_zoo.follow.reports import Report, Reports
from gateway_zoo.follow.stations import Unknown
from gateway_zoo.follow.times import Clock
from gateway_zoo.follow.way import Asked, request_id
from gateway_zoo.keeper import privileges, state
from gateway_zoo.measure import process_tree
from gateway_zoo.measure.process_tree import ProcessRow
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell
from gateway_zoo.settings import Settings, kind
from gateway_zoo.wire.ask import client
from gateway_zoo.wire.ask.client import Patience
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import KEEP_ONE, Exchange
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.recorder.layout import CannotFront
from gateway_zoo.wire.recorder.recording_fronts import RecordingFronts

ANSWER_S = 10.0  # for the whole answer
BEGIN_S, END_S = 0.5, 2.0  # for the exchange behind the front, once the front has answered: to begin, to end
REPORT_S = 1.0  # for the program's report
NOT_REACHED = (502, 503, 504)  # the front says that its gateway gave no answer

Find = Callable[[str, float], Exchange | None]
ExchangeOf = Callable[[str, Exchange], Exchange | Unknown]
Ask = Callable[[Cell, Question], Asked]


def choose(cells: list[Cell], id: str, front: str) -> Cell:
    """The open cell of an exhibit: behind this front, else behind the first. Raises Stop: 2 for a front that does not
    exist, 3 for a closed cell."""
    fronts = list(dict.fromkeys(cell.front for cell in cells))
    own = [cell for cell in cells if cell.exhibit == id and (not front or front in (cell.front, kind(cell.front)))]
    if not own:
        fail(f"unknown front '{front}'; expected {' or '.join(fronts)}", 2)
    opened = [cell for cell in own if cell.closed is None]
    if not opened:
        fail("; ".join(f"{id} is closed behind {cell.front}: {cell.closed}" for cell in own), 3)
    return opened[0]


def inside(front: str) -> Unknown:
    """Why nothing is seen between this front and a program inside it."""
    return Unknown(f"the program lives inside {front.title()}: there is no socket between them, and no bytes cross")


@contextmanager
def sending(settings: Settings, registry: Registry, codecs: Codecs, cells: Sequence[Cell]) -> Iterator[Ask]:
    """Start what is needed to ask these cells. A process of root's becomes the zoo's user. Raises Stop."""
    with_socket = [cell for cell in cells if not registry.runs_inside(cell.exhibit, cell.front)]
    seen = Exchanges(codecs, keep=lambda _: KEEP_ONE)
    with ExitStack() as stack:
        privileges.become_owner(settings)
        fronts = None
        if with_socket:
            names, ids = (
                [*dict.fromkeys(each)] for each in zip(*((c.front, c.exhibit) for c in with_socket), strict=True)
            )
            try:
                fronts = stack.enter_context(
                    RecordingFronts(settings, names, ids, seen.feed, secrets=True, registry=registry)
                )
            except CannotFront as error:
                fail(str(error), 3)
        reports = stack.enter_context(Reports(settings))

        def ask(cell: Cell, question: Question) -> Asked:
            if fronts is None or cell not in with_socket:
                return ask_at(codecs, cell, cell.url, question, reports, lambda *_: inside(cell.front))
            url = fronts.url(cell.front, cell.exhibit)
            return ask_at(codecs, cell, url, question, reports, partial(exchange_behind, partial(_find, seen)))

        yield ask


def exchange_behind(find: Find, id: str, answer: Exchange) -> Exchange | Unknown:
    """The exchange that a request caused behind the front: its id crosses there, too. `find` waits for it."""
    refused = Unknown(f"the front answered {answer.status}: the gateway took no connection, and no bytes crossed")
    if not id:
        return Unknown("the front gave no id to the request: it did not come so far")
    if find(id, BEGIN_S) is None:
        itself = Unknown(f"the front answered {answer.status} itself: nothing went to the gateway")
        return refused if answer.status in NOT_REACHED else itself
    return find(id, END_S) or refused


def _find(seen: Exchanges, id: str, seconds: float) -> Exchange | None:
    """Wait until the exchange with this id is over, at most so long; then return what there is."""
    deadline = time.monotonic() + seconds
    while True:
        own = [each for each in list(seen.all.values()) if id.encode("latin-1") in each.request]
        if time.monotonic() > deadline or (own and own[-1].seconds is not None):
            return own[-1] if own else None
        time.sleep(0.005)


def ask_at(
    codecs: Codecs, cell: Cell, url: str, question: Question, reports: Reports, exchange_of: ExchangeOf
) -> Asked:
    """Ask the front at this address of the cell (http://127.0.0.1:8090/fastcgi). Raises Stop where it is down."""
    authority = urlsplit(url).netloc
    address = client.address(authority)
    headers = question.sent_headers(authority, (reports.header,))
    data, clock = question.encoded(cell.exhibit, headers), Clock()
    try:
        answer = client.ask(codecs, address, data, "HTTP", cell.exhibit, cell.front, Patience(ANSWER_S))
    except OSError as error:
        fail(f"{cell.front} does not answer on {authority}: {error.strerror or error}", 3)
    id = request_id(answer)
    wire = exchange_of(id, answer)
    return Asked(cell, question, headers, clock, answer, wire, _report(reports, id, answer, wire))


def _report(reports: Reports, id: str, answer: Exchange, wire: Exchange | Unknown) -> Report | Unknown:
    """The program's report; or why there is none."""
    if answer.status in NOT_REACHED:
        return Unknown(f"the front answered {answer.status}: the gateway gave no answer, and no program ran to its end")
    if not id.startswith("follow"):
        return Unknown("the front did not hand the request over as one that is followed")
    reached = not isinstance(wire, Unknown) or answer.status != 404
    report = reports.wait(id, REPORT_S if reached else 0.1)
    return report or Unknown("the program sent no report: it is none of the zoo's own app, or it did not come so far")


def family_of(settings: Settings, registry: Registry, cell: Cell) -> list[ProcessRow] | Unknown:
    """The processes of a cell's family, and of those that help it. In containers the exhibit itself is asked."""
    if settings.compose:
        try:
            return process_tree.collect_over_http(cell, registry.family_of(cell.exhibit).id)
        except process_tree.NotSeen as problem:
            return Unknown(str(problem))
    running = state.of_running(settings)
    if running is None:
        return Unknown("no zoo runs")
    names = process_tree.families_of(registry, [cell.exhibit])
    return [row for row in process_tree.collect(settings, running) if row.exhibit in names]
