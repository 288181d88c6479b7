"""`logs`: one line per request, the front's and the gateway's joined by the request id (requests_log.py).

Which columns survive is decided by the width: when, with which status, what was asked, and the beginning of the
request's id, always; then how long it took, the pid, the front, the gateway's and the app's part, and the exhibit,
which the path names anyway.

With `--json` a list; with `--json --follow` one object on each line, as they come (JSON Lines). It ends when the reader
goes away, and by Ctrl-C.
"""

import json
import os
import select
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict

from gateway_zoo.errors import fail, known_ids, printable
from gateway_zoo.keeper import state
from gateway_zoo.measure.log_files import Logs
from gateway_zoo.measure.requests import Joiner, Request
from gateway_zoo.registry import why_closed
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import columns, tables
from gateway_zoo.terminal.columns import Column
from gateway_zoo.terminal.messages import print_json, say

LOOK_MS = 300  # between two looks at the files
WHOLE_ID = 150  # columns from which on the whole request id is shown
COLUMNS = (
    *(Column("time"), Column("st"), Column("request", least=24), Column("front ms", right=True, rank=1)),
    *(Column("gateway", right=True, rank=4), Column("app", right=True, rank=5), Column("pid", right=True, rank=2)),
    *(Column("id"), Column("front", rank=3), Column("exhibit", rank=6)),
)
#: Widths of the columns, as texts: rows come one by one, and all have the same.
TYPICAL = ["00:00:00.000", "200", "-" * 300, "12345.0", "12345.0", "12345.0", "1234567", "", "prefork", "-" * 17]


def run(settings: Settings, ids: list[str] | None, follow: bool, count: int, as_json: bool) -> int:
    """The last `count` requests, oldest first; with `follow`, then those that come. 3: nothing could have been here."""
    settings.only_natively("in containers Compose has the logs: docker compose logs --follow")
    registry = load(settings.root)
    wanted = known_ids(ids, list(registry.exhibits))
    try:
        os.scandir(settings.logs).close()
    except FileNotFoundError:
        fail(f"no zoo has run in {settings.run}; ./zoo up starts one", 3)
    except OSError as error:
        fail(f"{settings.logs} cannot be read: {error.strerror}", 3)
    try:
        return _run(settings, registry, wanted, follow, count, as_json)
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to flush goes nowhere
        return 0


def _run(settings: Settings, registry: Registry, wanted: list[str], follow: bool, count: int, as_json: bool) -> int:
    logs, joiner = Logs(settings.logs), Joiner()
    joiner.add(logs.lines())
    found = [r for r in joiner.ready(all_of_them=True) if not wanted or r.exhibit in wanted]
    if follow:
        _print(found[-count:], as_json, follow, head=True)
        for requests in _coming(logs, joiner):
            _print([r for r in requests if not wanted or r.exhibit in wanted], as_json, follow)
        return 0
    whys = [] if found else _closed(settings, registry, wanted)
    if whys:
        for why in whys:
            say(why)
        return 3
    _print(found[-count:], as_json, follow, head=True)
    return 0


def _coming(logs: Logs, joiner: Joiner) -> Iterator[list[Request]]:
    """What comes, look by look, until the reader of our output goes away."""
    gone = select.poll()
    gone.register(sys.stdout, 0)  # no event but the errors: POLLERR of a pipe that nobody reads, POLLHUP of a terminal
    while not gone.poll(LOOK_MS):
        joiner.add(logs.lines())
        yield joiner.ready()


def _closed(settings: Settings, registry: Registry, wanted: list[str]) -> list[str]:
    """Why none of the wanted exhibits has a request, if all are closed in the zoo that runs here."""
    cells = state.running_cells(settings)
    whys = why_closed.sentences(registry, cells, wanted) if cells else []
    return whys if len(whys) == len(wanted) else []


# --- what people and programs see -------------------------------------------------------------------------------------


def _print(requests: list[Request], as_json: bool, follow: bool, head: bool = False) -> None:
    if as_json and not follow:
        print_json([asdict(request) for request in requests])
    elif as_json:
        for request in requests:
            print(json.dumps(asdict(request)))
    else:
        out = tables.console()
        for text in table(requests, out.width)[0 if head else 1 :]:
            print(text)  # not by rich, for which a reader that goes away is a failure
    sys.stdout.flush()


def table(requests: list[Request], width: int) -> list[str]:
    """The head, and a line for each request; the columns' widths depend on the terminal's only."""
    id_width = 32 if width >= WHOLE_ID else 8
    typical = [*TYPICAL[:7], "-" * id_width, *TYPICAL[8:]]
    widths = columns.chosen(COLUMNS, [typical], width)
    made = [_row([column.name for column in COLUMNS], widths)]
    return made + [_row(_cells(request, id_width), widths) for request in requests]


def _row(cells: list[str], widths: dict[int, int]) -> str:
    return columns.one_line(COLUMNS, cells, widths)


def _cells(request: Request, id_width: int) -> list[str]:
    """The texts of one request, as in COLUMNS."""
    clock = time.strftime("%H:%M:%S", time.localtime(request.time)) + f".{int(request.time * 1000) % 1000:03d}"
    times = (request.front_ms, request.gateway_ms, request.app_ms)
    return [
        *(clock, str(request.status or "-"), printable(request.request or "-").removesuffix(" HTTP/1.1")),
        *("-" if value is None else f"{value:.1f}" for value in times),
        *(str(request.pid or "-"), printable(request.id[:id_width])),
        *((request.front or "-").removeprefix("apache-"), printable(request.exhibit or "-")),
    ]
